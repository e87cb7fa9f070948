"""Things offered for sale in flows: how many are wanted, and what it costs everybody in time."""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import Engine, and_, select

from calllog.archive.schema import calls, sales
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, Places, allowed, own_key, shown
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import in_span, streamed
from calllog.figures.thresholds import Thresholds

SALES_BY: tuple[By, ...] = ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
Sold = Counter[str]


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Sold], Value], notes: str = ""
) -> Measure[Sold]:
    return Measure(Figure(name, title, unit, formula, notes, "sales"), of)


SALES_MEASURES: tuple[Measure[Sold], ...] = (
    _of(
        "sales_made", "Offered", "count", "things offered for sale, by the time of that", lambda s: s["made"]
    ),
    _of("sales_accepted", "Accepted", "count", "those of them that were wanted", lambda s: s["accepted"]),
    _of(
        "sales_rate", "Upsell rate", "share", "accepted / offered", lambda s: share(s["accepted"], s["made"])
    ),
    _of(
        "sales_took_ms",
        "What an offer costs",
        "ms",
        "sum of the time in the steps that offered / offered",
        lambda s: share(s["took_ms"], s["made"]),
        "A step that did not end (the caller hung up in it) counts as 0.",
    ),
)


def sales_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds, *, offer: str = ""
) -> list[Row]:
    """SALES_MEASURES for each interval and key; of one `offer` if it is given."""
    del thresholds  # these figures have none; every family is asked in the same way
    allowed("sales", by, *SALES_BY)
    places = Places(period, interval, by)
    of: dict[tuple[Span, str], Sold] = {}
    table = calls if by in ("campaign", "flow") else sales
    statement = select(sales.c.made_at, own_key(by, table), sales.c.accepted_at, sales.c.took_ms).where(
        in_span(sales.c.made_at, period)
    )
    if offer:
        statement = statement.where(sales.c.offer == offer)
    if table is calls:
        statement = statement.join(calls, and_(calls.c.call == sales.c.call))
    with engine.connect() as connection:
        for at, own, accepted_at, took_ms in streamed(connection, statement):
            sold = of.setdefault((places.span(at), places.key(at, shown(by, own))), Counter())
            sold["made"] += 1
            sold["accepted"] += accepted_at is not None
            sold["took_ms"] += took_ms
    keys = sorted({key for _, key in of} | ({""} if by == "" else set()))
    nothing: Sold = Counter()
    return [
        Row(*span, key, measured(SALES_MEASURES, of.get((span, key), nothing)))
        for span in places.spans
        for key in keys
    ]
