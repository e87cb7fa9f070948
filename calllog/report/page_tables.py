"""Tables and tiles of the page. Pure: no I/O."""

from msgspec.structs import replace

from calllog.report.markup import Html, join, percent, plain, prose, sideways, tag, text
from calllog.report.model import FIRST, HIDDEN, Cell, Column, Report, Table, Tile, Tiles
from calllog.report.show import days_in, text_of


class Links:
    """What figures of a report lead to: the calls behind them, and what they mean."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.zone = report.period.zone
        self._days = days_in(report.period)
        self.used: set[str] = set()
        """What has been linked: of a long table only the first rows are on the page."""

    def calls(self, inner: Html, key: str) -> Html:
        """Something that opens the calls behind it, if there are any."""
        href = self.href(key)
        return tag("a", inner, href=href, class_="calls") if href else inner

    def href(self, key: str) -> str:
        """The same as a link's target; empty if there is nothing behind."""
        if key not in self.report.behind:
            return ""
        self.used.add(key)
        return f"#l-{key}"

    def meaning(self, title: str, name: str) -> Html:
        """A figure's title, which tells what it means."""
        meant = self.report.definitions.get(name)
        if meant is None:
            return text(title)
        tip = meant.formula + (f". {meant.notes}" if meant.notes else "")
        return tag("a", title, href=f"#d-{name}", class_="def", data_tip=plain(tip))

    def shown(self, cell: Cell, column: Column) -> str:
        """A cell in words."""
        return text_of(cell.value, column.kind, self.zone, day=self._days)


def tiles(block: Tiles, links: Links) -> Html:
    """Figures side by side; the first is the one that matters."""
    return tag("div", *(_tile(tile, links) for tile in block.tiles), class_="tiles")


def _tile(tile: Tile, links: Links) -> Html:
    value = text(text_of(tile.value, tile.kind, links.zone))
    return tag(
        "div",
        tag("p", links.meaning(tile.title, tile.defined), class_="name"),
        tag("p", links.calls(value, tile.calls), class_="value"),
        tag("p", tile.detail, class_="detail") if tile.detail else "",
        class_=f"tile t-{tile.tone}" if tile.tone else "tile",
    )


def table(block: Table, links: Links, *, titled: bool = True) -> Html:
    """A table that scrolls sideways by itself where it is too wide."""
    title = tag("h3", block.title) if titled else ""
    block = _for_people(block)
    if not block.rows:
        return tag("div", title, tag("p", block.empty, class_="empty"), class_="full")
    columns = [
        tag("th", links.meaning(column.title, column.defined), class_=_side(column))
        for column in block.columns
    ]
    tops = [_top(block, at) if column.bar else 0.0 for at, column in enumerate(block.columns)]
    rows = [
        tag(
            "tr",
            *(
                _cell(cell, column, top, links)
                for cell, column, top in zip(row, block.columns, tops, strict=True)
            ),
        )
        for row in block.rows[:FIRST]
    ]
    grid = tag("table", tag("thead", tag("tr", *columns)), tag("tbody", *rows))
    notes = [block.note] if block.note else []
    if block.count > len(rows):
        notes.append(f"The first {len(rows):,} of {block.count:,} rows; --csv and --json have all of them.")
    return tag(
        "div",
        title,
        sideways(block.title, grid),
        *(tag("p", prose(note), class_="note") for note in notes),
        class_="full",
    )


def _for_people(block: Table) -> Table:
    """The table without columns that are only for programs."""
    kept = [at for at, column in enumerate(block.columns) if not column.exact]
    if len(kept) == len(block.columns):
        return block
    return replace(
        block,
        columns=tuple(block.columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in block.rows),
    )


def _side(column: Column) -> str:
    return "" if column.kind in ("text", "at", "line") else "n"


def _cell(cell: Cell, column: Column, top: float, links: Links) -> Html:
    shown = links.shown(cell, column)
    inner: Html = text(shown)
    if cell.value == HIDDEN:
        inner = tag("span", inner, class_="hidden")
    inner = links.calls(inner, cell.calls)
    if column.bar and isinstance(cell.value, int | float) and top:
        size = min(max(cell.value / top, 0), 1)
        mark = tag("i", style=f"width:{percent(size)}", class_=f"b-{column.tone or 'answered'}")
        inner = join(inner, tag("span", mark, class_="bar"))
    toned = f"c-{column.tone}" if column.tone and cell.value else ""
    return tag("td", inner, class_=f"{_side(column)} {toned}".strip())


def _top(block: Table, at: int) -> float:
    """What a full bar means in that column."""
    if block.columns[at].kind == "share":
        return 1.0
    values = [row[at].value for row in block.rows]
    return max((float(value) for value in values if isinstance(value, int | float)), default=0.0)
