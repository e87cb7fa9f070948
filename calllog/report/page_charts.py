"""Charts of the page: bars, curves, fields of heat. Pure: no I/O."""

from itertools import pairwise

from calllog.printable import duration
from calllog.report.markup import Html, join, percent, sideways, tag, text
from calllog.report.model import Bars, Curve, Heat, Series
from calllog.report.page_tables import Links
from calllog.report.show import text_of

_PLACES = 9
"""Words below an axis, at most: so many fit on a telephone."""


def figure(title: str, about: str, *inner: Html | str, kind: str = "") -> Html:
    """A chart under its title, with a sentence that says what one sees."""
    return tag(
        "figure",
        tag("figcaption", tag("h3", title), tag("p", about, class_="about") if about else ""),
        *inner,
        class_=kind,
    )


def bars(block: Bars, links: Links) -> Html:
    """Stacked bars; what is lost stands on top."""
    sums = [sum(series.values[at] or 0 for series in block.series) for at in range(len(block.places))]
    if not any(sums):
        return figure(block.title, "", tag("p", "Nothing happened in this time.", class_="empty"))
    ticks = _ticks(max(sums))
    top = ticks[-1]
    columns = [
        _column(block, at, total, top, links.href(block.calls[at]) if block.calls else "")
        for at, total in enumerate(sums)
    ]
    lines = [
        tag("span", tag("b", f"{tick:,g}"), style=f"bottom:{percent(tick / top)}", class_="tick")
        for tick in ticks
    ]
    mark = ""
    if block.mark:
        place = block.mark.at / len(block.places)
        side = "mark left" if place > 0.6 else "mark"
        mark = tag("span", tag("b", block.mark.title), style=f"left:{percent(place)}", class_=side)
    return figure(
        block.title,
        block.about,
        _legend(block.series),
        tag("div", *lines, tag("div", *columns, class_="columns"), mark, class_="plot"),
        _axis(block.places, 0.0 if block.edges else 0.5),
        tag("p", block.across, class_="across") if block.across else "",
        kind="bars",
    )


def _column(block: Bars, at: int, total: float, top: float, href: str) -> Html:
    parts = [
        tag("i", class_=f"b-{series.tone}", style=f"height:{percent(value / top)}")
        for series in reversed(block.series)
        if (value := series.values[at])
    ]
    said = ", ".join(f"{series.values[at]:,g} {series.title}" for series in block.series if series.values[at])
    tip = f"{block.full[at]}: {said or 'nobody'}"
    if href:
        return tag("a", *parts, href=href, class_="column", data_tip=tip, aria_label=tip)
    return tag("span", *parts, class_="column", data_tip=tip if total else "")


def _legend(series: tuple[Series, ...]) -> Html:
    shown = [(one, sum(value or 0 for value in one.values)) for one in series]
    return tag(
        "ul",
        *(
            tag("li", tag("i", class_=f"b-{one.tone}"), f"{one.title} ", tag("b", f"{total:,g}"))
            for one, total in shown
            if total
        ),
        class_="legend",
    )


def _axis(places: tuple[str, ...], where: float) -> Html:
    every = max(-(-len(places) // _PLACES), 1)
    words = [
        tag("span", place, style=f"left:{percent((at + where) / len(places))}")
        for at, place in enumerate(places)
        if at % every == 0
    ]
    return tag("div", *words, class_="axis")


def _ticks(top: float) -> list[float]:
    """Round numbers from 0 to at least `top`, about four steps."""
    raw = max(top, 1) / 4
    size = 10 ** (len(str(int(raw))) - 1) if raw >= 1 else 1
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    return [step * at for at in range(-(-int(-(-top // 1)) // step) + 1)]


def curve(block: Curve) -> Html:
    """A share that falls in steps."""
    end = block.points[-1][0] or 1
    corners = [(0.0, 1.0)]
    for (_, before), (ms, share) in pairwise(block.points):
        corners += [(ms / end, before), (ms / end, share)]
    spots = " ".join(f"{x * 1000:.1f},{(1 - y) * 400:.1f}" for x, y in corners)
    last = corners[-1][0] * 1000
    line = Html(
        '<svg viewBox="0 0 1000 400" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon class="area a-{block.tone}" points="0,400 {spots} {last:.1f},400"/>'
        f'<polyline class="line l-{block.tone}" points="{spots}"/></svg>'
    )
    lines = [
        tag("span", tag("b", f"{level * 100:.0f} %"), style=f"bottom:{percent(level)}", class_="tick")
        for level in (0, 0.25, 0.5, 0.75, 1)
    ]
    half = next((ms for ms, share in block.points if share <= 0.5), None)
    mark: Html = Html("")
    if half is not None:
        side = "mark left" if half / end > 0.6 else "mark"
        said = f"{block.half} {duration(half)}"
        mark = tag("span", tag("b", said), style=f"left:{percent(half / end)}", class_=side)
    spots_told = [
        tag(
            "span",
            style=f"left:{percent(begin / end)};width:{percent((after - begin) / end)}",
            data_tip=f"after {duration(begin)}: {share * 100:.0f} % still waiting",
        )
        for (begin, share), (after, _) in pairwise(_thinned(block.points))
    ]
    return figure(
        block.title,
        block.about,
        tag("div", *lines, line, tag("div", *spots_told, class_="told"), mark, class_="plot"),
        _times(end),
        tag("p", block.across, class_="across"),
        kind="curve",
    )


def _thinned(points: tuple[tuple[int, float], ...]) -> list[tuple[int, float]]:
    """At most about 120 of the points, the last among them."""
    every = max(len(points) // 120, 1)
    return [*points[:-1:every], points[-1]]


def _times(end: int) -> Html:
    """Round times below an axis."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 86_400)
    step = next((each * 1000 for each in steps if end / (each * 1000) <= 6), 7 * 86_400_000)
    words = [
        tag(
            "span", duration(at).replace(" 00 s", "").replace(".0 s", " s"), style=f"left:{percent(at / end)}"
        )
        for at in range(0, end + 1, step)
    ]
    return tag("div", *words, class_="axis")


def heat(block: Heat, links: Links) -> Html:
    """A field of cells; the words of the darkest turn light."""
    values = [
        [cell.value if isinstance(cell.value, int | float) else None for cell in row] for row in block.cells
    ]
    top = max((value for row in values for value in row if value), default=0)
    head = tag("tr", tag("th"), *(tag("th", name) for name in block.columns))
    rows = []
    for at, (name, row) in enumerate(zip(block.rows, block.cells, strict=True)):
        cells = []
        for column, (cell, beside) in enumerate(zip(row, block.beside[at], strict=True)):
            value = values[at][column]
            strength = value / top if value and top else 0
            inner = text(text_of(value, block.kind, links.zone)) if value else Html("")
            inside = join(tag("i", style=f"opacity:{strength:.2f}"), links.calls(tag("b", inner), cell.calls))
            tip = f"{name} {block.columns[column]} h: {beside}" if beside else ""
            strong = "strong" if strength > 0.55 else "none" if value is None else ""
            cells.append(tag("td", inside, data_tip=tip, class_=strong))
        rows.append(tag("tr", tag("th", name), *cells))
    grid = tag("table", tag("thead", head), tag("tbody", *rows), class_=f"field f-{block.tone}")
    return figure(block.title, block.about, sideways(block.title, grid), kind="heat")
