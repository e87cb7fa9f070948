"""Whose turn it is: of two callers with the same claim, the one who came first is offered first. Pure.

Two callers have the same claim if they wait in the same queue with the same needs and the same head start:
any agent who can take the one can take the other. Who is on SIP hold when his turn comes is passed over, and
keeps it. Order is the stream's: what one script writes stands together. A part of the audit.
"""

import heapq
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from calllog.call_events import (
    AnyCallEvent,
    Declined,
    Ended,
    HoldEnded,
    HoldStarted,
    Joined,
    Moved,
    Offered,
    QueueLeft,
)
from calllog.grammar import Violation

TIDY_AFTER = 10_000
"""Joins between two times of tidying up."""

Claim = tuple[str, str, float]
"""Queue, needs, head start."""


class Turn(NamedTuple):
    """A caller's place among those of the same claim: lowest first."""

    score: float
    call: str


@dataclass
class _Caller:
    claim: Claim
    turn: Turn
    offered_to: set[str] = field(default_factory=set)
    """Agents who are being rung for him now."""
    on_hold: bool = False
    """He has put us on SIP hold."""

    @property
    def waits(self) -> bool:
        """It can be his turn."""
        return not self.offered_to and not self.on_hold


@dataclass
class TurnCheck:
    """The walk along the stream. `passed_over`: how many offers went to somebody whose turn it was not."""

    passed_over: int = 0
    _callers: dict[str, _Caller] = field(default_factory=dict)
    _lines: dict[Claim, list[Turn]] = field(default_factory=dict)
    """Heaps. Who has gone, or is not to be had now, is taken out when he comes to the top."""
    _joins: int = 0
    """Since lines of which nobody is left were taken away."""

    def call(self, event: AnyCallEvent) -> list[Violation]:
        """The next event of any call."""
        if isinstance(event, Joined):
            claim = (event.queue, event.needs, event.head_start_s)
            self._callers[event.call] = _Caller(claim, Turn(event.score, event.call))
            self._stand(event.call)
            self._tidy()
            return []
        caller = self._callers.get(event.call)
        if caller is None:
            return []
        match event:
            case Offered():
                found = [] if caller.offered_to else self._judge(event, caller)
                caller.offered_to.add(event.agent)
                return found
            case Declined():
                caller.offered_to.discard(event.agent)
                self._stand(event.call)
            case HoldStarted(by="caller"):
                caller.on_hold = True
            case Moved():
                caller.claim = (event.queue, event.call, inf)  # his alone: he is compared with nobody
            case HoldEnded(by="caller"):
                caller.on_hold = False
                self._stand(event.call)
            case QueueLeft() | Ended():
                del self._callers[event.call]
        return []

    def _stand(self, call: str) -> None:
        caller = self._callers[call]
        if caller.waits:
            heapq.heappush(self._lines.setdefault(caller.claim, []), caller.turn)

    def _tidy(self) -> None:
        """Claims are many (head starts differ), and lines in which nobody stands are not looked at again."""
        self._joins += 1
        if self._joins >= TIDY_AFTER:
            self._joins = 0
            self._lines.clear()
            for call in self._callers:
                self._stand(call)

    def _judge(self, event: Offered, offered: _Caller) -> list[Violation]:
        first = self._first(offered.claim)
        if first is None or first >= offered.turn:
            return []
        self.passed_over += 1
        what = f"offered to {event.agent} while {first.call} waits, who came before with the same claim"
        return [Violation(event.call, "turn", what, event.id, event.seq, event.at)]

    def _first(self, claim: Claim) -> Turn | None:
        line = self._lines.get(claim, [])
        while line:
            caller = self._callers.get(line[0].call)
            if caller and caller.claim == claim and caller.turn == line[0] and caller.waits:
                return line[0]
            heapq.heappop(line)
        return None
