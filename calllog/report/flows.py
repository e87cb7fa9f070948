"""`holdfast report flows`: which way callers took through the flows, and where they hung up."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from calllog.figures.paths import Passage, passages
from calllog.report.model import Cell, Column, Move, Paths, Report, Section, Step, Table, Tile, Tiles
from calllog.report.show import text_of
from calllog.report.source import Source, text_column

END = ""
PICTURE = 24
"""Steps of one picture: those to which most came."""
COLUMNS = (
    text_column("step", "Step"),
    Column(name="entered", title="Came", kind="count", bar=True, tone="answered"),
    Column(name="dropped", title="Hung up there", kind="count", tone="abandoned"),
    Column(name="drop_share", title="Share", kind="share", bar=True, tone="abandoned"),
    Column(name="took_mean_ms", title="Took, mean", kind="ms"),
    text_column("outcomes", "Outcomes"),
)


def flows(source: Source) -> Report:
    """The report: for each flow in which calls began their way, and where it lost them."""
    source.told("the ways through the flows")
    found = passages(source.engine, source.period)
    sections = [_flow(source, flow, moves) for flow, moves in _by_entry(found)]
    if not sections:
        empty = Table(
            name="steps", title="Steps", columns=COLUMNS, rows=(), empty="Nobody came to a flow in this time."
        )
        sections = [Section(title="Which way did callers go?", blocks=(empty,))]
    return source.report("flows", "Flows", sections)


def _by_entry(moves: Iterable[Passage]) -> list[tuple[str, list[Passage]]]:
    flows: defaultdict[str, list[Passage]] = defaultdict(list)
    for move in moves:
        flows[move.entry].append(move)
    return sorted(flows.items(), key=lambda item: (-sum(move.times for move in item[1]), item[0]))


def _flow(source: Source, flow: str, found: Sequence[Passage]) -> Section:
    entered: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    took: Counter[str] = Counter()
    outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    moves: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for move in found:
        entered[move.path] += move.times
        dropped[move.path] += move.dropped
        took[move.path] += move.took_ms
        outcomes[move.path][move.outcome] += move.times
        moves[move.path, move.next or END][move.outcome] += move.times
    ordered = sorted(entered, key=lambda path: (-entered[path], path))
    table = Table(
        name=f"steps_{flow}" if flow else "steps",
        title="Each step",
        columns=COLUMNS,
        rows=tuple(
            (
                Cell(path),
                Cell(entered[path]),
                Cell(dropped[path]),
                Cell(dropped[path] / entered[path]),
                Cell(took[path] / entered[path]),
                Cell(_counted(outcomes[path])),
            )
            for path in ordered
        ),
    )
    shown = ordered[:PICTURE]
    picture = Paths(
        title="The way of callers",
        about="From left to right, as wide as many went. What falls off hung up there, before any queue.",
        steps=tuple(Step(path=path, entered=entered[path], dropped=dropped[path]) for path in shown),
        moves=tuple(
            Move(path, to, sum(counts.values()), _counted(counts))
            for (path, to), counts in sorted(moves.items(), key=lambda item: (-item[1].total(), item[0]))
            if path in shown and (to in shown or to == END)
        ),
    )
    lost, first = sum(dropped.values()), max(entered.values())
    worst = max(ordered, key=lambda path: dropped[path])
    lead = f"Nobody hung up in it; {first:,} came."
    if lost:
        share = text_of(dropped[worst] / entered[worst], "share", "UTC")
        lead = (
            f"{lost:,} callers hung up in it, most at {worst}: {dropped[worst]:,}, {share} of who came there."
        )
    tile = Tile(
        title="Hung up in the flow",
        value=lost,
        kind="count",
        tone="abandoned" if lost else "",
        detail="before they came to a queue",
        calls=source.open.calls("ivr_exit", lost, flow=flow),
    )
    return Section(title=flow or "No flow", lead=lead, blocks=(Tiles((tile,)), picture, table))


def _counted(counts: Counter[str]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{outcome} {count:,}" for outcome, count in most[:8]) + (", …" if len(most) > 8 else "")
