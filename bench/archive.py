"""What the archiver can take: entries in a real Redis, archived by a process of its own into a SQLite file.

The log is written first, as calls would have written it (`bench.archive_log`); then the archiver starts. What
counts is the time from its first batch to its last, and the slowest tenth of it: whether it goes on so.
Processor time is that of the archiver and of Redis meanwhile. Then the derived tables are made anew, and have
to be the same.
Goal: `GOAL` events a second in every tenth, with at most two cores.
Exit codes: 0 as promised · 1 missed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import psutil
from redis import Redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from bench.archive_log import entries
from bench.report import Facts, facts
from bench.world import REPOSITORY
from calllog.archive.database import connect
from calllog.archive.rebuild import rebuild
from calllog.archive.schema import DERIVED, calls, kept_aside, progress
from calllog.errors import ArchiveAway
from ivr.runtime import find
from ivr.settings import Settings
from tests.queues.redis_process import RedisProcess

GOAL = 5000
"""Events a second."""
PARTS = 10
LOOK_S = 0.05
WITHIN_S = 600.0
PIPELINE = 1000


class Run(msgspec.Struct, frozen=True):
    """What was measured. CPU in microseconds an event; sizes in bytes."""

    events: int
    calls: int
    seconds: float
    per_second: int
    slowest_tenth: int
    """Events a second in it."""
    archiver_cpu_us: float
    redis_cpu_us: float
    archiver_rss: int
    bytes_an_event: int
    rows_an_event: float
    rebuilt_per_second: int


class Report(msgspec.Struct, frozen=True):
    """One run, as it is kept in `bench/results`."""

    at: str
    facts: Facts
    run: Run


def measure(folder: Path, centres: int, say: Console) -> Run:
    """Write the log, have it archived, look at it."""
    with RedisProcess(folder, durable=True, options=("--appendfsync", "no")) as redis:
        total = _fill(redis.client(), centres)
        say.print(f"{total:,} events are on the stream")
        return _archive(redis, folder, total)


def _fill(client: "Redis", centres: int) -> int:
    total = 0
    pipeline = client.pipeline(transaction=False)
    for number, entry in enumerate(entries(centres), 1):
        pipeline.xadd("{main}:log", {"e": entry})
        total += entry.count(b"\n") + 1
        if number % PIPELINE == 0:
            pipeline.execute()
    pipeline.execute()
    return total


def _archive(redis: RedisProcess, folder: Path, total: int) -> Run:
    settings = {"HOLDFAST_REDIS_URL": redis.url, "HOLDFAST_DATA": str(folder), "HOLDFAST_LOG": "WARNING"}
    path = folder / "archive" / "archive.db"
    assert redis.process
    of_redis = psutil.Process(redis.process.pid)
    command = [sys.executable, "-m", "ivr.archiver"]
    with subprocess.Popen(command, env=os.environ | settings, cwd=REPOSITORY) as process:
        archiver = psutil.Process(process.pid)
        try:
            seen = _follow(path, total, lambda: (_cpu_s(archiver), _cpu_s(of_redis)))
            rss = archiver.memory_info().rss
        finally:
            process.terminate()
    first, last = seen[0], seen[-1]
    done, seconds = last[1] - first[1], last[0] - first[0]
    engine = connect(path)
    before = _rows(engine)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(kept_aside)) == 0
        count = connection.scalar(select(func.count()).select_from(calls)) or 0
    began = time.perf_counter()
    rebuild(engine, lambda *_: None)
    rebuilt_s = time.perf_counter() - began
    assert _rows(engine) == before
    engine.dispose()
    return Run(
        events=total,
        calls=count,
        seconds=round(seconds, 1),
        per_second=round(done / seconds),
        slowest_tenth=round(min(_rates(seen))),
        archiver_cpu_us=round((last[2] - first[2]) / done * 1e6, 1),
        redis_cpu_us=round((last[3] - first[3]) / done * 1e6, 1),
        archiver_rss=rss,
        bytes_an_event=round(path.stat().st_size / total),
        rows_an_event=round(sum(number for number, _ in before) / total, 2),
        rebuilt_per_second=round(total / rebuilt_s),
    )


Seen = tuple[float, int, float, float]
"""When, lines archived by then, CPU of archiver and of Redis by then, s."""


def _follow(path: Path, total: int, cpu: Callable[[], tuple[float, float]]) -> list[Seen]:
    """What was seen from the first batch to the last event."""
    seen: list[Seen] = []
    deadline = time.perf_counter() + WITHIN_S
    while not seen or seen[-1][1] < total:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{seen[-1][1] if seen else 0} of {total} events in {WITHIN_S:.0f} s")
        time.sleep(LOOK_S)
        lines = _lines(path)
        if lines and (not seen or lines > seen[-1][1]):
            seen.append((time.perf_counter(), lines, *cpu()))
    return seen


def _lines(path: Path) -> int:
    """Lines archived; 0 while there are no tables."""
    try:
        engine = connect(path, read_only=True)
        with engine.connect() as connection:
            said = connection.scalar(select(progress.c.value).where(progress.c.name == "lines"))
        engine.dispose()
    except (SQLAlchemyError, ArchiveAway):
        return 0
    return int(said or 0)


def _rates(seen: list[Seen]) -> list[float]:
    """Events a second in each tenth of the events."""
    begin, step = seen[0], (seen[-1][1] - seen[0][1]) / PARTS
    rates = []
    for look in seen[1:]:
        if look[1] - begin[1] >= step * 0.99:
            rates.append((look[1] - begin[1]) / (look[0] - begin[0]))
            begin = look
    return rates


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _rows(engine: Engine) -> list[tuple[int, int]]:
    """Of each derived table how many rows there are, and a fingerprint of their content, in order."""
    found = []
    with engine.connect() as connection:
        for table in DERIVED:
            mark, number = 0, 0
            for row in connection.execute(select(table).order_by(*table.primary_key)):
                mark, number = hash((mark, tuple(row))), number + 1
            found.append((number, mark))
    return found


def show(run: Run, console: Console) -> None:
    """The figures, and whether they are as promised."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_row("events, calls", f"{run.events:,}, {run.calls:,}")
    table.add_row(
        "archived", f"{run.per_second:,} events/s; slowest tenth {run.slowest_tenth:,} (goal {GOAL:,})"
    )
    table.add_row("CPU an event", f"archiver {run.archiver_cpu_us} µs, Redis {run.redis_cpu_us} µs")
    table.add_row("memory", f"{run.archiver_rss / 2**20:.0f} MB")
    table.add_row("archive", f"{run.bytes_an_event} bytes and {run.rows_an_event} derived rows an event")
    table.add_row("made anew", f"{run.rebuilt_per_second:,} events/s, every row as before")
    console.print(table)
    console.print("✓ as promised" if run.slowest_tenth >= GOAL else "✗ too slow")


@click.command()
@click.option("--centres", default=30, show_default=True, help="Centres of 400 calls each.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Keep no result.")
def main(centres: int, results: Path, no_save: bool) -> None:
    """How many events a second the archiver takes."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        run = measure(Path(folder), centres, console)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    show(run, console)
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        report = Report(at, facts(find(Settings().runtime)), run)
        (results / "archive.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
        )
    sys.exit(run.slowest_tenth < GOAL)


if __name__ == "__main__":
    main()
