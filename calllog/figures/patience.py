"""Patience: how long callers would wait before they give up, if nobody answered.

The estimator of Kaplan and Meier (1958): at each time t at which d callers gave up, out of n who had neither
given up nor been answered (or sent on) before t, the share of the patient is multiplied by 1 - d / n. Who was
answered at that very time was still at risk: giving up counts first.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Engine, Select, case, cast, func, literal_column, select

from calllog.archive.schema import waits
from calllog.figures.figure import Figure
from calllog.figures.keys import By, Places, allowed, own_key
from calllog.figures.period import Period
from calllog.figures.read import in_quarter, in_span, many

PATIENCE_BY: tuple[By, ...] = ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
PATIENCE_FIGURES = (
    Figure(
        "patience",
        "Patience",
        "share",
        "S(t) = product, over the times until t at which callers gave up, of (1 - gave up / still there)",
        "Kaplan-Meier. Who was answered, flowed out or failed was there until then; who waits, until now.",
        "patience",
    ),
    Figure(
        "patience_median_ms",
        "Half have lost patience after",
        "ms",
        "the first time t with S(t) <= 0.5",
        "No figure if the curve does not come so low: then too few have given up to say.",
        "patience",
    ),
)


class Curve:
    """The share of callers who would still wait after so long. `key`: of which queue, hour, …"""

    def __init__(
        self, key: str, callers: int, times: Sequence[int], gave_up: Sequence[int], at_risk: Sequence[int]
    ) -> None:
        """`times`: each, ms, at which somebody gave up: so many then, of so many who were still there."""
        self.key, self.callers = key, callers
        self.abandoned = sum(gave_up)
        self.times = array("q", times)
        """Every time, ms, at which somebody gave up."""
        stayed = (1 - gone / there for gone, there in zip(gave_up, at_risk, strict=True))
        self.shares = array("d", accumulate(stayed, mul))
        """S at each of these times."""

    def at(self, ms: int) -> float:
        """S(t)."""
        number = bisect_right(self.times, ms)
        return self.shares[number - 1] if number else 1.0

    @property
    def median_ms(self) -> int | None:
        """The first time at which at most half would still wait; None if it is not known."""
        return next((time for time, share in zip(self.times, self.shares, strict=True) if share <= 0.5), None)

    def points(self, most: int = 400) -> list[tuple[int, float]]:
        """(ms, S) for a chart: all, or so many of them, evenly chosen, with the last one."""
        step = max(1, -(-len(self.times) // most))
        chosen = [*range(0, len(self.times), step)]
        if self.times and chosen[-1] != len(self.times) - 1:
            chosen.append(len(self.times) - 1)
        return [(self.times[each], self.shares[each]) for each in chosen]


def patience_curves(
    engine: Engine, period: Period, by: By = "", *, now: int, queue: str | None = None
) -> list[Curve]:
    """A curve for each key of the period; of the callers of one `queue` if it is given."""
    allowed("patience", by, *PATIENCE_BY)
    places, own = Places(period, "whole", by), own_key(by, waits)
    with engine.connect() as connection:
        rows = connection.execute(_times(period, places, own, queue, now)).all()
    curves = (
        Curve(places.every[number][1] if own is None else key, callers, *(each or () for each in at_times))
        for number, key, callers, *at_times in rows
    )
    return sorted(curves, key=lambda curve: curve.key)


def _times(
    period: Period, places: Places, own: ColumnElement[str] | None, queue: str | None, now: int
) -> Select[Any]:
    """Place, key, how many callers; of each time at which any gave up: ms, how many, of how many still there.

    Of the times there are lists: a row for each of tens of thousands would take longer than all else.
    """
    place = places.quarters
    lasted = case((waits.c.reason != "", waits.c.waited_ms), else_=func.greatest(now - waits.c.joined_at, 0))
    every = (
        select(
            place.c.place,
            (literal_column("''") if own is None else own).label("key"),
            lasted.label("ms"),
            (waits.c["class"] == "B").label("gave_up"),
        )
        .join_from(waits, place, in_quarter(waits.c.joined_at, place))
        .where(in_span(waits.c.joined_at, period), *(() if queue is None else (waits.c.queue == queue,)))
        .subquery("every")
    )
    group = every.c.place, every.c.key
    still_there = func.sum(func.count()).over(partition_by=group, order_by=every.c.ms.desc(), rows=(None, 0))
    gave_up = many(every.c.gave_up).label("gave_up")
    times = (
        select(*group, every.c.ms, gave_up, cast(still_there, BigInteger).label("at_risk"))
        .group_by(*group, every.c.ms)
        .subquery("times")
    )
    lists = (
        func.list(each).aggregate_order_by(times.c.ms).filter(times.c.gave_up > 0)
        for each in (times.c.ms, times.c.gave_up, times.c.at_risk)
    )
    group = times.c.place, times.c.key
    return select(*group, func.max(times.c.at_risk), *lists).group_by(*group)
