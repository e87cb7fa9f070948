"""Charts of the figures of queues: the curve of a day, how long people waited, when they gave up."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

from sqlalchemy import func, select

from calllog.archive.schema import waits
from calllog.figures.figure import Row
from calllog.figures.patience import patience_curves
from calllog.figures.period import Period
from calllog.printable import duration
from calllog.report.listings import rows_of, within
from calllog.report.model import Bars, Cell, Curve, Heat, Mark, Series, Tone
from calllog.report.source import DAYS, Source, when, when_in_full

FEW = 5
"""Of fewer callers no curve of patience is drawn, and no queue is called the worst."""
BUCKETS = 26
"""Bars of the distribution of waits, about."""
STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600)

OUTCOMES: tuple[tuple[str, str, Tone], ...] = (
    ("answered", "answered", "answered"),
    ("flowed", "sent elsewhere", "flowed"),
    ("waiting", "still waiting", "waiting"),
    ("failed", "failed by us", "failed"),
    ("abandoned", "hung up", "abandoned"),
)


def day_curve(
    source: Source, title: str, rows: Sequence[Row], *, queue: str | None = None, lost: bool = False
) -> Bars | None:
    """What became of those who joined in each interval; `lost`: only of those who hung up."""
    shown = _busy(rows)
    if not shown:
        return None
    series = [
        Series(words, tone, tuple(row.values[name] for row in shown))
        for name, words, tone in OUTCOMES
        if any(row.values[name] for row in shown) and (not lost or name == "abandoned")
    ]
    calls = [
        source.open.waits("abandoned", row.values["abandoned"], queue, _span(source, row)) for row in shown
    ]
    return Bars(
        title=title,
        about="Each bar opens those of its callers who hung up." if any(calls) else "",
        places=tuple(when(row.from_at, source.period, source.interval) for row in shown),
        full=tuple(when_in_full((row.from_at, row.to_at), source.period, source.interval) for row in shown),
        series=tuple(series),
        calls=tuple(calls),
    )


def _busy(rows: Sequence[Row]) -> Sequence[Row]:
    """From the first interval to which anybody came to the last, and one on each side."""
    at = [number for number, row in enumerate(rows) if row.values["offered"]]
    return rows[max(at[0] - 1, 0) : at[-1] + 2] if at else []


def _span(source: Source, row: Row) -> Period:
    return Period(row.from_at, row.to_at, source.period.zone)


def heat_of(source: Source) -> Heat | None:
    """How many hung up, by weekday and hour of the local clock."""
    found = {row.key: row.values for row in source.queues("whole", "weekday_hour")}
    hours = sorted({key[2:] for key, values in found.items() if values["offered"]})
    if not hours:
        return None
    span = [f"{hour:02}" for hour in range(int(hours[0]), int(hours[-1]) + 1)]
    cells, beside = [], []
    for day in range(1, 8):
        values = [found.get(f"{day} {hour}") for hour in span]
        cells.append(tuple(Cell(each["abandoned"] if each and each["offered"] else None) for each in values))
        beside.append(
            tuple(
                f"{each['abandoned']:,} of {each['offered']:,} hung up" if each and each["offered"] else ""
                for each in values
            )
        )
    return Heat(
        title="Hung up, by weekday and hour",
        about="The darker, the more callers were lost. Empty: nobody came.",
        rows=DAYS,
        columns=tuple(span),
        cells=tuple(cells),
        beside=tuple(beside),
    )


def waits_of(source: Source) -> Bars | None:
    """How many waited how long, and what is in time."""
    source.told("the waits of callers")
    answered, abandoned = _lengths(source)
    both = answered + abandoned
    if not both:
        return None
    rank, seen = -(-97 * both.total() // 100), accumulate(count for _, count in sorted(both.items()))
    most = 1000 * sorted(both)[next(at for at, until in enumerate(seen) if until >= rank)]
    step = next((each * 1000 for each in STEPS_S if each * 1000 * BUCKETS > most), STEPS_S[-1] * 1000)
    edges = [step * number for number in range(most // step + 2)]
    level = source.thresholds.service_level_ms("")
    words = [duration(edge) for edge in edges]
    return Bars(
        title="How long they waited",
        about="Left of the line: in time. The last bar is everybody who waited longer than that.",
        places=tuple(_short(edge) for edge in edges),
        full=(*(f"{begin} to {end}" for begin, end in pairwise(words)), f"{words[-1]} or longer"),
        series=(
            Series("answered", "answered", _buckets(answered, step, len(edges))),
            Series("hung up", "abandoned", _buckets(abandoned, step, len(edges))),
        ),
        mark=Mark(level / step, f"in time: {_short(level)}") if level <= edges[-1] else None,
        across="time waited",
        edges=True,
    )


def _lengths(source: Source) -> tuple[Counter[int], Counter[int]]:
    """How many were answered, and how many hung up, after so many whole seconds."""
    kind, ms = waits.c["class"], waits.c.waited_ms
    each = (
        select(kind, (ms - ms % 1000).label("ms"))
        .where(within(waits.c.joined_at, source.period), kind.in_(("A", "B")))
        .subquery()
    )
    statement = select(each, func.count().label("many")).group_by(*each.c)
    found: dict[str, Counter[int]] = {"A": Counter(), "B": Counter()}
    for row in rows_of(source.engine, statement):
        found[row["class"]][row["ms"] // 1000] += row["many"]
    return found["A"], found["B"]


def _buckets(lengths: Counter[int], step: int, many: int) -> tuple[float, ...]:
    """So many bars, each `step` ms wide; the last has all that is longer."""
    counts = [0] * many
    for seconds, count in lengths.items():
        counts[min(seconds * 1000 // step, many - 1)] += count
    return tuple(counts)


def _short(ms: int) -> str:
    """A time below an axis: `40 s`, `2 min`, `1:30 min`."""
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02} min" if seconds % 60 else f"{seconds // 60} min"
    return f"{seconds / 3600:g} h"


def patience_of(source: Source) -> Curve | None:
    """When people lose patience: who was answered in time tells that he would have waited so long."""
    source.told("patience")
    found = patience_curves(source.engine, source.period, now=source.now)
    if not found or len(found[0].times) < FEW:
        return None
    curve = found[0]
    return Curve(
        title="How long they are patient",
        about="Of those who are not answered before, so many would still be waiting.",
        points=((0, 1.0), *curve.points(200)),
        tone="abandoned",
        across="time waited",
        half="half have gone after",
    )
