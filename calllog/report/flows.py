"""`holdfast report flows`: which way callers took through the flows, and where they hung up."""

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import and_, case, func, select

from calllog.archive.schema import calls, steps
from calllog.report.listings import rows_of
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
    found = rows_of(source.engine, _moves(source))
    sections = [_flow(source, flow, rows) for flow, rows in _by_flow(found)]
    if not sections:
        empty = Table(
            name="steps", title="Steps", columns=COLUMNS, rows=(), empty="Nobody came to a flow in this time."
        )
        sections = [Section(title="Which way did callers go?", blocks=(empty,))]
    return source.report("flows", "Flows", sections)


def _moves(source: Source) -> Any:
    """From step to step, counted: by flow of the call's first step, outcome, and what came next."""
    at = steps.c.at
    told = (
        select(
            calls.c.flow.label("flow"),
            steps.c.path.label("path"),
            steps.c.outcome.label("outcome"),
            steps.c.took_ms.label("took_ms"),
            calls.c.verdict.label("verdict"),
            func.lead(steps.c.path).over(partition_by=steps.c.call, order_by=steps.c.n).label("next"),
        )
        .join(calls, calls.c.call == steps.c.call)
        .where(calls.c.arrived_at >= source.period.from_at, calls.c.arrived_at < source.period.to_at)
        .where(at >= source.period.from_at)
        .subquery()
    )
    gone = case((and_(told.c.next.is_(None), told.c.verdict == "ivr_exit"), 1), else_=0)
    return select(
        told.c.flow,
        told.c.path,
        told.c.outcome,
        told.c.next,
        func.count().label("count"),
        func.sum(gone).label("dropped"),
        func.sum(told.c.took_ms).label("took_ms"),
    ).group_by(told.c.flow, told.c.path, told.c.outcome, told.c.next)


def _by_flow(found: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    flows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        flows[row["flow"]].append(row)
    return sorted(flows.items(), key=lambda item: (-sum(row["count"] for row in item[1]), item[0]))


def _flow(source: Source, flow: str, rows: list[dict[str, Any]]) -> Section:
    entered: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    took: Counter[str] = Counter()
    outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    moves: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        path, count = row["path"], row["count"]
        entered[path] += count
        dropped[path] += int(row["dropped"])
        took[path] += int(row["took_ms"])
        outcomes[path][row["outcome"]] += count
        moves[path, row["next"] or END][row["outcome"]] += count
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
