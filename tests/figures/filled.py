"""An archive filled with a made-up day, from the facts of its events; and its columns, for figures."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from calllog.archive.instants import touch_all
from calllog.archive.schema import DERIVED, metadata
from calllog.call_events import AnyCallEvent, CallEvent
from calllog.columns.reading import opened
from calllog.events import AgentEvent, decode
from calllog.facts import agent_facts, call_facts, other_facts
from calllog.figures.period import Period

Facts = dict[str, list[dict[str, Any]]]
EVER = Period(0, 2_000_000_000_000)


def empty_archive() -> Engine:
    """One connection, in memory, for one day after the other."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    return engine


def columns_of(archive: Engine, *names: str) -> Engine:
    """What figures are asked of: all that is in the archive now, or in these tables. Dispose of it."""
    return opened(archive, EVER, tables=[table for table in DERIVED if not names or table.name in names])


def facts_of(lines: list[bytes]) -> Facts:
    """Table → rows, of a whole log."""
    calls: dict[str, list[AnyCallEvent]] = defaultdict(list)
    agents: dict[str, list[AgentEvent]] = defaultdict(list)
    found: Facts = defaultdict(list)
    for line in lines:
        event = decode(line)
        if isinstance(event, CallEvent):
            calls[event.call].append(event)
        elif isinstance(event, AgentEvent):
            agents[event.agent].append(event)
        _add(found, other_facts(event))
    for of_call in calls.values():
        _add(found, call_facts(of_call))
    for of_agent in agents.values():
        found["agent_states"] += agent_facts(of_agent)
    return found


def fill(archive: Engine, facts: Facts) -> None:
    """Nothing but these rows."""
    with archive.begin() as connection:
        for table in DERIVED:
            connection.execute(table.delete())
            _insert(connection, table.name, facts)
        touch_all(connection)


def _insert(connection: Connection, name: str, facts: Facts) -> None:
    if facts.get(name):
        connection.execute(metadata.tables[name].insert(), facts[name])


def _add(found: Facts, more: Facts) -> None:
    for table, rows in more.items():
        found[table] += rows
