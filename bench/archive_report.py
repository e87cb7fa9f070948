"""Reports of a day of 1,000,000 and 10,000,000 calls, as who asks for them waits: `make bench-report`.

The day is generated straight into the tables of a new archive (bench/archive_day.py; about 2 GB a million
calls, in a temporary folder that is removed), and copied by columns as the archiver does. Then each report is
asked for as a command, in a process of its own, on the terminal and as a page: wall time, CPU and most memory
from its start to its end. All of them in turn, several times over: a slow minute of the machine is shared.
Goals, for each of them: 3 s for a million calls, 30 s for ten, and 500 MB.

Then once more as if the day still went on (what a report shows if it is not told otherwise): the copy has it
by quarters of an hour, and the last half hour is in the archive alone.

`--ways` compares how the figures of queues could be read: grouped by SQLite, row by row in Python, and by
DuckDB from the files.
Exit codes: 0 as promised · 1 a goal was missed.
"""

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench import archive_ways
from bench.archive_day import DAY, generate, size_mb
from bench.report import Facts, facts
from bench.world import REPOSITORY
from calllog.columns.files import QUARTERS_A_DAY
from ivr.runtime import find
from ivr.settings import Settings

GOAL_S = {1_000_000: 3.0, 10_000_000: 30.0}
GOAL_MB = 500
REPORTS = ("abandoned", "queues", "intervals", "agents", "calls", "flows", "numbers", "surveys", "routing")
HOLDFAST = str(Path(sys.executable).with_name("holdfast"))
RECENT = 2
"""Quarters of an hour that the copy has not yet, at most: they are copied when they have been at rest."""
FORMS = {"terminal": (), "page": ("--html",)}


class Once(NamedTuple):
    """One run of a report."""

    seconds: float
    cpu_s: float
    peak_mb: int
    kilobytes: int


class Asked(msgspec.Struct, frozen=True):
    """One report in one form: medians of its runs, and the shortest and longest of them."""

    name: str
    form: str
    seconds: float
    shortest_s: float
    longest_s: float
    cpu_s: float
    peak_mb: int
    kilobytes: int


class Measured(msgspec.Struct, frozen=True):
    """One archive and its reports."""

    calls: int
    file_mb: int
    columns_mb: int
    columns_s: float | None
    """Copying the day by columns, once; None: it was kept from an earlier run."""
    asked: list[Asked]
    today: list[Asked]
    """The same as if the day still went on."""
    ways: list[archive_ways.Way]

    @property
    def missed(self) -> list[str]:
        """Which goals, in words."""
        limit = next((goal for calls, goal in sorted(GOAL_S.items()) if self.calls <= calls), 0.0)
        return [
            f"{each.name} ({each.form}): {each.seconds:.1f} s, {each.peak_mb} MB"
            for each in (*self.asked, *self.today)
            if each.seconds > limit or each.peak_mb > GOAL_MB
        ]


class Run(msgspec.Struct, frozen=True):
    """The whole run, as it is kept in `bench/results`."""

    at: str
    facts: Facts
    measured: list[Measured]


def _generate(path: Path, calls: int) -> None:
    """In a process of its own: what one has taken at most is told of all whom it starts."""
    process = multiprocessing.get_context("spawn").Process(target=generate, args=(path, calls))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the day was not made")


def measure(data: Path, calls: int, runs: int, ways: bool) -> Measured:
    """The reports of the day in this data directory."""
    archive = data / "archive"
    kept = any(archive.rglob("*.parquet"))
    began = time.perf_counter()
    subprocess.run([HOLDFAST, "archive", "columns"], check=True, env=_env(data), stdout=subprocess.DEVNULL)
    columns_s = time.perf_counter() - began
    columns = sum(path.stat().st_size for path in archive.rglob("*.parquet"))
    asked = _asked(data, runs)
    _reopen(archive)
    return Measured(
        calls=calls,
        file_mb=size_mb(archive / "archive.db"),
        columns_mb=columns // 1_000_000,
        columns_s=None if kept else columns_s,
        asked=asked,
        today=_asked(data, runs),
        ways=archive_ways.compare(archive / "archive.db", Settings(data=data).columns) if ways else [],
    )


def _reopen(archive: Path) -> None:
    """Remove of the copy what there is not before the day is over. The next run makes it anew."""
    for of_day in list(archive.rglob("d*.parquet")):
        over = QUARTERS_A_DAY * (int(of_day.name[1:].partition("-")[0]) + 1)
        for quarter in range(over - RECENT, over):
            for path in of_day.parent.glob(f"q{quarter}-*.parquet"):
                path.unlink()
        of_day.unlink()


def _asked(data: Path, runs: int) -> list[Asked]:
    found: dict[tuple[str, str], list[Once]] = {(name, form): [] for name in REPORTS for form in FORMS}
    for _ in range(runs):
        for (name, form), once in found.items():
            once.append(_ask(data, name, form))
    return [
        Asked(
            name=name,
            form=form,
            seconds=statistics.median(each.seconds for each in once),
            shortest_s=min(each.seconds for each in once),
            longest_s=max(each.seconds for each in once),
            cpu_s=statistics.median(each.cpu_s for each in once),
            peak_mb=max(each.peak_mb for each in once),
            kilobytes=once[-1].kilobytes,
        )
        for (name, form), once in found.items()
    ]


def _ask(data: Path, name: str, form: str) -> Once:
    output = data / "report"
    command = [HOLDFAST, "report", name, "--day", DAY, "--zone", "UTC", "-o", str(output), *FORMS[form]]
    with (data / "said").open("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=_env(data), stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        took_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said.read()}")
    cpu_s = used.ru_utime + used.ru_stime
    return Once(took_s, cpu_s, used.ru_maxrss // 1024, output.stat().st_size // 1000)


def _env(data: Path) -> dict[str, str]:
    """As whoever asks has it: Python keeps what it has compiled, whatever this machine is set to."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**own, "HOLDFAST_DATA": str(data)}


def show(measured: Measured, console: Console) -> None:
    """For people."""
    title = f"Reports of a day of {measured.calls:,} calls ({measured.file_mb:,} MB"
    took = "" if measured.columns_s is None else f", made in {measured.columns_s:.0f} s"
    console.print(_table(f"{title}; by columns {measured.columns_mb:,} MB{took})", measured.asked))
    console.print(_table("The same as if the day still went on", measured.today))
    for way in measured.ways:
        console.print(f"  queues, {way.name}: {way.seconds:.2f} s, CPU {way.cpu_s:.2f} s")
    console.print("missed: " + "; ".join(measured.missed) if measured.missed else "as promised")


def _table(title: str, asked: list[Asked]) -> Table:
    table = Table(title=title)
    for name in ("report", "as", "s", "shortest", "longest", "CPU s", "MB", "kB"):
        table.add_column(name, justify="left" if name in ("report", "as") else "right")
    for each in asked:
        times = (f"{number:.2f}" for number in (each.seconds, each.shortest_s, each.longest_s, each.cpu_s))
        table.add_row(each.name, each.form, *times, str(each.peak_mb), f"{each.kilobytes:,}")
    return table


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--calls", type=int, multiple=True, default=(1_000_000,), show_default=True)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--ways", is_flag=True, help="Compare the ways of reading, too.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the days there, and use those that are.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True)
def main(
    calls: tuple[int, ...], runs: int, ways: bool, data: Path | None, results: Path, no_save: bool
) -> None:
    console, began = Console(), datetime.now(UTC).isoformat(timespec="seconds")
    measured = []
    for many in calls:
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
            day = (data or Path(folder)) / f"{many}"
            if not day.exists():
                (day / "archive").mkdir(parents=True)
                with console.status(f"generating {many:,} calls"):
                    _generate(day / "archive" / "archive.db", many)
            measured.append(measure(day, many, runs, ways))
            show(measured[-1], console)
    run = Run(began, facts(find(Settings().runtime)), measured)
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        packed = msgspec.json.format(msgspec.json.encode(run), indent=2)
        (results / "report.json").write_bytes(packed + b"\n")
    sys.exit(any(each.missed for each in measured))


if __name__ == "__main__":
    main()
