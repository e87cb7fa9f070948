"""A call's life as phases (flow, waiting, talking, on hold) and as a bar of characters. Pure: no I/O."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from calllog.call_events import AnyCallEvent, Bridged, HoldEnded, HoldStarted, Joined, QueueLeft, Unbridged

Phase = Literal["flow", "waiting", "talking", "hold"]

GLYPH: dict[Phase, str] = {"flow": "─", "waiting": "░", "talking": "█", "hold": "▒"}
NAME: dict[Phase, str] = {
    "flow": "in the flow",
    "waiting": "waiting",
    "talking": "talking",
    "hold": "on hold",
}


class Span(NamedTuple):
    """A phase from one instant to another, ms since the epoch."""

    phase: Phase
    begin: int
    end: int


def after_each(events: Sequence[AnyCallEvent]) -> list[Phase]:
    """The phase the call is in after each event."""
    phases: list[Phase] = []
    place: Phase = "flow"
    holding: set[str] = set()
    for event in events:
        match event:
            case Joined():
                place = "waiting"
            case QueueLeft():
                place = "talking" if event.reason == "answered" else "flow"
            case Bridged():
                place = "talking"
            case Unbridged():
                place = "flow"
            case HoldStarted() if event.by != "queue":
                holding.add(event.by)
            case HoldEnded():
                holding.discard(event.by)
        phases.append("hold" if place == "talking" and holding else place)
    return phases


def spans(events: Sequence[AnyCallEvent]) -> list[Span]:
    """The call's life, without gaps; phases that took no time are left out."""
    found: list[Span] = []
    for phase, this, following in zip(after_each(events), events, events[1:], strict=False):
        if following.at <= this.at:
            continue
        if found and found[-1].phase == phase:
            found[-1] = Span(phase, found[-1].begin, following.at)
        else:
            found.append(Span(phase, this.at, following.at))
    return found


def bar(events: Sequence[AnyCallEvent], width: int) -> str:
    """The call's life as `width` characters, in proportion; each phase gets at least one if there is room."""
    life = spans(events)
    if not life:
        return ""
    begin, total = life[0].begin, life[-1].end - life[0].begin
    cells = [""] * width
    for span in life:
        first = (span.begin - begin) * width // total
        last = max((span.end - begin) * width // total, first + 1)
        cells[first:last] = [GLYPH[span.phase]] * (last - first)
    for span in life:
        middle = ((span.begin + span.end) // 2 - begin) * width // total
        if (span.end - span.begin) * width < total:
            cells[min(middle, width - 1)] = GLYPH[span.phase]
    return "".join(cells[:width])
