"""What the archive has of today: the log in Redis may be trimmed to its last part."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from calllog.archive.database import connect
from calllog.archive.schema import progress, refusals, waits
from calllog.errors import ArchiveAway
from calllog.today import Past, Wait

ROWS = 2000
"""Read at a time."""


class Archive(NamedTuple):
    """Where the archive is, as `calllog.archive.database.connect` takes it."""

    place: str

    def today(self, begins_at: int, ends_at: int) -> Past | None:
        """What it has of a period, as of one instant; None: there is no archive, or nothing in it yet.

        Blocks: for a thread. Raises ArchiveAway if there is one and it cannot be read.
        """
        try:
            engine = connect(self.place, read_only=True)
        except ArchiveAway:
            return None
        try:
            return _read(engine, begins_at, ends_at)
        except SQLAlchemyError as error:
            raise ArchiveAway(f"the archive cannot be read: {type(error).__name__}") from error
        finally:
            engine.dispose()


def _read(engine: Engine, begins_at: int, ends_at: int) -> Past | None:
    with engine.connect() as connection, connection.begin():
        where = progress.c.name == "position"
        position = connection.execute(select(progress.c.value).where(where)).scalar()
        if not position:
            return None

        def found() -> Iterator[Wait]:
            asked = select(waits.c.call, waits.c.queue, waits.c["class"], waits.c.waited_ms).where(
                waits.c.joined_at >= begins_at, waits.c.joined_at < ends_at
            )
            for row in connection.execution_options(yield_per=ROWS).execute(asked):
                yield Wait(*row)

        asked = select(refusals.c.queue).where(refusals.c.at >= begins_at, refusals.c.at < ends_at)
        return Past(str(position), list(found()), list(connection.execute(asked).scalars()))
