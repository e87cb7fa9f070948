"""`holdfast report abandoned`: whom we lost, when and where, what they had heard; then the rates."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import select

from calllog.archive.schema import calls, waits
from calllog.figures.figure import Row
from calllog.printable import duration
from calllog.report.behind import left_as, left_word, rows_of, within
from calllog.report.charts import day_curve, heat_of, patience_of, waits_of
from calllog.report.model import Block, Cell, Column, Report, Section, Table, Tile, Tiles
from calllog.report.queues import QUEUE_COLUMNS, calls_behind, hour_table, queue_table
from calllog.report.show import text_of
from calllog.report.source import Source, column, text_column, value_cells, when_in_full

TITLES = {
    "abandoned": "Hung up while waiting",
    "abandoned_before_agent": "Lost before an agent, menus included",
}
LIST = (
    Column(name="left_at", title="Hung up", kind="at"),
    text_column("queue", "Queue"),
    Column(name="caller", title="Caller", personal=True),
    Column(name="waited_ms", title="Waited", kind="ms", bar=True, tone="abandoned"),
    text_column("place", "Place"),
    Column(name="position_first", title="First place", kind="count", exact=True),
    Column(name="position_last", title="Last place", kind="count", exact=True),
    text_column("last_heard", "Heard last"),
    Column(name="told_position", title="Told place", kind="count", wide=True),
    Column(name="told_wait_ms", title="Told to wait", kind="ms"),
    Column(name="longer_ms", title="Longer than told", kind="ms", wide=True, tone="bad"),
    Column(name="rung", title="Rung in vain", kind="count"),
    text_column("ringing", "Rang just then", wide=True),
    text_column("reason", "How", exact=True),
    text_column("needs", "Needed", wide=True),
    text_column("campaign", "Campaign", wide=True),
    text_column("call", "Call"),
)
RATES = tuple(each for each in QUEUE_COLUMNS if each.name in {
    "offered", "abandoned", "short", "abandon_rate", "abandon_rate_raw", "short_share", "abandon_mean_ms",
    "abandoned_ringing", "refused", "failed",
})  # fmt: skip


def abandoned(source: Source) -> Report:
    """The report: the answer, when, the list with forensics, why, the rates."""
    whole = source.queues("whole", "")[0]
    by_queue = source.queues("whole", "queue")
    spans = source.queues(source.interval, "")
    source.told("the callers who hung up")
    lost = _lost(source)
    first = Section(
        title="Were callers lost?",
        lead=_lead(source, whole, by_queue, spans),
        blocks=(_tiles(source, whole), *_charts(source, spans)),
    )
    sections = [
        first,
        Section(title="Who hung up", lead=_said(lost), blocks=(_list(lost),)),
        Section(title="Why", blocks=tuple(_reasons(lost))) if lost else None,
        Section(title="Rates", blocks=tuple(_rates(source, by_queue))),
    ]
    return source.report("abandoned", "Abandoned callers", filter(None, sections))


def _lost(source: Source) -> list[dict[str, Any]]:
    """Everybody who hung up while waiting, in the order in which they did."""
    names = [each for each in waits.c if each.name not in ("told_wait_s", "class")]
    statement = (
        select(*names, waits.c.told_wait_s, calls.c.caller)
        .join(calls, calls.c.call == waits.c.call, isouter=True)
        .where(within(source.period), left_as("abandoned", source.thresholds))
        .order_by(waits.c.left_at, waits.c.call, waits.c.n)
    )
    found = rows_of(source.engine, statement)
    for row in found:
        told = row.pop("told_wait_s")
        row["told_wait_ms"] = None if told is None else round(told * 1000)
        row["longer_ms"] = None if told is None else max(row["waited_ms"] - row["told_wait_ms"], 0)
        row["told_position"] = row["told_position"] or None
        row["place"] = f"{row['position_first']} → {row['position_last']}"
        row["short"] = row["waited_ms"] < source.thresholds.short_abandon_ms(row["queue"])
    return found


def _list(lost: Sequence[dict[str, Any]]) -> Table:
    words: dict[str, Callable[[Any], Any]] = {"reason": left_word}
    return Table(
        name="abandoned",
        title="Each caller who hung up while waiting",
        columns=LIST,
        rows=tuple(
            tuple(Cell(words.get(each.name, lambda value: value)(row[each.name])) for each in LIST)
            for row in lost
        ),
        empty="Nobody hung up while waiting.",
        note="`holdfast log --call CALL` shows all that happened in one of these calls." if lost else "",
    )


def _charts(source: Source, spans: Sequence[Row]) -> list[Block]:
    charts: Iterable[Block | None] = (
        day_curve(source, "When they had joined", spans, lost=True),
        waits_of(source),
        patience_of(source),
        heat_of(source) if source.interval not in ("15m", "30m") else None,
    )
    return [chart for chart in charts if chart is not None]


def _tiles(source: Source, whole: Row) -> Tiles:
    values, keys = whole.values, calls_behind(source, whole)
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
    tiles, of_calls = [], source.calls("whole", "")[0].values
    values = {**of_calls, **values}
    keys["abandoned_before_agent"] = source.open.calls("ivr_exit", of_calls["ivr_exit"])
    for name, detail in details.items():
        shown = column(name)
        tiles.append(
            Tile(
                title=TITLES.get(name, shown.title),
                value=values[name],
                kind=shown.kind,
                tone=shown.tone if values[name] else "",
                detail=detail,
                calls=keys.get(name, ""),
                defined=name,
            )
        )
    return Tiles(tuple(tiles))


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


def _said(lost: Sequence[dict[str, Any]]) -> str:
    """What their list says, in a sentence."""
    if not lost:
        return ""
    told = [row for row in lost if row["told_wait_ms"] is not None]
    longer = sum(1 for row in told if row["longer_ms"])
    said = []
    if told:
        said.append(f"{longer:,} of {len(told):,} who had been told a time waited longer than that")
    if vain := sum(1 for row in lost if row["rung"]):
        said.append(f"for {vain:,} an agent had been rung in vain")
    if ringing := sum(1 for row in lost if row["ringing"]):
        said.append(f"for {ringing:,} one rang just then")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if said else ""


def _reasons(lost: Sequence[dict[str, Any]]) -> list[Table]:
    """The list counted by what may have made them go."""
    ways: tuple[tuple[str, str, str, Callable[[dict[str, Any]], str]], ...] = (
        (
            "by_last_heard",
            "What they heard last",
            "Heard last",
            lambda row: row["last_heard"] or "nothing but music",
        ),
        ("by_told", "What they had been told", "Told", _told),
        ("by_place", "Whether the line had moved", "Place", _moved),
        ("by_agents", "Whether agents were there", "Agents", _agents),
    )
    return [_grouped(lost, *way) for way in ways]


def _grouped(
    lost: Sequence[dict[str, Any]], name: str, title: str, head: str, key: Callable[[dict[str, Any]], str]
) -> Table:
    count: Counter[str] = Counter()
    waited: defaultdict[str, int] = defaultdict(int)
    for row in lost:
        count[key(row)] += 1
        waited[key(row)] += row["waited_ms"]
    rows = [
        (Cell(each), Cell(many), Cell(many / len(lost)), Cell(waited[each] / many))
        for each, many in sorted(count.items(), key=lambda item: (-item[1], item[0]))
    ]
    columns = (
        text_column("group", head),
        Column(name="callers", title="Callers", kind="count", bar=True, tone="abandoned"),
        Column(name="share", title="Share", kind="share"),
        Column(name="waited_mean_ms", title="Waited, mean", kind="ms"),
    )
    return Table(name=name, title=title, columns=columns, rows=tuple(rows))


def _told(row: dict[str, Any]) -> str:
    if row["told_wait_ms"] is not None:
        return "a time, and it was over" if row["longer_ms"] else "a time, and it was not yet over"
    return "a place, but no time" if row["told_position"] else "nothing of place or time"


def _moved(row: dict[str, Any]) -> str:
    first, last = row["position_first"], row["position_last"]
    if last == 1:
        return "was next"
    return "had come nearer" if last < first else "had been passed" if last > first else "had not moved"


def _agents(row: dict[str, Any]) -> str:
    if row["ringing"]:
        return "one rang just then"
    return "rung in vain" if row["rung"] else "nobody was rung"


def _rates(source: Source, by_queue: Sequence[Row]) -> list[Block]:
    tables: list[Block] = [queue_table(source, by_queue, RATES)]
    for by, head in (("campaign", "Campaign"), ("flow", "Flow and version")):
        rows = source.queues("whole", by)
        if len(rows) > 1:
            cells = tuple((Cell(row.key or "none"), *value_cells(row, RATES)) for row in rows)
            columns = (text_column(by, head), *RATES)
            tables.append(Table(name=f"by_{by}", title=f"By {head.lower()}", columns=columns, rows=cells))
    return [*tables, hour_table(source, "hour", "By hour of the day")]
