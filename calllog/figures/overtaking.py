"""Who was overtaken, and who was handed to a higher level, by the wait in which that was.

The seconds of an overtaking say by how much the one who was served before had come later.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, column, func, select, table

from calllog.archive.schema import escalations, overtakings, waits
from calllog.figures.figure import Figure, Row
from calllog.figures.period import Interval, Period
from calllog.figures.read import kept, many
from calllog.figures.tally import Tally

_OF_WAIT = ("joined_at", "queue", "campaign", "flow", "version")
overtaken = table("overtaken", *map(column, ("call", "n", *_OF_WAIT, "reason", "by_call", "ms")))
"""Each overtaking with the wait of who was overtaken; ms: by how much the other one had come later."""
handed_up = table("handed_up", *map(column, (*_OF_WAIT, "over", "waited_ms")))
"""Each wait after which the flow handed him to a higher level; `over`, `waited_ms`: of his next wait."""


def count_overtaken(connection: Connection, tally: Tally, key: ColumnElement[Any] | None) -> None:
    """`overtaken` and `overtaken_ms`, by when he had joined who was overtaken.

    `key`: a column of `overtaken`. 0 ms, if the other one's wait is not known.
    """
    know_overtaken(connection)
    sums = {"overtaken": many(), "overtaken_ms": func.sum(overtaken.c.ms)}
    tally.count(connection, overtaken, overtaken.c.joined_at, sums, key=key)


def count_escalated(connection: Connection, tally: Tally, key: ColumnElement[Any] | None) -> None:
    """`escalated`: waits after which the flow handed him to a higher level; and the waits that came next.

    `escalation_waits`, `escalation_wait_ms`: of those that are over. `key`: a column of `handed_up`.
    """
    kept(connection, handed_up.name, _handed_up())
    sums = {
        "escalated": many(),
        "escalation_waits": many(handed_up.c.over),
        "escalation_wait_ms": func.sum(handed_up.c.waited_ms).filter(handed_up.c.over),
    }
    tally.count(connection, handed_up, handed_up.c.joined_at, sums, key=key)


def know_overtaken(connection: Connection) -> None:
    """Work `overtaken` out, if that has not been done."""
    kept(connection, overtaken.name, _overtaken())


def _overtaken() -> Select[Any]:
    passed = waits.alias("passed")
    event = overtakings.c.call, overtakings.c.n, overtakings.c.reason, overtakings.c.by_call
    same_queue = waits.c.call == overtakings.c.call, waits.c.queue == overtakings.c.queue
    told = (
        select(*event, *_last_wait())
        .join_from(overtakings, waits, and_(*same_queue, waits.c.n < overtakings.c.n))
        .group_by(*event)
        .subquery("told")
    )
    had_joined = passed.c.queue == overtakings.c.queue, passed.c.joined_at <= overtakings.c.at
    other = (
        select(*event, func.max(passed.c.joined_at).label("joined_at"))
        .join_from(overtakings, passed, and_(passed.c.call == overtakings.c.by_call, *had_joined))
        .group_by(*event)
        .subquery("other")
    )
    source = told.outerjoin(other, and_(other.c.call == told.c.call, other.c.n == told.c.n))
    columns = (told.c[name] for name in ("call", "n", *_OF_WAIT, "reason", "by_call"))
    return select(*columns, (other.c.joined_at - told.c.joined_at).label("ms")).select_from(source)


def _handed_up() -> Select[Any]:
    after = waits.alias("after")
    each = (
        select(escalations.c.call, func.max(waits.c.n).label("wait"), *_last_wait())
        .join_from(escalations, waits, and_(waits.c.call == escalations.c.call, waits.c.n < escalations.c.n))
        .where(escalations.c.from_queue != "")
        .group_by(escalations.c.call, escalations.c.n)
        .subquery("each")
    )
    handed = select(each).distinct().cte("handed")
    following = (
        select(
            handed.c.call,
            handed.c.wait,
            func.arg_min(after.c["class"], after.c.n).label("class"),
            func.arg_min(after.c.waited_ms, after.c.n).label("waited_ms"),
        )
        .join_from(handed, after, and_(after.c.call == handed.c.call, after.c.n > handed.c.wait))
        .group_by(handed.c.call, handed.c.wait)
        .subquery("following")
    )
    source = handed.outerjoin(
        following, and_(following.c.call == handed.c.call, following.c.wait == handed.c.wait)
    )
    over = (following.c["class"] != "W").label("over")
    columns = (handed.c[name] for name in _OF_WAIT)
    return select(*columns, over, following.c.waited_ms).select_from(source)


def _last_wait() -> tuple[ColumnElement[Any], ...]:
    """What is told of the latest of a group of waits."""
    return tuple(func.arg_max(waits.c[name], waits.c.n).label(name) for name in _OF_WAIT)


OVERTAKING_FIGURES = (
    Figure("times", "Times", "count", "how often callers were overtaken for this reason"),
    Figure("ms", "By", "ms", "sum of (when the other one had joined - when the overtaken had joined)"),
)


def overtaking_reasons(engine: Engine, period: Period, interval: Interval) -> list[Row]:
    """Overtaking by its reason; keys: the reasons that the period has."""
    tally = Tally(period, interval, "reason")
    with engine.connect() as connection:
        count_overtaken(connection, tally, overtaken.c.reason)
    return tally.rows(
        lambda _, counts: {"times": counts["overtaken"], "ms": counts["overtaken_ms"]},
    )
