"""Was it settled at the first contact? Nobody called again; the agent says so; the caller says so.

A person is a number: calls without one count nowhere in the first answer.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
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
        lambda s: share(s["call"] - s["call again"], s["call"]),
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


_OF_CALL = tuple(
    calls.c[name]
    for name in ("call", "arrived_at", "ended_at", "campaign", "flow", "version", "queue", "agent")
)
_completed = and_(calls.c.verdict == "completed", calls.c.agent != "")
settled = select(*_OF_CALL).where(_completed, calls.c.caller != "").subquery("settled")
"""Calls that were completed, with queue and agent of their last talk."""
followed = table(
    "followed",
    *(column(each.name, each.type) for each in _OF_CALL),
    column("next_at", BigInteger()),
)
"""`settled`, as far as the same person called again; `next_at`: when first after the call had ended."""


def know_followed(connection: Connection) -> None:
    """Work `followed` out, if that has not been done."""
    # Persons are numbered: calls are sorted by person, and numbers are compared faster than texts are.
    several = (
        select(calls.c.caller, func.row_number().over().label("person"))
        .where(calls.c.caller != "")
        .group_by(calls.c.caller)
        .having(many() > 1)
        .subquery("several")
    )
    next_at: ColumnElement[int] = literal_column(
        "min(calls.arrived_at) OVER (PARTITION BY several.person ORDER BY calls.arrived_at RANGE BETWEEN "
        "greatest(calls.ended_at - calls.arrived_at, 0) + 1 FOLLOWING AND UNBOUNDED FOLLOWING)",
        BigInteger(),
    )
    every = (
        select(
            *_OF_CALL,
            _completed.label("completed"),
            next_at.label("next_at"),
        )
        .join_from(calls, several, several.c.caller == calls.c.caller)
        .subquery("every")
    )
    found = select(*(every.c[each.name] for each in followed.c))
    kept(connection, followed.name, found.where(every.c.completed, every.c.next_at.is_not(None)))


def _nobody_again(
    connection: Connection, tallies: Mapping[By, Tally], thresholds: Thresholds, now: int
) -> None:
    know_followed(connection)
    limits = limits_of(thresholds)
    until = settled.c.ended_at + func.coalesce(limits.c.fcr, thresholds.fcr_ms())
    source = settled.outerjoin(limits, limits.c.queue == settled.c.queue)
    known = settled.c.ended_at < now, until <= now
    asked = [(tally, own_key(by, settled)) for by, tally in tallies.items()]
    count(asked, connection, source, settled.c.arrived_at, {"call": many()}, *known)
    again = [(tally, own_key(by, followed)) for by, tally in tallies.items()]
    soon = not_settled(thresholds, now)
    count(again, connection, followed, followed.c.arrived_at, {"call again": many()}, soon)


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
    found = (
        select(talks.c.call, talks.c.agent, codes.c.code, *(talks.c[name] for name in _OF_TALK))
        .join_from(talks, codes, and_(codes.c.call == talks.c.call, codes.c.agent == talks.c.agent))
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
