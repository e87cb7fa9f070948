"""A log as the archive holds it: its events, what is derived from them, and how far it has read."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from calllog.archive import schema
from calllog.archive.database import connect
from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import AgentStateChanged, AnyEvent, encode
from calllog.facts import agent_facts, call_facts, other_facts, owner_and_number


def archived(path: Path, events: Sequence[AnyEvent], position: str) -> Engine:
    """An archive with these events, which has read the stream up to this position."""
    engine = connect(path)
    schema.metadata.create_all(engine)
    rows = _derived(events)
    rows["events"] = [_event(number, event) for number, event in enumerate(events, 1)]
    rows["progress"] = [
        {"name": "position", "value": position},
        {"name": "lines", "value": str(len(events))},
    ]
    with engine.begin() as connection:
        for table, values in rows.items():
            if values:
                connection.execute(insert(schema.metadata.tables[table]), values)
    return engine


def _event(number: int, event: AnyEvent) -> dict[str, Any]:
    owner, seq = owner_and_number(event)
    said = {"id": event.id, "at": event.at, "kind": event.kind, "owner": owner, "seq": seq}
    return said | {"n": number, "raw": encode(event)}


def _derived(events: Sequence[AnyEvent]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    calls: list[AnyCallEvent] = [event for event in events if isinstance(event, CallEvent)]
    for _, of_call in groupby(sorted(calls, key=lambda event: event.call), lambda event: event.call):
        _add(rows, call_facts(sorted(of_call, key=lambda event: event.seq)))
    changes = [event for event in events if isinstance(event, AgentStateChanged)]
    for agent in sorted({event.agent for event in changes}):
        _add(rows, {"agent_states": agent_facts([event for event in changes if event.agent == agent])})
    for event in events:
        _add(rows, other_facts(event))
    return rows


def _add(rows: dict[str, list[dict[str, Any]]], facts: Any) -> None:
    for table, more in facts.items():
        rows.setdefault(table, []).extend(more)
