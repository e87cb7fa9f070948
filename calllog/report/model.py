"""What a report is, however it is shown: sections of tiles, tables, charts, and the calls behind them. Pure.

Whatever a report shows of people stands in a column marked `personal`, and nowhere else: `redacted` hides it
there, once, for every way to show it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from calllog.figures.figure import Figure
from calllog.figures.period import Period

Kind = Literal["text", "at", "count", "share", "ms", "number", "line"]
"""How a value is shown. `at`: an instant, ms; `ms`: a duration; `share`: 0 to 1, shown in percent; `number`:
with two digits after the point; `line`: several values in order, shown as a line."""
Tone = Literal[
    "",
    "answered",
    "abandoned",
    "short",
    "flowed",
    "failed",
    "waiting",
    "ringing",
    "free",
    "paused",
    "good",
    "bad",
]
"""What a colour means, the same in every chart and table."""
Value = str | int | float | None | tuple[float | None, ...]

HIDDEN = "(hidden)"
FIRST = 500
"""Rows of one table that a page shows: a browser would be slow with all of a busy day."""


class Definition(msgspec.Struct, frozen=True):
    """What a figure means, as it stands beside it."""

    title: str
    formula: str
    notes: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a table."""

    name: str
    """In CSV and JSON; names what is in it and its unit."""
    title: str
    kind: Kind = "text"
    tone: Tone = ""
    personal: bool = False
    wide: bool = False
    """Whether it is left out where there is little room: the terminal, unless asked for."""
    exact: bool = False
    """Whether it is only for programs: another column says it to people."""
    bar: bool = False
    """Whether a small bar beside the value shows its size: of a share, of 1; else of the column's top."""
    defined: str = ""
    """Name of its definition in the report."""


class Cell(msgspec.Struct, frozen=True):
    """A value, and the key of the list of calls behind it (empty: none)."""

    value: Value = None
    calls: str = ""


Cells = tuple[Cell, ...]
"""A row."""


class Table(msgspec.Struct, frozen=True, kw_only=True, tag="table"):
    """Rows of cells, one for each column."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Cells, ...]
    """All of them; of a table that `every` can bring, the first, for people."""
    total: int = 0
    """How many `every` brings."""
    every: Callable[[], Iterator[Cells]] | None = None
    """Asks the archive for all its rows, a few at a time, if they may be too many for the memory."""
    empty: str = "Nothing happened in this time."
    note: str = ""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return max(self.total, len(self.rows))

    def all_rows(self) -> Iterable[Cells]:
        """Every row, in order."""
        return self.rows if self.every is None else self.every()


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that is seen first."""

    title: str
    value: Value
    kind: Kind
    tone: Tone = ""
    detail: str = ""
    calls: str = ""
    defined: str = ""


class Tiles(msgspec.Struct, frozen=True, tag="tiles"):
    """The figures that are seen first, side by side."""

    tiles: tuple[Tile, ...]


class Series(msgspec.Struct, frozen=True):
    """One colour of a chart: a value for each of its places."""

    title: str
    tone: Tone
    values: tuple[float | None, ...]


class Mark(msgspec.Struct, frozen=True):
    """A line across a chart at `at`, counted in its places (2.5: amid the third), with its words."""

    at: float
    title: str


class Bars(msgspec.Struct, frozen=True, kw_only=True, tag="bars"):
    """Bars, each a stack of the series: a day in intervals, waits by their length."""

    title: str
    about: str
    """What one sees in it, in a sentence."""
    places: tuple[str, ...]
    """What stands below each bar."""
    full: tuple[str, ...]
    """Each place in full, as it is told of one bar."""
    series: tuple[Series, ...]
    calls: tuple[str, ...] = ()
    mark: Mark | None = None
    across: str = ""
    """What the places are."""
    edges: bool = False
    """Whether a place is told where its bar begins, not below its middle."""


class Curve(msgspec.Struct, frozen=True, kw_only=True, tag="curve"):
    """A share that falls in steps over time: (ms, share), from (0, 1) on."""

    title: str
    about: str
    points: tuple[tuple[int, float], ...]
    tone: Tone = "waiting"
    across: str = ""
    half: str = ""
    """What it means that it falls to a half."""


class Heat(msgspec.Struct, frozen=True, kw_only=True, tag="heat"):
    """A field of cells, the darker the more."""

    title: str
    about: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    beside: tuple[tuple[str, ...], ...]
    """What is told of each cell beside its value."""
    kind: Kind = "count"
    tone: Tone = "abandoned"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a flow: how many came to it, and how many hung up there."""

    path: str
    entered: int
    dropped: int
    calls: str = ""


class Move(msgspec.Struct, frozen=True):
    """So many went from one step to another, by these outcomes; to nowhere: the flow was over for them."""

    path: str
    to: str
    count: int
    outcomes: str


class Paths(msgspec.Struct, frozen=True, kw_only=True, tag="paths"):
    """The way of callers through a flow."""

    title: str
    about: str
    steps: tuple[Step, ...]
    moves: tuple[Move, ...]


class Stretch(msgspec.Struct, frozen=True):
    """A time that somebody spent in one way."""

    from_at: int
    to_at: int
    state: str
    note: str = ""


class Lane(msgspec.Struct, frozen=True):
    """One agent's day."""

    title: str
    stretches: tuple[Stretch, ...]


class Lanes(msgspec.Struct, frozen=True, kw_only=True, tag="lanes"):
    """Days of agents, as bars of intervals below one another."""

    title: str
    about: str
    from_at: int
    to_at: int
    lanes: tuple[Lane, ...]


Block = Tiles | Table | Bars | Curve | Heat | Paths | Lanes


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report under a title of its own. `lead`: the answer in a sentence, before its proof."""

    title: str
    lead: str = ""
    blocks: tuple[Block, ...] = ()


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """The calls behind a figure: the first of them, how many there are, and what lists all of them."""

    title: str
    table: Table
    total: int
    command: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report, ready to be shown."""

    name: str
    title: str
    period: Period
    made_at: int
    """When the archive was asked, ms; what was open then goes on until then."""
    sections: tuple[Section, ...]
    subject: str = ""
    """What it is restricted to, in words."""
    definitions: Mapping[str, Definition] = {}
    behind: Mapping[str, Behind] = {}
    redacted: bool = False

    def tables(self) -> list[Table]:
        """Its tables in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]


def redacted(report: Report) -> Report:
    """The report without what is personal in it."""
    return msgspec.structs.replace(
        report,
        redacted=True,
        sections=tuple(
            msgspec.structs.replace(section, blocks=tuple(_hidden(block) for block in section.blocks))
            for section in report.sections
        ),
        behind={
            key: msgspec.structs.replace(behind, table=_hidden_in(behind.table))
            for key, behind in report.behind.items()
        },
    )


def definition(figure: Figure) -> Definition:
    """The definition of a figure, as a report carries it."""
    return Definition(figure.title, figure.formula, figure.notes)


def _hidden(block: Block) -> Block:
    return _hidden_in(block) if isinstance(block, Table) else block


def _hidden_in(table: Table) -> Table:
    every = table.every
    return msgspec.structs.replace(
        table,
        rows=tuple(_hidden_row(table, row) for row in table.rows),
        every=None if every is None else lambda: (_hidden_row(table, row) for row in every()),
    )


def _hidden_row(table: Table, row: Cells) -> Cells:
    return tuple(
        Cell(HIDDEN) if column.personal and cell.value else cell
        for column, cell in zip(table.columns, row, strict=True)
    )
