"""Writing derived rows: those of a call, of an agent, and of events that stand for themselves.

Rows are told apart by their primary keys. What is written is what differs from what was written before.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    Delete,
    Executable,
    Insert,
    Table,
    bindparam,
    delete,
)
from sqlalchemy.dialects import postgresql, sqlite

from calllog.archive.instants import marks, quarters_of
from calllog.archive.schema import metadata
from calllog.facts_story import Facts, Row

Keyed: TypeAlias = dict[str, dict[tuple[Any, ...], Row]]
"""Table → primary key → row."""


class Changes:
    """Rows to be written and rows to be removed, gathered for one transaction."""

    def __init__(self) -> None:
        self._written: Keyed = {}
        self._gone: Keyed = {}
        self._touched: dict[str, set[int]] = {}

    def write(self, facts: Facts) -> None:
        """These rows, whether they are there or not."""
        for name, rows in keyed(facts).items():
            self._written.setdefault(name, {}).update(rows)

    def differ(self, before: Keyed, after: Keyed) -> None:
        """What leads from these rows, which are written, to those."""
        for name in before.keys() | after.keys():
            old, new = before.get(name, {}), after.get(name, {})
            written = self._written.setdefault(name, {})
            for key, row in new.items():
                if (was := old.get(key)) != row:
                    written[key] = row
                    if was is not None:
                        self._touch(name, (was,))
            if old.keys() - new.keys():
                gone = self._gone.setdefault(name, {})
                gone.update({key: old[key] for key in old.keys() - new.keys()})

    def apply(self, connection: Connection) -> None:
        """Write them."""
        dialect = connection.dialect.name
        for name, rows in self._gone.items():
            self._touch(name, rows.values())
            _many(connection, _removal(name), [_named(name, key) for key in rows])
        for name, rows in self._written.items():
            self._touch(name, rows.values())
            _many(connection, upsert(name, dialect), list(rows.values()))
        _many(connection, upsert("quarters", dialect), marks(self._touched))

    def _touch(self, name: str, rows: Iterable[Row]) -> None:
        """The quarters of these rows are no longer what they were."""
        self._touched.setdefault(name, set()).update(quarters_of(name, rows))


def keyed(facts: Facts) -> Keyed:
    """The rows by table and primary key; of several with one key the last."""
    found: Keyed = {}
    for name, rows in facts.items():
        columns = _key(name)
        found[name] = {tuple([row[column] for column in columns]): row for row in rows}
    return found


def remove_all(connection: Connection, names: Iterable[str], column: str, values: Sequence[str]) -> None:
    """Remove the rows of these tables that have one of these values in that column."""
    for name in names:
        table = metadata.tables[name]
        connection.execute(delete(table).where(table.c[column].in_(values)))


def _many(connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


@cache
def _key(name: str) -> tuple[str, ...]:
    return tuple(column.name for column in metadata.tables[name].primary_key)


def _named(name: str, key: tuple[Any, ...]) -> dict[str, Any]:
    return {f"key_{column}": value for column, value in zip(_key(name), key, strict=True)}


@cache
def _removal(name: str) -> Delete:
    table = metadata.tables[name]
    return delete(table).where(*(table.c[column] == bindparam(f"key_{column}") for column in _key(name)))


@cache
def upsert(name: str, dialect: str) -> Insert:
    """The statement that writes rows of a table, in place of those with the same key."""
    table: Table = metadata.tables[name]
    into = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    columns = [column.name for column in table.columns if not column.primary_key]
    return into.on_conflict_do_update(
        index_elements=list(_key(name)), set_={name: into.excluded[name] for name in columns}
    )
