"""What is counted of agents: talks, wrap-up, offers, time in each state."""

from collections.abc import Sequence
from typing import Any, get_args

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, select

from calllog.archive.schema import agent_states, offers, talks
from calllog.figures.read import many
from calllog.figures.tally import Apart, Key, Tally, count
from calllog.vocabulary import AgentState, DeclinedReason

STATES: tuple[str, ...] = get_args(AgentState)
DECLINED: tuple[str, ...] = get_args(DeclinedReason)
TAKEN = ("bridged", "consulted")


def count_legs(connection: Connection, asked: Sequence[tuple[Tally, Key]], now: int) -> None:
    """Legs that are over, by when they began, and the wrap-up after them. Keys: of talks."""
    sums = {
        "handled": many(),
        "handled_calls": many(talks.c.only) + _different(talks.c.call, not_(talks.c.only)),
        "talk_ms": func.sum(talks.c.talk_ms),
        "held_ms": func.sum(talks.c.held_ms),
        "transfers_blind": many(talks.c.transferred == "blind"),
        "transfers_attended": many(talks.c.transferred == "attended"),
    }
    count(asked, connection, talks, talks.c.bridged_at, sums, talks.c.unbridged_at.is_not(None))
    _count_wrapup(connection, asked, now)


def _different(values: ColumnElement[Any], of: ColumnElement[bool]) -> ColumnElement[int]:
    """How many different ones. DuckDB would keep all values for a FILTER: that takes longer than all else."""
    return func.count(case((of, values)).distinct())


def _count_wrapup(connection: Connection, asked: Sequence[tuple[Tally, Key]], now: int) -> None:
    """The agent's wrap-up that names a leg's call belongs to his latest leg of that call before it."""
    of_leg = and_(
        talks.c.call == agent_states.c.call,
        talks.c.agent == agent_states.c.agent,
        talks.c.bridged_at <= agent_states.c.from_at,
    )
    begin = asked[0][0].period.from_at
    keys = {
        number: _of_latest(key).label(f"key_{number}")
        for number, (_, key) in enumerate(asked)
        if key is not None
    }
    ends = func.coalesce(agent_states.c.to_at, now)
    wrapup = (
        select(
            func.max(talks.c.bridged_at).label("bridged_at"),
            func.any_value(ends - agent_states.c.from_at).label("ms"),
            *keys.values(),
        )
        .join_from(agent_states, talks, of_leg)
        .where(agent_states.c.state == "wrapup", agent_states.c.from_at >= begin)
        .where(talks.c.bridged_at >= begin)
        .group_by(agent_states.c.agent, agent_states.c.n)
        .subquery("wrapup")
    )
    sums = {"wrapup_ms": func.sum(wrapup.c.ms)}
    of = [
        (tally, wrapup.c[f"key_{number}"] if number in keys else None)
        for number, (tally, _) in enumerate(asked)
    ]
    count(of, connection, wrapup, wrapup.c.bridged_at, sums)


def _of_latest(key: ColumnElement[Any]) -> ColumnElement[Any]:
    """What an agent's latest leg says; all his legs say the agent, who need not be looked for."""
    return agent_states.c.agent if key is talks.c.agent else func.arg_max(key, talks.c.bridged_at)


def count_offers(connection: Connection, tally: Tally, key: Key) -> None:
    """How often agents were rung, and what came of it. `key`: of offers."""
    sums = {
        "offered_legs": many(),
        "answered_legs": many(offers.c.result.in_(TAKEN)),
        **{f"declined_{reason}": many(offers.c.result == reason) for reason in DECLINED},
    }
    tally.count(connection, offers, offers.c.offered_at, sums, key=key)


def count_states(connection: Connection, tally: Tally, key: Key, now: int) -> None:
    """ms in each state, as far as it lies in each interval; what goes on ends now. `key`: of agent_states."""
    place = tally.places.table
    ends = func.coalesce(agent_states.c.to_at, now)
    inside = func.least(ends, place.c.to_at) - func.greatest(agent_states.c.from_at, place.c.from_at)
    apart = Apart(agent_states.c.state, {state: f"state_{state}" for state in STATES})
    sums, begins = {"_ms": func.sum(inside)}, agent_states.c.from_at
    tally.count(connection, agent_states, begins, sums, key=key, until=ends, apart=apart)
