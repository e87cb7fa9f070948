"""The connection to the archive: a SQLite file, or a PostgreSQL by URL.

    engine = connect("/var/lib/holdfast/archive/archive.db", read_only=True)
    engine = connect("postgresql://holdfast@db.example/holdfast")

Who writes begins a transaction that holds the file's one right to write; who reads sees, within one
transaction, the archive of one instant, and never waits for the writer.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from calllog.errors import ArchiveAway

BUSY_MS = 10_000
"""How long a writer waits for another one of the same file."""
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 8000
"""Pages of 4 KiB that SQLite's log may hold before it is put into the file."""
CONNECT_S = 5


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
    return (engine.url.database or "") if is_sqlite(engine) else engine.url.render_as_string()


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
    options = "-c timezone=UTC" + (" -c default_transaction_read_only=on" if read_only else "")
    return create_engine(
        url,
        connect_args={"connect_timeout": CONNECT_S, "options": options, "application_name": "holdfast"},
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        pool_pre_ping=True,
    )
