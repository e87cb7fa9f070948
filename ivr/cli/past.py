"""Calls of any age for commands that show one: from Redis while it has them whole, else from the archive."""

from calllog.archive import reading
from calllog.archive.database import connect
from calllog.call_events import CallEvent
from calllog.errors import ArchiveAway
from calllog.stream import Entry, LogStream
from ivr.settings import Settings


async def of_call(stream: LogStream, call: str) -> list[Entry]:
    """Everything about one call, in order; of one that neither knows nothing. Raises LogAway."""
    entries = await stream.of_call(call)
    if entries and isinstance(entries[0].event, CallEvent) and entries[0].event.seq == 1:
        return entries
    try:
        engine = connect(Settings().archive, read_only=True)
        try:
            archived = reading.of_call(engine, call)
        finally:
            engine.dispose()
    except ArchiveAway:
        return entries
    return max(archived, entries, key=len)


def last_call() -> str:
    """The call that came last of all that are archived; empty if there is none."""
    try:
        engine = connect(Settings().archive, read_only=True)
        try:
            return reading.last_call(engine)
        finally:
            engine.dispose()
    except ArchiveAway:
        return ""
