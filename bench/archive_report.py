"""A day's report over 1,000,000 and 10,000,000 calls: `make bench-report`.

The day is generated straight into the tables of a new archive (bench/archive_day.py; about 2 GB a million
calls, in a temporary folder that is removed). Then a process of its own works out what a report of the day
shows: queues per half hour and for the whole day, the heat map, waiting times, patience, agents, calls, and
the list of everybody who gave up. Goals: 3 s for a million, 30 s for ten, and at most 500 MB of memory.

`--ways` compares how the figures of queues could be read: by our indexes, grouped by SQLite, row by row in
Python, and in DuckDB, with what its own copy of the columns costs.
Exit codes: 0 as promised · 1 a goal was missed.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine

from bench import archive_ways
from bench.archive_day import DAY_AT, generate, size_mb
from bench.report import Facts, facts
from bench.world import REPOSITORY
from calllog.archive.database import connect
from calllog.figures.abandoned import abandoned_waits
from calllog.figures.agents import agent_figures
from calllog.figures.calls import call_figures
from calllog.figures.patience import patience_curves
from calllog.figures.period import DAY_MS, Period
from calllog.figures.queues import queue_figures
from calllog.figures.thresholds import Thresholds
from calllog.figures.waits import Cell, read_waits
from ivr.runtime import find
from ivr.settings import Settings

GOAL_S = {1_000_000: 3.0, 10_000_000: 30.0}
GOAL_MB = 500
STEP_MS = 5_000


class Part(msgspec.Struct, frozen=True):
    """What one part of the report took, and how many rows it has."""

    name: str
    seconds: float
    cpu_s: float
    rows: int


class Measured(msgspec.Struct, frozen=True):
    """One archive: its report, and the ways compared on it."""

    calls: int
    file_mb: int
    seconds: float
    cpu_s: float
    peak_mb: int
    parts: list[Part]
    ways: list[archive_ways.Way]

    @property
    def missed(self) -> str:
        """Which goals, in words; empty if none."""
        limit = next((goal for calls, goal in sorted(GOAL_S.items()) if self.calls <= calls), None)
        slow = f"{self.seconds:.1f} s, goal {limit:g} s" if limit and self.seconds > limit else ""
        large = f"{self.peak_mb} MB, goal {GOAL_MB} MB" if self.peak_mb > GOAL_MB else ""
        return ", ".join(filter(None, (slow, large)))


class Run(msgspec.Struct, frozen=True):
    """The whole run, as it is kept in `bench/results`."""

    at: str
    facts: Facts
    measured: list[Measured]


class _Watch:
    """Takes the time of each part."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def take(self, name: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        rows = found if isinstance(found, int) else len(found)
        self.parts.append(Part(name, time.perf_counter() - wall, time.process_time() - cpu, rows))
        return found


def measure(path: Path) -> Measured:
    """The report of the day in this archive."""
    engine = connect(path, read_only=True)
    period, thresholds, watch = Period(DAY_AT, DAY_AT + DAY_MS), Thresholds(), _Watch()
    cells = watch.take("waits, read once", lambda: read_waits(engine, period))

    def queues(name: str, interval: Any, by: Any) -> None:
        watch.take(name, lambda: queue_figures(engine, period, interval, by, thresholds, cells=cells))

    queues("queues, per 30 min", "30m", "queue")
    queues("queues, whole day", "whole", "queue")
    queues("all queues, per 30 min", "30m", "")
    queues("heat map", "whole", "weekday_hour")
    watch.take("waiting times", lambda: _waiting_times(cells))
    watch.take(
        "patience, per queue", lambda: patience_curves(engine, period, "queue", now=period.to_at, cells=cells)
    )
    watch.take("calls, per 30 min", lambda: call_figures(engine, period, "30m", "", thresholds))
    watch.take(
        "agents", lambda: agent_figures(engine, period, "whole", "agent", thresholds, now=period.to_at)
    )
    watch.take("who gave up", lambda: sum(1 for _ in abandoned_waits(engine, period)))
    return Measured(
        calls=sum(len(cell.waited_ms) for cell in cells),
        file_mb=size_mb(path),
        seconds=sum(part.seconds for part in watch.parts),
        cpu_s=sum(part.cpu_s for part in watch.parts),
        peak_mb=_peak_mb(),
        parts=watch.parts,
        ways=[],
    )


def _waiting_times(cells: list[Cell]) -> list[int]:
    """How many waited for how long, in steps of 5 s."""
    bars = [0] * 121
    for cell in cells:
        for waited in cell.waited_ms:
            bars[min(waited // STEP_MS, 120)] += 1
    return bars


def _peak_mb() -> int:
    """The most memory this process has had. Not what getrusage says: that begins with its parent's."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert told is not None
    return int(told[1]) // 1024


def show(measured: Measured, console: Console) -> None:
    """For people."""
    table = Table(title=f"A day's report over {measured.calls:,} calls ({measured.file_mb:,} MB)")
    for name in ("part", "rows", "s", "CPU s"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for part in measured.parts:
        table.add_row(part.name, f"{part.rows:,}", f"{part.seconds:.2f}", f"{part.cpu_s:.2f}")
    table.add_section()
    table.add_row("all", "", f"{measured.seconds:.2f}", f"{measured.cpu_s:.2f}")
    console.print(table)
    console.print(f"most memory: {measured.peak_mb} MB; {measured.missed or 'as promised'}")
    for way in measured.ways:
        console.print(
            f"  {way.name}: {way.seconds:.2f} s, CPU {way.cpu_s:.2f} s, beforehand {way.before_s:.1f} s"
        )


def _in_a_process(path: Path, ways: bool, console: Console) -> Measured:
    """Measured by a process of its own: its memory is that of the report alone."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.archive_report", "--measure", path], check=True, stdout=subprocess.PIPE
    ).stdout
    measured = msgspec.json.decode(told, type=Measured)
    if ways:
        with console.status("comparing ways"):
            measured = msgspec.structs.replace(measured, ways=archive_ways.compare(path))
    show(measured, console)
    return measured


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--calls", type=int, multiple=True, default=(1_000_000,), show_default=True)
@click.option("--ways", is_flag=True, help="Compare the ways of reading, too.")
@click.option("--measure", "only", type=click.Path(path_type=Path), help="Measure this archive, print JSON.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True)
def main(calls: tuple[int, ...], ways: bool, only: Path | None, results: Path, no_save: bool) -> None:
    if only is not None:
        click.echo(msgspec.json.encode(measure(only)))
        return
    console, began = Console(), datetime.now(UTC).isoformat(timespec="seconds")
    measured = []
    for many in calls:
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
            path = Path(folder) / "archive.db"
            with console.status(f"generating {many:,} calls"):
                generate(create_engine(f"sqlite:///{path}"), many)
            measured.append(_in_a_process(path, ways, console))
    run = Run(began, facts(find(Settings().runtime)), measured)
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        packed = msgspec.json.format(msgspec.json.encode(run), indent=2)
        with suppress(FileExistsError):
            (results / "report.json").write_bytes(packed + b"\n")
    sys.exit(any(each.missed for each in measured))


if __name__ == "__main__":
    main()
