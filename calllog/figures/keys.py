"""What figures are broken down by, and which spans of time that needs."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, FromClause, literal, literal_column

from calllog.figures.period import Interval, Period, Span, hour_key, weekday_key, zone_of

By = Literal["", "queue", "agent", "campaign", "flow", "hour", "weekday", "weekday_hour"]
"""`flow`: flow and version; `hour`, `weekday`: of the local clock; empty: all in one."""
CLOCK: dict[str, Callable[..., str]] = {
    "hour": hour_key,
    "weekday": weekday_key,
    "weekday_hour": lambda at, zone: f"{weekday_key(at, zone)} {hour_key(at, zone)}",
}


class Places:
    """Where in a report an instant belongs: into which interval, and under which key of the clock."""

    def __init__(self, period: Period, interval: Interval, by: By) -> None:
        self.spans = period.intervals(interval)
        self._begins = [span.from_at for span in self.spans]
        self._zone = zone_of(period.zone)
        self._clock = CLOCK.get(by)
        self.edges: Sequence[int] = self._begins
        """Instants at which one belongs elsewhere than just before."""
        if self._clock:
            hours = period.intervals("day" if by == "weekday" else "60m")
            self.edges = sorted({*self._begins, *(span.from_at for span in hours)})

    def span(self, at: int) -> Span:
        """The interval in which the instant lies."""
        return self.spans[bisect_right(self._begins, at) - 1]

    def key(self, at: int, own: str = "") -> str:
        """The key by the clock, if that is asked for, else its own."""
        return self._clock(at, self._zone) if self._clock else own


def allowed(family: str, by: By, *possible: By) -> None:
    """Raise ValueError if a family of figures cannot be broken down like that."""
    if by not in possible:
        names = ", ".join(each or "nothing" for each in possible)
        raise ValueError(f"figures of {family} cannot be shown by {by}; they can by {names}")


def own_key(by: By, table: FromClause) -> ColumnElement[Any]:
    """The column with the key, for what the tables themselves can say."""
    if by == "flow":
        return table.c.flow.concat(literal_column("'@'")).concat(table.c.version)
    return table.c[by] if by in ("queue", "agent", "campaign") else literal("")


def shown(by: By, key: str) -> str:
    """The key as it is shown: a call that has met no flow has no version either."""
    return "" if by == "flow" and key == "@" else key
