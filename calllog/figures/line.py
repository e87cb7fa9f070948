"""The line: when Asterisk could be reached, and what callers met whom nobody served."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine, literal_column, select

from calllog.archive.schema import refusals, system
from calllog.figures.figure import Figure, Row
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import in_span, many, streamed
from calllog.figures.tally import Tally

LINE_FIGURES = (
    Figure(
        "availability",
        "Availability",
        "share",
        "1 - time between `asterisk_lost` and the next `asterisk_connected` of the same Asterisk / interval",
        "Cut at the interval's ends; one that is not back counts as away until now. Which worker tells it "
        "does not matter: the first `asterisk_lost` begins it, the first `asterisk_connected` ends it.",
        "line",
    ),
    Figure("away_ms", "Away", "ms", "that time", family="line"),
    Figure(
        "served_alone",
        "Served by Asterisk alone",
        "count",
        "`fallback_taken` of that Asterisk",
        "Calls that no worker took within the time of the front door.",
        "line",
    ),
)


class Outage(NamedTuple):
    """An Asterisk could not be reached."""

    asterisk: str
    from_at: int
    to_at: int


def outages(connection: Connection, now: int) -> Iterator[Outage]:
    """All there were, each when it ends; what goes on ends now."""
    told = select(system.c.asterisk, system.c.kind, system.c.at)
    lost: dict[str, int] = {}
    kinds = "asterisk_lost", "asterisk_connected"
    for name, kind, at in streamed(connection, told.where(system.c.kind.in_(kinds)).order_by(system.c.at)):
        if kind == "asterisk_lost":
            lost.setdefault(name, at)
        elif name in lost:
            yield Outage(name, lost.pop(name), at)
    yield from (Outage(name, at, max(at, now)) for name, at in lost.items())


def line_figures(engine: Engine, period: Period, interval: Interval, *, now: int) -> list[Row]:
    """LINE_FIGURES for each interval and each Asterisk that the archive knows."""
    spans = period.intervals(interval)
    with engine.connect() as connection:
        names = sorted(
            connection.scalars(select(system.c.asterisk).where(system.c.asterisk != "").distinct())
        )
        away = list(outages(connection, now))
        alone = [
            (name, at)
            for name, at in streamed(
                connection,
                select(system.c.asterisk, system.c.at).where(
                    system.c.kind == "fallback_taken", in_span(system.c.at, period)
                ),
            )
        ]
    rows = []
    for span in spans:
        for name in names:
            away_ms = sum(_overlap(span, outage) for outage in away if outage.asterisk == name)
            values = {
                "availability": 1 - away_ms / (span.to_at - span.from_at),
                "away_ms": away_ms,
                "served_alone": sum(who == name and span.from_at <= at < span.to_at for who, at in alone),
            }
            rows.append(Row(*span, name, values))
    return rows


def _overlap(span: Span, outage: Outage) -> int:
    return max(0, min(span.to_at, outage.to_at) - max(span.from_at, outage.from_at))


REFUSED_FIGURES = (
    Figure("refused_because", "Refused", "count", "callers refused, by reason", family="line"),
)


def refused_reasons(engine: Engine, period: Period, interval: Interval) -> list[Row]:
    """How many callers were refused for which reason; keys: `QUEUE REASON`, of those that the period has."""
    tally = Tally(period, interval, "queue and reason")
    key = refusals.c.queue.concat(literal_column("' '")).concat(refusals.c.reason)
    with engine.connect() as connection:
        tally.count(connection, refusals, refusals.c.at, {"refused_because": many()}, key=key)
    return tally.rows(lambda _, counts: {"refused_because": counts["refused_because"]})
