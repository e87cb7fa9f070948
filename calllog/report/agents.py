"""`holdfast report agents`: how agents spent their time, and what they handled."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import ARRAY, Text, cast, func, or_, select

from calllog.archive.schema import agent_states
from calllog.figures.agents import AGENT_MEASURES
from calllog.figures.figure import Row
from calllog.figures.period import DAY_MS
from calllog.figures.tally import Counted
from calllog.report.listings import streamed
from calllog.report.model import (
    FIRST,
    Block,
    Cell,
    Cells,
    Lane,
    Lanes,
    Report,
    Section,
    Stretch,
    Table,
    Tiles,
)
from calllog.report.show import text_of
from calllog.report.source import Source, column, text_column, tile, value_cells

LANES = 60
"""Agents whose days are drawn; those who handled most, if there are more."""
DRAWN = 10_000
"""Intervals of their days that are drawn, about: with more of them a browser is slow."""
COLUMNS = (
    column("handled", bar=True),
    column("handled_calls", wide=True),
    column("aht_ms", title="AHT"),
    column("aht_call_ms", title="AHT of a call", wide=True),
    column("talk_ms"),
    column("held_ms"),
    column("wrapup_ms"),
    column("occupancy", bar=True),
    column("ring_share", wide=True),
    column("offered_legs"),
    column("answered_legs", wide=True),
    column("declined_no_answer", title="No answer"),
    column("declined_busy", title="Busy", wide=True),
    column("declined_rejected", title="Rejected", wide=True),
    column("declined_unreachable", title="Unreachable", wide=True),
    column("transfers_blind", wide=True),
    column("transfers_attended", wide=True),
    column("state_ready_ms", title="Ready"),
    column("state_paused_ms", title="Paused"),
    column("state_offered_ms", wide=True),
    column("state_connecting_ms", wide=True),
    column("state_talking_ms", wide=True),
    column("state_wrapup_ms", wide=True),
    column("state_busy_private_ms", wide=True),
    column("state_unreachable_ms", wide=True),
    column("state_offline_ms", wide=True),
)
LEGS = tuple(each for each in COLUMNS if each.name in {
    "handled", "handled_calls", "aht_ms", "aht_call_ms", "talk_ms", "held_ms", "wrapup_ms", "transfers_blind",
    "transfers_attended",
})  # fmt: skip

_OF_TALKS = ("handled", "handled_calls", "aht_ms", "aht_call_ms", "talk_ms", "held_ms")
_MADE_OF_SUMS = {
    measure.figure.name: measure.of
    for measure in AGENT_MEASURES
    if measure.figure.name not in ("handled_calls", "aht_call_ms")
}


def agents(source: Source) -> Report:
    """The report: the answer, days as bars, the figures of each agent, and of what came from each queue."""
    each, by_queue = source.agents("agent", "queue").values()
    whole = _together(source, each)
    many = len(each) > FIRST
    if many:
        each.sort(key=lambda row: (-(row.values["handled"] or 0), row.key))
    source.told("the days of agents")
    days = _days(source, each)
    table = _table("agents", "Agents", "agent", "Agent", each, COLUMNS, source)
    sections = [
        Section(
            title="How was the time spent?",
            lead=_lead(whole, each),
            blocks=(_tiles(source, whole, each), *([days] if days else [])),
        ),
        Section(title="Each agent", lead="Who handled most comes first." if many else "", blocks=(table,)),
        Section(
            title="What they handled, by queue",
            blocks=(_table("handled_by_queue", "Queues", "queue", "Queue", by_queue, LEGS, source),),
        ),
    ]
    return source.report("agents", "Agents", sections)


def _together(source: Source, each: Sequence[Row]) -> Row:
    """All agents. Their sums are added up; what cannot be (different calls) is left out."""
    total = Counted()
    for row in each:
        for measure in AGENT_MEASURES:
            name, value = measure.figure.name, row.values[measure.figure.name]
            if measure.figure.unit in ("count", "ms") and isinstance(value, int):
                total[name] += value
    values = {name: of(total) for (name, of) in _MADE_OF_SUMS.items()}
    return Row(source.period.from_at, source.period.to_at, "", values)


def _table(
    name: str, title: str, key: str, head: str, rows: Sequence[Row], columns: Any, source: Source
) -> Table:
    def cells(row: Row, opens: str = "") -> Cells:
        return (Cell(row.key), *value_cells(row, columns, dict.fromkeys(_OF_TALKS, opens)))

    first = tuple(
        cells(row, source.open.talks(row.values["handled"], **{key: row.key})) for row in rows[:FIRST]
    )
    return Table(
        name=name,
        title=title,
        columns=(text_column(key, head), *columns),
        rows=first,
        total=len(rows),
        every=(lambda: chain(first, map(cells, rows[FIRST:]))) if len(rows) > FIRST else None,
        empty="No agent was there in this time.",
    )


def _tiles(source: Source, whole: Row, each: Sequence[Row]) -> Tiles:
    opens = source.open.talks(whole.values["handled"])
    details = {
        "handled": ("Talks handled", f"by {len([row for row in each if row.values['handled']]):,} agents"),
        "aht_ms": ("Average handling time", "talk, hold and wrap-up"),
        "occupancy": ("Occupancy", "of their time at work with callers"),
        "declined_no_answer": (
            "Rung in vain",
            f"of {whole.values['offered_legs']:,} times that one was rung",
        ),
    }
    of_talks = ("handled", "aht_ms")
    return Tiles(
        tuple(
            tile(whole.values, name, detail, calls=opens if name in of_talks else "", title=title)
            for name, (title, detail) in details.items()
        )
    )


def _lead(whole: Row, each: Sequence[Row]) -> str:
    values = whole.values
    if not values["handled"]:
        return "No agent talked to a caller in this time."
    said = f"{values['handled']:,} talks, {text_of(values['aht_ms'], 'ms', 'UTC')} each with hold and wrap-up"
    if values["occupancy"] is not None:
        said += f"; agents were busy with callers {values['occupancy'] * 100:.0f} % of their time at work"
    most = max(each, key=lambda row: row.values["occupancy"] or 0)
    if most.values["occupancy"]:
        said += f", {most.key} {most.values['occupancy'] * 100:.0f} %"
    return f"{said}."


def _days(source: Source, each: Sequence[Row]) -> Block | None:
    """Of a period of up to two days: longer ones would be a pattern nobody reads."""
    begin, end = source.period.from_at, min(source.period.to_at, source.now)
    if source.period.to_at - begin > 2 * DAY_MS or end <= begin:
        return None
    most = sorted(each, key=lambda row: (-(row.values["handled"] or 0), row.key))[:LANES]
    names = [row.key for row in most]
    states = agent_states.c
    statement = (
        select(states.agent, states.state, states.reason, states.queue, states.from_at, states.to_at)
        .where(
            states.agent.in_(names),
            states.from_at < end,
            or_(states.to_at.is_(None), states.to_at > begin),
            states.state != "offline",
        )
        .order_by(func.list_position(cast(names, ARRAY(Text)), states.agent), states.n)
    )
    lanes: dict[str, list[Stretch]] = {}
    found = streamed(source.of_agents, statement)
    for number, (agent, state, reason, queue, from_at, to_at) in enumerate(found):
        if number >= DRAWN and agent not in lanes:
            break
        until = end if to_at is None else min(to_at, end)
        note = reason if state == "paused" else queue
        lanes.setdefault(agent, []).append(Stretch(max(from_at, begin), until, state, note))
    told = [stretch for stretches in lanes.values() for stretch in stretches]
    if not told:
        return None
    first, last = min(one.from_at for one in told), max(one.to_at for one in told)
    return Lanes(
        title="Their days",
        about="Each line is an agent's day; thick: with a caller, thin: ready or paused, empty: offline.",
        from_at=first,
        to_at=last,
        lanes=tuple(Lane(name, tuple(stretches)) for name, stretches in sorted(lanes.items())),
    )
