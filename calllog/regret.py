"""Router regret: how much longer callers waited than an ideal router would have let them. Pure: no I/O.

The ideal router serves first come, first served, takes no time for anything, and is fed with what was
recorded: when callers joined, how long agents rang before they answered or declined, for how long each offer
occupied its agent (ringing, talk, wrap-up, cool-down), and when agents were away by their own wish. If
everybody may serve everybody this is the recursion of a first-come queue with c servers (Kiefer and
Wolfowitz, 1955); with `Rules` an agent takes the first whom he may serve.

What a call occupied its agent with goes with the call, whoever takes it in the ideal. Where the recorded talk
ended before the agent's state said so, the talk counts: that delay is the router's. A caller who was never
answered stays in the ideal's line for as long as he stayed.
"""

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from statistics import fmean, stdev
from typing import NamedTuple

from calllog.call_events import Declined, Joined, Offered, QueueLeft, Unbridged
from calllog.events import AgentStateChanged, AnyEvent
from calllog.routing import Rules


class Wait(NamedTuple):
    """An answered wait, as it was and as it would have been."""

    call: str
    queue: str
    joined_at: int
    waited_ms: int
    ideal_ms: int | None
    """None: the ideal router never served the caller. Then the rules are not those of the log."""

    @property
    def regret_ms(self) -> int:
        """How much longer he waited than he would have; less: below 0."""
        return 0 if self.ideal_ms is None else self.waited_ms - self.ideal_ms


class Regret(NamedTuple):
    """Over answered waits, ms."""

    waits: int
    mean_ms: float
    error_ms: float | None
    """Standard error of the mean; None: one wait alone tells nothing of it.

    A few ms decide who gets the agent whose call is long, so single calls differ by seconds either way.
    """
    unserved: int
    """Answered waits that the ideal router never served."""


def regret(waits: Iterable[Wait]) -> Regret:
    """Of these waits together."""
    answered = list(waits)
    each = [wait.regret_ms for wait in answered if wait.ideal_ms is not None]
    if not each:
        return Regret(0, 0.0, None, len(answered))
    error = stdev(each) / len(each) ** 0.5 if len(each) > 1 else None
    return Regret(len(each), fmean(each), error, len(answered) - len(each))


def answered_waits(events: Iterable[AnyEvent], rules: Rules) -> list[Wait]:
    """All of a whole log, whose events come in stream order."""
    record = Record()
    for event in events:
        record.add(event)
    return record.answered(rules)


_Turn = tuple[float, str, int]
"""A place among all who wait, lowest first; nobody else's: in the ideal a caller may still wait in the queue
that he has left in truth."""


@dataclass
class _Leg:
    """One offer, as recorded."""

    offered_at: int
    rang_ms: int = 0
    """Until it was answered or declined."""
    occupied_ms: int | None = None
    """Until the agent was ready again, or away by his own wish; without what the router took to notice.
    None: he is not so yet."""
    unnoticed_ms: int = 0


@dataclass
class _Stay:
    """One caller's time in one queue: as recorded, and what the ideal router has made of it so far."""

    joined: Joined
    left_at: int | None = None
    """None: he is still there."""
    answered: bool = False
    legs: list[_Leg] = field(default_factory=list)
    next_leg: int = 0
    ideal_ms: int | None = None

    @property
    def turn(self) -> _Turn:
        return self.joined.score, self.joined.call, self.joined.seq


class Record:
    """What a log says, made ready for the ideal router. Events come in stream order, one at a time."""

    def __init__(self, ready: Iterable[str] = ()) -> None:
        """`ready`: agents who are so as the log begins."""
        self.end = 0
        self.stays: list[_Stay] = []
        self.here: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        """Agent → times for which he was not away by his own wish; of one who still is not, the last is
        missing."""
        self.since: dict[str, int] = dict.fromkeys(ready, 0)
        """Agent → since when he is not away."""
        self._waiting: dict[str, _Stay] = {}
        self._legs: dict[str, _Leg] = {}
        self._talk_over: dict[str, int] = {}

    def add(self, event: AnyEvent) -> None:
        """The next event."""
        self.end = max(self.end, event.at)
        match event:
            case Joined():
                stay = self._waiting[event.call] = _Stay(event)
                self.stays.append(stay)
            case Offered() if event.call in self._waiting:
                leg = self._legs[event.agent] = _Leg(event.at)
                self._waiting[event.call].legs.append(leg)
            case Offered():
                self._legs.pop(event.agent, None)  # another agent asks him: that is no waiting caller's leg
            case Declined() if event.agent in self._legs:
                self._legs[event.agent].rang_ms = event.at - self._legs[event.agent].offered_at
            case QueueLeft() if event.call in self._waiting:
                stay = self._waiting.pop(event.call)
                stay.left_at, stay.answered = event.at, event.reason == "answered"
            case Unbridged():
                self._talk_over[event.agent] = event.at
            case AgentStateChanged():
                self._state(event)

    def _state(self, event: AgentStateChanged) -> None:
        agent, leg = event.agent, self._legs.get(event.agent)
        if leg and event.to == "connecting":
            leg.rang_ms = event.at - leg.offered_at
        if leg and event.from_ == "talking":
            leg.unnoticed_ms = max(event.at - self._talk_over.pop(agent, event.at), 0)
        away = event.to in ("offline", "unreachable", "busy_private") or (
            event.to == "paused" and event.reason != "cooldown"
        )
        if leg and (event.to == "ready" or away):
            leg.occupied_ms = max(event.at - leg.offered_at - leg.unnoticed_ms, 0)
            del self._legs[agent]
        if event.to == "ready":
            self.since.setdefault(agent, event.at)
        elif away and agent in self.since:
            self.here[agent].append((self.since.pop(agent), event.at))

    def answered(self, rules: Rules) -> list[Wait]:
        """The answered waits beside those with the ideal router, in the order in which they began.

        What goes on has gone on until the last event. Asked once: the ideal router marks what it has done.
        """
        _Ideal(self, rules).run()
        return [
            Wait(
                stay.joined.call,
                stay.joined.queue,
                stay.joined.at,
                stay.left_at - stay.joined.at,
                stay.ideal_ms,
            )
            for stay in self.stays
            if stay.answered and stay.legs and stay.left_at is not None
        ]


FREE, GONE, CAME = range(3)
"""What happens at one instant happens in this order."""


class _Ideal:
    """The ideal router, event by event."""

    def __init__(self, record: Record, rules: Rules) -> None:
        self._rules, self._end = rules, record.end
        self._coming: list[tuple[int, int, int, Callable[[int], None]]] = []
        self._number = count()
        self._here: set[str] = set()
        self._busy: set[str] = set()
        self._idle: dict[str, int] = {}
        self._waiting: dict[_Turn, _Stay] = {}
        self._line: list[_Turn] = []
        """Turns of who waits, in order."""
        spans = [(agent, *span) for agent, own in record.here.items() for span in own]
        for agent, begin, end in (
            *spans,
            *((agent, begin, self._end) for agent, begin in record.since.items()),
        ):
            self._at(begin, FREE, lambda now, agent=agent: self._comes(agent, now))  # type: ignore[misc]
            self._at(end, GONE, lambda _, agent=agent: self._goes(agent))  # type: ignore[misc]
        for stay in record.stays:
            if stay.legs:
                self._at(stay.joined.at, CAME, lambda now, stay=stay: self._joins(stay, now))  # type: ignore[misc]
                left_at = self._end if stay.left_at is None else stay.left_at
                self._at(left_at, GONE, lambda _, stay=stay: self._leaves(stay))  # type: ignore[misc]

    def run(self) -> None:
        """Until nothing is to come."""
        while self._coming:
            now, _, _, happens = heapq.heappop(self._coming)
            happens(now)

    def _at(self, at: int, order: int, happens: Callable[[int], None]) -> None:
        heapq.heappush(self._coming, (at, order, next(self._number), happens))

    # Agents

    def _comes(self, agent: str, now: int) -> None:
        self._here.add(agent)
        self._free(agent, now)

    def _goes(self, agent: str) -> None:
        self._here.discard(agent)
        self._idle.pop(agent, None)

    def _done(self, agent: str, now: int) -> None:
        self._busy.discard(agent)
        self._free(agent, now)

    def _free(self, agent: str, now: int) -> None:
        """He takes the first whom he may serve."""
        if agent not in self._here or agent in self._busy:
            return
        first = next((turn for turn in self._line if self._can(agent, self._waiting[turn], now)), None)
        if first is not None:
            self._offer(agent, self._waiting[first], now)
            return
        self._idle.setdefault(agent, now)

    # Callers

    def _joins(self, stay: _Stay, now: int) -> None:
        self._stand(stay)
        for ms in self._rules.changes_ms(stay.joined):
            self._at(stay.joined.at + ms, CAME, lambda at: self._look(stay, at))
        self._look(stay, now)

    def _leaves(self, stay: _Stay) -> None:
        if not stay.answered:
            self._step_out(stay)

    def _stand(self, stay: _Stay) -> None:
        self._waiting[stay.turn] = stay
        insort(self._line, stay.turn)

    def _step_out(self, stay: _Stay) -> None:
        if self._waiting.pop(stay.turn, None):
            del self._line[bisect_left(self._line, stay.turn)]

    def _look(self, stay: _Stay, now: int) -> None:
        """Whoever is idle, and the rules ask first, takes him."""
        if self._waiting.get(stay.turn) is not stay:
            return

        def rank(agent: str) -> tuple[int, int, str]:
            return self._rules.tier(agent, stay.joined.queue), self._idle[agent], agent

        able = [agent for agent in self._idle if self._can(agent, stay, now)]
        if able:
            self._offer(min(able, key=rank), stay, now)

    def _can(self, agent: str, stay: _Stay, now: int) -> bool:
        return self._rules.can_serve(agent, stay.joined, now - stay.joined.at)

    def _offer(self, agent: str, stay: _Stay, now: int) -> None:
        leg = stay.legs[stay.next_leg]
        stay.next_leg += 1
        self._step_out(stay)
        self._idle.pop(agent, None)
        self._busy.add(agent)
        occupied_ms = self._end - leg.offered_at if leg.occupied_ms is None else leg.occupied_ms
        self._at(now + occupied_ms, FREE, lambda at: self._done(agent, at))
        if stay.next_leg < len(stay.legs):
            self._at(now + leg.rang_ms, CAME, lambda at: self._returns(stay, at))
        elif stay.answered:
            stay.ideal_ms = now + leg.rang_ms - stay.joined.at

    def _returns(self, stay: _Stay, now: int) -> None:
        if stay.answered or stay.left_at is None or now < stay.left_at:
            self._stand(stay)
            self._look(stay, now)
