"""Agents' days as bars of intervals. Pure: no I/O."""

from calllog.figures.period import HOUR_MS, local, zone_of
from calllog.printable import duration
from calllog.report.markup import Html, percent, sideways, tag
from calllog.report.model import Lane, Lanes, Stretch
from calllog.report.page_charts import figure
from calllog.report.page_tables import Links

SHOWN = ("talking", "offered", "connecting", "wrapup", "ready", "busy_private", "paused", "unreachable")
WORDS = {
    "offered": "rung",
    "connecting": "being connected",
    "wrapup": "wrap-up",
    "busy_private": "busy privately",
}


def lanes(block: Lanes, links: Links) -> Html:
    """One lane below the other, on one clock."""
    seen = {stretch.state for lane in block.lanes for stretch in lane.stretches}
    legend = tag(
        "ul",
        *(
            tag("li", tag("i", class_=f"s-{state}"), WORDS.get(state, state))
            for state in SHOWN
            if state in seen
        ),
        class_="legend",
    )
    hours = _hours(block, links.zone)
    grid = [tag("span", style=f"left:{percent(place)}") for place, _ in hours]
    rows = [_lane(lane, block, links.zone) for lane in block.lanes]
    clock = tag(
        "div", *(tag("span", word, style=f"left:{percent(place)}") for place, word in hours), class_="axis"
    )
    plot = tag(
        "div",
        tag("div", *grid, class_="hours"),
        *rows,
        tag("div", tag("b"), clock, class_="lane"),
        class_="rows",
    )
    return figure(block.title, block.about, legend, sideways(block.title, plot), kind="lanes")


def _lane(lane: Lane, block: Lanes, zone: str) -> Html:
    whole = block.to_at - block.from_at
    parts = [
        tag(
            "i",
            class_=f"s-{stretch.state}",
            style=f"left:{percent((stretch.from_at - block.from_at) / whole)};"
            f"width:{percent((stretch.to_at - stretch.from_at) / whole)}",
            data_tip=_told(lane, stretch, zone),
        )
        for stretch in lane.stretches
        if stretch.state in SHOWN
    ]
    return tag("div", tag("b", lane.title), tag("div", *parts, class_="track"), class_="lane")


def _told(lane: Lane, stretch: Stretch, zone: str) -> str:
    word = WORDS.get(stretch.state, stretch.state)
    note = f", {stretch.note}" if stretch.note else ""
    lasted = duration(stretch.to_at - stretch.from_at)
    return f"{lane.title} {_clock(stretch.from_at, zone)}: {word} {lasted}{note}"


def _hours(block: Lanes, zone: str) -> list[tuple[float, str]]:
    """Full hours (of a longer time: days) of the local clock, and where they are."""
    whole = block.to_at - block.from_at
    every = next((n for n in (1, 2, 3, 4, 6, 12, 24) if whole / (n * HOUR_MS) <= 9), 24)
    found = []
    for at in range(-(-block.from_at // HOUR_MS) * HOUR_MS, block.to_at + 1, HOUR_MS // 4):
        when = local(at, zone_of(zone))
        if when.minute == 0 and when.hour % every == 0:
            found.append(
                ((at - block.from_at) / whole, f"{when:%H}" if every < 24 else f"{when.day} {when:%b}")
            )
    step = max(-(-len(found) // 9), 1)
    return found[::step]


def _clock(at: int, zone: str) -> str:
    return f"{local(at, zone_of(zone)):%H:%M:%S}"
