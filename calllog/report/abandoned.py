"""`holdfast report abandoned`: whom we lost, when and where, what they had heard; then the rates."""

from collections.abc import Iterable, Sequence

from calllog.figures.figure import Row
from calllog.printable import duration
from calllog.report.charts import day_curve, heat_of, patience_of, waits_of
from calllog.report.lost import reasons, said, who
from calllog.report.model import Block, Cell, Report, Section, Table, Tiles
from calllog.report.queues import QUEUE_COLUMNS, calls_behind, hour_table, queue_table
from calllog.report.show import text_of
from calllog.report.source import Source, text_column, tile, value_cells, when_in_full

TITLES = {
    "abandoned": "Hung up while waiting",
    "abandoned_before_agent": "Lost before an agent, menus included",
}
RATES = tuple(each for each in QUEUE_COLUMNS if each.name in {
    "offered", "abandoned", "short", "abandon_rate", "abandon_rate_raw", "short_share", "abandon_mean_ms",
    "abandoned_ringing", "refused", "failed",
})  # fmt: skip


def abandoned(source: Source) -> Report:
    """The report: the answer, when, the list with forensics, why, the rates."""
    whole = source.queues("whole", "")[0]
    by_queue = source.queues("whole", "queue")
    spans = source.queues(source.interval, "")
    lost = int(whole.values["abandoned"] or 0)
    first = Section(
        title="Were callers lost?",
        lead=_lead(source, whole, by_queue, spans),
        blocks=(_tiles(source, whole), *_charts(source, spans)),
    )
    source.told("the callers who hung up")
    sections = [
        first,
        Section(title="Who hung up", lead=said(source), blocks=(who(source, lost),)),
        Section(title="Why", blocks=tuple(reasons(source, lost))) if lost else None,
        Section(title="Rates", blocks=tuple(_rates(source, by_queue))),
    ]
    return source.report("abandoned", "Abandoned callers", filter(None, sections))


def _charts(source: Source, spans: Sequence[Row]) -> list[Block]:
    charts: Iterable[Block | None] = (
        day_curve(source, "When they had joined", spans, lost=True),
        waits_of(source),
        patience_of(source),
        heat_of(source) if source.interval not in ("15m", "30m") else None,
    )
    return [chart for chart in charts if chart is not None]


def _tiles(source: Source, whole: Row) -> Tiles:
    values = whole.values
    short = values["short"] or 0
    details = {
        "abandoned": f"of {values['offered']:,} who joined a queue",
        "abandon_rate": f"without {short:,} who hung up at once" if short else "",
        "abandoned_before_agent": "hung up in a menu or a queue, of all who called",
        "abandon_mean_ms": "that long they waited in vain",
        "abandoned_ringing": "a telephone rang for them already",
        "failed": "an error of ours ended their wait",
        "refused": "the door of a queue stayed shut",
    }
    keys = calls_behind(source, whole, details)
    of_calls = source.calls("whole", "")[0].values
    values = {**of_calls, **values}
    keys["abandoned_before_agent"] = source.open.calls("ivr_exit", of_calls["ivr_exit"])
    return Tiles(
        tuple(
            tile(
                values,
                name,
                detail,
                calls=keys.get(name, ""),
                title=TITLES.get(name, ""),
                tone=None if values[name] else "",
            )
            for name, detail in details.items()
        )
    )


def _lead(source: Source, whole: Row, by_queue: Sequence[Row], spans: Sequence[Row]) -> str:
    values = whole.values
    if not values["offered"]:
        return "Nobody came to a queue in this time."
    if not values["abandoned"]:
        return f"No. All {values['offered']:,} callers who joined a queue stayed on the line."
    said = f"Yes: {values['abandoned']:,} of {values['offered']:,} hung up while waiting"
    if values["abandon_mean_ms"]:
        said += f", after {duration(values['abandon_mean_ms'])} on average"
    worst = max(spans, key=lambda row: row.values["abandoned"] or 0)
    span = when_in_full((worst.from_at, worst.to_at), source.period, source.interval)
    said += f". Most were lost {span} ({worst.values['abandoned']:,})"
    if len(by_queue) > 1:
        queue = max(by_queue, key=lambda row: row.values["abandoned"] or 0)
        rate = text_of(queue.values["abandon_rate"], "share", "UTC")
        said += f", and in {queue.key} ({queue.values['abandoned']:,}, {rate})"
    return f"{said}."


def _rates(source: Source, by_queue: Sequence[Row]) -> list[Block]:
    tables: list[Block] = [queue_table(source, by_queue, RATES)]
    for by, head in (("campaign", "Campaign"), ("flow", "Flow and version")):
        rows = source.queues("whole", by)
        if len(rows) > 1:
            cells = tuple((Cell(row.key or "none"), *value_cells(row, RATES)) for row in rows)
            columns = (text_column(by, head), *RATES)
            tables.append(Table(name=f"by_{by}", title=f"By {head.lower()}", columns=columns, rows=cells))
    return [*tables, hour_table(source, "hour", "By hour of the day")]
