"""Writes lines of the stream into the archive, with all that follows from them, in one transaction.

    entries ──► sort ──► new events ──► calls and agents they touch ──► their rows anew ──► what differs
                    └──► kept aside

A batch that has been written before changes nothing: events are known by their ids. So who was killed begins
again at any place before the position that was reached.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from calllog.archive.database import Sole, place, transaction, upkept
from calllog.archive.migrate import migrate
from calllog.archive.schema import calls, events, kept_aside, progress
from calllog.archive.sorting import Batch, Line, read, sort
from calllog.archive.tables import Changes, Keyed, keyed, upsert
from calllog.call_events import AnyCallEvent, CallEvent
from calllog.errors import ArchiveAway
from calllog.events import AgentEvent, AgentStateChanged, AnyEvent, Disposition
from calllog.facts import VERSION, agent_facts, call_facts, other_facts, owner_and_number
from calllog.stream import Entry

T = TypeVar("T")

CHUNK = 500
"""Ids or owners asked for at once."""
MOST_EVENTS = 200_000
"""Events of live calls that are kept in memory; of calls beyond that they are read again when needed."""
LIVE_MS = 86_400_000
"""A call without an end that arrived so long before the last one lives no more."""
UNFIT = (DataError, IntegrityError, OverflowError, UnicodeError)
"""Errors that a line brings with it, such as a number that no column can hold; others are the database's."""


class Written(NamedTuple):
    """What became of a batch. `events`: those that are new."""

    position: str
    lines: int
    events: int
    aside: int


@dataclass
class _Call:
    """A live call: its events by number, and the rows that are written of it."""

    events: list[AnyCallEvent] = field(default_factory=list)
    rows: Keyed = field(default_factory=dict)
    loaded: bool = False
    """Its events come from the archive, where nobody has compared them with its rows."""


class Writer:
    """The one who writes an archive. All methods raise ArchiveAway while that cannot be done."""

    def __init__(self, engine: Engine, site: str) -> None:
        self.engine, self.site = engine, site
        self.position = ""
        """Of the last entry that is archived; empty: none is."""
        self.archive = ""
        """What tells this archive from others of the site."""
        self.lines = self.kept_aside = 0
        """Lines ever read, and those of them that were kept aside."""
        self.outdated = False
        """Its tables were derived by other rules: they need a rebuild."""
        self.live: dict[str, int] = {}
        """Calls that go on → when they arrived, ms."""
        self._connection: Connection | None = None
        self._sole = Sole(engine)
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._agents: dict[str, AgentStateChanged] = {}
        """Agent → the last change of his state."""
        self._numbers: dict[str, int] = {}
        """Agent → the number of his last event."""
        self._kept = 0

    def open(self) -> None:
        """Take the archive for this process, bring its tables up to date and see how far it has come."""
        self.close()
        with upkept(self.engine):
            connection = self._connection = self._sole.take()
            migrate(connection)
            with transaction(connection):
                found = {row.name: row.value for row in connection.execute(select(progress))}
                if "archive" not in found:
                    found |= {"archive": uuid.uuid4().hex[:12], "facts": str(VERSION), "site": self.site}
                    new = [{"name": name, "value": found[name]} for name in ("archive", "facts", "site")]
                    connection.execute(insert(progress), new)
                if found.get("site", self.site) != self.site:  # ids of two sites are the same
                    raise ArchiveAway(
                        f"the archive at {place(self.engine)} is that of site {found['site']}: "
                        f"site {self.site} needs one of its own"
                    )
                self.archive, self.outdated = found["archive"], found.get("facts") != str(VERSION)
                self.position = found.get("position", "")
                self.lines, self.kept_aside = int(found.get("lines", 0)), int(found.get("kept_aside", 0))
                newest = connection.scalar(select(func.max(calls.c.arrived_at))) or 0
                lately = calls.c.arrived_at > newest - LIVE_MS
                open_calls = select(calls.c.call, calls.c.arrived_at).where(
                    lately, calls.c.ended_at.is_(None)
                )
                self.live = {row.call: row.arrived_at for row in connection.execute(open_calls)}

    def close(self) -> None:
        """Leave it to another process."""
        self._forget()
        self._connection = None
        self._sole.leave()

    def write(self, entries: Sequence[Entry]) -> Written:
        """Archive these entries, which follow each other on the stream. Whole entries only."""
        try:
            return self._wholly(sort(entries, self.site))
        except UNFIT as error:
            if len({entry.position for entry in entries}) > 1:
                return self._in_halves(entries)
            return self._aside(entries, f"cannot be archived: {_in_short(error)}")

    def _in_halves(self, entries: Sequence[Entry]) -> Written:
        """Find the entry that does not fit; all others are archived."""
        single = [list(group) for _, group in groupby(entries, lambda entry: entry.position)]
        middle = len(single) // 2
        first = self.write([entry for group in single[:middle] for entry in group])
        second = self.write([entry for group in single[middle:] for entry in group])
        return Written(
            second.position,
            first.lines + second.lines,
            first.events + second.events,
            first.aside + second.aside,
        )

    def _aside(self, entries: Sequence[Entry], reason: str) -> Written:
        batch = sort(entries, self.site)
        batch.aside += [line._replace(reason=reason) for line in batch.events.values()]
        batch.events.clear()
        return self._wholly(batch)

    def _wholly(self, batch: Batch) -> Written:
        """The batch or nothing of it: whatever breaks it off, who comes next begins from what is written."""
        with ExitStack() as otherwise, upkept(self.engine):
            otherwise.callback(self._forget)
            written = self._write(batch)
            otherwise.pop_all()
        return written

    def _write(self, batch: Batch) -> Written:
        connection = self._connection
        assert connection is not None, "open() comes first"
        with transaction(connection):
            for ids in chunks(batch.events):
                archived = select(events.c.id, events.c.raw).where(events.c.id.in_(ids))
                batch.known({row.id: row.raw for row in connection.execute(archived)})
            changes = Changes()
            by_call, by_agent = _sorted(line.event for line in batch.events.values())
            live = self._touch_calls(connection, by_call, changes)
            self._touch_agents(connection, by_agent, changes)
            for line in batch.events.values():
                if not isinstance(line.event, CallEvent):
                    changes.write(other_facts(_event(line)))
            if batch.events:
                connection.execute(insert(events), [_row(line) for line in batch.events.values()])
            changes.apply(connection)
            aside = self._keep_aside(connection, batch.aside)
            lines = self.lines + len(batch.events) + aside
            self._note(connection, batch.position, lines, self.kept_aside + aside)
        self.position, self.lines, self.kept_aside = batch.position, lines, self.kept_aside + aside
        self._settle(live)
        return Written(batch.position, batch.lines, len(batch.events), aside)

    # Calls

    def _touch_calls(
        self, connection: Connection, touched: dict[str, list[AnyCallEvent]], changes: Changes
    ) -> dict[str, _Call]:
        """The calls as they are with these new events."""
        missing = [call for call in touched if call not in self._calls]
        for names in chunks(missing):
            for name, found in _archived(connection, names):
                before = [event for event in found if isinstance(event, CallEvent)]
                self._keep(name, _Call(before, keyed(call_facts(before)), loaded=True))
        for name, new in touched.items():
            call = self._calls.get(name)
            if call is None:
                call = _Call()
                self._keep(name, call)
            in_order = not call.events or new[0].seq > call.events[-1].seq
            call.events += new
            self._kept += len(new)
            if not in_order or any(a.seq > b.seq for a, b in pairwise(new)):
                call.events.sort(key=lambda event: event.seq)
            facts = call_facts(call.events)
            rows = keyed(facts)
            changes.differ(call.rows, rows)
            if call.loaded:
                changes.write(facts)
                call.loaded = False
            call.rows = rows
        return {name: self._calls[name] for name in touched}

    def _keep(self, name: str, call: _Call) -> None:
        self._calls[name] = call
        self._kept += len(call.events)

    def _settle(self, touched: dict[str, _Call]) -> None:
        """After the transaction: who goes on is remembered, those touched last the longest."""
        for name, call in touched.items():
            row = call.rows["calls"][name,]
            if row["ended_at"] is None:
                self.live[name] = row["arrived_at"] or 0
                self._calls.move_to_end(name)
            else:
                self.live.pop(name, None)
                self._drop(name)
        while self._kept > MOST_EVENTS:
            self._drop(next(iter(self._calls)))

    def _drop(self, name: str) -> None:
        self._kept -= len(self._calls.pop(name).events)

    def _forget(self) -> None:
        """What is in memory may be ahead of what is written."""
        self._calls.clear()
        self._agents.clear()
        self._numbers.clear()
        self._kept = 0

    # Agents

    def _touch_agents(
        self, connection: Connection, touched: dict[str, list[AgentEvent]], changes: Changes
    ) -> None:
        missing = [owner for owner in touched if owner not in self._numbers]
        for names in chunks(missing):
            self._load_agents(connection, names)
        for owner, new in touched.items():
            if owner_and_number(new[0])[1] > self._numbers.get(owner, 0) and _ascend(new):
                story = [self._agents[owner], *new] if owner in self._agents else new
            else:  # older than what is archived: all of it again
                story = [*self._all_of(connection, owner), *new]
                story.sort(key=lambda event: owner_and_number(event)[1])
            rows = agent_facts(story)
            changes.write({"agent_states": rows})
            self._numbers[owner] = owner_and_number(story[-1])[1]
            last = next((event for event in reversed(story) if isinstance(event, AgentStateChanged)), None)
            if last is not None:
                self._agents[owner] = last

    def _load_agents(self, connection: Connection, names: Sequence[str]) -> None:
        for owner in names:
            newest = select(events.c.kind, events.c.seq, events.c.raw).where(events.c.owner == owner)
            row = connection.execute(newest.order_by(events.c.seq.desc()).limit(1)).first()
            self._numbers[owner] = row.seq if row else 0
            if row and row.kind != "agent_state":
                states = newest.where(events.c.kind == "agent_state")
                row = connection.execute(states.order_by(events.c.seq.desc()).limit(1)).first()
            if row:
                event = read(row.raw)
                assert isinstance(event, AgentStateChanged)
                self._agents[owner] = event

    def _all_of(self, connection: Connection, owner: str) -> list[AgentEvent]:
        found = [event for _, known in _archived(connection, [owner]) for event in known]
        return [event for event in found if isinstance(event, AgentStateChanged | Disposition)]

    # What else is written

    def _keep_aside(self, connection: Connection, lines: Sequence[Line]) -> int:
        """Keep these lines, each once. Returns how many are new."""
        known: set[tuple[str, int, bytes]] = set()
        for positions in chunks({line.position: None for line in lines}):
            kept = select(kept_aside.c.position, kept_aside.c.line, kept_aside.c.raw)
            rows = connection.execute(kept.where(kept_aside.c.position.in_(positions)))
            known |= {(row.position, row.line, row.raw) for row in rows}
        new = [line for line in lines if (line.position, line.number, line.raw) not in known]
        if new:
            connection.execute(insert(kept_aside), [_aside_row(line) for line in new])
        return len(new)

    def _note(self, connection: Connection, position: str, lines: int, aside: int) -> None:
        values = {"position": position, "lines": str(lines), "kept_aside": str(aside)}
        rows = [{"name": name, "value": value} for name, value in values.items()]
        connection.execute(upsert("progress", connection.dialect.name), rows)


def chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """So many of them at a time as one query may ask for."""
    wanted = list(names)
    for first in range(0, len(wanted), CHUNK):
        yield wanted[first : first + CHUNK]


def _archived(connection: Connection, owners: Sequence[str]) -> Iterator[tuple[str, list[AnyEvent]]]:
    """The archived events of each of these, in order."""
    asked = select(events.c.owner, events.c.raw).where(events.c.owner.in_(owners))
    rows = connection.execute(asked.order_by(events.c.owner, events.c.seq, events.c.n)).all()
    for owner, group in groupby(rows, lambda row: row.owner):
        yield owner, [read(row.raw) for row in group]


def _sorted(
    new: Iterable[AnyEvent | None],
) -> tuple[dict[str, list[AnyCallEvent]], dict[str, list[AgentEvent]]]:
    by_call: dict[str, list[AnyCallEvent]] = {}
    by_agent: dict[str, list[AgentEvent]] = {}
    for event in new:
        if isinstance(event, CallEvent):
            by_call.setdefault(event.call, []).append(event)
        elif isinstance(event, AgentStateChanged | Disposition):
            by_agent.setdefault(f"agent:{event.agent}", []).append(event)
    return by_call, by_agent


def _ascend(new: Sequence[AgentEvent]) -> bool:
    numbers = [owner_and_number(event)[1] for event in new]
    return all(a < b for a, b in pairwise(numbers))


def _event(line: Line) -> AnyEvent:
    assert line.event is not None
    return line.event


def _row(line: Line) -> dict[str, object]:
    event = _event(line)
    owner, number = owner_and_number(event)
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "owner": owner,
        "seq": number,
        "raw": line.raw,
    }


def _aside_row(line: Line) -> dict[str, object]:
    at = int(line.position.partition("-")[0])
    said = {"reason": line.reason.replace("\0", "\ufffd"), "at": at}
    return {"position": line.position, "line": line.number, "raw": line.raw, **said}


def _in_short(error: Exception) -> str:
    """The database's words, without the values, which may be somebody's."""
    told = getattr(error, "orig", None) or error
    return str(told).splitlines()[0][:200] if str(told) else type(told).__name__
