"""What an archive holds, and what it should: all events derived at once, without the writer."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, select

from calllog.archive.schema import DERIVED, events, kept_aside, metadata
from calllog.call_events import CallEvent
from calllog.events import AgentStateChanged, AnyEvent, Disposition, decode, encode
from calllog.facts import agent_facts, call_facts, other_facts, owner_and_number
from calllog.stream import Entry
from tests.figures import days

Tables = dict[str, list[tuple[Any, ...]]]


def derived(engine: Engine) -> Tables:
    """Every row of every derived table, in the order of its key."""
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in DERIVED
        }


def archived(engine: Engine) -> list[bytes]:
    """The events as they were written, in the order of the archive."""
    with engine.connect() as connection:
        return list(connection.scalars(select(events.c.raw).order_by(events.c.n)))


def put_aside(engine: Engine) -> list[tuple[str, int, bytes, str]]:
    """The lines kept aside, in order."""
    columns = (kept_aside.c.position, kept_aside.c.line, kept_aside.c.raw, kept_aside.c.reason)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(kept_aside.c.n))]


def expected(log: Iterable[AnyEvent]) -> Tables:
    """The derived rows of these events."""
    owners: dict[str, list[AnyEvent]] = {}
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in DERIVED}
    for event in log:
        owners.setdefault(owner_and_number(event)[0], []).append(event)
        for name, some in other_facts(event).items():
            rows[name] += some
    for some_events in owners.values():
        some_events.sort(key=lambda event: owner_and_number(event)[1])
        of_call = [event for event in some_events if isinstance(event, CallEvent)]
        of_agent = [event for event in some_events if isinstance(event, AgentStateChanged | Disposition)]
        for name, some in call_facts(of_call).items():
            rows[name] += some
        rows["agent_states"] += agent_facts(of_agent)
    found: Tables = {}
    for name, some in rows.items():
        table = metadata.tables[name]
        keys = [column.name for column in table.primary_key]
        some.sort(key=lambda row: tuple(row[key] for key in keys))
        found[name] = [tuple(row[column.name] for column in table.columns) for row in some]
    return found


def day(seed: int, calls: int) -> list[AnyEvent]:
    """A day of a made-up centre: transfers, consults, workers that crash, and calls that go on at its end."""
    return [decode(line) for line in days.day(seed, calls=calls, agents=4)]


def entries(log: Sequence[AnyEvent], first: int = 1) -> list[Entry]:
    """The events as single entries of a stream."""
    return [Entry(f"{number}-0", encode(event), event) for number, event in enumerate(log, first)]
