"""Agents' days as bars: the intervals of their states, cut at the period's ends."""

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Engine, Text, bindparam, func, select, union_all

from calllog.archive.schema import agent_states
from calllog.figures.agent_time import STATES
from calllog.figures.period import Period
from calllog.figures.read import in_span, keys_of


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
    states, before = agent_states, agent_states.alias("before")
    who, state = bindparam("who", type_=Text), bindparam("state", type_=Text)
    last = (
        select(func.max(before.c.from_at))
        .where(before.c.agent == who, before.c.state == state, before.c.from_at < period.from_at)
        .scalar_subquery()
    )
    found = select(
        states.c.n,
        states.c.from_at,
        func.coalesce(states.c.to_at, now),
        states.c.state,
        states.c.reason,
        states.c.queue,
        states.c.call,
    ).where(states.c.agent == who, states.c.state == state)
    of_state = union_all(
        found.where(in_span(states.c.from_at, period)),
        found.where(states.c.from_at == last),
    )
    with engine.connect() as connection:
        for name in [agent] if agent else [name for (name,) in keys_of(connection, states.c.agent)]:
            rows = [
                row for each in STATES for row in connection.execute(of_state, {"who": name, "state": each})
            ]
            for _, from_at, to_at, *rest in sorted(rows, key=itemgetter(0)):
                begin, end = max(from_at, period.from_at), min(to_at, period.to_at)
                if end > begin:
                    yield Bar(name, begin, end, *rest)
