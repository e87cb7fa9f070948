"""Was everybody routed as the rules say? Figures of a log that is at hand as a whole. Pure: no I/O.

The log says who waited and who was free; who may serve whom is published elsewhere and comes as `Rules`.

* **free while waiting**: the time for which agents were ready while somebody waited, unoffered, whom they
  could serve; as a share of the time for which agents were logged in.
* **picks**: under longest idle, every agent who was offered a caller was, among those who were ready and
  could serve him, of the lowest tier the one idle longest; who had declined him, or had just given him away,
  only if there was no other.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

from calllog.call_events import (
    CallEvent,
    Declined,
    HoldEnded,
    HoldStarted,
    Joined,
    Offered,
    QueueLeft,
    Transferred,
    Unbridged,
)
from calllog.events import AgentStateChanged, AnyEvent
from calllog.vocabulary import NOT_HIS_FAULT

JUST_NOW_MS = 50
"""Who may serve a caller only since then, by the time waited, was not passed over: timers are not exact."""

LONGEST_IDLE = "longest_idle"
"""What `offered.why` says of a pick that is checked here."""


class Rules(Protocol):
    """Who may serve whom, as published. `waited_ms`: since he joined."""

    def can_serve(self, agent: str, joined: Joined, waited_ms: int) -> bool:
        """Whether the agent may be offered the caller then."""

    def changes_ms(self, joined: Joined) -> Sequence[int]:
        """Waiting times at which that may change, ascending."""

    def tier(self, agent: str, queue: str) -> int:
        """His tier there: the lowest is asked first."""


class Serves:
    """The simplest rules: each agent serves some queues, all in one tier."""

    def __init__(self, queues: Mapping[str, Collection[str]]) -> None:
        self._queues = queues

    def can_serve(self, agent: str, joined: Joined, waited_ms: int) -> bool:  # noqa: ARG002
        return joined.queue in self._queues.get(agent, ())

    def changes_ms(self, joined: Joined) -> Sequence[int]:  # noqa: ARG002
        return ()

    def tier(self, agent: str, queue: str) -> int:  # noqa: ARG002
        return 1


class AsOffered:
    """Rules as a log shows them: an agent serves those queues and needs of which he was offered a caller."""

    def __init__(self) -> None:
        self._offered: set[tuple[str, str, str]] = set()
        self._joined: dict[str, Joined] = {}

    def add(self, event: AnyEvent) -> None:
        """The next event of the log."""
        if isinstance(event, Joined):
            self._joined[event.call] = event
        elif isinstance(event, Offered) and event.call in self._joined:
            asks = self._joined[event.call]
            self._offered.add((event.agent, asks.queue, asks.needs))
        elif isinstance(event, QueueLeft):
            self._joined.pop(event.call, None)

    def can_serve(self, agent: str, joined: Joined, waited_ms: int) -> bool:  # noqa: ARG002
        return (agent, joined.queue, joined.needs) in self._offered

    def changes_ms(self, joined: Joined) -> Sequence[int]:  # noqa: ARG002
        return ()

    def tier(self, agent: str, queue: str) -> int:  # noqa: ARG002
        return 1


class Span(NamedTuple):
    """From one instant to another, ms since the epoch."""

    begin: int
    end: int


# Free while waiting


class FreeWhileWaiting(NamedTuple):
    """All agents together, ms. `longest`: the longest time of one agent on end."""

    ms: int
    agent_ms: int
    longest_ms: int
    who: str = ""
    """The agent of the longest time."""

    @property
    def share(self) -> float:
        """Of the time for which agents were logged in."""
        return self.ms / self.agent_ms if self.agent_ms else 0.0


def free_while_waiting(events: Sequence[AnyEvent], rules: Rules) -> FreeWhileWaiting:
    """The integral over the whole log; whoever still waits, or is ready, is so until its last event."""
    end = max((event.at for event in events), default=0)
    waits = sorted(_waits(events, end), key=lambda wait: wait[1].begin)
    ready, logged_in_ms = _ready(events, end)
    begins = [span.begin for _, span in waits]
    longest_wait = max((span.end - span.begin for _, span in waits), default=0)
    total, longest, who = 0, 0, ""
    for agent, spans in ready.items():
        for free in spans:
            low = bisect_left(begins, free.begin - longest_wait)
            high = bisect_left(begins, free.end)
            served = (part for wait in waits[low:high] for part in _could(agent, wait, free, rules))
            for both in _union(served):
                total += both.end - both.begin
                if both.end - both.begin > longest:
                    longest, who = both.end - both.begin, agent
    return FreeWhileWaiting(total, logged_in_ms, longest, who)


def _could(agent: str, wait: tuple[Joined, Span], free: Span, rules: Rules) -> Iterator[Span]:
    """The parts of a wait in which the agent was free and might have been offered it."""
    joined, waits = wait
    edges = [waits.begin, *(joined.at + ms for ms in rules.changes_ms(joined)), waits.end]
    for begin, end in pairwise(edges):
        both = Span(max(begin, waits.begin, free.begin), min(end, waits.end, free.end))
        if both.begin < both.end and rules.can_serve(agent, joined, both.begin - joined.at):
            yield both


def _union(spans: Iterable[Span]) -> Iterator[Span]:
    held: Span | None = None
    for span in sorted(spans):
        if held and span.begin <= held.end:
            held = Span(held.begin, max(held.end, span.end))
        else:
            if held:
                yield held
            held = span
    if held:
        yield held


def _waits(events: Iterable[AnyEvent], end: int) -> Iterator[tuple[Joined, Span]]:
    """When each caller waited without being offered to anybody, and was not on hold by his own wish."""
    callers: dict[str, Joined] = {}
    since: dict[str, int] = {}
    on_hold: set[str] = set()
    offered: dict[str, set[str]] = {}

    def over(call: str, at: int) -> Iterator[tuple[Joined, Span]]:
        begin = since.pop(call, None)
        if begin is not None and begin < at:
            yield callers[call], Span(begin, at)

    for event in events:
        if not isinstance(event, CallEvent):
            continue
        call = event.call
        match event:
            case Joined():
                callers[call] = event
                since[call] = event.at
            case Declined():
                offered.get(call, set()).discard(event.agent)
                if call in callers and call not in on_hold and not offered.get(call):
                    since[call] = event.at
            case Offered() if call in callers:  # else somebody who talks to him asks another agent
                offered.setdefault(call, set()).add(event.agent)
                yield from over(call, event.at)
            case HoldStarted(by="caller"):
                on_hold.add(call)
                yield from over(call, event.at)
            case HoldEnded(by="caller"):
                on_hold.discard(call)
                if call in callers and not offered.get(call):
                    since[call] = event.at
            case QueueLeft():
                yield from over(call, event.at)
                offered.pop(call, None)
                callers.pop(call, None)
    for call in list(since):
        yield from over(call, end)


def _ready(events: Iterable[AnyEvent], end: int) -> tuple[dict[str, list[Span]], int]:
    """When each agent was ready, and for how long all of them were logged in."""
    last: dict[str, AgentStateChanged] = {}
    ready: dict[str, list[Span]] = {}
    logged_in_ms = 0

    def over(before: AgentStateChanged, at: int) -> int:
        if before.to == "ready":
            ready.setdefault(before.agent, []).append(Span(before.at, at))
        return 0 if before.to == "offline" else at - before.at

    for event in events:
        if isinstance(event, AgentStateChanged):
            if event.agent in last:
                logged_in_ms += over(last[event.agent], event.at)
            last[event.agent] = event
    return ready, logged_in_ms + sum(over(before, end) for before in last.values())


# Picks


class Pick(NamedTuple):
    """An offer that should have gone to somebody else. `idle_ms`: how long the two had been idle."""

    call: str
    attempt: int
    agent: str
    idle_ms: int
    other: str
    other_idle_ms: int

    def __str__(self) -> str:
        return (
            f"{self.call}: attempt {self.attempt} went to {self.agent}, idle for {self.idle_ms} ms, "
            f"while {self.other} was idle for {self.other_idle_ms} ms"
        )


@dataclass
class PickCheck:
    """The walk along the stream that replays every pick under longest idle."""

    rules: Rules
    checked: int = 0
    _idle: dict[str, int] = field(default_factory=dict)
    """Ready agent → since when, ms."""
    _was_idle: dict[str, int] = field(default_factory=dict)
    """Agent who is offered → since when he had been idle before."""
    _callers: dict[str, Joined] = field(default_factory=dict)
    _declined: dict[str, set[str]] = field(default_factory=dict)
    """Call → agents who have declined it in this queue."""
    _parted: dict[str, str] = field(default_factory=dict)
    """Call → the agent it was with last."""
    _given: dict[str, str] = field(default_factory=dict)
    """Call → the agent who has given it away, until it joins again: he is asked last there."""
    _blameless: set[str] = field(default_factory=set)
    """Agents whose last offer came to nothing through no fault of theirs."""

    def add(self, event: AnyEvent) -> Pick | None:
        """The next event; what is wrong with it."""
        match event:
            case AgentStateChanged():
                self._state(event)
            case Joined():
                self._callers[event.call] = event
                given_by = self._given.pop(event.call, "")
                self._declined[event.call] = {given_by} if given_by else set()
            case Unbridged():
                self._parted[event.call] = event.agent
            case Transferred(how="blind", by="agent"):
                self._given[event.call] = self._parted[event.call]
            case QueueLeft():
                self._callers.pop(event.call, None)
            case Declined():
                if event.reason in NOT_HIS_FAULT:
                    self._blameless.add(event.agent)
                else:
                    self._declined.setdefault(event.call, set()).add(event.agent)
            case Offered() if event.why == LONGEST_IDLE and event.call in self._callers:
                self.checked += 1
                return self._judge(event)
        return None

    def _state(self, event: AgentStateChanged) -> None:
        agent = event.agent
        if event.from_ == "ready":
            self._was_idle[agent] = self._idle.pop(agent, event.at)
        if event.to == "ready":
            keeps = agent in self._blameless and event.from_ in ("offered", "connecting")
            self._idle[agent] = self._was_idle.get(agent, event.at) if keeps else event.at
        if event.to not in ("offered", "connecting"):
            self._blameless.discard(agent)

    def _judge(self, event: Offered) -> Pick | None:
        joined, declined = self._callers[event.call], self._declined[event.call]
        waited_ms = event.at - joined.at
        if event.agent not in self._idle:
            return Pick(event.call, event.attempt, event.agent, 0, "nobody who was ready", 0)
        if not self.rules.can_serve(event.agent, joined, waited_ms):
            return Pick(event.call, event.attempt, event.agent, 0, "nobody who may serve him", 0)

        def rank(agent: str) -> tuple[bool, int, int]:
            return agent in declined, self.rules.tier(agent, joined.queue), self._idle[agent]

        instants = {waited_ms, max(waited_ms - JUST_NOW_MS, 0)}
        able = [a for a in self._idle if all(self.rules.can_serve(a, joined, ms) for ms in instants)]
        best = min(able, key=rank, default=event.agent)
        if rank(best) >= rank(event.agent):
            return None
        idle_ms, best_ms = (event.at - self._idle[agent] for agent in (event.agent, best))
        return Pick(event.call, event.attempt, event.agent, idle_ms, best, best_ms)


def wrong_picks(events: Iterable[AnyEvent], rules: Rules) -> list[Pick]:
    """Every pick under longest idle that was not of the one idle longest."""
    check = PickCheck(rules)
    return [pick for event in events if (pick := check.add(event))]
