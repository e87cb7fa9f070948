"""Reading columns of the archive for figures: little memory, one look-up per key and span of time.

Where an index begins with the key and goes on with the instant, what a figure needs of one key and one span
lies side by side in it. So a statement goes through keys and spans, and SQL adds up, or strings together,
what it finds there (`docs/architecture.md` has the measurements). What has no such index is grouped span by
span, so that no sort is larger than a span.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    select,
    text,
    union,
    values,
)

from calllog.figures.period import Period, Span

AT_ONCE = 100_000
"""So many rows, about, may be in memory as text."""


class Numbers:
    """Many numbers, sorted in pieces: 8 bytes each, and the percentiles are exact."""

    def __init__(self) -> None:
        self._pieces: list[array[int]] = []
        self.count = 0
        self.total = 0

    def add(self, piece: "array[int]") -> None:
        """Some more, in ascending order."""
        if piece:
            self._pieces.append(piece)
            self.count += len(piece)
            self.total += sum(piece)

    def at_most(self, limit: int) -> int:
        """How many are not above the limit."""
        return sum(bisect_right(piece, limit) for piece in self._pieces)

    def below(self, limit: int) -> int:
        """How many are below the limit."""
        return self.at_most(limit - 1)

    @property
    def longest(self) -> int | None:
        """The greatest; None if there is none."""
        return max((piece[-1] for piece in self._pieces), default=None)

    def percentile(self, percent: int) -> int | None:
        """Nearest rank: the smallest of them such that at least `percent` % are not above it."""
        if not self.count:
            return None
        rank = max(1, -(-percent * self.count // 100))
        low, high = min(piece[0] for piece in self._pieces), max(piece[-1] for piece in self._pieces)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at_most(middle) >= rank else (middle + 1, high)
        return low

    def __iter__(self) -> Iterator[int]:
        for piece in self._pieces:
            yield from piece


def numbers(together: str | None) -> "array[int]":
    """Numbers strung together by `strung`, in ascending order."""
    found: list[int] = msgspec.json.decode(f"[{together or ''}]", type=list[int])
    found.sort()
    return array("q", found)


def strung(number: ColumnElement[int]) -> ColumnElement[str]:
    """All the numbers of a group as one text: the cheapest way of a column into this process."""
    return func.aggregate_strings(cast(number, Text), ",")


def earlier(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """The earlier of two instants."""
    return case((one < other, one), else_=other)


def packed(*sums: ColumnElement[Any]) -> ColumnElement[str]:
    """Several sums as one text, so that one look-up brings them all; NULL counts as 0."""
    together: ColumnElement[str] = literal("", Text)
    for number, each in enumerate(sums):
        together = together.concat(cast(func.coalesce(each, 0), Text) if not number else _next(each))
    return together


def _next(each: ColumnElement[Any]) -> ColumnElement[str]:
    return literal(",", Text).concat(cast(func.coalesce(each, 0), Text))


def unpacked(together: str) -> list[int]:
    """What `packed` has packed."""
    return [int(each) for each in together.split(",")]


def span_table(spans: Iterable[Span]) -> CTE:
    """Spans of time as a table: i, from_at, to_at."""
    columns = column("i", Integer), column("from_at", BigInteger), column("to_at", BigInteger)
    rows = ", ".join(f"({number}, {span.from_at:d}, {span.to_at:d})" for number, span in enumerate(spans))
    named = "SELECT column1 AS i, column2 AS from_at, column3 AS to_at FROM"
    return text(f"{named} (VALUES {rows}) AS each_span").columns(*columns).cte("spans")


def index_keys(name: str, *columns: Column[str]) -> CTE:
    """The different values of several columns, with each of which an index begins, as a table: `value`."""
    found = [_found(each, f"{name}_{number}") for number, each in enumerate(columns)]
    return union(*(select(each.c.value).where(each.c.value.is_not(None)) for each in found)).cte(name)


def _found(each: Column[str], name: str, *same: ColumnElement[bool]) -> CTE:
    """The least value, then the next one, and so on: a look-up for each; NULL at the end."""
    found = select(func.min(each).label("value")).where(*same).cte(name, recursive=True)
    after = select(func.min(each)).where(each > found.c.value, *same).correlate(found).scalar_subquery()
    return found.union_all(select(after).where(found.c.value.is_not(None)))


def key_table(name: str, columns: Sequence[str], keys: Iterable[Sequence[str]]) -> CTE:
    """Keys (queues, agents, …) as a table."""
    named = (column(each, Text) for each in columns)
    return values(*named, name=name, literal_binds=True).data([tuple(key) for key in keys]).cte(name)


def keys_of(connection: Connection, *columns: Column[str]) -> list[tuple[str, ...]]:
    """The different values of these columns, with which an index begins: a look-up for each of them."""
    return list(_keys(connection, columns, ()))


def _keys(
    connection: Connection, columns: Sequence[Column[str]], begin: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if len(begin) == len(columns):
        yield begin
        return
    each = columns[len(begin)]
    same = [known == value for known, value in zip(columns, begin, strict=False)]
    found = _found(each, "found", *same)
    for value in connection.scalars(select(found.c.value).where(found.c.value.is_not(None))).all():
        yield from _keys(connection, columns, (*begin, value))


def streamed(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    """What a statement finds, a few rows at a time."""
    return iter(connection.execute(statement.execution_options(yield_per=1000)))


def in_span(at: ColumnElement[Any], span: Span | Period) -> ColumnElement[bool]:
    """Whether the instant lies in it."""
    return (at >= span.from_at) & (at < span.to_at)


def fine_spans(connection: Connection, at: Column[int], period: Period, edges: Iterable[int]) -> list[Span]:
    """The period cut at these instants, and so often that no piece has many more than AT_ONCE rows."""
    table: Table = at.table
    whole = Span(period.from_at, period.to_at)
    rows = connection.scalar(select(func.count()).select_from(table).where(in_span(at, whole))) or 0
    pieces = rows // AT_ONCE + 1
    length = whole.to_at - whole.from_at
    return cut(period, {*edges, *(whole.from_at + length * number // pieces for number in range(pieces))})


def cut(period: Period, edges: Iterable[int]) -> list[Span]:
    """The period cut at these instants."""
    inner = {edge for edge in edges if period.from_at < edge < period.to_at}
    return [Span(begin, end) for begin, end in pairwise(sorted({period.from_at, *inner, period.to_at}))]


def grouped(statement: Select[Any], at: Column[int], spans: Sequence[Span]) -> list[tuple[Span, Select[Any]]]:
    """One statement for each span: of the rows whose instant lies in it."""
    return [(span, statement.where(in_span(at, span))) for span in spans]
