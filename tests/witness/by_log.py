"""What the call log says of each call, in the words of all witnesses. Pure.

Attended transfers and consults are not translated: such runs have none.
"""

from collections.abc import Iterable, Iterator, Sequence

from calllog.call_events import (
    Answered,
    AnyCallEvent,
    Arrived,
    Bridged,
    CallEvent,
    Consulted,
    Declined,
    Ended,
    HoldEnded,
    HoldStarted,
    Offered,
    Step,
    Transferred,
    Unbridged,
)
from calllog.events import AnyEvent
from calllog.vocabulary import NOT_HIS_FAULT
from tests.witness.facts import CALLER, By, Fact

_REFUSED = {"busy": "self", "rejected": "self", "no_answer": ""}
"""Reason of `declined` → by whom. No answer: we gave up, or his phone did (480)."""


class Untold(Exception):  # noqa: N818
    """The log has something that is not translated; the text says what."""


def by_log(events: Iterable[AnyEvent]) -> dict[str, list[Fact]]:
    """Caller's number → what the log says of his call. Raises Untold."""
    calls: dict[str, list[AnyCallEvent]] = {}
    for event in events:
        if isinstance(event, CallEvent):
            calls.setdefault(event.call, []).append(event)
    told: dict[str, list[Fact]] = {}
    for own in calls.values():
        own.sort(key=lambda event: event.seq)
        number = own[0].from_ if isinstance(own[0], Arrived) else ""
        told.setdefault(number, []).extend(_facts(own))
    return told


def _facts(events: Sequence[AnyCallEvent]) -> Iterator[Fact]:
    agent = ""
    for event, following in zip(events, [*events[1:], None], strict=True):
        match event:
            case Consulted():
                raise Untold(f"{event.call} has a consult")
            case Arrived():
                yield Fact("arrived", CALLER, event.at)
            case Answered():
                yield Fact("answered", CALLER, event.at)
            case HoldStarted() | HoldEnded():
                yield _hold(event, agent)
            case Step():
                yield Fact("step over", CALLER, event.at)
            case Offered():
                yield Fact("rung", event.agent, event.at)
            case Declined() if event.reason != "unreachable":
                by: By = _REFUSED.get(event.reason, "us")  # type: ignore[assignment]
                fleeting = event.reason in NOT_HIS_FAULT
                yield Fact("leg over", event.agent, event.at, by, fleeting)
            case Bridged():
                agent = event.agent
                yield Fact("bridged", agent, event.at)
            case Unbridged():
                gave = isinstance(following, Transferred) and following.by == "agent"
                if gave:
                    yield Fact("given", event.agent, event.at)
                by = "gave" if gave else "self" if event.ended_by == "agent" else "us"
                yield Fact("leg over", event.agent, event.at, by)
            case Ended():
                yield Fact("ended", CALLER, event.at, "self" if event.ended_by == "caller" else "us")
            case _:
                pass


def _hold(event: HoldStarted | HoldEnded, agent: str) -> Fact:
    begins = isinstance(event, HoldStarted)
    if event.by == "queue":
        return Fact("music" if begins else "music over", CALLER, event.at)
    return Fact("hold" if begins else "unhold", CALLER if event.by == "caller" else agent, event.at)
