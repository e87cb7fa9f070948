"""One call's events out of the archive, as they were written: Redis has them only for a while."""

from sqlalchemy import Engine, or_, select

from calllog.archive.database import upkept
from calllog.archive.schema import calls, dispositions, events
from calllog.events import decode
from calllog.stream import Entry

NOWHERE = ""
"""The position of an entry that the stream has no more."""


def of_call(engine: Engine, call: str) -> list[Entry]:
    """Everything about one call, in order, with what its agents said it was about. Raises ArchiveAway."""
    said = select(dispositions.c.id).where(dispositions.c.call == call)
    about = select(events.c.raw).where(or_(events.c.owner == call, events.c.id.in_(said)))
    with upkept(engine), engine.connect() as connection:
        return [Entry(NOWHERE, raw, decode(raw)) for raw in connection.scalars(about.order_by(events.c.n))]


def last_call(engine: Engine) -> str:
    """The call that has come last; empty if there is none. Raises ArchiveAway."""
    newest = select(calls.c.call).where(calls.c.arrived_at.is_not(None)).order_by(calls.c.arrived_at.desc())
    with upkept(engine), engine.connect() as connection:
        return connection.scalar(newest.limit(1)) or ""
