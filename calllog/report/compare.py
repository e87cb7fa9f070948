"""`holdfast report compare A B`: two times side by side, figure by figure."""

from collections.abc import Iterator, Mapping, Sequence

from calllog.figures.figure import Value
from calllog.report.model import Block, Cell, Column, Kind, Report, Section, Table, Tile, Tiles, Tone
from calllog.report.show import period_in_words, text_of
from calllog.report.source import Source, column, text_column, tile

FAMILIES: Mapping[str, Sequence[str]] = {
    "Queues": (
        "offered", "answered", "abandoned", "short", "flowed", "failed", "refused", "abandon_rate",
        "service_level",
        "asa_ms", "wait_p50_ms", "wait_p90_ms", "wait_p95_ms", "wait_longest_ms", "abandon_mean_ms",
        "abandoned_ringing", "overtaken", "escalated",
    ),
    "Calls": (
        "arrived", "completed", "abandoned_calls", "ivr_exit", "self_served", "overflowed", "transferred",
        "failed_calls", "lost", "abandoned_before_agent", "hold_abandoned", "fallback_taken",
    ),
    "Agents": (
        "handled", "aht_ms", "talk_ms", "held_ms", "wrapup_ms", "occupancy", "ring_share",
        "declined_no_answer",
        "transfers_blind", "transfers_attended",
    ),
    "Surveys": ("csat", "csat_mean", "csat_responses", "csat_response_rate"),
}  # fmt: skip
FIRST = ("offered", "abandon_rate", "service_level", "asa_ms", "aht_ms", "csat")
BETTER = {"service_level", "csat", "csat_mean"}
WORSE = {
    "abandoned", "abandon_rate", "asa_ms", "wait_p50_ms", "wait_p90_ms", "wait_p95_ms",
    "abandoned_before_agent", "failed", "failed_calls", "lost", "ivr_exit", "abandoned_calls",
    "hold_abandoned", "refused", "fallback_taken",
}  # fmt: skip
"""Figures of which more is better, or worse; of others it is neither."""


def compare(one: Source, other: Source) -> Report:
    """The report, with the second time as its own, as what it is compared with stands in its subject."""
    before, after = _values(one), _values(other)
    tables: list[Block] = [_table(family, names, before, after) for family, names in FAMILIES.items()]
    tables.append(_queues(one, other))
    section = Section(
        title="What has changed?",
        lead=f"A: {period_in_words(one.period)}. B: {period_in_words(other.period)}.",
        blocks=(Tiles(tuple(_tiles(before, after))), *tables),
    )
    return other.report("compare", "Compared", [section], f"compared with {period_in_words(one.period)}")


def _values(source: Source) -> dict[str, Value]:
    rows = (
        source.queues("whole", "", overtaking=True),
        source.calls("whole", ""),
        source.agents("")[""],
        source.surveys(""),
    )
    return {name: value for row in rows for name, value in row[0].values.items()}


def _table(
    family: str, names: Sequence[str], before: Mapping[str, Value], after: Mapping[str, Value]
) -> Table:
    rows = []
    for name in names:
        shown = column(name)
        old, new = before[name], after[name]
        rows.append(
            (
                Cell(shown.title),
                Cell(text_of(old, shown.kind, "UTC")),
                Cell(text_of(new, shown.kind, "UTC")),
                Cell(changed(old, new, shown.kind)),
                Cell(old),
                Cell(new),
                Cell(name),
            )
        )
    columns = (
        text_column("title", "Figure"),
        text_column("shown_a", "A"),
        text_column("shown_b", "B"),
        text_column("change", "B against A"),
        Column(name="a", title="A", kind="number", exact=True),
        Column(name="b", title="B", kind="number", exact=True),
        text_column("figure", "Name", exact=True),
    )
    return Table(name=family.lower(), title=family, columns=columns, rows=tuple(rows))


def _queues(one: Source, other: Source) -> Table:
    before = {row.key: row.values for row in one.queues("whole", "queue")}
    after = {row.key: row.values for row in other.queues("whole", "queue")}
    shown = ("offered", "abandon_rate", "service_level", "asa_ms")
    columns = [text_column("queue", "Queue")]
    for name in shown:
        each = column(name)
        for letter in ("a", "b"):
            title = f"{each.title}, {letter.upper()}"
            columns.append(Column(name=f"{name}_{letter}", title=title, kind=each.kind, defined=name))
    rows = tuple(
        (
            Cell(queue),
            *(Cell((values.get(queue) or {}).get(name)) for name in shown for values in (before, after)),
        )
        for queue in sorted({*before, *after})
    )
    return Table(name="each_queue", title="Each queue", columns=tuple(columns), rows=rows)


def _tiles(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[Tile]:
    for name in FIRST:
        shown, old, new = column(name), before[name], after[name]
        change = changed(old, new, shown.kind)
        tone: Tone = ""
        if old is not None and new is not None and old != new:
            good = (new > old) == (name in BETTER)
            tone = ("good" if good else "bad") if name in BETTER | WORSE else ""
        detail = f"{change}; A had {text_of(old, shown.kind, 'UTC')}" if change else ""
        yield tile(after, name, detail, tone=tone)


def changed(old: Value, new: Value, kind: Kind) -> str:
    """By how much it has changed: shares in points, all else in its unit and in percent."""
    if old is None or new is None:
        return ""
    step = new - old
    sign = "+" if step > 0 else ""
    if kind == "share":
        return f"{sign}{step * 100:.1f} points"
    said = f"{sign}{text_of(step, kind, 'UTC')}"
    return f"{said} ({100 * step / old:+.0f} %)" if old and round(100 * step / old) else said
