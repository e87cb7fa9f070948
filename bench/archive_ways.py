"""Ways to the figures of queues, per queue and half hour, compared on the same archive.

Each gives the same: offered, answered, and the 95th percentile of the waits of who was answered.
"""

import sqlite3
import time
from array import array
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bench.archive_day import DAY_AT
from calllog.archive.database import connect
from calllog.columns.reading import opened
from calllog.figures.period import DAY_MS, Period
from calllog.figures.queues import queue_figures
from calllog.figures.thresholds import Thresholds

HALF_HOUR_MS = 1_800_000
_COLUMNS = "SELECT queue, reason, joined_at, waited_ms FROM waits WHERE joined_at >= ? AND joined_at < ?"
Counts = dict[tuple[str, int], tuple[int, int, int]]
"""Queue and half hour → offered, answered, 95th percentile of their waits."""


class Way(msgspec.Struct, frozen=True):
    """What one way took."""

    name: str
    seconds: float
    cpu_s: float


def compare(archive: Path, columns: Path) -> list[Way]:
    """All ways on this archive; they must agree."""
    ways, answers = [], []
    asked: tuple[tuple[str, Callable[[], Counts]], ...] = (
        ("DuckDB, from files of columns", partial(_ours, archive, columns)),
        ("grouped by SQLite, half hour by half hour", partial(_grouped, archive)),
        ("row by row in Python", partial(_rows, archive)),
    )
    for name, ask in asked:
        wall, cpu = time.perf_counter(), time.process_time()
        answers.append(ask())
        ways.append(Way(name, time.perf_counter() - wall, time.process_time() - cpu))
    for answer in answers[1:]:
        if answer != answers[0]:
            raise RuntimeError("the ways do not agree")
    return ways


def _ours(archive: Path, columns: Path) -> Counts:
    """Every figure of queues; the other ways give three of them."""
    period = Period(DAY_AT, DAY_AT + DAY_MS)
    duck = opened(connect(archive, read_only=True), period, columns)
    rows = queue_figures(duck, period, "30m", "queue", Thresholds())
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
