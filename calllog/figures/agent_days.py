"""Agents' days as bars: the intervals of their states, cut at the period's ends."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from calllog.archive.schema import agent_states
from calllog.figures.period import Period
from calllog.figures.read import streamed


class Bar(NamedTuple):
    """One interval of one agent's state, as far as it lies in the period."""

    agent: str
    from_at: int
    to_at: int
    state: str
    reason: str
    queue: str
    call: str


def agent_bars(engine: Engine, period: Period, *, now: int, agent: str = "") -> Iterator[Bar]:
    """Every bar of the period, by agent and time; of one `agent` if he is given. What goes on ends now."""
    states, ends = agent_states.c, func.coalesce(agent_states.c.to_at, now)
    begin, end = func.greatest(states.from_at, period.from_at), func.least(ends, period.to_at)
    found = (
        select(states.agent, begin, end, states.state, states.reason, states.queue, states.call)
        .where(begin < end, *((states.agent == agent,) if agent else ()))
        .order_by(states.agent, states.n)
    )
    with engine.connect() as connection:
        for row in streamed(connection, found):
            yield Bar(*row)
