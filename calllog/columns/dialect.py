"""SQLAlchemy on DuckDB, in memory: as much of it as statements that only read need.

duckdb-engine has all of a dialect, but its cursors share one connection, so a statement ends the one that is
being read beside it; and importing it takes 0.2 s of every report.
"""

from types import ModuleType
from typing import Any

import duckdb
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine.url import URL
from sqlalchemy.pool import StaticPool

from calllog.columns.spill import Spill


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
    """An empty DuckDB; it is gone when its engine is disposed. What does not fit lies in TMPDIR."""
    spill = Spill()
    config = {
        "memory_limit": memory,
        "threads": threads,
        "temp_directory": str(spill.folder),
        "preserve_insertion_order": False,  # saves memory; who wants an order says so
    }
    engine = create_engine("duckdb://", poolclass=StaticPool, connect_args={"config": config})
    event.listen(engine, "engine_disposed", lambda _: spill.remove())
    return engine
