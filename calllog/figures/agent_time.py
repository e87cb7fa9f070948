"""What is counted of agents, cell by cell: talks, offers, time in each state, wrap-up.

A cell is one agent in one span of time. His index leads straight to it, whatever is in the archive besides.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    select,
    true,
)

from calllog.archive.schema import agent_states, offers, talks
from calllog.figures.period import Period, Span
from calllog.figures.read import earlier, in_span, index_keys, keys_of, packed, span_table, streamed, unpacked
from calllog.vocabulary import AgentState, DeclinedReason

STATES: tuple[str, ...] = get_args(AgentState)
DECLINED: tuple[str, ...] = get_args(DeclinedReason)
TAKEN = ("bridged", "consulted")
NEVER = 1 << 62
LEG_SUMS = ("handled", "talk_ms", "held_ms", "transfers_blind", "transfers_attended")


class Counted(NamedTuple):
    """Of one agent (or another key) in a cell that begins at `at`."""

    at: int
    key: str
    name: str
    number: int


def leg_sums() -> tuple[ColumnElement[Any], ...]:
    """LEG_SUMS of the legs that are over."""
    over = talks.c.unbridged_at.is_not(None)
    return (
        func.sum(case((over, 1), else_=0)),
        func.sum(case((over, talks.c.talk_ms), else_=0)),
        func.sum(case((over, talks.c.held_ms), else_=0)),
        func.sum(case((and_(over, talks.c.transferred == "blind"), 1), else_=0)),
        func.sum(case((and_(over, talks.c.transferred == "attended"), 1), else_=0)),
    )


def legs_of_agents(connection: Connection, spans: Sequence[Span]) -> Iterator[Counted]:
    """LEG_SUMS of each agent in each span."""
    key, span = _agents(), span_table(spans)
    sums = (
        select(packed(*leg_sums()))
        .where(talks.c.agent == key.c.value, _in(talks.c.bridged_at, span))
        .scalar_subquery()
    )
    for at, agent, text in _each(connection, key, span, spans, sums):
        for name, number in zip(LEG_SUMS, unpacked(text), strict=True):
            yield Counted(at, agent, name, number)


def offers_of_agents(connection: Connection, spans: Sequence[Span]) -> Iterator[Counted]:
    """How often agents were rung, and what came of it."""
    key, span = _agents(), span_table(spans)
    for (result,) in keys_of(connection, offers.c.result):
        many = (
            select(func.count())
            .select_from(offers)
            .where(offers.c.result == result, offers.c.agent == key.c.value, _in(offers.c.offered_at, span))
            .scalar_subquery()
        )
        name = "answered_legs" if result in TAKEN else f"declined_{result}" if result else "ringing"
        for at, agent, number in _each(connection, key, span, spans, many):
            if number:
                yield Counted(at, agent, name, number)
                yield Counted(at, agent, "offered_legs", number)


def time_in_states(connection: Connection, spans: Sequence[Span], now: int) -> Iterator[Counted]:
    """ms that each agent was in each state in each span; an interval that goes on ends now.

    States tile an agent's days. So of one state those that begin in a span count up to its end, and of those
    before it only the last one can reach into it.
    """
    key, span = _agents(), span_table(spans)
    before = agent_states.alias("before")
    end = earlier(func.coalesce(agent_states.c.to_at, now), span.c.to_at)
    for state in STATES:
        of_agent = and_(agent_states.c.agent == key.c.value, agent_states.c.state == state)
        inside = select(func.sum(end - agent_states.c.from_at)).where(
            of_agent, _in(agent_states.c.from_at, span)
        )
        last = select(func.max(before.c.from_at)).where(
            before.c.agent == key.c.value, before.c.state == state, before.c.from_at < span.c.from_at
        )
        astride = select(func.sum(case((end > span.c.from_at, end - span.c.from_at), else_=0))).where(
            of_agent, agent_states.c.from_at == last.correlate(key, span).scalar_subquery()
        )
        ms = packed(inside.scalar_subquery(), astride.scalar_subquery())
        for at, agent, text in _each(connection, key, span, spans, ms):
            yield Counted(at, agent, f"state_{state}_ms", sum(unpacked(text)))


def wrapup_of_legs(connection: Connection, spans: Sequence[Span], now: int) -> Iterator[Counted]:
    """ms of wrap-up after the legs that began in each span.

    An agent has one call at a time, and writes it up before he has the next: what he writes up between the
    first leg that begins in a span and the first one after the span belongs to the legs of the span. Except
    after a consult that did not give him the caller: see `wrapup_without_leg`.
    """
    key, span = _agents(), span_table(spans)
    first = _first_leg_from(key, span, span.c.from_at)
    after = _first_leg_from(key, span, span.c.to_at)
    ms = (
        select(func.sum(func.coalesce(agent_states.c.to_at, now) - agent_states.c.from_at))
        .where(
            agent_states.c.agent == key.c.value,
            agent_states.c.state == "wrapup",
            agent_states.c.from_at >= first,
            agent_states.c.from_at < after,
        )
        .scalar_subquery()
    )
    for at, agent, number in _each(connection, key, span, spans, ms):
        yield Counted(at, agent, "wrapup_ms", int(number or 0))


def wrapup_without_leg(connection: Connection, period: Period, now: int) -> Iterator[Counted]:
    """What `wrapup_of_legs` counts and should not: after consults of agents who did not get the caller."""
    leg = talks.alias("leg")
    own = select(leg.c.n).where(
        leg.c.call == offers.c.call,
        leg.c.agent == offers.c.agent,
        leg.c.bridged_at <= agent_states.c.from_at,
    )
    last = (
        select(func.max(talks.c.bridged_at))
        .where(talks.c.agent == offers.c.agent, talks.c.bridged_at <= agent_states.c.from_at)
        .scalar_subquery()
    )
    of_consult = and_(agent_states.c.call == offers.c.call, agent_states.c.agent == offers.c.agent)
    ms = func.coalesce(agent_states.c.to_at, now) - agent_states.c.from_at
    found = (
        select(last.label("at"), offers.c.agent, agent_states.c.n, ms.label("ms"))
        .distinct()
        .join_from(offers, agent_states, of_consult)
        .where(
            offers.c.result == "consulted",
            offers.c.offered_at >= period.from_at,
            agent_states.c.state == "wrapup",
            ~own.exists(),
        )
        .subquery()
    )
    counted = select(found.c.at, found.c.agent, found.c.ms)
    for at, agent, number in streamed(connection, counted.where(in_span(found.c.at, period))):
        yield Counted(at, agent, "wrapup_ms", -number)


def _agents() -> CTE:
    """Everybody who has talked or been in a state."""
    return index_keys("keys", talks.c.agent, agent_states.c.agent)


def _first_leg_from(key: CTE, span: CTE, at: ColumnElement[int]) -> ColumnElement[int]:
    found = select(func.min(talks.c.bridged_at)).where(talks.c.agent == key.c.value, talks.c.bridged_at >= at)
    return func.coalesce(found.correlate(key, span).scalar_subquery(), literal(NEVER, BigInteger))


def _in(at: ColumnElement[Any], span: CTE) -> ColumnElement[bool]:
    return and_(at >= span.c.from_at, at < span.c.to_at)


def _each(
    connection: Connection, key: CTE, span: CTE, spans: Sequence[Span], found: ColumnElement[Any]
) -> Iterator[tuple[int, str, Any]]:
    """What is found for each agent and span."""
    statement: Select[Any] = select(span.c.i, key.c.value, found).select_from(key.join(span, true()))
    for number, agent, value in streamed(connection, statement):
        yield spans[number].from_at, agent, value
