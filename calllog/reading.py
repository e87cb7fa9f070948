"""The log from some place on, in order: what is archived, then what the stream has besides, without a gap.

As in an audit: one transaction says which events are archived and where on the stream that is, and the stream
is trimmed only behind the archive. If it was, reading goes on in the archive.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence

from sqlalchemy import Connection, Engine, Select, func, select

from calllog.archive import schema
from calllog.archive.sorting import read
from calllog.call_events import AnyCallEvent, CallEvent
from calllog.errors import BrokenEntry
from calllog.events import AnyEvent
from calllog.stream import NOWHERE, LogStream, place

PAGE = 2000


class LogReader:
    """`engine` None: there is no archive, everything is on the stream. What is no event is left out."""

    def __init__(self, stream: LogStream, engine: Engine | None) -> None:
        self._stream, self._engine = stream, engine
        self._n = 0
        """The last event of the archive that was read."""
        self._position = NOWHERE
        self._ahead: set[str] = set()
        """Ids of events that were read from the stream and not yet met in the archive."""

    def begin_at(self, at: int) -> None:
        """Begin with what has happened at this instant, ms, or later (and some more, if it was late)."""
        events = schema.events.c
        low = self._asked(select(func.min(events.n)).where(events.at >= at))
        self._n = (low if low is not None else self._last() + 1) - 1

    def begin_behind(self, event_id: str) -> bool:
        """Begin behind this event. False: it is not archived; reading begins where the archive ends."""
        n = self._asked(select(schema.events.c.n).where(schema.events.c.id == event_id))
        self._n = n if n is not None else self._last()
        return n is not None

    async def pages(self) -> AsyncGenerator[Sequence[AnyEvent], None]:
        """What is there, by the page, to its end as it is then. Called again it goes on from there."""
        while True:
            for page in self._archived():
                yield page
            while True:
                entries, held = await self._stream.page(self._position)
                if not held and self._archive_is_ahead():
                    break
                if not entries:
                    return
                self._position = entries[-1].position
                events = [entry.event for entry in entries if entry.event is not None]
                if self._engine is not None:
                    self._ahead.update(event.id for event in events)
                yield events

    def earlier(self, call: str) -> list[AnyCallEvent]:
        """What is archived of a call."""
        if self._engine is None:
            return []
        events = schema.events.c
        with self._engine.connect() as connection:
            rows = connection.execute(select(events.raw).where(events.owner == call).order_by(events.seq))
            read_rows = [_event(raw) for raw in rows.scalars()]
        return [event for event in read_rows if isinstance(event, CallEvent)]

    def _archived(self) -> Iterator[list[AnyEvent]]:
        if self._engine is None:
            return
        events = schema.events.c
        with self._engine.connect() as connection, connection.begin():
            position = _position(connection)
            behind = select(events.n, events.id, events.raw).order_by(events.n).limit(PAGE)
            while rows := connection.execute(behind.where(events.n > self._n)).all():
                self._n = rows[-1].n
                new = [_event(row.raw) for row in rows if row.id not in self._ahead]
                self._ahead.difference_update(row.id for row in rows)
                yield [event for event in new if event is not None]
        self._position = max(position, self._position, key=place)

    def _archive_is_ahead(self) -> bool:
        if self._engine is None:
            return False
        with self._engine.connect() as connection:
            return place(_position(connection)) > place(self._position)

    def _last(self) -> int:
        return self._asked(select(func.max(schema.events.c.n))) or 0

    def _asked(self, question: Select[int]) -> int | None:
        if self._engine is None:
            return None
        with self._engine.connect() as connection:
            return connection.execute(question).scalar()


def _position(connection: Connection) -> str:
    asked = select(schema.progress.c.value).where(schema.progress.c.name == "position")
    return connection.execute(asked).scalar() or NOWHERE


def _event(raw: bytes) -> AnyEvent | None:
    try:
        return read(raw)
    except BrokenEntry:
        return None
