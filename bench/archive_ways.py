"""Ways to the figures of queues, per queue and half hour, compared on the same archive.

Each gives the same: answered, abandoned, offered, sum and 95th percentile of the waits. DuckDB has no access
to a SQLite file without an extension that is not in its package, so it gets a copy of the columns as text.
"""

import csv
import sqlite3
import tempfile
import time
from array import array
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from bench.archive_day import DAY_AT
from calllog.archive.database import connect
from calllog.figures.period import DAY_MS, Period
from calllog.figures.queues import queue_figures
from calllog.figures.thresholds import Thresholds

HALF_HOUR_MS = 1_800_000
_COLUMNS = "SELECT queue, reason, joined_at, waited_ms FROM waits WHERE joined_at >= ? AND joined_at < ?"
Counts = dict[tuple[str, int], tuple[int, int, int]]
"""Queue and half hour → offered, answered, 95th percentile of their waits."""


class Way(msgspec.Struct, frozen=True):
    """What one way took; `before_s`: what must be done before anything can be asked."""

    name: str
    seconds: float
    cpu_s: float
    before_s: float


def compare(path: Path) -> list[Way]:
    """All ways on this archive; they must agree."""
    ways, answers = [], []
    for name, ask in (
        ("look-ups in the index of queue and reason", _ours),
        ("grouped by SQLite, half hour by half hour", _grouped),
        ("row by row in Python", _rows),
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        answers.append(ask(path))
        ways.append(Way(name, time.perf_counter() - wall, time.process_time() - cpu, 0))
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        began = time.perf_counter()
        copy = _copied(path, Path(folder))
        before_s, wall, cpu = time.perf_counter() - began, time.perf_counter(), time.process_time()
        answers.append(_duck(copy))
        ways.append(Way("DuckDB", time.perf_counter() - wall, time.process_time() - cpu, before_s))
        copy.close()
    for answer in answers[1:]:
        if answer != answers[0]:
            raise RuntimeError("the ways do not agree")
    return ways


def _ours(path: Path) -> Counts:
    engine = connect(path, read_only=True)
    rows = queue_figures(engine, Period(DAY_AT, DAY_AT + DAY_MS), "30m", "queue", Thresholds())
    return {
        (row.key, (row.from_at - DAY_AT) // HALF_HOUR_MS): (
            int(row.values["offered"] or 0),
            int(row.values["answered"] or 0),
            int(row.values["wait_p95_ms"] or 0),
        )
        for row in rows
        if row.values["offered"]
    }


def _grouped(path: Path) -> Counts:
    """What a plain index on the instant gives: SQLite sorts each half hour, and brings the waits as text."""
    found: dict[tuple[str, int], list[Any]] = defaultdict(lambda: [0, []])
    connection = sqlite3.connect(path)
    for number in range(48):
        at = DAY_AT + number * HALF_HOUR_MS
        for queue, reason, many, waited in connection.execute(
            "SELECT queue, reason, count(*), group_concat(waited_ms) FROM waits INDEXED BY waits_by_time "
            "WHERE joined_at >= ? AND joined_at < ? GROUP BY queue, reason",
            (at, at + HALF_HOUR_MS),
        ):
            found[queue, number][0] += many
            if reason == "answered":
                found[queue, number][1] = msgspec.json.decode(f"[{waited}]")
    return {key: (many, len(waits), _p95(waits)) for key, (many, waits) in found.items()}


def _rows(path: Path) -> Counts:
    found: dict[tuple[str, int], tuple[array[int], array[int]]] = defaultdict(
        lambda: (array("q"), array("q"))
    )
    for queue, reason, joined_at, waited in sqlite3.connect(path).execute(
        _COLUMNS, (DAY_AT, DAY_AT + DAY_MS)
    ):
        found[queue, (joined_at - DAY_AT) // HALF_HOUR_MS][reason == "answered"].append(waited)
    return {
        key: (len(others) + len(answered), len(answered), _p95(list(answered)))
        for key, (others, answered) in found.items()
    }


def _p95(waits: list[int]) -> int:
    return sorted(waits)[max(0, -(-95 * len(waits) // 100) - 1)] if waits else 0


def _copied(path: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with its own copy of the columns."""
    text = folder / "waits.csv"
    with text.open("w", newline="") as file:
        csv.writer(file).writerows(sqlite3.connect(path).execute(_COLUMNS, (DAY_AT, DAY_AT + DAY_MS)))
    copy = duckdb.connect(str(folder / "waits.duckdb"), config={"memory_limit": "400MB", "threads": 2})
    copy.execute("CREATE TABLE waits (queue VARCHAR, reason VARCHAR, joined_at BIGINT, waited_ms BIGINT)")
    copy.execute("INSERT INTO waits SELECT * FROM read_csv(?, header = false)", [str(text)])
    return copy


def _duck(copy: duckdb.DuckDBPyConnection) -> Counts:
    ask: Callable[..., Any] = copy.execute
    rows = ask(
        "SELECT queue, (joined_at - ?) // ? AS number, count(*), count(*) FILTER (reason = 'answered'), "
        "quantile_disc(waited_ms, 0.95) FILTER (reason = 'answered') FROM waits GROUP BY ALL",
        [DAY_AT, HALF_HOUR_MS],
    ).fetchall()
    return {(queue, number): (many, answered, p95 or 0) for queue, number, many, answered, p95 in rows}
