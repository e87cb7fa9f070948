"""Is in the archive what it has acknowledged? A part of the audit.

What is still on the stream, and behind which the archive says it is, is compared with it line by line. (What
has been trimmed away is not there to be compared; numbers without gaps tell of it.)
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, select

from calllog.archive import schema
from calllog.call_events import CallEvent
from calllog.grammar import Violation
from calllog.scope import Scope
from calllog.stream import Entry, LogStream, numbered, place

AT_ONCE = 500


async def acknowledged(
    stream: LogStream,
    engine: Engine,
    scope: Scope,
    archived: str,
    found: Callable[[Violation], None],
) -> int:
    """Tell `found` what is missing or different in the archive; the number of lines compared.

    `archived`: the position up to which the archive has read, as it was before this is asked.
    """
    position, compared = f"{max(scope.from_at, 1) - 1}-0", 0
    last = min(place(archived), (scope.to_at, 0))
    while True:
        entries, _ = await stream.page(position)
        due = [(entry, line) for entry, line in numbered(entries) if place(entry.position) <= last]
        with engine.connect() as connection:
            for begin in range(0, len(due), AT_ONCE):
                _compare(connection, due[begin : begin + AT_ONCE], found)
        compared += len(due)
        if not due or len(due) < len(entries):
            return compared
        position = entries[-1].position


def _compare(
    connection: Connection, lines: Sequence[tuple[Entry, int]], found: Callable[[Violation], None]
) -> None:
    events, kept = schema.events.c, schema.kept_aside.c
    ids = [entry.event.id for entry, _ in lines if entry.event is not None]
    rows = connection.execute(select(events.id, events.raw).where(events.id.in_(ids)))
    there: dict[str, bytes] = {row.id: row.raw for row in rows}
    places = {entry.position for entry, _ in lines}
    asked = select(kept.position, kept.line).where(kept.position.in_(places))
    aside = {(row.position, row.line) for row in connection.execute(asked)}
    for entry, line in lines:
        if (entry.position, line) in aside:
            continue
        event = entry.event
        if event is None:
            what = f"line {line} is not in the archive, which has acknowledged it"
            found(Violation(f"entry {entry.position}", "archive", what))
        elif there.get(event.id) != entry.raw:
            owner = event.call if isinstance(event, CallEvent) else event.id.rpartition(":")[0]
            seq = event.seq if isinstance(event, CallEvent) else 0
            state = "has changed" if event.id in there else "is missing"
            what = f"`{event.kind}` {state} in the archive, which has acknowledged it"
            found(Violation(owner, "archive", what, event.id, seq, event.at))
