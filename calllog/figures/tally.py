"""Counting by interval and key: SQL adds up, here is where the sums belong."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, select

from calllog.figures.figure import Row, Value
from calllog.figures.keys import Places
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import in_quarter, streamed

Sums = Mapping[str, ColumnElement[Any]]
"""Name → how it is added up."""


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
        key: ColumnElement[Any] | None = None,
        until: ColumnElement[int] | None = None,
    ) -> None:
        """These sums over the rows of `source`, by when they were (`at`) and their `key`.

        `until`: they last so long, and are in every interval that they reach into.
        """
        if until is None:
            place = self.places.quarters
            lasts, inside = at, in_quarter(at, place)
        else:
            place = self.places.table
            lasts, inside = until - 1, and_(until > place.c.from_at, at < place.c.to_at)
        within = lasts >= self.period.from_at, at < self.period.to_at  # said once more: so less is read
        groups = [place.c.place] if key is None else [place.c.place, key]
        statement = (
            select(*groups, *(each.label(name) for name, each in sums.items()))
            .select_from(source.join(place, inside))
            .where(*within, *where)
            .group_by(*groups)
        )
        for number, *found in streamed(connection, statement):
            span, clock = self.places.every[number]
            counted = self.of.setdefault((span, clock if key is None else found.pop(0)), Counted())
            counted.update((name, each) for name, each in zip(sums, found, strict=True) if each is not None)

    def rows(
        self,
        figures: Callable[[str, Counted], Mapping[str, Value]],
        there: Callable[[Counted], bool] = bool,
    ) -> list[Row]:
        """A row for each interval and each key that the period has; `figures` of a key and its sums."""
        keys = sorted(self._every | {key for (_, key), counted in self.of.items() if there(counted)})
        nothing = {key: figures(key, Counted()) for key in keys}
        return [
            Row(*span, key, figures(key, self.of[span, key]) if (span, key) in self.of else nothing[key])
            for span in self.places.spans
            for key in keys
        ]
