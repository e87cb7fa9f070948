"""Everybody who hung up while waiting: the list with what is known of each, and the list counted.

There may be a million of them: they are counted where they lie, and listed a few at a time.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select

from calllog.archive.schema import calls, waits
from calllog.report.listings import in_pieces, left_as, left_word, rows_of, within
from calllog.report.model import FIRST, Cell, Cells, Column, Table
from calllog.report.source import Source, text_column

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
_READ = (
    "left_at", "queue", "waited_ms", "position_first", "position_last", "last_heard", "told_position",
    "told_wait_s", "rung", "ringing", "reason", "needs", "campaign", "call",
)  # fmt: skip
_TOLD = waits.c.told_wait_s.is_not(None)
_LONGER = and_(_TOLD, waits.c.waited_ms > func.round(waits.c.told_wait_s * 1000))
_WAYS: tuple[tuple[str, str, str, ColumnElement[str]], ...] = (
    (
        "by_last_heard",
        "What they heard last",
        "Heard last",
        case((waits.c.last_heard == "", "nothing but music"), else_=waits.c.last_heard),
    ),
    (
        "by_told",
        "What they had been told",
        "Told",
        case(
            (_LONGER, "a time, and it was over"),
            (_TOLD, "a time, and it was not yet over"),
            (waits.c.told_position > 0, "a place, but no time"),
            else_="nothing of place or time",
        ),
    ),
    (
        "by_place",
        "Whether the line had moved",
        "Place",
        case(
            (waits.c.position_last == 1, "was next"),
            (waits.c.position_last < waits.c.position_first, "had come nearer"),
            (waits.c.position_last > waits.c.position_first, "had been passed"),
            else_="had not moved",
        ),
    ),
    (
        "by_agents",
        "Whether agents were there",
        "Agents",
        case(
            (waits.c.ringing != "", "one rang just then"),
            (waits.c.rung > 0, "rung in vain"),
            else_="nobody was rung",
        ),
    ),
)
"""What may have made them go: name and title of a table, head of its first column, and what stands there."""


def who(source: Source, lost: int) -> Table:
    """Each of them, in the order in which they hung up; `lost`: how many they are."""
    order = waits.c.left_at, waits.c.call, waits.c.n
    them = select(*(waits.c[name] for name in _READ), waits.c.n).where(_lost(source)).order_by(*order)

    def every() -> Iterator[Cells]:
        whole = them.add_columns(calls.c.caller).outerjoin(calls, calls.c.call == waits.c.call)
        found = in_pieces(source.engine, whole, waits.c.left_at, source.period, lost)
        return (_cells(row._mapping) for row in found)

    some = them.limit(FIRST).subquery("some")  # their callers are looked for once it is known who they are
    shown = select(some, calls.c.caller).outerjoin(calls, calls.c.call == some.c.call)
    rows = rows_of(source.engine, shown.order_by(some.c.left_at, some.c.call, some.c.n))
    first = tuple(_cells(row) for row in rows)
    return Table(
        name="abandoned",
        title="Each caller who hung up while waiting",
        columns=LIST,
        rows=first,
        total=lost,
        every=every if lost > len(first) else None,
        empty="Nobody hung up while waiting.",
        note="`holdfast log --call CALL` shows all that happened in one of these calls." if first else "",
    )


def said(source: Source) -> str:
    """What their list says, in a sentence."""
    (of,) = rows_of(
        source.engine,
        select(
            *(
                func.coalesce(func.sum(case((holds, 1), else_=0)), 0).label(name)
                for name, holds in (
                    ("told", _TOLD),
                    ("longer", _LONGER),
                    ("vain", waits.c.rung > 0),
                    ("ringing", waits.c.ringing != ""),
                )
            )
        ).where(_lost(source)),
    )
    told = []
    if of["told"]:
        told.append(f"{of['longer']:,} of {of['told']:,} who had been told a time waited longer than that")
    if of["vain"]:
        told.append(f"for {of['vain']:,} an agent had been rung in vain")
    if of["ringing"]:
        told.append(f"for {of['ringing']:,} one rang just then")
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}." if told else ""


def reasons(source: Source, lost: int) -> Iterator[Table]:
    """The list counted by what may have made them go; `lost`: how many they are, above 0."""
    columns = (
        Column(name="callers", title="Callers", kind="count", bar=True, tone="abandoned"),
        Column(name="share", title="Share", kind="share"),
        Column(name="waited_mean_ms", title="Waited, mean", kind="ms"),
    )
    for name, title, head, key in _WAYS:
        each = select(key.label("of"), waits.c.waited_ms).where(_lost(source)).subquery()
        many = func.count().label("many")
        counted = (
            select(each.c.of, many, func.sum(each.c.waited_ms).label("waited_ms"))
            .group_by(each.c.of)
            .order_by(many.desc(), each.c.of)
        )
        rows = tuple(
            (
                Cell(row["of"]),
                Cell(row["many"]),
                Cell(row["many"] / lost),
                Cell(int(row["waited_ms"]) / row["many"]),
            )
            for row in rows_of(source.engine, counted)
        )
        yield Table(name=name, title=title, columns=(text_column("group", head), *columns), rows=rows)


def _lost(source: Source) -> ColumnElement[bool]:
    return and_(within(waits.c.joined_at, source.period), left_as("abandoned", source.thresholds))


def _cells(row: Any) -> Cells:
    told_ms = None if row["told_wait_s"] is None else round(row["told_wait_s"] * 1000)
    values = {
        **row,
        "told_wait_ms": told_ms,
        "longer_ms": None if told_ms is None else max(row["waited_ms"] - told_ms, 0),
        "told_position": row["told_position"] or None,
        "place": f"{row['position_first']} → {row['position_last']}",
        "reason": left_word(row["reason"]),
    }
    return tuple(Cell(values[each.name]) for each in LIST)
