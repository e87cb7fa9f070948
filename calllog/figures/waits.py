"""The waits of a period, as columns: what the figures of queues, distributions and patience are made of."""

from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, true

from calllog.archive.schema import waits
from calllog.figures.keys import By, own_key, shown
from calllog.figures.period import Period
from calllog.figures.read import (
    fine_spans,
    grouped,
    key_table,
    keys_of,
    numbers,
    span_table,
    streamed,
    strung,
)


class Cell(NamedTuple):
    """Waits that began about one time, in one queue, and ended for one reason (empty: they go on)."""

    at: int
    """They began then or later, and before anything that divides the report."""
    queue: str
    key: str
    """Campaign, or flow and version, if asked for."""
    reason: str
    waited_ms: "array[int]"
    """In ascending order; of those who still wait, 0."""


def wait_cells(connection: Connection, period: Period, edges: Iterable[int], by: By = "") -> Iterator[Cell]:
    """All the waits of the period; no cell lies on both sides of one of the instants `edges`."""
    if by in ("campaign", "flow"):
        return _grouped(connection, period, edges, by)
    return _by_index(connection, period, edges)


def read_waits(engine: Engine, period: Period) -> list[Cell]:
    """All the waits of the period, cut at every quarter of an hour: read once, for several figures.

    For `queue_figures` and `patience_curves` by all but campaign and flow. Memory: 8 bytes a wait.
    """
    with engine.connect() as connection:
        return list(wait_cells(connection, period, [span.from_at for span in period.intervals("15m")]))


def _by_index(connection: Connection, period: Period, edges: Iterable[int]) -> Iterator[Cell]:
    """By the index `waits_of_queue`, which holds all that is needed."""
    keys = keys_of(connection, waits.c.queue, waits.c.reason)
    if not keys:
        return
    spans = fine_spans(connection, waits.c.joined_at, period, edges)
    key, span = key_table("keys", ("queue", "reason"), keys), span_table(spans)
    found = (
        select(strung(waits.c.waited_ms))
        .where(
            waits.c.queue == key.c.queue,
            waits.c.reason == key.c.reason,
            waits.c.joined_at >= span.c.from_at,
            waits.c.joined_at < span.c.to_at,
        )
        .scalar_subquery()
    )
    statement = select(span.c.i, key.c.queue, key.c.reason, found).select_from(key.join(span, true()))
    for number, queue, reason, text in streamed(connection, statement):
        if text:
            yield Cell(spans[number].from_at, queue, "", reason, numbers(text))


def _grouped(connection: Connection, period: Period, edges: Iterable[int], by: By) -> Iterator[Cell]:
    key = own_key(by, waits)
    statement = select(waits.c.queue, key, waits.c.reason, strung(waits.c.waited_ms)).group_by(
        waits.c.queue, key, waits.c.reason
    )
    spans = fine_spans(connection, waits.c.joined_at, period, edges)
    for span, of_span in grouped(statement, waits.c.joined_at, spans):
        for queue, own, reason, text in streamed(connection, of_span):
            yield Cell(span.from_at, queue, shown(by, own), reason, numbers(text))
