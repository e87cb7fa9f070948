"""SQLAlchemy on DuckDB, in memory: as much of it as statements that only read need.

duckdb-engine has all of a dialect, but its cursors share one connection, so a statement ends the one that is
being read beside it; and importing it takes 0.2 s of every report.
"""

import re
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine.url import URL
from sqlalchemy.pool import StaticPool

from calllog.errors import ArchiveAway, ColumnsAway
from calllog.scratch import Scratch


class DuckDialect(PGDialect):
    """DuckDB understands PostgreSQL's SQL. Each SQLAlchemy cursor is a DuckDB connection of its own."""

    name = "duckdb"
    driver = "duckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_native_boolean = True

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The driver."""
        return duckdb

    def create_connect_args(self, url: URL) -> Any:
        """In memory; the rest comes with `connect_args`."""
        del url
        return [":memory:"], {}

    def initialize(self, connection: Connection) -> None:
        """There is no server to be asked for its version."""

    def do_begin(self, dbapi_connection: Any) -> None:
        """Each statement stands for itself."""

    do_rollback = do_commit = do_begin


registry.register("duckdb", __name__, DuckDialect.__name__)


def in_memory(memory: str, threads: int) -> Engine:
    """An empty DuckDB; it is gone when its engine is disposed. What does not fit lies in TMPDIR.

    Statements raise ColumnsAway for what cannot be read, ArchiveAway if no space is left.
    """
    scratch = Scratch(_temporary())
    config = {
        "memory_limit": memory,
        "threads": threads,
        "temp_directory": str(scratch.folder),
        "preserve_insertion_order": False,  # saves memory; who wants an order says so
    }
    engine = create_engine("duckdb://", poolclass=StaticPool, connect_args={"config": config})
    event.listen(engine, "engine_disposed", lambda _: scratch.remove())
    event.listen(engine, "handle_error", _ours)
    return engine


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:  # its message names all that have been tried
        raise ArchiveAway(str(error.strerror)) from error


def _ours(context: ExceptionContext) -> BaseException | None:
    """What is raised instead of an error of the driver."""
    error = context.original_exception
    if isinstance(error, RuntimeError) and "interrupted" in str(error):  # Ctrl-C, as the driver tells it
        return KeyboardInterrupt()
    if not isinstance(error, duckdb.Error):
        return None
    said = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        if "max_temp_directory_size" in said:
            return ArchiveAway(
                f"no space is left in {_temporary()}: free some, or set TMPDIR to another folder"
            )
        return ArchiveAway("so many rows take more memory than is allowed: choose a shorter time")
    if "No space left" in said:
        written = re.search(r'file \\?"(/[^"\\]+)', said)
        where = Path(written[1]).parents[1] if written else _temporary()
        return ArchiveAway(f"no space is left in {where}: free some")
    return ColumnsAway((said.splitlines() or [type(error).__name__])[0])
