"""Things offered for sale in flows: how many are wanted, and what it costs everybody in time."""

from collections.abc import Callable

from sqlalchemy import Engine, func

from calllog.archive.schema import calls, sales
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Counted, Tally
from calllog.figures.thresholds import Thresholds

SALES_BY: tuple[By, ...] = ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Counted], Value], notes: str = ""
) -> Measure[Counted]:
    return Measure(Figure(name, title, unit, formula, notes, "sales"), of)


SALES_MEASURES: tuple[Measure[Counted], ...] = (
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
    tally, of_calls = Tally(period, interval, by), by in ("campaign", "flow")
    source = sales.join(calls, calls.c.call == sales.c.call) if of_calls else sales
    sums = {
        "made": many(),
        "accepted": func.count(sales.c.accepted_at),
        "took_ms": func.sum(sales.c.took_ms),
    }
    wanted = (sales.c.offer == offer,) if offer else ()
    with engine.connect() as connection:
        key = own_key(by, calls if of_calls else sales)
        tally.count(connection, source, sales.c.made_at, sums, *wanted, key=key)
    return tally.rows(lambda _, sold: measured(SALES_MEASURES, sold))
