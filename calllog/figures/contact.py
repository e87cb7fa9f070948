"""Was it settled at the first contact? Nobody called again; the agent says so; the caller says so.

A person is a number: calls without one count nowhere in the first answer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
)

from calllog.archive.schema import calls, dispositions, surveys, talks
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.limits import limits_of
from calllog.figures.period import Interval, Period
from calllog.figures.read import kept, many
from calllog.figures.tally import Counted, Tally, count
from calllog.figures.thresholds import Thresholds

CONTACT_BY: tuple[By, ...] = ("", "queue", "agent", "campaign", "flow", "hour", "weekday", "weekday_hour")


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Counted], Value], notes: str = ""
) -> Measure[Counted]:
    return Measure(Figure(name, title, unit, formula, notes, "first contact"), of)


CONTACT_MEASURES: tuple[Measure[Counted], ...] = (
    _of(
        "fcr",
        "Settled at first contact",
        "share",
        "completed calls after whose end no call of the same person arrived within N days / completed calls",
        lambda s: share(s["call yes"], s["call"]),
        "N: `fcr_days` of the queue of the call's last talk. Calls whose N days are not over do not count "
        "yet, abandoned ones and calls without a number not at all. By when the call arrived.",
    ),
    _of(
        "fcr_calls",
        "… of so many calls",
        "count",
        "completed calls whose N days are over",
        lambda s: s["call"],
    ),
    _of(
        "fcr_agent",
        "Settled, as agents say",
        "share",
        "talks of which the agent said a code in `resolved_codes` / talks of which he said a code",
        lambda s: share(s["talk yes"], s["talk"]),
        "What he said last of a call counts, for his last talk in it. By when the talk began.",
    ),
    _of(
        "fcr_agent_talks",
        "… of so many talks",
        "count",
        "talks of which the agent said a code",
        lambda s: s["talk"],
    ),
    _of(
        "fcr_survey",
        "Settled, as callers say",
        "share",
        "highest answers to the survey `resolved_survey` / answers to it",
        lambda s: share(s["answer yes"], s["answer"]),
        "By when it was put to the caller.",
    ),
    _of(
        "fcr_survey_answers", "… of so many answers", "count", "answers to that survey", lambda s: s["answer"]
    ),
)


def contact_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds, *, now: int
) -> list[Row]:
    """CONTACT_MEASURES for each interval and key, as known at `now` (ms).

    The archive must be open until the longest N after the period.
    """
    return contact_figures_by(engine, period, interval, (by,), thresholds, now=now)[by]


def contact_figures_by(
    engine: Engine,
    period: Period,
    interval: Interval,
    several: Sequence[By],
    thresholds: Thresholds,
    *,
    now: int,
) -> dict[By, list[Row]]:
    """`contact_figures` by each of these; if there are several, by none of the clock. All is read once."""
    for by in several:
        allowed("first contact", by, *CONTACT_BY)
    tallies = {by: Tally(period, interval, by) for by in several}
    with engine.connect() as connection:
        _nobody_again(connection, tallies, thresholds, now)
        _agents_say(connection, tallies, thresholds)
        for by, tally in tallies.items():
            _callers_say(connection, tally, by, thresholds)
    return {
        by: tally.rows(lambda _, settled: measured(CONTACT_MEASURES, settled))
        for by, tally in tallies.items()
    }


again = table("again", column("call"), column("next_at"))
"""Calls of who called more than once; `next_at`: when the same person called first after each had ended."""


def know_again(connection: Connection) -> None:
    """Work `again` out, if that has not been done."""
    several = select(calls.c.caller).where(calls.c.caller != "").group_by(calls.c.caller).having(many() > 1)
    next_at: ColumnElement[int] = literal_column(
        "min(calls.arrived_at) OVER (PARTITION BY calls.caller ORDER BY calls.arrived_at RANGE BETWEEN "
        "greatest(calls.ended_at - calls.arrived_at, 0) + 1 FOLLOWING AND UNBOUNDED FOLLOWING)",
        BigInteger(),
    )
    found = select(calls.c.call, next_at.label("next_at")).where(calls.c.caller.in_(several))
    kept(connection, again.name, found)


def _completed(*, followed: bool) -> Select[Any]:
    """`followed`: only those after which the same person called again."""
    told = ("call", "arrived_at", "ended_at", "campaign", "flow", "version", "queue", "agent")
    return (
        select(*(calls.c[name] for name in told), again.c.next_at)
        .join_from(calls, again, again.c.call == calls.c.call, isouter=not followed)
        .where(calls.c.verdict == "completed", calls.c.caller != "", calls.c.agent != "")
    )


settled = _completed(followed=False).cte("settled")
"""Calls that were completed, with queue and agent of their last talk. `next_at`: that of `again`."""
followed = _completed(followed=True).cte("followed")
"""`settled`, as far as the same person called again."""


def _nobody_again(
    connection: Connection, tallies: Mapping[By, Tally], thresholds: Thresholds, now: int
) -> None:
    know_again(connection)
    limits = limits_of(thresholds)
    until = settled.c.ended_at + func.coalesce(limits.c.fcr, thresholds.fcr_ms())
    sums = {"call": many(), "call yes": many(func.coalesce(settled.c.next_at > until, True))}
    source = settled.outerjoin(limits, limits.c.queue == settled.c.queue)
    known = settled.c.ended_at < now, until <= now
    asked = [(tally, own_key(by, settled)) for by, tally in tallies.items()]
    count(asked, connection, source, settled.c.arrived_at, sums, *known)


def not_settled(thresholds: Thresholds, now: int) -> ColumnElement[bool]:
    """Which of `followed` were not settled at the first contact, as known at `now`."""
    usual: ColumnElement[int] = literal(thresholds.fcr_ms())
    own = [(followed.c.queue == queue, literal(thresholds.fcr_ms(queue))) for queue in thresholds.queues]
    until = followed.c.ended_at + (case(*own, else_=usual) if own else usual)
    return and_(followed.c.next_at <= until, until <= now, followed.c.ended_at < now)


_OF_TALK = ("bridged_at", "queue", "campaign", "flow", "version")
said = table("said", *map(column, ("call", "agent", "code", *_OF_TALK)))
"""An agent's last talk of each call, with what he said last that the call was about."""


def know_said(connection: Connection) -> None:
    """Work `said` out, if that has not been done."""
    number = cast(func.split_part(dispositions.c.id, ":", -1), BigInteger)
    pair = dispositions.c.call, dispositions.c.agent
    codes = select(*pair, func.arg_max(dispositions.c.code, number).label("code")).group_by(*pair).subquery()
    of_talk = (talks.c[name] for name in _OF_TALK)
    found = (
        select(codes.c.call, codes.c.agent, codes.c.code, *of_talk)
        .join_from(codes, talks, and_(talks.c.call == codes.c.call, talks.c.agent == codes.c.agent))
        .where(talks.c.last)
    )
    kept(connection, said.name, found)


def _agents_say(connection: Connection, tallies: Mapping[By, Tally], thresholds: Thresholds) -> None:
    know_said(connection)
    sums = {"talk": many(), "talk yes": many(said.c.code.in_(sorted(thresholds.resolved_codes)))}
    asked = [(tally, own_key(by, said)) for by, tally in tallies.items()]
    count(asked, connection, said, said.c.bridged_at, sums, said.c.code != "")


def unresolved(thresholds: Thresholds) -> ColumnElement[bool]:
    """Which of `said` were not settled, as the agent says."""
    return and_(said.c.code != "", said.c.code.not_in(sorted(thresholds.resolved_codes)))


def _callers_say(connection: Connection, tally: Tally, by: By, thresholds: Thresholds) -> None:
    of_calls = by in ("campaign", "flow")
    source = surveys.join(calls, calls.c.call == surveys.c.call) if of_calls else surveys
    sums = {"answer": many(), "answer yes": many(surveys.c.score == surveys.c.highest)}
    answered = surveys.c.survey == thresholds.resolved_survey, surveys.c.score.is_not(None)
    key = own_key(by, calls if of_calls else surveys)
    tally.count(connection, source, surveys.c.offered_at, sums, *answered, key=key)
