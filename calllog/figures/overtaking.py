"""Who was overtaken, and who was handed to a higher level, by the wait in which that was.

The seconds of an overtaking say by how much the one who was served before had come later.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, MetaData, and_, func, select, union

from calllog.archive.schema import escalations, overtakings, waits
from calllog.figures.figure import Figure, Row
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Tally

told_waits = waits.to_metadata(MetaData(), name="told_waits")
"""Those of waits that the events of overtaking and escalation are about: few. `_tell` makes it."""


def _tell(connection: Connection) -> None:
    """Once for all figures of an engine, whose rows do not change."""
    calls = union(select(overtakings.c.call), select(overtakings.c.by_call), select(escalations.c.call))
    them = (
        select(waits)
        .where(waits.c.call.in_(calls))
        .compile(connection, compile_kwargs={"literal_binds": True})
    )
    connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {told_waits.name} AS {them}")


def count_overtaken(connection: Connection, tally: Tally, key: ColumnElement[Any] | None) -> None:
    """`overtaken` and `overtaken_ms`, by when he had joined who was overtaken.

    `key`: of told_waits or of overtakings. 0 ms, if the other one's wait is not known.
    """
    _tell(connection)
    waits, passed = told_waits, told_waits.alias("passed")
    event = overtakings.c.call, overtakings.c.n
    same_queue = waits.c.call == overtakings.c.call, waits.c.queue == overtakings.c.queue
    told = (
        select(*event, *_of_last_wait(key))
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
    sums = {"overtaken": many(), "overtaken_ms": func.sum(other.c.joined_at - told.c.joined_at)}
    tally.count(connection, source, told.c.joined_at, sums, key=None if key is None else told.c.key)


def count_escalated(connection: Connection, tally: Tally, key: ColumnElement[Any] | None) -> None:
    """`escalated`: waits after which the flow handed him to a higher level; and the waits that came next.

    `escalation_waits`, `escalation_wait_ms`: of those that are over. `key`: of told_waits.
    """
    _tell(connection)
    waits, after = told_waits, told_waits.alias("after")
    each = (
        select(escalations.c.call, func.max(waits.c.n).label("wait"), *_of_last_wait(key))
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
    over = following.c["class"] != "W"
    sums = {
        "escalated": many(),
        "escalation_waits": many(over),
        "escalation_wait_ms": func.sum(following.c.waited_ms).filter(over),
    }
    tally.count(connection, source, handed.c.joined_at, sums, key=None if key is None else handed.c.key)


OVERTAKING_FIGURES = (
    Figure("times", "Times", "count", "how often callers were overtaken for this reason"),
    Figure("ms", "By", "ms", "sum of (when the other one had joined - when the overtaken had joined)"),
)


def overtaking_reasons(engine: Engine, period: Period, interval: Interval) -> list[Row]:
    """Overtaking by its reason; keys: the reasons that the period has."""
    tally = Tally(period, interval, "reason")
    with engine.connect() as connection:
        count_overtaken(connection, tally, overtakings.c.reason)
    return tally.rows(
        lambda _, counts: {"times": counts["overtaken"], "ms": counts["overtaken_ms"]},
    )


def _of_last_wait(key: ColumnElement[Any] | None) -> Iterator[ColumnElement[Any]]:
    """Of the latest of a group of waits: when he had joined, and the key."""
    for name, column in (("joined_at", told_waits.c.joined_at), ("key", key)):
        if column is not None:
            yield func.arg_max(column, told_waits.c.n).label(name)
