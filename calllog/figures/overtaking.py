"""Who was overtaken, and who was handed to a higher level, by the wait in which that was.

The seconds of an overtaking say by how much the one who was served before had come later.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, literal, select

from calllog.archive.schema import escalations, overtakings, waits
from calllog.figures.figure import Figure, Row
from calllog.figures.keys import By, Places, own_key, shown
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import in_span, streamed


class Told(NamedTuple):
    """Something that is told of a wait. `ms`: by how much; None: not known yet."""

    joined_at: int
    queue: str
    key: str
    reason: str
    ms: int | None


def overtaken_waits(connection: Connection, period: Period, by: By = "") -> Iterator[Told]:
    """Each overtaking of callers who had joined in the period; 0 ms if the other one's wait is not known."""
    passed = waits.alias("passed")
    other = (
        select(func.max(passed.c.joined_at))
        .where(
            passed.c.call == overtakings.c.by_call,
            passed.c.queue == overtakings.c.queue,
            passed.c.joined_at <= overtakings.c.at,
        )
        .scalar_subquery()
    )
    last = _last_wait(overtakings.c.call, overtakings.c.n, overtakings.c.queue)
    ms = func.coalesce(other - waits.c.joined_at, 0)
    return _told(
        connection,
        _columns(by, overtakings.c.reason, ms)
        .select_from(overtakings)
        .join(waits, and_(waits.c.call == overtakings.c.call, waits.c.n == last))
        .where(overtakings.c.at >= period.from_at, _joined_in(period)),
        by,
    )


def escalated_waits(connection: Connection, period: Period, by: By = "") -> Iterator[Told]:
    """Each wait of the period after which the flow handed him to a higher level; ms: the next wait's."""
    earlier, after = waits.alias("earlier"), waits.alias("after")
    handed = (
        select(escalations.c.call, _last_wait(escalations.c.call, escalations.c.n).label("n"))
        .where(escalations.c.at >= period.from_at, escalations.c.from_queue != "")
        .distinct()
        .subquery()
    )
    next_n = (
        select(func.min(earlier.c.n))
        .where(earlier.c.call == waits.c.call, earlier.c.n > waits.c.n)
        .correlate(waits)
        .scalar_subquery()
    )
    next_ms = (
        select(after.c.waited_ms)
        .where(after.c.call == waits.c.call, after.c.n == next_n, after.c["class"] != "W")
        .scalar_subquery()
    )
    return _told(
        connection,
        _columns(by, literal(""), next_ms)
        .select_from(handed)
        .join(waits, and_(waits.c.call == handed.c.call, waits.c.n == handed.c.n))
        .where(_joined_in(period)),
        by,
    )


OVERTAKING_FIGURES = (
    Figure("times", "Times", "count", "how often callers were overtaken for this reason"),
    Figure("ms", "By", "ms", "sum of (when the other one had joined - when the overtaken had joined)"),
)


def overtaking_reasons(engine: Engine, period: Period, interval: Interval) -> list[Row]:
    """Overtaking by its reason; keys: the reasons that the period has."""
    places = Places(period, interval, "")
    counts: Counter[tuple[Span, str, str]] = Counter()
    with engine.connect() as connection:
        for told in overtaken_waits(connection, period):
            counts[places.span(told.joined_at), told.reason, "times"] += 1
            counts[places.span(told.joined_at), told.reason, "ms"] += told.ms or 0
    reasons = sorted({reason for _, reason, _ in counts})
    return [
        Row(*span, reason, {name: counts[span, reason, name] for name in ("times", "ms")})
        for span in places.spans
        for reason in reasons
    ]


def _last_wait(
    call: ColumnElement[str], n: ColumnElement[int], queue: ColumnElement[str] | None = None
) -> Any:
    """Number of the call's latest wait (in that queue) before its event `n`."""
    before = waits.alias("before")
    same = (before.c.queue == queue,) if queue is not None else ()
    return select(func.max(before.c.n)).where(before.c.call == call, before.c.n < n, *same).scalar_subquery()


def _columns(by: By, reason: ColumnElement[str], ms: ColumnElement[Any]) -> Select[Any]:
    return select(waits.c.joined_at, waits.c.queue, own_key(by, waits), reason, ms)


def _joined_in(period: Period) -> ColumnElement[bool]:
    return in_span(waits.c.joined_at, Span(period.from_at, period.to_at))


def _told(connection: Connection, statement: Select[Any], by: By) -> Iterator[Told]:
    for joined_at, queue, key, reason, ms in streamed(connection, statement):
        yield Told(joined_at, queue, shown(by, key), reason, ms)
