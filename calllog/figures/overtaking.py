"""Who was overtaken, and who was handed to a higher level, by the wait in which that was.

The seconds of an overtaking say by how much the one who was served before had come later.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, literal_column, select

from calllog.archive.schema import escalations, overtakings, waits
from calllog.figures.figure import Figure, Row
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Tally


def count_overtaken(connection: Connection, tally: Tally, key: ColumnElement[Any] | None) -> None:
    """`overtaken` and `overtaken_ms`, by when he had joined who was overtaken.

    `key`: of waits or of overtakings. 0 ms, if the other one's wait is not known.
    """
    passed = waits.alias("passed")
    other = select(func.max(passed.c.joined_at)).where(
        passed.c.call == overtakings.c.by_call,
        passed.c.queue == overtakings.c.queue,
        passed.c.joined_at <= overtakings.c.at,
    )
    last = _last_wait(overtakings.c.call, overtakings.c.n, overtakings.c.queue)
    found = (
        select(waits.c.joined_at, _or_none(key), (other.scalar_subquery() - waits.c.joined_at).label("ms"))
        .select_from(overtakings)
        .join(waits, and_(waits.c.call == overtakings.c.call, waits.c.n == last))
        .subquery("told")
    )
    sums = {"overtaken": many(), "overtaken_ms": func.sum(found.c.ms)}
    tally.count(connection, found, found.c.joined_at, sums, key=None if key is None else found.c.key)


def count_escalated(connection: Connection, tally: Tally, key: ColumnElement[Any] | None) -> None:
    """`escalated`: waits after which the flow handed him to a higher level; and the waits that came next.

    `escalation_waits`, `escalation_wait_ms`: of those that are over. `key`: of waits.
    """
    after = waits.alias("after")
    handed = (
        select(escalations.c.call, _last_wait(escalations.c.call, escalations.c.n).label("n"))
        .where(escalations.c.from_queue != "")
        .distinct()
        .subquery("handed")
    )
    next_n = select(func.min(after.c.n)).where(after.c.call == handed.c.call, after.c.n > handed.c.n)
    following = select(handed, next_n.scalar_subquery().label("next_n")).subquery("following")
    source = following.join(
        waits, and_(waits.c.call == following.c.call, waits.c.n == following.c.n)
    ).outerjoin(
        after,
        and_(after.c.call == following.c.call, after.c.n == following.c.next_n, after.c["class"] != "W"),
    )
    sums = {
        "escalated": many(),
        "escalation_waits": func.count(after.c.n),
        "escalation_wait_ms": func.sum(after.c.waited_ms),
    }
    tally.count(connection, source, waits.c.joined_at, sums, key=key)


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


def _last_wait(
    call: ColumnElement[str], n: ColumnElement[int], queue: ColumnElement[str] | None = None
) -> ColumnElement[Any]:
    """Number of the call's latest wait (in that queue) before its event `n`."""
    before = waits.alias("before")
    same = (before.c.queue == queue,) if queue is not None else ()
    return select(func.max(before.c.n)).where(before.c.call == call, before.c.n < n, *same).scalar_subquery()


def _or_none(key: ColumnElement[Any] | None) -> ColumnElement[Any]:
    return (literal_column("''") if key is None else key).label("key")
