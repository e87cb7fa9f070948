"""Patience: how long callers would wait before they give up, if nobody answered.

The estimator of Kaplan and Meier (1958): at each time t at which d callers gave up, out of n who had neither
given up nor been answered (or sent on) before t, the share of the patient is multiplied by 1 - d / n. Who was
answered at that very time was still at risk: giving up counts first.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, select

from calllog.archive.schema import waits
from calllog.figures.figure import Figure
from calllog.figures.keys import By, Places, allowed, own_key, shown
from calllog.figures.period import Period
from calllog.figures.read import Numbers, in_span, streamed
from calllog.figures.waits import Cell, wait_cells
from calllog.vocabulary import LEFT_CLASS

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

    def __init__(self, key: str, abandoned: Numbers, others: Numbers) -> None:
        self.key = key
        self.abandoned = abandoned.count
        self.callers = abandoned.count + others.count
        gave_up = Counter(abandoned)
        self.times = array("q", sorted(gave_up))
        """Every time, ms, at which somebody gave up."""
        self.shares = array("d")
        """S at each of these times."""
        gone = array("q", bytes(8 * (len(self.times) + 1)))
        for waited in others:
            gone[bisect_right(self.times, waited)] += 1
        at_risk, share = self.callers, 1.0
        for number, time in enumerate(self.times):
            at_risk -= gone[number]
            share *= 1 - gave_up[time] / at_risk
            at_risk -= gave_up[time]
            self.shares.append(share)

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
    places = Places(period, "whole", by)
    abandoned: dict[str, Numbers] = {}
    others: dict[str, Numbers] = {}
    with engine.connect() as connection:
        for cell in _cells(connection, period, places, by, now):
            if queue is None or cell.queue == queue:
                key = places.key(cell.at, cell.queue if by == "queue" else cell.key)
                of = abandoned if LEFT_CLASS.get(cell.reason) == "B" else others
                of.setdefault(key, Numbers()).add(cell.waited_ms)
    keys = sorted({*abandoned, *others})
    return [Curve(key, abandoned.get(key, Numbers()), others.get(key, Numbers())) for key in keys]


def _cells(connection: Connection, period: Period, places: Places, by: By, now: int) -> Iterator[Cell]:
    """The waits of the period; those that go on with what they have lasted until now."""
    for cell in wait_cells(connection, period, places.edges, by):
        if cell.reason:
            yield cell
    going_on = select(waits.c.queue, own_key(by, waits), waits.c.joined_at).where(
        waits.c.reason == "", in_span(waits.c.joined_at, period)
    )
    for queue, key, joined_at in streamed(connection, going_on):
        yield Cell(joined_at, queue, shown(by, key), "", array("q", [max(now - joined_at, 0)]))
