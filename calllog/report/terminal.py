"""A report for the terminal: the answer first, then tables with small charts in them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from calllog.printable import escaped, printable
from calllog.report.model import (
    Bars,
    Block,
    Cell,
    Column,
    Curve,
    Heat,
    Lanes,
    Paths,
    Report,
    Stretch,
    Table,
    Tiles,
    Tone,
)
from calllog.report.show import NOTHING, bar, days_in, line, made, period_in_words, text_of

BAR = 10
LONGEST = 200
"""Letters of one value."""
FOLDED = 24
"""Letters of a line of what may be folded, at least."""
ROWS = 200
"""Rows of one table; further ones are counted, and named with what shows them."""
STYLE: dict[Tone, str] = {
    "": "",
    "answered": "blue",
    "abandoned": "red",
    "short": "magenta",
    "flowed": "bright_black",
    "failed": "bold red",
    "waiting": "yellow",
    "ringing": "yellow",
    "free": "cyan",
    "paused": "bright_black",
    "good": "green",
    "bad": "red",
}


class Shown:
    """A report, to be printed by a rich Console. Untrusted text in it is escaped."""

    def __init__(self, report: Report, *, wide: bool = False, rows: int = ROWS) -> None:
        """`wide`: with the columns for which there is little room; `rows`: of each table, at most."""
        self._report, self._wide, self._rows = report, wide, rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report = self._report
        subject = f" · {escaped(report.subject)}" if report.subject else ""
        yield Text.assemble(
            (report.title, "bold"), f" · {period_in_words(report.period)} ({report.period.zone}){subject}"
        )
        for section in report.sections:
            yield Text()
            yield Text(escaped(section.title), style="bold underline")
            if section.lead:
                yield Text(escaped(section.lead))
            for block in section.blocks:
                shown = self._block(block, options.max_width)
                if shown is not None:
                    yield Text()
                    yield Padding(shown, (0, 0, 0, 2))
        yield Text()
        yield Text(
            f"As of {made(report)}. What each figure means: --html, --csv, --json, docs/figures.md.",
            style="dim",
        )

    def _block(self, block: Block, width: int) -> RenderableType | None:
        match block:
            case Table():
                return self._table(block, width - 2)
            case Tiles():
                return self._tiles(block)
            case Bars():
                return _bars(block, width - 2)
            case Heat():
                return _heat(block)
            case Curve():
                return _curve(block)
            case Paths():
                return _paths(block)
            case Lanes():
                return _lanes(block, width - 2)
        return None

    def _tiles(self, block: Tiles) -> RenderableType:
        grid = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
        for tile in block.tiles:
            value = text_of(tile.value, tile.kind, self._report.period.zone)
            style = f"bold {STYLE[tile.tone]}".strip()
            grid.add_row(
                Text(value, style=style, justify="right"), Text(tile.title), Text(escaped(tile.detail), "dim")
            )
        return grid

    def _table(self, table: Table, room: int) -> RenderableType:
        """As many of its columns as there is room for, with their bars if possible; no value is ever cut."""
        title = Text(escaped(table.title), style="bold")
        if not table.rows:
            return Group(title, Text(escaped(table.empty), style="dim"))
        rows = table.rows[: self._rows]
        columns = [
            (at, column)
            for at, column in enumerate(table.columns)
            if not column.exact and (self._wide or not column.wide)
        ]
        texts = {at: [self._said(row[at], column) for row in rows] for at, column in columns}
        widths = {at: _width(column, texts[at]) for at, column in columns}
        shown = _fitting(columns, widths, room)
        bars = sum(widths[at] + 2 + (BAR + 2) * column.bar for at, column in shown) <= room
        _widen(widths, shown, texts, room - (BAR + 2) * bars * sum(column.bar for _, column in shown))
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for at, column in shown:
            right = column.kind not in ("text", "at", "line")
            grid.add_column(
                Text(column.title),
                justify="right" if right else "left",
                overflow="fold",
                width=widths[at],
            )
            if column.bar and bars:
                grid.add_column("", width=BAR)
        tops = {at: _top(table, at) for at, column in shown if column.bar and bars}
        for number, row in enumerate(rows):
            grid.add_row(*self._cells(number, row, shown, texts, tops))
        parts: list[RenderableType] = [title, grid]
        if left_out := [column.title for _, column in columns if (_, column) not in shown]:
            parts.append(Text(f"Without room here: {', '.join(left_out)} (--wide shows all).", style="dim"))
        if table.count > len(rows):
            parts.append(Text(f"… and {table.count - len(rows):,} more rows: --csv, --json", style="dim"))
        if table.note:
            parts.append(Text(escaped(table.note), style="dim"))
        return Group(*parts)

    def _said(self, cell: Cell, column: Column) -> str:
        text = text_of(cell.value, column.kind, self._report.period.zone, day=days_in(self._report.period))
        return escaped(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")

    def _cells(
        self,
        number: int,
        row: tuple[Cell, ...],
        columns: list[tuple[int, Column]],
        texts: dict[int, list[str]],
        tops: dict[int, float],
    ) -> Iterator[Text]:
        for at, column in columns:
            value = row[at].value
            yield Text(texts[at][number], style=STYLE[column.tone] if value else "")
            if at in tops:
                size = value / tops[at] if isinstance(value, int | float) and tops[at] else 0
                yield Text(bar(min(size, 1), BAR), style=STYLE[column.tone])


def _width(column: Column, texts: list[str]) -> int:
    """What a column needs: its longest value; of words only so much, for they can be folded."""
    longest = max(map(len, texts))
    longest = min(longest, FOLDED) if column.name in ("outcomes", "last_heard", "needs") else longest
    return max(longest, *map(len, column.title.split()))


def _widen(
    widths: dict[int, int], columns: list[tuple[int, Column]], texts: dict[int, list[str]], room: int
) -> None:
    """What room is left goes to titles of several words, and to what would be folded."""
    left = room - sum(widths[at] + 2 for at, _ in columns)
    for at, column in columns:
        more = min(max(len(column.title), *map(len, texts[at])) - widths[at], left)
        widths[at] += more
        left -= more


def _fitting(
    columns: list[tuple[int, Column]], widths: dict[int, int], room: int
) -> list[tuple[int, Column]]:
    """The columns for which there is room, from the left; the call, by which one looks further, is kept."""
    kept = [one for one in columns if one[1].name == "call"]
    left = room - sum(widths[at] + 2 for at, _ in kept)
    for at, column in columns:
        if (at, column) in kept:
            continue
        left -= widths[at] + 2
        if left < 0 and at:
            break
        kept.append((at, column))
    return sorted(kept, key=lambda one: one[0])


def _top(table: Table, at: int) -> float:
    """What a full bar means in that column."""
    if table.columns[at].kind == "share":
        return 1
    values = [row[at].value for row in table.rows]
    return max((value for value in values if isinstance(value, int | float)), default=0)


def _bars(block: Bars, width: int) -> RenderableType:
    """Each colour as a line of letters, with its sum; below them where it begins and ends."""
    lines: list[RenderableType] = [Text(escaped(block.title), style="bold")]
    names = max(len(series.title) for series in block.series)
    room = max(width - names - 12, 10)
    drawn = [_fewer(series.values, room) for series in block.series]
    top = max((value for values in drawn for value in values if value), default=0)
    for series, values in zip(block.series, drawn, strict=True):
        total = sum(value or 0 for value in series.values)
        if total:
            lines.append(
                Text.assemble(
                    f"{series.title:{names}}  ", (line(values, top), STYLE[series.tone]), f"  {total:,.0f}"
                )
            )
    if len(lines) == 1:
        return Group(*lines, Text("Nothing happened in this time.", style="dim"))
    if block.places:
        shown = min(len(block.places), room)
        first, last = block.places[0], block.places[-1]
        gap = max(shown - len(first) - len(last), 1)
        lines.append(Text(" " * (names + 2) + first + " " * gap + last, style="dim"))
    return Group(*lines)


def _fewer(values: tuple[float | None, ...], room: int) -> list[float]:
    """Neighbours added up until there is room for them."""
    if len(values) <= room:
        return [value or 0 for value in values]
    each = -(-len(values) // room)
    return [sum(one or 0 for one in values[at : at + each]) for at in range(0, len(values), each)]


def _heat(block: Heat) -> RenderableType:
    lines = [Text(escaped(block.title), style="bold")]
    names = max(len(row) for row in block.rows)
    values = [[_number(cell.value) for cell in row] for row in block.cells]
    top = max((value for row in values for value in row if value), default=0)
    for name, row in zip(block.rows, values, strict=True):
        shades = "".join(_shade(value, top) * 2 for value in row)
        lines.append(Text.assemble(f"{name:{names}}  ", (shades, STYLE[block.tone])))
    every = 3
    ruler = "".join(f"{name:<{every * 2}}" for name in block.columns[::every])
    lines.append(Text(" " * (names + 2) + ruler, style="dim"))
    return Group(*lines)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _shade(value: float | None, top: float) -> str:
    if not value:
        return " " if value is None else "·"
    return "░▒▓█"[min(int(4 * value / top), 3)]


def _curve(block: Curve) -> RenderableType:
    half = next((at for at, share in block.points if share <= 0.5), None)
    seen = f"half at {text_of(half, 'ms', 'UTC')}" if half is not None else "never down to a half"
    end = block.points[-1][0]
    steps = 40
    heights = [_at(block.points, end * at / steps) for at in range(steps + 1)] if end else []
    return Group(
        Text(escaped(block.title), style="bold"),
        Text.assemble("100 % ", (line(heights), STYLE[block.tone]), f"  {text_of(end, 'ms', 'UTC')}; {seen}"),
    )


def _at(points: tuple[tuple[int, float], ...], ms: float) -> float:
    return next(share for at, share in reversed(points) if at <= ms)


def _paths(block: Paths) -> RenderableType:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title, right in (
        ("Step", False),
        ("Came", True),
        ("", False),
        ("Hung up there", True),
        ("Then", False),
    ):
        grid.add_column(title, justify="right" if right else "left", overflow="fold")
    top = max((step.entered for step in block.steps), default=0)
    for step in block.steps:
        on = [move for move in block.moves if move.path == step.path]
        then = ", ".join(f"{printable(move.to) or 'the end'} {move.count}" for move in on[:4])
        grid.add_row(
            printable(step.path),
            f"{step.entered:,}",
            Text(bar(step.entered / top if top else 0, BAR), STYLE["answered"]),
            Text(
                f"{step.dropped:,}" if step.dropped else NOTHING, STYLE["abandoned" if step.dropped else ""]
            ),
            Text(then),
        )
    return Group(Text(escaped(block.title), style="bold"), grid)


LETTER: dict[str, tuple[str, Tone]] = {
    "talking": ("█", "answered"),
    "offered": ("▒", "ringing"),
    "connecting": ("▒", "ringing"),
    "wrapup": ("▓", "free"),
    "ready": ("─", "free"),
    "busy_private": ("▪", "failed"),
    "paused": ("·", "paused"),
    "unreachable": ("!", "bad"),
}


NOTHING_KNOWN: tuple[str, Tone] = (" ", "")


def _lanes(block: Lanes, width: int) -> RenderableType:
    """What each agent was longest in each piece of the time."""
    names = max((len(printable(lane.title)) for lane in block.lanes), default=0)
    room = max(min(width - names - 2, 96), 10)
    each = (block.to_at - block.from_at) / room
    lines = [Text(escaped(block.title), style="bold")]
    for lane in block.lanes:
        text = Text(f"{printable(lane.title):{names}}  ")
        begins = [stretch.from_at for stretch in lane.stretches]
        for at in range(room):
            begin, end = block.from_at + at * each, block.from_at + (at + 1) * each
            first = max(bisect_right(begins, begin) - 1, 0)  # they follow each other
            state = _most(lane.stretches[first : bisect_left(begins, end)], begin, end)
            glyph, tone = LETTER.get(state, NOTHING_KNOWN)
            text.append(glyph, STYLE[tone])
        lines.append(text)
    legend = "█ talking  ▒ rung  ▓ wrap-up  ─ ready  ▪ busy privately  · paused  ! unreachable"
    return Group(*lines, Text(legend, style="dim"))


def _most(stretches: tuple[Stretch, ...], begin: float, end: float) -> str:
    spent: dict[str, float] = {}
    for stretch in stretches:
        overlap = min(stretch.to_at, end) - max(stretch.from_at, begin)
        if overlap > 0:
            spent[stretch.state] = spent.get(stretch.state, 0) + overlap
    return max(spent, key=lambda state: (spent[state], state), default="")
