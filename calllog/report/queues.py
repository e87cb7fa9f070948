"""`holdfast report queues` and `intervals`: how long callers waited, and what became of them."""

from collections.abc import Iterable, Sequence

from calllog.figures.figure import Row, share
from calllog.figures.keys import By
from calllog.figures.line import refused_reasons
from calllog.figures.overtaking import overtaking_reasons
from calllog.figures.period import Period
from calllog.printable import duration, spaced
from calllog.report.behind import BEHIND
from calllog.report.charts import FEW, day_curve, heat_of, waits_of
from calllog.report.model import Block, Cell, Cells, Column, Report, Section, Table, Tiles
from calllog.report.show import text_of
from calllog.report.source import DAYS, Source, column, text_column, tile, value_cells, when_in_full

CURVES = 12
"""Queues that get a curve of their own."""
TITLES = {"service_level": "Service level", "asa_ms": "Answered after"}

QUEUE_COLUMNS = (
    column("offered", bar=True),
    column("answered"),
    column("abandoned"),
    column("short", wide=True),
    column("flowed"),
    column("failed", wide=True),
    column("waiting", wide=True),
    column("refused", wide=True),
    column("abandon_rate", bar=True),
    column("service_level", bar=True),
    column("asa_ms", title="ASA"),
    column("wait_p50_ms", title="Half", wide=True),
    column("wait_p90_ms", title="90 %"),
    column("wait_p95_ms", title="95 %", wide=True),
    column("wait_longest_ms", title="Longest"),
    column("abandon_mean_ms", wide=True),
    column("abandoned_ringing", wide=True),
    column("service_level_app_queue", wide=True),
    column("service_level_app_queue_all", wide=True),
    column("service_level_genesys", wide=True),
    column("service_level_connect", wide=True),
    column("overtaken", wide=True),
    column("overtaken_ms", wide=True),
    column("escalated", wide=True),
    column("escalation_rate", wide=True),
    column("escalation_wait_ms", wide=True),
    column("sla_met", wide=True),
)
BRIEF = tuple(each for each in QUEUE_COLUMNS if each.name in {
    "offered", "answered", "abandoned", "flowed", "failed", "abandon_rate", "service_level", "asa_ms",
    "wait_p90_ms", "wait_longest_ms",
})  # fmt: skip


def queues(source: Source) -> Report:
    """How every queue did: first all of them, then each."""
    whole = source.queues("whole", "", overtaking=True)[0]
    by_queue = source.queues("whole", "queue", overtaking=True)
    spans = source.queues(source.interval, "")
    how = Section(
        title="How long did callers wait?",
        lead=_lead(whole, by_queue),
        blocks=(
            _tiles(source, whole),
            *filter(None, (day_curve(source, "All queues", spans), waits_of(source))),
        ),
    )
    tables = Section(title="Each queue", blocks=(queue_table(source, by_queue), *_curves(source, by_queue)))
    clock = Section(title="When it is busy", blocks=busy(source))
    parts = (how, tables, _refused(source), _overtaking(source, whole), clock)
    return source.report("queues", "Queues", filter(None, parts))


def intervals(source: Source, by: By = "") -> Report:
    """The figures of queues for each interval of the period."""
    rows = source.queues(source.interval, by, overtaking=True)
    spans = source.queues(source.interval, "") if by else rows
    whole = source.queues("whole", "")[0]
    shown = [row for row in rows if row.values["offered"] or row.values["refused"]]
    columns = (
        text_column("interval", "Interval"),
        Column(name="from_at", title="From", kind="at", wide=True),
        Column(name="to_at", title="To", kind="at", wide=True),
        *([text_column(by, by.replace("_", " ").capitalize())] if by else []),
        *QUEUE_COLUMNS,
    )
    cells, named = [], [each.name for each in QUEUE_COLUMNS]
    for row in shown:
        span = Period(row.from_at, row.to_at, source.period.zone)
        names = [Cell(when_in_full((row.from_at, row.to_at), source.period, source.interval))]
        names += [Cell(row.from_at), Cell(row.to_at)]
        names += [Cell(row.key or "none")] if by else []
        queue = row.key if by == "queue" else None
        keys = calls_behind(source, row, named, queue, span) if by in ("", "queue") else {}
        cells.append((*names, *value_cells(row, QUEUE_COLUMNS, keys)))
    table = Table(
        name="intervals",
        title=f"Each interval ({source.interval})",
        columns=columns,
        rows=tuple(cells),
        note="Intervals to which nobody came are left out.",
    )
    curve = day_curve(source, "All queues", spans)
    section = Section(
        title="When did callers come?",
        lead=_busiest(source, spans),
        blocks=(_tiles(source, whole), *_some(curve), table),
    )
    return source.report("intervals", "Intervals", [section])


def queue_table(source: Source, rows: Sequence[Row], columns: Sequence[Column] = QUEUE_COLUMNS) -> Table:
    """A row for each queue."""
    names = [each.name for each in columns]
    return Table(
        name="queues",
        title="Queues",
        columns=(text_column("queue", "Queue"), *columns),
        rows=tuple(
            (Cell(row.key), *value_cells(row, columns, calls_behind(source, row, names, row.key)))
            for row in rows
        ),
        empty="Nobody came to a queue in this time.",
    )


def hour_table(source: Source, by: By, title: str) -> Table:
    """A row for each hour, or each day of the week, to which anybody came."""
    rows = [row for row in source.queues("whole", by) if row.values["offered"]]
    return Table(
        name=f"by_{by}",
        title=title,
        columns=(text_column(by, by.capitalize()), *BRIEF),
        rows=tuple((Cell(_clock_name(row.key, by)), *value_cells(row, BRIEF)) for row in rows),
        empty="Nobody came to a queue in this time.",
    )


def _refused(source: Source) -> Section | None:
    """Why doors of queues stayed shut."""
    source.told("who was not let in")
    rows = refused_reasons(source.engine, source.period, "whole")
    if not rows:
        return None
    times = Column(name="times", title="Callers", kind="count", bar=True, defined="refused_because")
    cells: list[Cells] = []
    for row in sorted(rows, key=lambda row: -(row.values["refused_because"] or 0)):
        queue, _, reason = row.key.rpartition(" ")
        opened = source.open.refusals(row.values["refused_because"], queue, reason)
        cells.append((Cell(queue), Cell(spaced(reason)), Cell(row.values["refused_because"], opened)))
    table = Table(
        name="refused",
        title="By queue and reason",
        columns=(text_column("queue", "Queue"), text_column("reason", "Because of"), times),
        rows=tuple(cells),
    )
    count = sum(row.values["refused_because"] or 0 for row in rows)
    (most, why, _), *_ = cells
    lead = f"{count:,} times the door of a queue stayed shut, most often: {most.value}, {why.value}."
    return Section(title="Who was not let in?", lead=lead, blocks=(table,))


def _overtaking(source: Source, whole: Row) -> Section | None:
    """For which reasons those who came later were served before others, and what that cost these."""
    times, ms = whole.values["overtaken"], whole.values["overtaken_ms"]
    if not times:
        return None
    source.told("who was overtaken")
    rows = overtaking_reasons(source.engine, source.period, "whole")
    columns = (
        text_column("reason", "Because of"),
        Column(name="times", title="Times", kind="count", bar=True, tone="waiting", defined="overtaken"),
        Column(name="ms", title="By, together", kind="ms", defined="overtaken_ms"),
        Column(name="mean_ms", title="By, mean", kind="ms"),
    )
    cells = []
    for row in sorted(rows, key=lambda row: -(row.values["times"] or 0)):
        opened = source.open.overtaken(row.key, row.values["times"])
        figures = row.values["times"], row.values["ms"], _mean(row)
        cells.append((Cell(spaced(row.key)), *(Cell(value, opened) for value in figures)))
    table = Table(name="overtaking", title="By reason", columns=columns, rows=tuple(cells))
    opened = source.open.overtaken("", times)
    tiles = (
        tile(whole.values, "overtaken", "who came later was served before", calls=opened),
        tile(whole.values, "overtaken_ms", "seconds by which, all together", calls=opened),
    )
    return Section(
        title="Who was overtaken?",
        lead=f"{times:,} times somebody who had come later was served first, "
        f"on average {duration((ms or 0) / times)} later.",
        blocks=(Tiles(tiles), table),
    )


def _mean(row: Row) -> float | None:
    return share(row.values["ms"] or 0, row.values["times"] or 0)


def calls_behind(
    source: Source, row: Row, names: Iterable[str], queue: str | None = None, span: Period | None = None
) -> dict[str, str]:
    """For each of these figures of a row, by name, the key of the calls behind it."""
    keys: dict[str, str] = {}
    for name in names:
        if group := BEHIND.get(name):
            keys[name] = source.open.waits(group, _count(row, group), queue, span)
        elif span is None and name == "refused":
            keys[name] = source.open.refusals(row.values[name], queue)
        elif span is None and name in ("overtaken", "overtaken_ms"):
            keys[name] = source.open.overtaken("", row.values["overtaken"], queue)
    return keys


def _clock_name(key: str, by: By) -> str:
    return DAYS[int(key) - 1] if by == "weekday" else f"{key}:00"


def _count(row: Row, group: str) -> int:
    """How many waits a list of this group has."""
    if group == "late":
        in_time = row.values["service_level_app_queue"] or 0  # of the answered
        return round((row.values["answered"] or 0) * (1 - in_time))
    return int(row.values["abandoned_ringing" if group == "ringing" else group] or 0)


def busy(source: Source) -> tuple[Block, ...]:
    """By hour; of more than a day also by weekday, and as a field."""
    blocks: list[Block] = []
    if source.interval not in ("15m", "30m"):
        blocks += _some(heat_of(source))
        blocks.append(hour_table(source, "weekday", "By day of the week"))
    return (*blocks, hour_table(source, "hour", "By hour of the day"))


def _curves(source: Source, by_queue: Sequence[Row]) -> list[Block]:
    if not 1 < len(by_queue) <= CURVES:
        return []
    rows = source.queues(source.interval, "queue")
    return [
        chart
        for one in sorted(by_queue, key=lambda row: -(row.values["offered"] or 0))
        if (chart := day_curve(source, one.key, [row for row in rows if row.key == one.key], queue=one.key))
    ]


def _tiles(source: Source, whole: Row) -> Tiles:
    values, level_s = whole.values, source.thresholds.service_level_s
    details = {
        "service_level": f"answered within {level_s:g} s, unless a queue says otherwise",
        "offered": "callers who joined a queue",
        "asa_ms": "mean wait of those answered",
        "wait_p90_ms": f"longest: {text_of(values['wait_longest_ms'], 'ms', 'UTC')}",
        "abandon_rate": f"{values['abandoned']:,} callers hung up",
        "flowed": "left by a rule or by choice",
    }
    keys = calls_behind(source, whole, details)
    return Tiles(
        tuple(
            tile(values, name, detail, calls=keys[name], title=TITLES.get(name, ""))
            for name, detail in details.items()
        )
    )


def _lead(whole: Row, by_queue: Sequence[Row]) -> str:
    values = whole.values
    if not values["offered"]:
        return "Nobody came to a queue in this time."
    said = f"{values['answered']:,} of {values['offered']:,} callers were answered"
    if values["asa_ms"] is not None:
        said += f", after {duration(values['asa_ms'])} on average; 9 of 10 after at most "
        said += duration(values["wait_p90_ms"] or 0)
    enough = [row for row in by_queue if (row.values["offered"] or 0) >= FEW]  # one of one is no rate
    worst = max(enough, key=lambda row: row.values["abandon_rate"] or 0, default=None)
    if worst is not None and worst.values["abandon_rate"]:
        said += f". {worst.key} lost most: {text_of(worst.values['abandon_rate'], 'share', 'UTC')} hung up"
    return f"{said}."


def _busiest(source: Source, rows: Sequence[Row]) -> str:
    most = max(rows, key=lambda row: row.values["offered"] or 0, default=None)
    if most is None or not most.values["offered"]:
        return "Nobody came to a queue in this time."
    span = when_in_full((most.from_at, most.to_at), source.period, source.interval)
    return f"Most came {span}: {most.values['offered']:,} callers."


def _some(block: Block | None) -> list[Block]:
    return [block] if block is not None else []
