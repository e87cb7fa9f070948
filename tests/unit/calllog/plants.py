"""Corruptions to plant into a sound log. Each returns whom the audit must name; empty: no place for it."""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

from msgspec.structs import replace

from calllog.call_events import (
    Answered,
    Arrived,
    Bridged,
    CallEvent,
    Declined,
    Ended,
    HoldEnded,
    HoldStarted,
    Joined,
    Offered,
    QueueLeft,
    Step,
    Unbridged,
)
from calllog.events import AgentStateChanged, AnyEvent

Log = list[AnyEvent]
Plant = Callable[[Log, Random], str]
HOUR_MS = 3_600_000


def pick(log: Log, rng: Random, *kinds: type, **fields: object) -> int | None:
    """Index of a random event of these kinds with these fields; None: there is none."""
    fitting = [
        index
        for index, event in enumerate(log)
        if isinstance(event, kinds) and all(getattr(event, name) == value for name, value in fields.items())
    ]
    return rng.choice(fitting) if fitting else None


def owner(event: Any) -> str:
    """The call an event belongs to or refers to, else its agent."""
    return event.call or f"agent {event.agent}"


def renumber(log: Log, call: str) -> None:
    """Close the gaps that a corruption has left in `seq`, as a clever forger would."""
    seq = 0
    for index, event in enumerate(log):
        if isinstance(event, CallEvent) and event.call == call:
            seq += 1
            log[index] = replace(event, seq=seq, id=f"{call}:{seq}")


def lost(*kinds: type, renumbered: bool = True, **fields: object) -> Plant:
    """An event is not there."""

    def plant(log: Log, rng: Random) -> str:
        index = pick(log, rng, *kinds, **fields)
        if index is None:
            return ""
        event: Any = log.pop(index)
        if renumbered:
            renumber(log, event.call)
        return owner(event)

    return plant


def doubled(*kinds: type, renumbered: bool = True, **fields: object) -> Plant:
    """An event is there twice."""

    def plant(log: Log, rng: Random) -> str:
        index = pick(log, rng, *kinds, **fields)
        if index is None:
            return ""
        event: Any = log[index]
        log.insert(index, event)
        if renumbered:
            renumber(log, event.call)
        return owner(event)

    return plant


def changed(*kinds: type, to: Callable[[Any], dict[str, Any]], **fields: object) -> Plant:
    """An event says something else."""

    def plant(log: Log, rng: Random) -> str:
        index = pick(log, rng, *kinds, **fields)
        if index is None:
            return ""
        event: Any = log[index]
        log[index] = replace(event, **to(event))
        return owner(event)

    return plant


def more(name: str, by: int = 1000) -> Callable[[Any], dict[str, Any]]:
    """Change a number."""
    return lambda event: {name: getattr(event, name) + by}


def another(name: str, *values: str) -> Callable[[Any], dict[str, Any]]:
    """Change a name to one of the others."""
    return lambda event: {name: next(value for value in values if value != getattr(event, name))}


def swapped(log: Log, rng: Random) -> str:
    """Two neighbours of one call changed places, with new numbers."""
    call = rng.choice([event.call for event in log if isinstance(event, Joined)] or [""])
    places = [index for index, event in enumerate(log) if isinstance(event, CallEvent) and event.call == call]
    pairs = [
        (one, two)
        for one, two in pairwise(places)
        if {type(log[one]), type(log[two])} & {Joined, Bridged, Ended, QueueLeft}
    ]
    if not pairs:
        return ""
    one, two = rng.choice(pairs)
    log[one], log[two] = log[two], log[one]
    renumber(log, call)
    return call


def after_the_end(log: Log, rng: Random) -> str:
    """A step after `ended`."""
    index = pick(log, rng, Ended)
    if index is None:
        return ""
    end: Any = log[index]
    common = {"site": end.site, "at": end.at, "logged_at": end.logged_at, "source": "observed"}
    seq = end.seq + 1
    step = Step(
        id=f"{end.call}:{seq}",
        call=end.call,
        seq=seq,
        flow="main",
        version=1,
        path="main/x",
        outcome="ok",
        took_ms=1,
        **common,
    )
    log.insert(index + 1, step)
    return str(end.call)


def rung_twice(log: Log, rng: Random) -> str:
    """An agent who is being rung for one caller is offered to a second one at the same time."""
    index = pick(log, rng, Offered)
    if index is None:
        return ""
    first: Any = log[index]
    for place in range(index + 1, len(log)):
        event: Any = log[place]
        if isinstance(event, Declined | Unbridged) and event.agent == first.agent:
            return ""
        if isinstance(event, Offered) and event.agent != first.agent and event.call != first.call:
            log[place] = replace(event, agent=first.agent)
            return event.call
    return ""


def out_of_turn(log: Log, rng: Random) -> str:
    """Somebody is offered while another one waits, who joined the same queue before him."""
    offers = [index for index, event in enumerate(log) if isinstance(event, Offered)]
    rng.shuffle(offers)
    for index in offers:
        event: Any = log[index]
        if any(isinstance(one, QueueLeft) and one.call == event.call for one in log[:index]):
            continue  # his second queue
        waiting = [_joined(log, call) for call in _waiting(log[:index], event.call)]
        before = [at for at in waiting if log[at].at < log[_joined(log, event.call)].at]
        if before:
            for at in (_joined(log, event.call), rng.choice(before)):
                joined: Any = log[at]
                log[at] = replace(joined, head_start_s=0, score=float(joined.at), queue="sales")
            return str(event.call)
    return ""


def _joined(log: Log, call: str) -> int:
    return next(i for i, e in enumerate(log) if isinstance(e, Joined) and e.call == call)


def _waiting(log: Log, besides: str) -> list[str]:
    """Calls in their first queue that nobody has been offered, and that are not on hold."""
    seen: dict[str, list[str]] = {}
    on_hold: set[str] = set()
    for event in log:
        if isinstance(event, CallEvent):
            seen.setdefault(event.call, []).append(event.kind)
        if isinstance(event, HoldStarted) and event.by == "caller":
            on_hold.add(event.call)
        if isinstance(event, HoldEnded) and event.by == "caller":
            on_hold.discard(event.call)
    gone = {"offered", "queue_left", "ended"}
    waiting = [call for call, kinds in seen.items() if "joined" in kinds and not gone & {*kinds}]
    return [call for call in waiting if call != besides and call not in on_hold]


PLANTS: dict[str, Plant] = {
    "served out of turn": out_of_turn,
    "an event lost": lost(CallEvent, renumbered=False),
    "an event doubled": doubled(CallEvent, renumbered=False),
    "two events swapped": swapped,
    "arrived lost": lost(Arrived),
    "ended lost": lost(Ended),
    "ended doubled": doubled(Ended),
    "a step after ended": after_the_end,
    "joined doubled": doubled(Joined),
    "joined lost": lost(Joined),
    "queue_left lost": lost(QueueLeft),
    "queue_left of another queue": changed(QueueLeft, to=another("queue", "sales", "support")),
    "answered turned into timeout": changed(QueueLeft, reason="answered", to=lambda _: {"reason": "timeout"}),
    "timeout turned into answered": changed(QueueLeft, reason="timeout", to=lambda _: {"reason": "answered"}),
    "overflowed turned into abandoned": changed(
        Ended, verdict="overflowed", to=lambda _: {"verdict": "abandoned"}
    ),
    "the queue's hold never begins": lost(HoldStarted, by="queue"),
    "the queue's hold never ends": lost(HoldEnded, by="queue"),
    "an agent's hold never ends": lost(HoldEnded, by="agent"),
    "an agent's hold never begins": lost(HoldStarted, by="agent"),
    "a caller's hold never ends": lost(HoldEnded, by="caller"),
    "a caller's hold begins twice": doubled(HoldStarted, by="caller"),
    "an offer never closed": lost(Declined),
    "an offer closed twice": doubled(Declined),
    "an offer lost": lost(Offered),
    "bridged without an offer to him": changed(Bridged, to=another("agent", "alice", "bob", "carol")),
    "parted from somebody else": changed(Unbridged, to=another("agent", "alice", "bob", "carol")),
    "bridged lost": lost(Bridged),
    "unbridged lost": lost(Unbridged),
    "answered twice": doubled(Answered),
    "an agent rung for two callers": rung_twice,
    "waited_ms wrong": changed(QueueLeft, to=more("waited_ms")),
    "talk_ms wrong": changed(Unbridged, to=more("talk_ms")),
    "held_ms wrong": changed(Unbridged, to=more("held_ms")),
    "a hold's length wrong": changed(HoldEnded, to=more("held_ms")),
    "ring_ms longer than the offer": changed(Declined, to=more("ring_ms", HOUR_MS)),
    "flow_ms wrong": changed(Ended, to=more("flow_ms")),
    "lifetime_ms wrong": changed(Ended, to=more("lifetime_ms", 7)),
    "wait_ms wrong": changed(Ended, to=more("wait_ms", 7)),
    "happened in the future": changed(CallEvent, to=more("at", HOUR_MS)),
    "happened before arrived": changed(Answered, Step, to=more("at", -HOUR_MS)),
    "an instant in seconds": changed(CallEvent, to=lambda event: {"at": event.at // 1000}),
    "logged before the one before": changed(Joined, Ended, to=more("logged_at", -HOUR_MS)),
    "inferred without bounds": changed(Answered, Ended, to=lambda _: {"source": "inferred"}),
    "completed turned into abandoned": changed(
        Ended, verdict="completed", to=lambda _: {"verdict": "abandoned"}
    ),
    "abandoned turned into ivr_exit": changed(
        Ended, verdict="abandoned", to=lambda _: {"verdict": "ivr_exit"}
    ),
    "ivr_exit turned into completed": changed(
        Ended, verdict="ivr_exit", to=lambda _: {"verdict": "completed"}
    ),
    "an id of another call": changed(CallEvent, to=lambda event: {"id": f"other:{event.seq}"}),
    "an event of another site": changed(CallEvent, to=lambda _: {"site": "elsewhere"}),
    "an agent's change lost": lost(AgentStateChanged, to="offered", renumbered=False),
    "an agent's change to another state": changed(
        AgentStateChanged, to=another("to", "busy_private", "offline"), from_="offered"
    ),
    "an agent's change an hour early": changed(AgentStateChanged, to=more("at", -HOUR_MS), from_="offered"),
    "an agent's change in the future": changed(AgentStateChanged, to=more("at", HOUR_MS)),
    "an agent talking to another call": changed(
        AgentStateChanged, to=lambda _: {"call": "hf-0.0"}, from_="connecting"
    ),
}
