"""What figures are broken down by, and which spans of time that needs."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, FromClause, case, literal_column

from calllog.figures.period import Interval, Period, Span, hour_key, weekday_key, zone_of
from calllog.figures.read import by_quarters, table_of

By = Literal["", "queue", "agent", "campaign", "flow", "hour", "weekday", "weekday_hour"]
"""`flow`: flow and version; `hour`, `weekday`: of the local clock; empty: all in one."""
CLOCK: dict[str, Callable[..., str]] = {
    "hour": hour_key,
    "weekday": weekday_key,
    "weekday_hour": lambda at, zone: f"{weekday_key(at, zone)} {hour_key(at, zone)}",
}


class Places:
    """Where in a report an instant belongs: into which interval, and under which key of the clock."""

    def __init__(self, period: Period, interval: Interval, by: str) -> None:
        self.spans = period.intervals(interval)
        pieces = _pieces(period, self.spans, by)
        numbers = {place: number for number, place in enumerate(dict.fromkeys(pieces.values()))}
        self.every = tuple(numbers)
        """Interval and key of the clock (empty, if not by the clock), by number."""
        columns = {"place": BigInteger(), "from_at": BigInteger(), "to_at": BigInteger()}
        rows = [(numbers[place], *piece) for piece, place in pieces.items()]
        self.table = table_of("places", columns, rows)
        """Which spans of time belong to which place: place, from_at, to_at. They tile the period."""
        self.quarters = by_quarters(self.table, "places_by_quarters")
        """The same, to be asked for an instant."""


def _pieces(period: Period, intervals: list[Span], by: str) -> dict[Span, tuple[Span, str]]:
    """The period cut wherever one belongs elsewhere than just before: where each piece belongs."""
    clock, zone = CLOCK.get(by), zone_of(period.zone)
    hours = period.intervals("day" if by == "weekday" else "60m") if clock else []
    edges = sorted({span.from_at for span in (*intervals, *hours)})
    found, at = {}, 0
    for piece in map(Span._make, pairwise([*edges, period.to_at])):
        at += piece.from_at >= intervals[at].to_at
        found[piece] = intervals[at], clock(piece.from_at, zone) if clock else ""
    return found


def allowed(family: str, by: By, *possible: By) -> None:
    """Raise ValueError if a family of figures cannot be broken down like that."""
    if by not in possible:
        names = ", ".join(each or "nothing" for each in possible)
        raise ValueError(f"figures of {family} cannot be shown by {by}; they can by {names}")


def own_key(by: By, table: FromClause) -> ColumnElement[Any] | None:
    """The column with the key, if it is one that tables can say."""
    if by == "flow":
        version = table.c.flow.concat(literal_column("'@'")).concat(table.c.version)
        none: ColumnElement[str] = literal_column("''")  # a call that has met no flow has no version either
        return case((table.c.flow == none, none), else_=version)
    return table.c[by] if by in ("queue", "agent", "campaign") else None
