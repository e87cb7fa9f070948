"""One wait in a queue: which one, since when, and by which ways the caller may leave it."""

import asyncio
import time
from dataclasses import dataclass, replace

from ivr.ari import events as ari
from ivr.caller import Caller, Look
from ivr.flow.waiting import AT_THE_DOOR
from queues.errors import StoreAway
from queues.models import Queue

OUTCOMES = {"exit_key": "exit", "overflow": "full"}
"""Reason for leaving a queue → outcome of the step, where that has another name."""


def outcome_of(reason: str) -> str:
    """The outcome of a step whose caller has left the queue, or was refused, for this reason."""
    return OUTCOMES.get(reason, reason)


@dataclass
class Wait:
    """A caller's wait. Instants: ms since the epoch."""

    queue: str
    path: str
    """The step in which he waits."""
    max_wait_s: float | None
    """The step's own limit; the queue may have a shorter one."""
    exits: frozenset[str]
    """Outcomes for which his flow has a way: rules that lead to others do not concern him."""
    reason: str = ""
    """Why he was escalated to it; empty: he was not."""
    joined_at: int = 0
    began: float = 0.0
    """The same as a loop time: what the wall clock does from then on does not matter."""
    looks_later: bool = False
    """He is to look whether he may stay, once no phone rings for him."""

    def at(self, queue: str) -> "Wait":
        """The same wait in another queue, where he has not joined."""
        return replace(self, queue=queue, joined_at=0, began=0.0, looks_later=False)

    def begin(self, joined_at: int) -> None:
        """He is in line since then."""
        self.joined_at = joined_at
        self.began = asyncio.get_running_loop().time() - max(0.0, time.time() - joined_at / 1000)

    def move(self, queue: str, joined_at: int) -> None:
        """He waits in another queue now, since then."""
        self.queue = queue
        self.begin(joined_at)

    def is_over(self, queue: Queue) -> bool:
        """Whether he has waited too long."""
        until = self.until(queue)
        return until is not None and asyncio.get_running_loop().time() >= until

    def ways(self, queue: Queue) -> tuple[str, ...]:
        """For which reasons the queue, by its settings, may refuse him or send him away."""
        rules = {
            "closed": queue.hours,
            "no_agents": queue.refuse_if or queue.leave_if,
            "full": queue.max_waiting,
            "ratio": queue.callers_per_agent,
        }
        return tuple(reason for reason in AT_THE_DOOR if rules[reason] and reason in self.exits)

    async def objection(self, caller: Caller, look: Look, ringing: bool) -> str:
        """Why he had to leave, and has; empty: he may stay, as while a phone rings or Redis is away."""
        if ringing:
            self.looks_later = True
            return ""
        if look.reason == "closed" and "closed" in self.exits:
            await caller.house.store.leave(caller.handle, reason="closed")
            return "closed"
        ways = self.ways(caller.house.queue(self.queue))
        try:
            return await caller.house.store.exit(caller.handle, ways) if ways else ""
        except StoreAway:
            return ""

    def until(self, queue: Queue) -> float | None:
        """The loop time at which he has waited too long; None: he cannot."""
        limits = [self.max_wait_s, queue.max_wait_s if "timeout" in self.exits else None]
        known = [limit for limit in limits if limit is not None]
        if not known:
            return None
        return self.began + min(known)

    def is_exit(self, queue: Queue, pressed: ari.ChannelDtmfReceived, caller: Caller) -> bool:
        """Whether he has pressed the key by which one leaves."""
        return caller.typed(pressed) and pressed.digit == queue.exit_key and "exit" in self.exits
