"""Was it settled at the first contact? Nobody called again; the agent says so; the caller says so.

A person is a number: calls without one count nowhere in the first answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, Engine, and_, func, select

from calllog.archive.schema import calls, dispositions, surveys, talks
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, Places, allowed, own_key, shown
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import in_span, streamed
from calllog.figures.thresholds import Thresholds

CONTACT_BY: tuple[By, ...] = ("", "queue", "agent", "campaign", "flow", "hour", "weekday", "weekday_hour")
Settled = Counter[str]


class _Told(NamedTuple):
    """One answer: whether it is settled, by one of the three ways."""

    at: int
    key: str
    way: str
    settled: bool


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Settled], Value], notes: str = ""
) -> Measure[Settled]:
    return Measure(Figure(name, title, unit, formula, notes, "first contact"), of)


CONTACT_MEASURES: tuple[Measure[Settled], ...] = (
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
    """CONTACT_MEASURES for each interval and key, as known at `now` (ms)."""
    allowed("first contact", by, *CONTACT_BY)
    places = Places(period, interval, by)
    of: dict[tuple[Span, str], Settled] = {}
    with engine.connect() as connection:
        for told in chain(
            _nobody_again(connection, period, by, thresholds, now),
            _agents_say(connection, period, by, thresholds),
            _callers_say(connection, period, by, thresholds),
        ):
            settled = of.setdefault((places.span(told.at), places.key(told.at, told.key)), Counter())
            settled[told.way] += 1
            settled[f"{told.way} yes"] += told.settled
    keys = sorted({key for _, key in of} | ({""} if by == "" else set()))
    nothing: Settled = Counter()
    return [
        Row(*span, key, measured(CONTACT_MEASURES, of.get((span, key), nothing)))
        for span in places.spans
        for key in keys
    ]


def _nobody_again(
    connection: Connection, period: Period, by: By, thresholds: Thresholds, now: int
) -> Iterator[_Told]:
    again, leg = calls.alias("again"), talks.alias("leg")
    next_at = (
        select(func.min(again.c.arrived_at))
        .where(again.c.caller == calls.c.caller, again.c.arrived_at > calls.c.ended_at)
        .scalar_subquery()
    )
    last_n = (
        select(func.max(leg.c.n))
        .where(leg.c.call == calls.c.call, leg.c.unbridged_at.is_not(None))
        .scalar_subquery()
    )
    table = talks if by in ("queue", "agent") else calls
    statement = (
        select(calls.c.arrived_at, calls.c.ended_at, talks.c.queue, own_key(by, table), next_at)
        .select_from(calls)
        .join(talks, and_(talks.c.call == calls.c.call, talks.c.n == last_n))
        .where(
            calls.c.verdict == "completed",
            in_span(calls.c.arrived_at, period),
            calls.c.caller != "",
            calls.c.ended_at < now,
        )
    )
    for at, ended_at, queue, own, came_again_at in streamed(connection, statement):
        until = ended_at + thresholds.fcr_ms(queue)
        if until <= now:
            yield _Told(at, shown(by, own), "call", came_again_at is None or came_again_at > until)


def _agents_say(connection: Connection, period: Period, by: By, thresholds: Thresholds) -> Iterator[_Told]:
    """An agent's last talk of each call in the period, if he has said what the call was about."""
    later, said = talks.alias("later"), dispositions.alias("said")
    last_n = (
        select(func.max(later.c.n))
        .where(
            later.c.call == talks.c.call,
            later.c.agent == talks.c.agent,
            later.c.unbridged_at.is_not(None),
        )
        .scalar_subquery()
    )
    statement = (
        select(talks.c.call, talks.c.agent, talks.c.bridged_at, own_key(by, talks), said.c.id, said.c.code)
        .select_from(talks)
        .join(said, and_(said.c.call == talks.c.call, said.c.agent == talks.c.agent))
        .where(in_span(talks.c.bridged_at, period), talks.c.n == last_n)
    )
    last: dict[tuple[str, str], tuple[int, _Told | None]] = {}
    for call, agent, at, own, event, code in streamed(connection, statement):
        number = int(event.rpartition(":")[2])
        if number > last.get((call, agent), (0, None))[0]:
            told = _Told(at, shown(by, own), "talk", code in thresholds.resolved_codes) if code else None
            last[call, agent] = number, told
    return (told for _, told in last.values() if told)


def _callers_say(connection: Connection, period: Period, by: By, thresholds: Thresholds) -> Iterator[_Told]:
    table = calls if by in ("campaign", "flow") else surveys
    statement = select(surveys.c.offered_at, own_key(by, table), surveys.c.score == surveys.c.highest).where(
        surveys.c.survey == thresholds.resolved_survey,
        surveys.c.score.is_not(None),
        in_span(surveys.c.offered_at, period),
    )
    if table is calls:
        statement = statement.select_from(surveys).join(calls, and_(calls.c.call == surveys.c.call))
    for at, own, settled in streamed(connection, statement):
        yield _Told(at, shown(by, own), "answer", bool(settled))
