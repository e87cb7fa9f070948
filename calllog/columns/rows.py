"""Rows of the archive into DuckDB: column by column, as JSON, its fastest way in that needs no file."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, and_, or_, select
from sqlalchemy.types import BigInteger, Boolean, Float, Integer, SmallInteger, TypeEngine

from calllog.archive.instants import INSTANT, QUARTER_MS

AT_ONCE = 10_000
"""So many rows are in memory as text."""
SPANS = 200
"""So many spans of time are asked for at once."""


def type_of(kind: TypeEngine[Any]) -> str:
    """DuckDB's type for a column of the archive."""
    kinds = ((Boolean, "BOOLEAN"), (Float, "DOUBLE"), (BigInteger, "BIGINT"), (SmallInteger, "SMALLINT"))
    return next((name for each, name in (*kinds, (Integer, "INTEGER")) if isinstance(kind, each)), "VARCHAR")


def create(duck: Connection, table: Table, name: str) -> None:
    """An empty table with the columns of this one."""
    columns = ", ".join(f'"{each.name}" {type_of(each.type)}' for each in table.columns)
    duck.exec_driver_sql(f'CREATE TABLE "{name}" ({columns})')


def copy(archive: Connection, table: Table, chosen: Sequence[int], duck: Connection, name: str) -> None:
    """The rows of these quarters (in order) into that table of DuckDB."""
    at = table.c[INSTANT[table.name]]
    spans = list(_spans(chosen))
    for first in range(0, len(spans), SPANS):
        within = (and_(at >= begin, at < end) for begin, end in spans[first : first + SPANS])
        insert(archive, select(table).where(or_(*within)), table, duck, name)


def insert(archive: Connection, statement: Select[Any], table: Table, duck: Connection, name: str) -> None:
    """What a statement finds in the archive, whole rows of `table`, into that table of DuckDB."""
    columns = [each.name for each in table.columns]
    shape = msgspec.json.encode({each.name: [type_of(each.type)] for each in table.columns}).decode()
    listed = ", ".join(f'unnest(told."{each}")' for each in columns)
    into = f"""INSERT INTO "{name}" SELECT {listed} FROM (SELECT from_json(?::JSON, '{shape}') AS told)"""  # noqa: S608  (names of ours)
    found = archive.execute(statement.execution_options(yield_per=AT_ONCE))
    for rows in found.partitions():
        told = dict(zip(columns, zip(*rows, strict=True), strict=True))
        duck.exec_driver_sql(into, (msgspec.json.encode(told).decode(),))


def _spans(chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Quarters as spans of time, ms: those that follow each other are one."""
    begin = end = -1
    for quarter in chosen:
        if quarter != end:
            if begin >= 0:
                yield begin * QUARTER_MS, end * QUARTER_MS
            begin = quarter
        end = quarter + 1
    if begin >= 0:
        yield begin * QUARTER_MS, end * QUARTER_MS
