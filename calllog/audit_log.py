"""The log as an audit reads it: the archive, and then what of the stream is not archived yet.

    archive, one transaction:  events … n ──┐ position = where on the stream that is
    stream:                                 └──► entries behind position … the end

Nothing is read twice and nothing is left out while the archive goes on. Within one transaction its events and
its position fit together, and the stream is only trimmed behind the archive: if the entry at that position
has gone the archive may have gone on, and so does the reading of it. What the stream has told meanwhile is
known by its ids. In memory are one page, the open calls, and what is not archived.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Engine, func, select, union

from calllog.archive import schema
from calllog.archive.sorting import read
from calllog.audit import Audit
from calllog.audit_rows import RowCheck
from calllog.audit_stream import acknowledged
from calllog.balance import Interval, whole
from calllog.call_events import AnyCallEvent, CallEvent
from calllog.errors import BrokenEntry
from calllog.events import AgentStateChanged, AnyEvent, Disposition
from calllog.facts import owner_and_number
from calllog.grammar import Violation
from calllog.scope import Scope
from calllog.stream import NOWHERE, Entry, LogStream, call_events, numbered, place

PAGE = 5000
HOUR_MS = 3_600_000
BEFORE_MS = 2 * HOUR_MS
"""What comes so long before a period is read, too: who talks when it begins."""

BEYOND_MS = 2 * HOUR_MS
"""So long after a period everything is read as long as calls of it go on; later, their own events only."""

Progress = Callable[[int, int], None]
"""Told from time to time: events read of the archive, of how many."""


@dataclass
class Stand:
    """What the audit of an archive has seen, besides the findings."""

    compared: int = 0
    """Derived rows that were compared with their events."""
    acknowledged: int = 0
    """Lines that are still on the stream, and archived: compared with it."""
    waiting: int = 0
    """Lines of the stream that are not archived yet."""
    without_stream: bool = False
    """Redis was away: nothing was compared with the stream, and all of the period is in the archive."""


@dataclass
class AuditedLog:
    """Feeds `fold` with the log. `engine` None: there is no archive, everything is on the stream."""

    stream: LogStream
    engine: Engine | None
    scope: Scope
    everything: bool
    """The scope is the whole log: reading begins at its beginning and ends at its end."""
    progress: Progress
    interval: Interval = whole
    stand: Stand = field(default_factory=Stand)
    position: str = NOWHERE
    """Up to where the stream has been read (or archived)."""

    def __post_init__(self) -> None:
        scope = replace(self.scope, begun_before=self._begun_before)
        self.fold = Audit(scope, self.interval, self._call_ended)
        self._rows = RowCheck(self.scope, self.fold.found)
        self._n = self._kept_n = 0
        self._first = self._last_of_scope = 0
        self._ahead: set[str] = set()
        """Ids of events (and places of broken lines) read from the stream and not yet met in the archive."""
        self._in_archive = False
        self._begun = False

    async def read(self) -> None:
        """Read what the scope needs, and is not read yet: the archive, then the stream to its end."""
        over = self._archive()
        while not over and not await self._tail():
            over = self._archive()
        if over:
            await self._rest_of_stream()

    def read_archived(self) -> bool:
        """Read the archive alone. Whether it has all of the period, and of the calls that began in it."""
        self.stand.without_stream = self._archive() and not self.fold.open_calls
        return self.stand.without_stream

    async def compare_acknowledged(self) -> None:
        """What the archive says it has read, and is still on the stream, must be in it."""
        if self.engine is not None:
            found = self.fold.found
            self.stand.acknowledged = await acknowledged(
                self.stream, self.engine, self.scope, self._archived(), found
            )

    # The archive

    def _archive(self) -> bool:
        """Read all that is archived by now and was not read yet. Whether the period is over then."""
        if self.engine is None:
            return False
        with self.engine.connect() as connection, connection.begin():
            archived = _position(connection)
            if not self._begun:
                self._begin(connection)
            self._in_archive = True
            over = self._events(connection)
            if over:
                self._rest(connection)
            self._in_archive = False
            self._kept_aside(connection)
            self._counted(connection)
            for call in self.fold.open_calls:
                known = [event for event in self.fold.events_of(call) if event.id not in self._ahead]
                if known:
                    self._rows.call(call, known)
            self._rows.finish(connection, to_the_end=not over)
        self.stand.compared = self._rows.compared
        self.position = max(archived, self.position, key=place)
        return over

    def _begin(self, connection: Connection) -> None:
        """Where reading begins, and where the last event of the scope is."""
        self._begun = True
        events = schema.events.c
        everywhere = select(func.min(events.n), func.max(events.n))
        if not self.everything:
            first, last = self.scope.from_at - BEFORE_MS, self.scope.to_at
            everywhere = everywhere.where(events.at >= first, events.at < last)
        low, high = connection.execute(everywhere).one()
        if low is None:  # nothing of the period is archived
            low = high = (connection.execute(select(func.max(events.n))).scalar() or 0) + 1
        self._n, self._first, self._last_of_scope = low - 1, low, high
        if not self.everything:
            self._seed(connection)

    def _seed(self, connection: Connection) -> None:
        """The state of each agent, and the number of each worker, when reading begins."""
        events = schema.events.c
        for kinds in (("agent_state",), ("agent_state", "disposition")):
            before = (
                select(func.max(events.n))
                .where(events.owner >= "agent:", events.owner < "agent;")
                .where(events.n < self._first, events.kind.in_(kinds))
                .group_by(events.owner)
            )
            for raw in connection.execute(select(events.raw).where(events.n.in_(before))).scalars():
                event = _decoded(raw)
                if isinstance(event, AgentStateChanged | Disposition):
                    self.fold.seed(event)
                if isinstance(event, AgentStateChanged):
                    self._rows.seed(event)
        workers = (
            select(func.max(events.n))
            .join(schema.system, schema.system.c.id == events.id)
            .where(events.n < self._first)
            .group_by(schema.system.c.worker)
        )
        for event_id in connection.execute(select(events.id).where(events.n.in_(workers))).scalars():
            self.fold.seed_system(event_id)
        self._seed_waiting(connection)

    def _seed_waiting(self, connection: Connection) -> None:
        """Who waits when reading begins, however long he has."""
        events, waits = schema.events.c, schema.waits.c
        at = self.scope.from_at - BEFORE_MS
        # Both stand in an index; without it all of the table would be looked at.
        goes_on = select(waits.call).where(waits.left_at.is_(None), waits.joined_at < at)
        left_later = select(waits.call).where(waits.left_at >= at, waits.joined_at < at)
        waiting = union(goes_on, left_later)
        for call in connection.execute(waiting).scalars().all():
            before = select(events.raw).where(events.owner == call, events.n < self._first).order_by(events.n)
            for raw in connection.execute(before).scalars():
                event = _decoded(raw)
                if isinstance(event, CallEvent):
                    self.fold.seed_waiting(event)

    def _events(self, connection: Connection) -> bool:
        """Feed what is archived behind the last that was fed. Whether the period is over."""
        total = connection.execute(select(func.max(schema.events.c.n))).scalar() or 0
        for row in self._pages(connection):
            self._n = row.n
            event = self._checked(row)
            if event is None:
                continue
            if row.id in self._ahead:
                self._ahead.discard(row.id)
            elif self._is_over(event):
                self._n -= 1
                return True
            else:
                self.fold.add(event)
            if not isinstance(event, CallEvent):
                self._rows.event(event)
            if self._rows.full:
                self._rows.flush(connection)
            if row.n % PAGE == 0:
                self.progress(row.n - self._first, total - self._first)
        return False

    def _rest(self, connection: Connection) -> None:
        """Later events of calls that go on long after the period, without those of others."""
        events = schema.events.c
        for call in sorted(self.fold.open_calls):
            later = select(events.raw).where(events.owner == call, events.n > self._n).order_by(events.n)
            for raw in connection.execute(later).scalars():
                event = _decoded(raw)
                if isinstance(event, CallEvent) and event.call in self.fold.open_calls:
                    self.fold.rest(event)

    def _pages(self, connection: Connection) -> Iterator[Any]:
        events = schema.events
        while page := connection.execute(
            select(events).where(events.c.n > self._n).order_by(events.c.n).limit(PAGE)
        ).all():
            yield from page

    def _checked(self, row: Any) -> AnyEvent | None:
        """The event of a row, if it can be read; what the row's columns say must be what the event says."""
        try:
            event = read(row.raw)
        except BrokenEntry as error:
            self.fold.broken(f"{row.n} of the archive", str(error))
            return None
        owner, number = owner_and_number(event)
        said = (row.id, row.at, row.kind, row.owner, row.seq)
        if said != (event.id, event.at, event.kind, owner, number):
            what = f"event {row.n} of the archive is in a row with another id, at, kind, owner or seq"
            self.fold.found(Violation(owner, "archive", what, event.id, number, event.at))
        return event

    def _kept_aside(self, connection: Connection) -> None:
        """Lines that are no events: each is told, with the place on the stream and the reason."""
        kept = schema.kept_aside.c
        asked = select(kept.n, kept.position, kept.line, kept.reason, kept.at).where(kept.n > self._kept_n)
        if not self.everything:
            asked = asked.where(kept.at.is_(None) | kept.at.between(self.scope.from_at, self.scope.to_at - 1))
        for row in connection.execute(asked.order_by(kept.n)):
            self._kept_n = row.n
            place = f"{row.position}/{row.line}"
            if place not in self._ahead:
                self.fold.broken(f"{row.position}, line {row.line}, kept aside", row.reason)
            self._ahead.discard(place)

    def _counted(self, connection: Connection) -> None:
        """The archive holds as many lines as it says it has read."""
        said = connection.execute(select(schema.progress.c.value).where(schema.progress.c.name == "lines"))
        holds = sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (schema.events, schema.kept_aside)
        )
        lines = int(said.scalar() or 0)
        if holds != lines:
            what = f"{lines} lines were acknowledged, and {holds} are there"
            self.fold.found(Violation("the archive", "archive", what))

    def _call_ended(self, call: str, events: Sequence[AnyCallEvent]) -> None:
        if self._in_archive:
            self._rows.call(call, events)

    # The stream

    async def _tail(self) -> bool:
        """Read the stream to its end. False: the archive has gone on, and trimmed what was to come next."""
        while True:
            entries, held = await self.stream.page(self.position)
            if not held and place(self._archived()) > place(self.position):
                return False
            if not entries:
                return True
            for entry, line in numbered(entries):
                if entry.event is not None and self._is_over(entry.event):
                    return True
                self._entry(entry, line)
            self.position = entries[-1].position

    def _entry(self, entry: Entry, line: int) -> None:
        self.stand.waiting += 1
        if entry.event is None:
            self._ahead.add(f"{entry.position}/{line}")
            self.fold.broken(entry.position, entry.broken)
        else:
            self._ahead.add(entry.event.id)
            self.fold.add(entry.event)

    def _archived(self) -> str:
        """Up to where the stream is archived by now."""
        if self.engine is None:
            return NOWHERE
        with self.engine.connect() as connection:
            return _position(connection)

    # When to stop

    def _is_over(self, event: AnyEvent) -> bool:
        """Whether this event comes after everything of the period, and after the calls that began in it."""
        if self.everything or self._n <= self._last_of_scope or event.logged_at < self.scope.to_at:
            return False
        return not self.fold.any_open or event.logged_at >= self.scope.to_at + BEYOND_MS

    async def _rest_of_stream(self) -> None:
        """What has not been archived of calls that went on long after the period."""
        for call in sorted(self.fold.open_calls):
            known = {event.id for event in self.fold.events_of(call)}
            for event in call_events(await self.stream.of_call(call)):
                if event.call == call and event.id not in known and call in self.fold.open_calls:
                    self.fold.rest(event)

    def _begun_before(self, call: str) -> bool:
        if self.engine is None or self.everything:
            return False
        events = schema.events.c
        asked = select(events.n).where(events.owner == call, events.n < self._first).limit(1)
        with self.engine.connect() as connection:
            return connection.execute(asked).first() is not None


def _position(connection: Connection) -> str:
    asked = select(schema.progress.c.value).where(schema.progress.c.name == "position")
    return connection.execute(asked).scalar() or NOWHERE


def _decoded(raw: bytes) -> AnyEvent | None:
    try:
        return read(raw)
    except BrokenEntry:
        return None
