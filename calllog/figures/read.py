"""What statements of figures have in common. The engine is always DuckDB: see `calllog.columns`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ARRAY, CTE, ColumnElement, Connection, Select, and_, cast, func, select
from sqlalchemy.types import TypeEngine

from calllog.archive.instants import QUARTER_MS


def kept(connection: Connection, name: str, found: Select[Any]) -> None:
    """What is found as a table, made once for all figures of an engine: its rows do not change."""
    text = found.compile(connection, compile_kwargs={"literal_binds": True})
    connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {name} AS {text}")


def streamed(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    """What a statement finds, a few rows at a time."""
    return iter(connection.execute(statement.execution_options(yield_per=1000)))


class Within(Protocol):
    """[from_at, to_at): of Python, or of a table."""

    @property
    def from_at(self) -> Any: ...

    @property
    def to_at(self) -> Any: ...


def in_span(at: ColumnElement[Any], span: Within) -> ColumnElement[bool]:
    """Whether the instant lies in it."""
    return and_(at >= span.from_at, at < span.to_at)


def by_quarters(spans: CTE, name: str) -> CTE:
    """`spans` (with `from_at` and `to_at`), once for each quarter of an hour that they reach into."""
    quarters = func.unnest(func.range(_quarter(spans.c.from_at), _quarter(spans.c.to_at - 1) + 1))
    return select(*spans.c, quarters.label("quarter")).cte(name)


def in_quarter(at: ColumnElement[Any], spans: CTE) -> ColumnElement[bool]:
    """`in_span` for spans `by_quarters`. Being equal in something, rows are matched by hashing: that takes a
    third of the time that comparing with both ends does."""
    return and_(_quarter(at) == spans.c.quarter, in_span(at, spans.c))


def _quarter(at: ColumnElement[Any]) -> ColumnElement[int]:
    return at.op("//", precedence=8)(QUARTER_MS)  # as strong as other divisions: DuckDB's, of whole numbers


def many(which: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    """How many rows; those of which that is true."""
    return func.count() if which is None else func.count().filter(which)


def table_of(name: str, columns: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[Any]]) -> CTE:
    """Rows of Python as a table of the statement, whose text is the same whatever is in them."""
    listed = list(rows)
    values = (
        func.unnest(cast([row[number] for row in listed], ARRAY(kind)), type_=kind).label(column)
        for number, (column, kind) in enumerate(columns.items())
    )
    return select(*values).cte(name)
