"""`holdfast report routing`: how much longer callers waited than an ideal router would have let them."""

from calllog.figures.figure import Row
from calllog.figures.routing import OutOfTurn, Routed, TooMany
from calllog.printable import duration
from calllog.regret import Wait
from calllog.report.model import Cell, Cells, Column, Report, Section, Table, Tiles
from calllog.report.show import text_of
from calllog.report.source import Source, column, text_column, tile, value_cells

SHOWN = 50
"""Calls that are listed for people, at most; CSV and JSON have all."""

_COLUMNS = (
    column("router_regret_waits", bar=True),
    column("router_regret_ms"),
    column("router_regret_error_ms"),
    column("out_of_turn"),
)


def routing(source: Source) -> Report:
    """Router regret and turns: all callers, each queue, then who has most to complain of."""
    try:
        found = source.routed()
    except TooMany as error:
        return source.report(
            "routing", "Routing", [Section(title="Was everybody served in turn?", lead=str(error))]
        )
    whole, *by_queue = found.rows(source.period)
    first = Section(
        title="Was everybody served in turn?",
        lead=_lead(whole),
        blocks=(_tiles(whole), _queues(by_queue)),
    )
    return source.report("routing", "Routing", [first, _complaints(found)])


def _lead(whole: Row) -> str:
    values = whole.values
    if not values["router_regret_waits"]:
        return "Nobody was answered in this time."
    late = values["router_regret_ms"] or 0
    how = "longer" if late >= 0 else "shorter"
    passed = int(values["out_of_turn"] or 0)
    turn = {0: "nobody", 1: "once somebody"}.get(passed, f"{passed:,} times somebody")
    return (
        f"Callers waited {duration(abs(late))} {how} on average than with a router that takes no time; "
        f"{turn} was served out of turn."
    )


def _tiles(whole: Row) -> Tiles:
    values = whole.values
    of = f"of {values['router_regret_waits']:,} answered waits"
    if values["router_regret_error_ms"] is not None:
        of += f", give or take {text_of(values['router_regret_error_ms'], 'ms', 'UTC')}"
    details = {
        "router_regret_ms": of,
        "out_of_turn": "rung for though another one was first",
    }
    return Tiles(tuple(tile(values, name, detail) for name, detail in details.items()))


def _queues(rows: list[Row]) -> Table:
    return Table(
        name="routing",
        title="Each queue",
        columns=(text_column("queue", "Queue"), *_COLUMNS),
        rows=tuple((Cell(row.key), *value_cells(row, _COLUMNS)) for row in rows),
        empty="Nobody was answered in this time.",
    )


def _complaints(found: Routed) -> Section:
    worst = sorted(found.waits, key=lambda wait: (-wait.regret_ms, wait.joined_at))
    later = [wait for wait in worst if wait.regret_ms > 0]
    waits = Table(
        name="regretted",
        title="Who waited longest beyond it",
        columns=(
            Column(name="joined_at", title="Joined", kind="at"),
            text_column("queue", "Queue"),
            Column(name="waited_ms", title="Waited", kind="ms"),
            Column(name="regret_ms", title="Beyond the ideal", kind="ms", bar=True, tone="waiting"),
            text_column("call", "Call"),
        ),
        rows=tuple(map(_waited, later[:SHOWN])),
        total=len(later),
        every=lambda: map(_waited, later),
        empty="Nobody waited longer.",
        note="`holdfast log --call CALL` shows all that happened in one of these calls. Who waits "
        "longer is often one whose agent another caller kept longer than the ideal's would have."
        if later
        else "",
    )
    turns = Table(
        name="out_of_turn",
        title="Who was served out of turn",
        columns=(
            Column(name="at", title="Rung at", kind="at"),
            text_column("queue", "Queue"),
            text_column("call", "Call"),
            text_column("what", "What"),
        ),
        rows=tuple(map(_passed, found.out_of_turn[:SHOWN])),
        total=len(found.out_of_turn),
        every=lambda: map(_passed, found.out_of_turn),
        empty="Nobody was.",
    )
    return Section(title="The calls", blocks=(waits, turns))


def _waited(wait: Wait) -> Cells:
    told = wait.joined_at, wait.queue, wait.waited_ms, wait.regret_ms, wait.call
    return tuple(Cell(value) for value in told)


def _passed(each: OutOfTurn) -> Cells:
    return tuple(Cell(value) for value in (each.at, each.queue, each.call, each.what))
