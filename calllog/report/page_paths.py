"""The way of callers through a flow: steps from left to right, streams between them as wide as many go. Pure.

What hung up at a step leaves it downwards, in the colour of lost callers. Moves back to an earlier step
(again the same menu) are told at the step, not drawn: the picture reads from left to right.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from calllog.report.markup import Html, join, percent, sideways, tag
from calllog.report.model import Move, Paths, Step
from calllog.report.page_charts import figure
from calllog.report.page_tables import Links

HEIGHT = 340.0
GAP = 34.0
"""Between two steps of one column: room for the words above each."""
COLUMN = 190
NODE = 10.0


@dataclass
class _Box:
    """A step as it is drawn."""

    step: Step
    column: int
    y: float = 0
    height: float = 0
    left: float = 0
    """How far down its left and right sides streams have been joined to it."""
    right: float = 0
    back: int = 0


@dataclass
class _Picture:
    boxes: dict[str, _Box] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    columns: int = 1
    height: float = HEIGHT


def paths(block: Paths, links: Links) -> Html:
    """The picture: streams as SVG, words and links as HTML above it."""
    if not block.steps:
        return figure(block.title, "", tag("p", "Nobody came here in this time.", class_="empty"))
    picture = _picture(block)
    width = picture.columns * COLUMN
    streams = "".join(_stream(picture, move) for move in picture.moves)
    nodes = "".join(_node(box) for box in picture.boxes.values())
    drawing = Html(
        f'<svg viewBox="0 0 {width} {picture.height:.0f}" preserveAspectRatio="none" aria-hidden="true">'
        f"{streams}{nodes}</svg>"
    )
    first = next((box.step.path for box in picture.boxes.values() if not box.column), "").partition("/")[0]
    words = [_words(box, picture.columns, first, links) for box in picture.boxes.values()]
    size = f"height:{picture.height:.0f}px;min-width:{width}px;max-width:{2 * width}px"
    inside = tag("div", drawing, *words, class_="paths", style=size)
    return figure(block.title, block.about, _legend(), sideways(block.title, inside), kind="flow")


def _legend() -> Html:
    return tag(
        "ul",
        tag("li", tag("i", class_="b-answered"), "went on"),
        tag("li", tag("i", class_="b-abandoned"), "hung up there"),
        class_="legend",
    )


def _picture(block: Paths) -> _Picture:
    steps = {step.path: step for step in block.steps}
    onward = [
        move for move in block.moves if move.to in steps and move.path in steps and move.to != move.path
    ]
    columns = _columns(steps, onward)
    picture = _Picture(boxes={path: _Box(step, columns[path]) for path, step in steps.items()})
    picture.moves = [move for move in onward if columns[move.path] < columns[move.to]]
    for move in block.moves:
        if move.path in columns and move.to in columns and columns[move.path] >= columns[move.to]:
            picture.boxes[move.to].back += move.count
    picture.columns = max(columns.values()) + 1
    _place(picture)
    return picture


def _columns(steps: dict[str, Step], moves: list[Move]) -> dict[str, int]:
    """Column of each step: one to the right of the last that leads to it; what leads back does not count.

    Steps are visited in depth from the busiest on; a move to a step that is being visited leads back.
    """
    on = defaultdict(list)
    for move in sorted(moves, key=lambda move: (-move.count, move.to)):
        on[move.path].append(move.to)
    order: list[str] = []
    open_, done = set(), set()
    back: set[tuple[str, str]] = set()
    for first in steps:
        if first in done:
            continue
        trail = [(first, iter(on[first]))]
        open_.add(first)
        while trail:
            path, rest = trail[-1]
            to = next(rest, None)
            if to is None:
                trail.pop()
                open_.discard(path)
                done.add(path)
                order.append(path)
            elif to in open_:
                back.add((path, to))
            elif to not in done:
                open_.add(to)
                trail.append((to, iter(on[to])))
    columns = dict.fromkeys(steps, 0)
    for path in reversed(order):
        for to in on[path]:
            if (path, to) not in back:
                columns[to] = max(columns[to], columns[path] + 1)
    return columns


def _place(picture: _Picture) -> None:
    """Heights by how many came; in each column in the order of what leads there."""
    columns: dict[int, list[_Box]] = defaultdict(list)
    for box in picture.boxes.values():
        columns[box.column].append(box)
    most = max(sum(box.step.entered for box in each) for each in columns.values()) or 1
    scale = HEIGHT / most / 1.6
    for _, boxes in sorted(columns.items()):
        boxes.sort(key=lambda box: _before(picture, box))
        y = GAP
        for box in boxes:
            box.y, box.height = y, max(box.step.entered * scale, 2)
            y += box.height + GAP + 8
        picture.height = max(picture.height, y)
    picture.moves.sort(key=lambda move: (picture.boxes[move.path].y, picture.boxes[move.to].y))


def _before(picture: _Picture, box: _Box) -> tuple[float, int]:
    """Where, on average, those stand who come to it."""
    into = [(picture.boxes[move.path].y, move.count) for move in picture.moves if move.to == box.step.path]
    weight = sum(count for _, count in into)
    return (sum(y * count for y, count in into) / weight if weight else 0, -box.step.entered)


def _stream(picture: _Picture, move: Move) -> str:
    begin, end = picture.boxes[move.path], picture.boxes[move.to]
    width = move.count * begin.height / max(begin.step.entered, 1)
    into = min(move.count * end.height / max(end.step.entered, 1), max(end.height - end.left, 1))
    x0, x1 = begin.column * COLUMN + NODE, end.column * COLUMN
    y0, y1 = begin.y + begin.right, end.y + end.left
    begin.right, end.left = begin.right + width, end.left + into
    middle = (x0 + x1) / 2
    over = f"M{x0:.0f} {y0:.1f}C{middle:.0f} {y0:.1f} {middle:.0f} {y1:.1f} {x1:.0f} {y1:.1f}"
    y0, y1 = y0 + width, y1 + into
    under = f"V{y1:.1f}C{middle:.0f} {y1:.1f} {middle:.0f} {y0:.1f} {x0:.0f} {y0:.1f}Z"
    return f'<path class="stream" d="{over}{under}"/>'


def _node(box: _Box) -> str:
    """The step, and below those who went on, those who hung up there, falling off."""
    x, lost = box.column * COLUMN, 0.0
    fall = ""
    if box.step.dropped:
        lost = max(box.step.dropped * box.height / max(box.step.entered, 1), 2)
        fall = _fall(x + NODE, box.y + box.height, lost)
    split = box.y + box.height - lost
    return (
        f'<rect class="went" x="{x}" y="{box.y:.1f}" width="{NODE:.0f}" height="{split - box.y:.1f}"/>'
        f'<rect class="fell" x="{x}" y="{split:.1f}" width="{NODE:.0f}" height="{lost:.1f}"/>{fall}'
    )


def _fall(x: float, bottom: float, lost: float) -> str:
    """A stream as wide as `lost` that bends down from the right side of a step and ends."""
    wide = min(lost, 40.0)
    top, end = bottom - lost, bottom + 14
    right = x + wide + 4
    outer = f"M{x:.0f} {top:.1f}C{x + wide:.1f} {top:.1f} {right:.1f} {bottom:.1f} {right:.1f} {end:.1f}"
    return f'<path class="fall" d="{outer}H{x + 4:.1f}Q{x + 4:.1f} {bottom:.1f} {x:.0f} {bottom:.1f}Z"/>'


def _words(box: _Box, columns: int, first: str, links: Links) -> Html:
    step = box.step
    flow, _, own = step.path.partition("/")
    name = own if flow == first and own else step.path
    told: list[str | Html] = [tag("b", f"{step.entered:,}")]
    if step.dropped:
        share = f" ({step.dropped / step.entered:.0%})" if step.entered else ""
        told.append(tag("em", f"↓ {step.dropped:,}{share}", data_tip="hung up there"))
    if box.back:
        told.append(tag("span", f"↺ {box.back:,}", class_="back", data_tip="came back to this step"))
    return tag(
        "div",
        tag("span", links.calls(join(name), step.calls), class_="step", data_tip=step.path),
        *told,
        class_="words",
        style=f"left:{percent(box.column / columns)};top:{box.y - 20:.0f}px",
    )
