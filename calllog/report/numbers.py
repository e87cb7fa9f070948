"""`holdfast report numbers`: what became of the calls to each number of ours, and of each campaign."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from calllog.archive.schema import calls
from calllog.figures.figure import Row
from calllog.figures.line import line_figures, outages
from calllog.printable import duration
from calllog.report.listings import rows_of, within
from calllog.report.model import Bars, Block, Cell, Column, Report, Section, Series, Table, Tiles, Tone
from calllog.report.settled import settled
from calllog.report.source import Source, column, text_column, tile, value_cells, when, when_in_full

VERDICTS = {
    "completed": "completed",
    "abandoned": "abandoned_calls",
    "ivr_exit": "ivr_exit",
    "self_served": "self_served",
    "overflowed": "overflowed",
    "transferred": "transferred",
    "rejected": "rejected",
    "failed": "failed_calls",
    "lost": "lost",
}
"""Verdict → its figure."""
COLUMNS = (
    column("arrived", bar=True),
    column("completed"),
    column("abandoned_calls"),
    column("ivr_exit"),
    column("self_served"),
    column("overflowed"),
    column("transferred", wide=True),
    column("rejected", wide=True),
    column("failed_calls", wide=True),
    column("lost", wide=True),
)
LINE = (column("availability", bar=True), column("away_ms"), column("served_alone"))
OUTAGES = (
    text_column("asterisk", "Asterisk"),
    Column(name="from_at", title="From", kind="at"),
    Column(name="to_at", title="To", kind="at"),
    Column(name="away_ms", title="Away", kind="ms", tone="bad"),
)
RATES = (*COLUMNS, column("abandoned_before_agent", bar=True, title="Lost before an agent"))


def numbers(source: Source) -> Report:
    """The report: the answer, the curve of all calls, each number, each campaign and version."""
    whole = source.calls("whole", "")[0]
    curve = _curve(source, source.calls(source.interval, ""))
    source.told("the numbers called")
    blocks: list[Block] = [_tiles(source, whole)]
    if curve:
        blocks.append(curve)
    sections = [
        Section(title="Who called?", lead=_lead(whole), blocks=tuple(blocks)),
        Section(title="Each number", blocks=(_numbers(source),)),
        Section(
            title="Each campaign and flow",
            blocks=(
                _by(source.calls("whole", "campaign"), "campaign", "Campaign"),
                _by(source.calls("whole", "flow"), "flow", "Flow and version"),
            ),
        ),
    ]
    return source.report(
        "numbers", "Numbers called", filter(None, (*sections, settled(source), _line(source)))
    )


def _line(source: Source) -> Section | None:
    """Whether callers could reach us: each Asterisk that the archive knows."""
    source.told("whether the line was there")
    rows = line_figures(source.engine, source.period, "whole", now=source.now)
    if not rows:
        return None
    worst = min(rows, key=lambda row: row.values["availability"] or 0)
    away_ms = worst.values["away_ms"] or 0
    lead = "Yes, all the time."
    if away_ms:
        lead = f"Not always: {worst.key} could not be reached for {duration(away_ms)}."
    of_whom = "of the Asterisk that was away longest" if len(rows) > 1 else ""
    available = tile(worst.values, "availability", of_whom, tone="bad" if away_ms else "good")
    table = Table(
        name="line",
        title="Each Asterisk",
        columns=(text_column("asterisk", "Asterisk"), *LINE),
        rows=tuple((Cell(row.key), *value_cells(row, LINE)) for row in rows),
    )
    blocks: tuple[Block, ...] = (Tiles((available,)), table, *_outages(source))
    return Section(title="Was the line there?", lead=lead, blocks=blocks)


def _outages(source: Source) -> Iterator[Table]:
    """When it was not: what is behind availability."""
    begin, end = source.period.from_at, source.period.to_at
    with source.engine.connect() as connection:
        every = outages(connection, source.now)
        found = [away for away in every if away.from_at < end and away.to_at > begin]
    if found:
        spans = ((away, max(away.from_at, begin), min(away.to_at, end)) for away in found)
        yield Table(
            name="outages",
            title="When it could not be reached",
            columns=OUTAGES,
            rows=tuple(
                (Cell(away.asterisk), Cell(first), Cell(last), Cell(last - first))
                for away, first, last in sorted(spans, key=lambda span: (span[1], span[0].asterisk))
            ),
        )


def _numbers(source: Source) -> Table:
    """Calls to each number by verdict: counts of `calls`, as its figures count them."""
    statement = (
        select(calls.c.number, calls.c.verdict, func.count().label("count"))
        .where(within(calls.c.arrived_at, source.period))
        .group_by(calls.c.number, calls.c.verdict)
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("arrived", *VERDICTS.values()), 0)
    )
    for row in rows_of(source.engine, statement):
        values = found[row["number"]]
        values["arrived"] += row["count"]
        if name := VERDICTS.get(row["verdict"]):
            values[name] += row["count"]
    ordered = sorted(found.items(), key=lambda item: (-item[1]["arrived"], item[0]))
    return Table(
        name="numbers",
        title="Numbers",
        columns=(text_column("number", "Number"), *COLUMNS),
        rows=tuple(
            (
                Cell(number or "none"),
                *(Cell(values[each.name], _opens(source, each.name, values, number)) for each in COLUMNS),
            )
            for number, values in ordered
        ),
        empty="Nobody called in this time.",
    )


def _opens(source: Source, name: str, values: dict[str, int], number: str) -> str:
    verdict = next((verdict for verdict, figure in VERDICTS.items() if figure == name), "")
    return source.open.calls(verdict, values[name], number=number)


def _by(rows: Sequence[Row], key: str, head: str) -> Table:
    return Table(
        name=f"by_{key}",
        title=f"By {head.lower()}",
        columns=(text_column(key, head), *RATES),
        rows=tuple((Cell(row.key or "none"), *value_cells(row, RATES)) for row in rows),
        empty="Nobody called in this time.",
    )


def _tiles(source: Source, whole: Row) -> Tiles:
    details = {
        "arrived": ("", "Calls"),
        "completed": ("completed", "Talked to an agent"),
        "abandoned_before_agent": ("ivr_exit", "Lost before an agent"),
        "self_served": ("self_served", "Served by the flow"),
        "hold_abandoned": ("", "Hung up on hold"),
        "fallback_taken": ("", "Served without us"),
    }
    tiles = []
    for name, (verdict, title) in details.items():
        value = whole.values[name]
        count = whole.values[VERDICTS[verdict]] if verdict else value
        opens = source.open.calls(verdict, count) if verdict or name == "arrived" else ""
        tiles.append(tile(whole.values, name, calls=opens, title=title, tone=None if value else ""))
    return Tiles(tuple(tiles))


def _curve(source: Source, rows: Sequence[Row]) -> Bars | None:
    at = [number for number, row in enumerate(rows) if row.values["arrived"]]
    if not at:
        return None
    shown = rows[max(at[0] - 1, 0) : at[-1] + 2]
    colours: tuple[tuple[str, str, Tone], ...] = (
        ("completed", "talked to an agent", "answered"),
        ("self_served", "served by the flow", "free"),
        ("overflowed", "sent elsewhere", "flowed"),
        ("failed_calls", "failed by us", "failed"),
        ("ivr_exit", "hung up in the menu", "short"),
        ("abandoned_calls", "hung up while waiting", "abandoned"),
    )
    return Bars(
        title="What became of the calls",
        about="By the time at which they came.",
        places=tuple(when(row.from_at, source.period, source.interval) for row in shown),
        full=tuple(when_in_full((row.from_at, row.to_at), source.period, source.interval) for row in shown),
        series=tuple(
            Series(title, tone, tuple(row.values[name] for row in shown)) for name, title, tone in colours
        ),
    )


def _lead(whole: Row) -> str:
    values = whole.values
    if not values["arrived"]:
        return "Nobody called in this time."
    said = f"{values['completed']:,} of {values['arrived']:,} callers talked to an agent"
    rate = values["abandoned_before_agent"]
    return f"{said}; {rate * 100:.1f} % were lost before." if rate else f"{said}; none was lost before."
