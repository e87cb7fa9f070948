"""Makes every derived table anew from the archived events, a part at a time, beside a running archiver."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from sqlalchemy import Connection, Engine, delete, func, select

from calllog.archive.database import transaction, upkept
from calllog.archive.instants import touch_all
from calllog.archive.schema import events, metadata
from calllog.archive.sorting import read
from calllog.archive.tables import Changes, remove_all, upsert
from calllog.call_events import CallEvent
from calllog.events import AgentStateChanged, AnyEvent, Disposition
from calllog.facts import CALL_TABLES, VERSION, agent_facts, call_facts, other_facts

OWNERS = 200
"""Calls and agents of one transaction: the archiver waits no longer than these take."""
SINGLE = ("dispositions", "system")
"""Tables in which an event is a row."""


def rebuild(engine: Engine, tell: Callable[[int, int], None]) -> None:
    """Derive all rows anew. `tell(done, all)`: so many of the events are done. Raises ArchiveAway.

    What it was killed over is whole; it can be begun again at any time.
    """
    with upkept(engine), engine.connect() as connection:
        with connection.begin():
            total = connection.scalar(select(func.count()).select_from(events)) or 0
        done = 0
        tell(done, total)
        for owners in _owners(connection):
            with transaction(connection):
                done += _derive(connection, owners)
            tell(min(done, total), total)
        with transaction(connection):
            _remove_strays(connection)
            touch_all(connection)
            _note(connection)
        tell(total, total)


def _owners(connection: Connection) -> Iterator[list[str]]:
    """All calls, agents and workers, so many at a time."""
    last = None
    while True:
        some = select(events.c.owner).distinct().order_by(events.c.owner).limit(OWNERS)
        if last is not None:
            some = some.where(events.c.owner > last)
        with connection.begin():
            owners = list(connection.scalars(some))
        if not owners:
            return
        yield owners
        last = owners[-1]


def _derive(connection: Connection, owners: Sequence[str]) -> int:
    """The rows of these from their events, in place of what there is. Returns the number of events."""
    asked = select(events.c.owner, events.c.id, events.c.raw).where(events.c.owner.in_(owners))
    rows = connection.execute(asked.order_by(events.c.owner, events.c.seq, events.c.n)).all()
    changes = Changes()
    for _, group in groupby(rows, lambda row: row.owner):
        of_owner = [read(row.raw) for row in group]
        _facts(of_owner, changes)
    remove_all(connection, CALL_TABLES, "call", owners)
    agents = [owner.removeprefix("agent:") for owner in owners if owner.startswith("agent:")]
    remove_all(connection, ["agent_states"], "agent", agents)
    changes.apply(connection)
    return len(rows)


def _facts(found: Iterable[AnyEvent], changes: Changes) -> None:
    """All rows of one owner."""
    of_call, of_agent = [], []
    for event in found:
        if isinstance(event, CallEvent):
            of_call.append(event)
        elif isinstance(event, AgentStateChanged | Disposition):
            of_agent.append(event)
        changes.write(other_facts(event))
    changes.write(call_facts(of_call))
    changes.write({"agent_states": agent_facts(of_agent)})


def _remove_strays(connection: Connection) -> None:
    """Rows of no event."""
    for name in CALL_TABLES:
        table = metadata.tables[name]
        known = select(events.c.n).where(events.c.owner == table.c.call)
        connection.execute(delete(table).where(~known.exists()))
    states = metadata.tables["agent_states"]
    known = select(events.c.n).where(events.c.owner == "agent:" + states.c.agent, events.c.seq == states.c.n)
    connection.execute(delete(states).where(~known.exists()))
    for name in SINGLE:
        table = metadata.tables[name]
        known = select(events.c.n).where(events.c.id == table.c.id, events.c.kind.in_(_KINDS[name]))
        connection.execute(delete(table).where(~known.exists()))


_KINDS = {
    "dispositions": ("disposition",),
    "system": (
        "worker_started",
        "worker_recovered",
        "flow_published",
        "asterisk_connected",
        "asterisk_lost",
        "fallback_taken",
    ),
}


def _note(connection: Connection) -> None:
    connection.execute(upsert("progress", connection.dialect.name), {"name": "facts", "value": str(VERSION)})
