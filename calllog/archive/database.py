"""The connection to the archive: a SQLite file, or a PostgreSQL by URL.

    engine = connect("/var/lib/holdfast/archive/archive.db", read_only=True)
    engine = connect("postgresql://holdfast@db.example/holdfast")

Who writes begins a transaction that holds the file's one right to write; who reads sees, within one
transaction, the archive of one instant, and never waits for the writer.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError, InterfaceError

from calllog.errors import ArchiveAway, ArchiveHeld

BUSY_MS = 10_000
"""How long a writer waits for another one of the same file."""
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 8000
"""Pages of 4 KiB that SQLite's log may hold before it is put into the file."""
CONNECT_S = 5
STATEMENT_MS = 120_000
"""How long one statement may take in PostgreSQL."""
LOCK = 0x486F6C64
"""Key of PostgreSQL's advisory locks: of the one archiver, and (+ 1) of whoever writes now."""


def connect(url_or_path: str | Path, *, read_only: bool = False) -> Engine:
    """An engine for the archive there; it connects when it is first used.

    `read_only`: nothing can be written by it, and it makes no file. Raises ArchiveAway if the address cannot
    be understood, or if there is nothing to be read yet.
    """
    text = str(url_or_path)
    if "://" not in text:
        return _sqlite(Path(text), read_only)
    try:
        url = make_url(text)
    except ArgumentError:
        raise ArchiveAway("the archive's address is no URL: write postgresql://USER@HOST/DATABASE") from None
    if url.drivername == "sqlite":
        return _sqlite(Path(url.database or ""), read_only)
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ArchiveAway(
            f"the archive cannot be kept in `{url.drivername}`: write postgresql://USER@HOST/DATABASE, "
            "or nothing for a SQLite file"
        )
    return _postgresql(url.set(drivername="postgresql+psycopg"), read_only)


def is_sqlite(engine: Engine) -> bool:
    """Whether the archive is a file of SQLite."""
    return engine.dialect.name == "sqlite"


def place(engine: Engine) -> str:
    """Where the archive is, fit to be shown: without a password."""
    if is_sqlite(engine):
        return engine.url.database or ""
    return engine.url.set(drivername="postgresql").render_as_string()


def _sqlite(path: Path, read_only: bool) -> Engine:
    if read_only and not path.exists():
        raise ArchiveAway(f"there is no archive at {path} yet: `holdfast serve` begins it")
    if not read_only:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise ArchiveAway(f"{path.parent}: {error.strerror}") from error
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # what is committed is trimmed from Redis
            f"cache_size = -{CACHE_KIB}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            "temp_store = MEMORY",
        ):
            if not (read_only and pragma.startswith(("journal", "synchronous", "wal"))):
                connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, read_only: bool) -> Engine:
    options = "-c timezone=UTC -c default_transaction_read_only=on"
    if not read_only:
        options = f"-c timezone=UTC -c statement_timeout={STATEMENT_MS}"
    alive = {"keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 15_000}
    names = {"options": options, "application_name": "holdfast"}
    return create_engine(
        url,
        connect_args={"connect_timeout": CONNECT_S, **alive, **names},
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        pool_pre_ping=True,
    )


class Sole:
    """The right to be the archiver of an archive: one process has it, until it leaves or ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file = -1
        self._connection: Connection | None = None

    def take(self) -> Connection:
        """The connection that has it. Raises ArchiveHeld if another process does."""
        held = f"another archiver writes to {place(self._engine)}"
        if is_sqlite(self._engine):
            try:
                self._file = os.open(
                    f"{place(self._engine)}.archiver", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
                )
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                self.leave()
                raise ArchiveHeld(held) from error
            except OSError as error:
                raise ArchiveAway(f"{place(self._engine)}: {error.strerror}") from error
        connection = self._connection = self._engine.connect()
        if not is_sqlite(self._engine):
            connection.detach()  # to be closed for good, and its lock with it
            taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK})
            connection.commit()
            if not taken:
                self.leave()
                raise ArchiveHeld(held)
        return connection

    def leave(self) -> None:
        """Give it up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if not is_sqlite(self._engine):
                with suppress(DatabaseError, InterfaceError):  # or it is freed a moment after the end
                    connection.rollback()
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
                    connection.commit()
            connection.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """A transaction beside which no other one writes."""
    with connection.begin():
        if connection.dialect.name != "sqlite":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK + 1})
        yield


@contextmanager
def upkept(engine: Engine) -> Iterator[None]:
    """Raises ArchiveAway for whatever the database cannot do now; errors of single values stay."""
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except (DatabaseError, InterfaceError) as error:
        raise ArchiveAway(f"the archive at {place(engine)}: {_plainly(str(error.orig))}") from error


def _plainly(said: str) -> str:
    if "is full" in said or "No space left" in said:
        return "no space is left on its disk; free some, archiving goes on by itself"
    if "is locked" in said:
        return f"another program has been writing for {BUSY_MS / 1000:.0f} s"
    return (said.splitlines() or ["it does not answer"])[0]
