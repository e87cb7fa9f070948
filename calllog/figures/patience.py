"""Patience: how long callers would wait before they give up, if nobody answered.

The estimator of Kaplan and Meier (1958): at each time t at which d callers gave up, out of n who had neither
given up nor been answered (or sent on) before t, the share of the patient is multiplied by 1 - d / n. Who was
answered at that very time was still at risk: giving up counts first.
"""

from array import array
from bisect import bisect_right
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, case, func, literal_column, select

from calllog.archive.schema import waits
from calllog.figures.figure import Figure
from calllog.figures.keys import By, Places, allowed, own_key
from calllog.figures.period import Period
from calllog.figures.read import in_quarter, in_span, many, streamed

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

    def __init__(self, key: str) -> None:
        self.key = key
        self.callers = self.abandoned = 0
        self.times = array("q")
        """Every time, ms, at which somebody gave up."""
        self.shares = array("d")
        """S at each of these times."""
        self._share = 1.0

    def add(self, ms: int, gave_up: int, at_risk: int) -> None:
        """At the next time so many gave up, of so many who were still there; at the first of all, too."""
        self.callers = self.callers or at_risk
        self.abandoned += gave_up
        if gave_up:
            self._share *= 1 - gave_up / at_risk
            self.times.append(ms)
            self.shares.append(self._share)

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
    curves: dict[str, Curve] = {}
    with engine.connect() as connection:
        for number, key, *at_time in streamed(connection, _times(period, places, own, queue, now)):
            shown = places.every[number][1] if own is None else key
            curves.setdefault(shown, Curve(shown)).add(*at_time)
    return [curves[key] for key in sorted(curves)]


def _times(
    period: Period, places: Places, own: ColumnElement[str] | None, queue: str | None, now: int
) -> Select[Any]:
    """Place, key, ms, how many gave up then, how many were still there: of each time at which anybody did.

    And of the shortest wait of all, however it ended.
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
    times = (
        select(
            *group,
            every.c.ms,
            many(every.c.gave_up).label("gave_up"),
            func.sum(func.count())
            .over(partition_by=group, order_by=every.c.ms.desc(), rows=(None, 0))
            .label("at_risk"),
            func.row_number().over(partition_by=group, order_by=every.c.ms).label("number"),
        )
        .group_by(*group, every.c.ms)
        .subquery("times")
    )
    told = times.c.place, times.c.key, times.c.ms, times.c.gave_up, times.c.at_risk
    wanted = (times.c.gave_up > 0) | (times.c.number == 1)
    return select(*told).where(wanted).order_by(times.c.place, times.c.key, times.c.ms)
