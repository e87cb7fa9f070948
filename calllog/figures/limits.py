"""Thresholds as a table, so that statements judge each caller by those of his own queue."""

from typing import Any

from sqlalchemy import CTE, BigInteger, Text
from sqlalchemy.types import TypeEngine

from calllog.figures.read import table_of
from calllog.figures.thresholds import Thresholds

_COLUMNS: dict[str, TypeEngine[Any]] = {
    "queue": Text(),
    **dict.fromkeys(("level", "short", "sla", "fcr"), BigInteger()),
}


def limits_of(thresholds: Thresholds) -> CTE:
    """Queues of which something else is set than for all: X, s, in what time they owe an answer, N; ms."""
    return table_of("limits", _COLUMNS, [_row(thresholds, queue) for queue in sorted(thresholds.queues)])


def _row(thresholds: Thresholds, queue: str) -> tuple[str, int, int, int | None, int]:
    sla = thresholds.sla(queue)
    return (
        queue,
        thresholds.service_level_ms(queue),
        thresholds.short_abandon_ms(queue),
        None if sla is None else round(sla.seconds * 1000),
        thresholds.fcr_ms(queue),
    )
