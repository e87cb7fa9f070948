"""Do the durations in a call's log add up? Pure: no I/O. A part of the grammar (calllog.grammar).

lifetime = ended - arrived = flow + wait + held + talk, where wait is the sum over the queues, held and talk
are the sums over the bridges, and held is the time in which at least one party held (the union of holds).
"""

from collections.abc import Iterator, Sequence

from calllog.call_events import (
    AnyCallEvent,
    Arrived,
    Bridged,
    Ended,
    HoldEnded,
    HoldStarted,
    Joined,
    QueueLeft,
    Unbridged,
)

ROUNDING_MS = 5
"""By as much may a duration differ from the difference of two instants: each of them was rounded."""


def wrong_durations(events: Sequence[AnyCallEvent]) -> Iterator[tuple[AnyCallEvent, str]]:
    """Each event with a duration that contradicts the instants or the other durations, and why."""
    arrived: Arrived | None = None
    joined: Joined | None = None
    bridged: Bridged | None = None
    holds: dict[str, HoldStarted] = {}
    spans: list[tuple[int, int]] = []
    totals = _Totals()
    for event in events:
        match event:
            case Arrived():
                arrived = event
            case Joined():
                joined = event
            case HoldStarted():
                holds[event.by] = event
            case HoldEnded():
                began = holds.pop(event.by, None)
                if began:
                    spans += [(began.at, event.at)] if event.by != "queue" else []
                    yield from _compare(event, "held_ms", event.held_ms, event.at - began.at)
            case QueueLeft():
                totals.wait_ms += event.waited_ms
                if joined:
                    yield from _compare(event, "waited_ms", event.waited_ms, event.at - joined.at)
            case Bridged():
                bridged = event
            case Unbridged():
                totals.add(event)
                still = [(hold.at, event.at) for by, hold in holds.items() if by != "queue"]
                if bridged:
                    yield from _bridge(event, bridged.at, spans + still)
            case Ended():
                yield from _ended(event, arrived, totals)


class _Totals:
    """Sums over the parts of a call, ms."""

    def __init__(self) -> None:
        self.wait_ms = self.held_ms = self.talk_ms = 0

    def add(self, part: Unbridged) -> None:
        self.held_ms += part.held_ms
        self.talk_ms += part.talk_ms


def _compare(event: AnyCallEvent, name: str, said: int, true: int) -> Iterator[tuple[AnyCallEvent, str]]:
    if abs(said - true) > ROUNDING_MS:
        yield event, f"{name} is {said}, the other events give {true}"


def _bridge(
    event: Unbridged, bridged_at: int, holds: list[tuple[int, int]]
) -> Iterator[tuple[AnyCallEvent, str]]:
    held = union_ms(holds, bridged_at, event.at)
    yield from _compare(event, "held_ms", event.held_ms, held)
    yield from _compare(event, "talk_ms", event.talk_ms, event.at - bridged_at - held)


def _ended(event: Ended, arrived: Arrived | None, totals: _Totals) -> Iterator[tuple[AnyCallEvent, str]]:
    if arrived:
        yield from _compare(event, "lifetime_ms", event.lifetime_ms, event.at - arrived.at)
    for name in ("wait_ms", "held_ms", "talk_ms"):
        yield from _compare(event, name, getattr(event, name), getattr(totals, name))
    parts = event.flow_ms + event.wait_ms + event.held_ms + event.talk_ms
    yield from _compare(event, "flow + wait + held + talk", parts, event.lifetime_ms)


def union_ms(spans: Sequence[tuple[int, int]], begin: int, end: int) -> int:
    """Milliseconds of [begin, end] that at least one of the spans covers."""
    total, reached = 0, begin
    for start, stop in sorted(spans):
        start, stop = max(start, reached), min(stop, end)
        if stop > start:
            total += stop - start
            reached = stop
    return total
