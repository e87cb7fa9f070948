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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import pstdev
from typing import NamedTuple

from calllog.call_events import Declined, Joined, Offered, QueueLeft, Unbridged
from calllog.events import AgentStateChanged, AnyEvent
from calllog.routing import Rules


class Regret(NamedTuple):
    """Over answered calls, ms."""

    calls: int
    mean_ms: float
    by_call: dict[str, int]
    """Measured minus ideal wait; of a call that was answered in several queues, of the last one."""
    unserved: int
    """Answered calls that the ideal router never served: then the rules are not those of the log."""

    @property
    def error_ms(self) -> float:
        """Standard error of the mean.

        A few ms decide who gets the agent whose call is long, so single calls differ by seconds either way.
        """
        return pstdev(self.by_call.values()) / self.calls**0.5 if self.calls else 0.0


def regret(events: Sequence[AnyEvent], rules: Rules) -> Regret:
    """Of a whole log, in stream order."""
    record = _Record.of(events)
    ideal = _Ideal(record, rules)
    ideal.run()
    answered = [stay for stay in record.stays if stay.answered and stay.legs]
    by_call = {stay.call: stay.wait_ms - stay.ideal_ms for stay in answered if stay.ideal_ms is not None}
    mean = sum(by_call.values()) / len(by_call) if by_call else 0.0
    return Regret(len(by_call), mean, by_call, len(answered) - len(by_call))


@dataclass
class _Leg:
    """One offer, as recorded."""

    offered_at: int
    rang_ms: int = 0
    """Until it was answered or declined."""
    occupied_ms: int = 0
    """Until the agent was ready again, or away by his own wish; without what the router took to notice."""
    unnoticed_ms: int = 0


@dataclass
class _Stay:
    """One caller's time in one queue: as recorded, and what the ideal router has made of it so far."""

    joined: Joined
    left_at: int
    answered: bool = False
    legs: list[_Leg] = field(default_factory=list)
    next_leg: int = 0
    ideal_ms: int | None = None

    @property
    def call(self) -> str:
        return self.joined.call

    @property
    def wait_ms(self) -> int:
        return self.left_at - self.joined.at

    @property
    def turn(self) -> tuple[float, str]:
        return self.joined.score, self.joined.call


@dataclass
class _Record:
    """What the log says, made ready for the ideal router."""

    end: int
    stays: list[_Stay] = field(default_factory=list)
    here: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Agent → times for which he was not away by his own wish."""
    _since: dict[str, int] = field(default_factory=dict)
    _legs: dict[str, _Leg] = field(default_factory=dict)
    _talk_over: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[AnyEvent]) -> "_Record":
        record = cls(max((event.at for event in events), default=0))
        waiting: dict[str, _Stay] = {}
        for event in events:
            match event:
                case Joined():
                    waiting[event.call] = _Stay(event, record.end)
                    record.stays.append(waiting[event.call])
                case Offered() if event.call in waiting:
                    leg = record._legs[event.agent] = _Leg(event.at, occupied_ms=record.end - event.at)
                    waiting[event.call].legs.append(leg)
                case Offered():
                    record._legs.pop(
                        event.agent, None
                    )  # another agent asks him: that is no waiting caller's leg
                case Declined() if event.agent in record._legs:
                    record._legs[event.agent].rang_ms = event.at - record._legs[event.agent].offered_at
                case QueueLeft() if event.call in waiting:
                    stay = waiting.pop(event.call)
                    stay.left_at, stay.answered = event.at, event.reason == "answered"
                case Unbridged():
                    record._talk_over[event.agent] = event.at
                case AgentStateChanged():
                    record._state(event)
        for agent, since in record._since.items():
            record.here.setdefault(agent, []).append((since, record.end))
        return record

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
            self._since.setdefault(agent, event.at)
        elif away and agent in self._since:
            self.here.setdefault(agent, []).append((self._since.pop(agent), event.at))


FREE, GONE, CAME = range(3)
"""What happens at one instant happens in this order."""


class _Ideal:
    """The ideal router, event by event."""

    def __init__(self, record: _Record, rules: Rules) -> None:
        self._rules = rules
        self._coming: list[tuple[int, int, int, Callable[[int], None]]] = []
        self._number = count()
        self._here: set[str] = set()
        self._busy: set[str] = set()
        self._idle: dict[str, int] = {}
        self._waiting: dict[tuple[float, str], _Stay] = {}
        for agent, spans in record.here.items():
            for begin, end in spans:
                self._at(begin, FREE, lambda now, agent=agent: self._comes(agent, now))  # type: ignore[misc]
                self._at(end, GONE, lambda _, agent=agent: self._goes(agent))  # type: ignore[misc]
        for stay in record.stays:
            if stay.legs:
                self._at(stay.joined.at, CAME, lambda now, stay=stay: self._joins(stay, now))  # type: ignore[misc]
                self._at(stay.left_at, GONE, lambda _, stay=stay: self._leaves(stay))  # type: ignore[misc]

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
        for turn in sorted(self._waiting):
            if self._can(agent, self._waiting[turn], now):
                self._offer(agent, self._waiting[turn], now)
                return
        self._idle.setdefault(agent, now)

    # Callers

    def _joins(self, stay: _Stay, now: int) -> None:
        self._waiting[stay.turn] = stay
        for ms in self._rules.changes_ms(stay.joined):
            self._at(stay.joined.at + ms, CAME, lambda at: self._look(stay, at))
        self._look(stay, now)

    def _leaves(self, stay: _Stay) -> None:
        if not stay.answered:
            self._waiting.pop(stay.turn, None)

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
        del self._waiting[stay.turn]
        self._idle.pop(agent, None)
        self._busy.add(agent)
        self._at(now + leg.occupied_ms, FREE, lambda at: self._done(agent, at))
        if stay.next_leg < len(stay.legs):
            self._at(now + leg.rang_ms, CAME, lambda at: self._returns(stay, at))
        elif stay.answered:
            stay.ideal_ms = now + leg.rang_ms - stay.joined.at

    def _returns(self, stay: _Stay, now: int) -> None:
        if stay.answered or now < stay.left_at:
            self._waiting[stay.turn] = stay
            self._look(stay, now)
