"""`holdfast report calls`: every call of the time, or those behind one figure."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Engine, FromClause, Select, func, select, true

from calllog.archive.schema import calls as calls_table
from calllog.archive.schema import refusals, sales, surveys, talks, waits
from calllog.figures.contact import followed, know_followed, know_said, not_settled, said, unresolved
from calllog.figures.overtaking import know_overtaken, overtaken
from calllog.report.chosen import ANY, Chosen
from calllog.report.listings import CALLS, cells_of, in_pieces, left_as, listed, rows_of, verdict_word, within
from calllog.report.model import FIRST, Cell, Cells, Column, Report, Section, Table, Tone
from calllog.report.source import Source, text_column

TONES: dict[str, Tone] = {
    "completed": "answered",
    "abandoned": "abandoned",
    "ivr_exit": "abandoned",
    "failed": "failed",
}
NAMES = {
    "queue": (waits.c.queue, waits.c.joined_at),
    "agent": (talks.c.agent, talks.c.bridged_at),
    "flow": (calls_table.c.flow, calls_table.c.arrived_at),
    "verdict": (calls_table.c.verdict, calls_table.c.arrived_at),
}
"""Options that are names of something → where those of a time are found."""
SHOWN = 12
"""Names that are told, at most, where none is like the one that was asked for."""


def calls(source: Source, chosen: Chosen) -> Report:
    """The calls, and what became of them."""
    source.told("the calls")
    engine = source.later if chosen.called_again or chosen.unresolved else source.engine
    with engine.connect() as connection:
        if chosen.overtaken:
            know_overtaken(connection)
        if chosen.called_again:
            know_followed(connection)
        if chosen.unresolved:
            know_said(connection)
    where = _where(source, chosen)
    verdicts = _verdicts(engine, where)
    statement = listed(CALLS, where)
    total = sum(count for _, count in verdicts)

    def every() -> Iterator[Cells]:
        found = in_pieces(engine, statement, calls_table.c.arrived_at, source.period, total)
        return (cells_of(CALLS, row) for row in found)

    rows = tuple(islice(every(), FIRST))

    table = Table(
        name="calls",
        title="Calls",
        columns=CALLS.columns,
        rows=rows,
        total=total,
        every=every if total > len(rows) else None,
        empty="There is no such call in this time." if total else _none(source, chosen),
        note="`holdfast log --call CALL` shows all that happened in one of them." if rows else "",
    )
    became = _became(source, verdicts, chosen)
    section = Section(title="What became of them?", lead=_lead(verdicts, total), blocks=(became,))
    sections = [section, Section(title="Each call", blocks=(table,))]
    return source.report("calls", "Calls", sections if rows else [sections[1]], chosen.words())


def _none(source: Source, chosen: Chosen) -> str:
    """That there is no such call; also if that may be because a name is misspelt."""
    told = ["There is no such call in this time."]
    for option, (column, at) in NAMES.items():
        asked = getattr(chosen, option)
        names = select(column.label("name")).where(within(at, source.period)).distinct()
        known = sorted(row["name"] for row in rows_of(source.engine, names) if row["name"]) if asked else []
        if known and asked not in known:
            close = get_close_matches(asked, known, n=1)
            there = ", ".join(close or known[:SHOWN]) + (" …" if not close and len(known) > SHOWN else "")
            how = "nearest is" if close else "there is"
            told.append(f"None of its calls has {option} {asked}; {how}: {there}.")
    return " ".join(told)


def _where(source: Source, chosen: Chosen) -> list[ColumnElement[bool]]:
    period, call = source.period, calls_table.c.call
    where: list[ColumnElement[bool]] = [
        call.in_(_also(select(table.c.call).where(within(at, period), which), table, chosen))
        for table, at, which in _own(source, chosen)
    ]
    if not where:
        where.append(within(calls_table.c.arrived_at, period))
        if chosen.queue:
            where.append(call.in_(select(waits.c.call).where(waits.c.queue == chosen.queue)))
    for name in ("verdict", "number", "flow"):
        if value := getattr(chosen, name):
            where.append(calls_table.c[name] == value)
    return where


def _own(
    source: Source, chosen: Chosen
) -> Iterator[tuple[FromClause, ColumnElement[int], ColumnElement[bool]]]:
    """Of which tables a call must have a row, by which instant of it, and which rows."""
    if chosen.left:
        yield waits, waits.c.joined_at, left_as(chosen.left, source.thresholds)
    if chosen.talked or (chosen.agent and not chosen.left):
        yield talks, talks.c.bridged_at, talks.c.unbridged_at.is_not(None)
    if chosen.refused:
        yield refusals, refusals.c.at, _for(refusals, chosen.refused)
    if chosen.surveyed:
        yield surveys, surveys.c.offered_at, surveys.c.score.is_not(None)
    if chosen.sales:
        yield sales, sales.c.made_at, true()
    if chosen.overtaken:
        yield overtaken, overtaken.c.joined_at, _for(overtaken, chosen.overtaken)
    if chosen.called_again:
        yield followed, followed.c.arrived_at, not_settled(source.thresholds, source.now)
    if chosen.unresolved:
        yield said, said.c.bridged_at, unresolved(source.thresholds)


def _for(table: FromClause, reason: str) -> ColumnElement[bool]:
    return true() if reason == ANY else table.c.reason == reason


def _also(own: Select[Any], table: Any, chosen: Chosen) -> Select[Any]:
    if chosen.queue:
        own = own.where(table.c.queue == chosen.queue)
    if chosen.agent and "agent" in table.c:
        own = own.where(table.c.agent == chosen.agent)
    return own


def _verdicts(engine: Engine, where: Sequence[ColumnElement[bool]]) -> list[tuple[str, int]]:
    verdict, count = calls_table.c.verdict, func.count().label("count")
    found = rows_of(engine, select(verdict, count).where(*where).group_by(verdict))
    return sorted(((row["verdict"], row["count"]) for row in found), key=lambda pair: (-pair[1], pair[0]))


def _became(source: Source, verdicts: Sequence[tuple[str, int]], chosen: Chosen) -> Table:
    total = sum(count for _, count in verdicts)
    plain = chosen == Chosen()
    rows = tuple(
        (
            Cell(verdict_word(verdict)),
            Cell(count, source.open.calls(verdict, count) if plain and verdict else ""),
            Cell(count / total),
        )
        for verdict, count in verdicts
    )
    columns = (
        text_column("verdict", "Became"),
        Column(name="calls", title="Calls", kind="count", bar=True),
        Column(name="share", title="Share", kind="share"),
    )
    return Table(name="verdicts", title="Calls by what became of them", columns=columns, rows=rows)


def _lead(verdicts: Sequence[tuple[str, int]], total: int) -> str:
    if not total:
        return ""
    counts = dict(verdicts)
    lost = [
        f"{counts[name]:,} {verdict_word(name)}"
        for name in ("abandoned", "ivr_exit", "failed", "lost")
        if name in counts
    ]
    said = f"{counts.get('completed', 0):,} of {total:,} talked to an agent"
    return f"{said}; {', '.join(lost)}." if lost else f"{said}."
