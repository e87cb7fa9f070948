"""Counting by interval and key: SQL adds up, here is where the sums belong."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, literal_column, select, tuple_

from calllog.figures.figure import Row, Value
from calllog.figures.keys import Places
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import in_quarter, streamed

Sums = Mapping[str, ColumnElement[Any]]
"""Name → how it is added up."""
Key = ColumnElement[Any] | None
"""By what else is counted; None: by the interval, and the clock, alone."""


class Apart(NamedTuple):
    """Sums are made for each value of a column apart: quicker than by a filter in each sum."""

    of: ColumnElement[str]
    names: Mapping[str, str]
    """Value → with what the names of its sums begin."""


class Counted(dict[str, Any]):
    """What has been counted in one interval under one key, by name; what is not there is 0."""

    def __missing__(self, name: str) -> int:
        return 0


class Tally:
    """All intervals and keys of one report, while they are counted."""

    def __init__(self, period: Period, interval: Interval, by: str) -> None:
        """`by`: empty: all in one; `hour`, `weekday`, `weekday_hour`: by the local clock."""
        self._every: set[str] = {""} if by == "" else set()
        self.period, self.places = period, Places(period, interval, by)
        self.of: dict[tuple[Span, str], Counted] = {}

    def count(
        self,
        connection: Connection,
        source: FromClause,
        at: ColumnElement[int],
        sums: Sums,
        *where: ColumnElement[bool],
        key: Key = None,
        until: ColumnElement[int] | None = None,
        apart: Apart | None = None,
    ) -> None:
        """These sums over the rows of `source`, by when they were (`at`) and their `key`.

        `until`: they last so long, and are in every interval that they reach into.
        """
        count([(self, key)], connection, source, at, sums, *where, until=until, apart=apart)

    def add(self, place: int, key: str, sums: Mapping[str, Any]) -> None:
        """What was found in a place; `key`: empty where it is that of the clock."""
        span, clock = self.places.every[place]
        counted = self.of.setdefault((span, key or clock), Counted())
        counted.update((name, each) for name, each in sums.items() if each is not None)

    def rows(
        self,
        figures: Callable[[str, Counted], Mapping[str, Value]],
        there: Callable[[Counted], bool] = bool,
    ) -> list[Row]:
        """A row for each interval and each key that the period has; `figures` of a key and its sums."""
        keys = sorted(self._every | {key for (_, key), counted in self.of.items() if there(counted)})
        nothing = cache(lambda key: figures(key, Counted()))
        return [
            Row(*span, key, figures(key, self.of[span, key]) if (span, key) in self.of else nothing(key))
            for span in self.places.spans
            for key in keys
        ]


def count(
    asked: Sequence[tuple[Tally, Key]],
    connection: Connection,
    source: FromClause,
    at: ColumnElement[int],
    sums: Sums,
    *where: ColumnElement[bool],
    until: ColumnElement[int] | None = None,
    apart: Apart | None = None,
) -> None:
    """`Tally.count` for several tallies of the same places, each with a key: the rows are read once."""
    period, places = asked[0][0].period, asked[0][0].places
    if until is None:
        place = places.quarters
        lasts, inside = at, in_quarter(at, place)
    else:
        place = places.table
        lasts, inside = until - 1, and_(until > place.c.from_at, at < place.c.to_at)
    within = lasts >= period.from_at, at < period.to_at  # said once more: so less is read
    keys = [literal_column("''") if key is None else key for _, key in asked]
    split = [] if apart is None else [apart.of]
    names = {(): ""} if apart is None else {(value,): name for value, name in apart.names.items()}
    sets = (tuple_(place.c.place, *split, key) for key in keys)
    added = (each.label(name) for name, each in sums.items())
    statement = (
        select(func.grouping(*keys), place.c.place, *keys, *split, *added)
        .select_from(source.join(place, inside))
        .where(*within, *where)
        .group_by(func.grouping_sets(*sets))
    )
    # `grouping` has a bit for each key, the last one's lowest: set where that is not the one grouped by.
    every, many = (1 << len(asked)) - 1, len(asked)
    of = {every ^ 1 << many - 1 - number: number for number in range(many)}
    for grouping, place_number, *found in streamed(connection, statement):
        number, values = of[grouping], found[many + len(split) :]
        begin = names[tuple(found[many : many + len(split)])]
        counted = {begin + name: value for name, value in zip(sums, values, strict=True)}
        asked[number][0].add(place_number, found[number], counted)
