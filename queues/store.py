"""Who waits, who may answer, who gets whom: each operation is one Lua script, applied once, in order.

Offers reach the worker by `on_offer`, whatever made the match: an own operation, another worker's (by
PUBLISH), or the sweeper after a lost message. Each attempt of a call is told once, perhaps before `join`
returns: register the call's mailbox first, then join.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from queues import publication, snapshots
from queues.errors import (
    DeviceTaken,
    Fenced,
    NotNow,
    NotWaiting,
    StoreFault,
    UnknownAgent,
    UnknownCall,
    UnknownDevice,
    UnknownQueue,
)
from queues.handle import CallHandle
from queues.head_starts import NO_HEAD_START, HeadStart
from queues.models import Agent, Queue
from queues.operations import REFUSED, REPEATED, UNKNOWN, Operations, Reply, now_ms
from queues.preview import Standing
from queues.publication import NO_LADDERS, nobody
from queues.published import ANYBODY_AT_ONCE
from queues.results import (
    AgentStatus,
    AgentView,
    CallView,
    Consult,
    Crowd,
    Done,
    Joined,
    Moved,
    Offer,
    QueueFigures,
    QueueView,
    Sweep,
)
from queues.sweeping import Sweeper

__all__ = ["Offer", "Store"]

DEVICE_TAKEN = 4
NO_QUEUE = 5
NO_SUCH_DEVICE = 10
WORDS = {"flow": "in its call flow", "connecting": "being connected", "talking": "with an agent"}
NOT_NOW = {
    5: "nothing to extend or to say now",
    6: "a disposition is due first",
    7: "this queue has no such disposition",
    8: "no device to sit at",
    9: "a supervisor has decided what comes after this call",
}
"""What `agent` answers to requests that cannot be fulfilled."""

AgentAction = Literal["ready", "pause", "offline", "extend", "disposition", "nail"]
NOBODY = ("", 0.0)
PLACES_AT_ONCE = 50
COUNTED_S = 600
"""So long after a step has counted may a take-over do it again."""


class Store:
    """The queues of a site as one worker (or command: `worker` empty) sees them.

    Every method raises `StoreAway` while Redis cannot serve, except `hold`, `leave`, `decline`,
    `connected` and `unbridged`, which are put off in the journal then (`journaled`). Operations of a call
    raise `Fenced` if it belongs to somebody else by now. `at`: when it happened, ms since the epoch; 0 = now.
    `wait` False: return at once; the order of the call's operations is kept, and the next one goes with it.
    """

    def __init__(self, url: str, site: str, worker: str = "", journal: Path | None = None) -> None:
        self.operations = Operations(url, site, worker, journal)
        self._clock_ahead_ms = 0
        self._sweeper = Sweeper(self.operations)
        self._closed = asyncio.Event()

    # For the worker

    @property
    def away(self) -> bool:
        """Redis cannot serve: claim no calls."""
        return self.operations.link.away

    @property
    def on_offer(self) -> Callable[[Offer], None]:
        """Called with each agent to be rung for a call of this worker; must not wait."""
        return self.operations.on_offer

    @on_offer.setter
    def on_offer(self, told: Callable[[Offer], None]) -> None:
        self.operations.on_offer = told

    @property
    def on_due(self) -> Callable[[int], None]:
        """Called with the instant (ms) at which `due` should run; must not wait."""
        return self.operations.on_due

    @on_due.setter
    def on_due(self, told: Callable[[int], None]) -> None:
        self.operations.on_due = told

    async def listen(self) -> None:
        """Hold the connection, so that offers of other workers arrive; runs until `close`."""
        await self.operations.link.connect()
        await self._closed.wait()

    async def close(self) -> None:
        """End the connection. What is in the journal stays there for the next start."""
        self._closed.set()
        await self.operations.close()

    async def replay(self) -> int:
        """Run what waits in the journal; how many operations. Also happens by itself when Redis is back."""
        return await self.operations.replay()

    def now(self) -> float:
        """Redis' clock as far as it is known here, seconds since the epoch."""
        return time.time() + self._clock_ahead_ms / 1000

    # A call's way through a queue

    def note(self, h: CallHandle, kind: str, at: int = 0, **fields: object) -> None:
        """An event that need not be written at once: it rides with the call's next operation."""
        body = msgspec.json.encode({"kind": kind, **fields}).decode()
        h.pending.append((at or now_ms(), body))

    def post(self, h: CallHandle, key: str, letter: str) -> None:
        """Put a letter into the outbox (see ivr.outbox); it rides with the call's next operation.

        Another one with the same key is the same. `key` must hold no line end.
        """
        h.pending.append((now_ms(), f">{key}\n{letter}"))

    async def dial(self, key: str, per_hour: int) -> bool:
        """Whether a call to a number outside may begin; it is counted then, once for each `key`."""
        return bool(await self.operations.run("dial", key, per_hour))

    async def once(self, what: str, key: str, within_s: int) -> bool:
        """Whether nobody but `key` has asked this within so many seconds; it is remembered from now on."""
        return bool(await self.operations.run("once", what, key, within_s))

    async def join(
        self,
        h: CallHandle,
        queue: str,
        head_starts: Mapping[HeadStart, float] = NO_HEAD_START,
        at: int = 0,
        ladder: str | None = None,
        ways: Iterable[str] = (),
        closed: bool = False,
        prefer: tuple[str, float] = NOBODY,
        recall: bool = False,
    ) -> Joined:
        """Stand in line. Joining again changes nothing and answers with the present place.

        `head_starts`: reason → seconds; the queue's weight, and credit for waits in other queues of this
        call, come of themselves. `ladder`: needs instead of the queue's (`published.ladder_of`). `ways`: why
        the door may stay shut: closed (if `closed`), no_agents, full, ratio. `prefer`: whom, how many s.
        `recall`: it is the own line of the agent who has given him away, whose wrap-up it ends.
        """
        starts = ",".join(f"{reason}:{seconds}" for reason, seconds in head_starts.items())
        own = "" if ladder is None else ladder or ANYBODY_AT_ONCE
        argv = (queue, starts, own, ",".join(ways), int(closed), *prefer, int(recall))
        reply = await self.operations.operate(h, "join", argv, at)
        if reply.status == REFUSED:
            if reply.state == "ended":
                raise Fenced("join: the call has ended")
            raise StoreFault(f"join: the call is {reply.state}, perhaps in another queue")
        if not reply.result:
            return Joined(0, 0.0, at, False)
        if len(reply.result) == 1:
            return Joined(0, 0.0, at, False, refused=reply.result[0])
        position, score, joined_at = reply.result
        return Joined(int(position), float(score), int(joined_at), reply.state in ("offered", "connecting"))

    async def settle(self, h: CallHandle, agent: str, attempt: int, at: int = 0, leg: str = "") -> bool:
        """The agent has answered (`leg`: on his channel that stays): True if the caller is his now."""
        return bool((await self.operations.operate(h, "settle", (agent, attempt, leg), at)).result)

    async def connected(
        self, h: CallHandle, agent: str, attempt: int, at: int = 0, wait: bool = True
    ) -> Done:
        """Both are in the bridge: the wait is over."""
        return _done(await self.operations.perform(h, "connected", (agent, attempt), at, wait))

    async def decline(
        self, h: CallHandle, agent: str, attempt: int, reason: str, ring_ms: int | None = None, at: int = 0
    ) -> Done:
        """The offer came to nothing: the caller waits at his old place, the agent cools down or is free.

        `reason` as in the call log; caller_gone, withdrawn, wait_over, answered_elsewhere and worker_lost are
        not the agent's fault. `ring_ms` None: since the offer. If the caller is gone, `Checkpoint.ended` does
        all of it.
        """
        own = (agent, attempt, reason, -1 if ring_ms is None else ring_ms)
        return _done(await self.operations.perform(h, "decline", own, at))

    async def leave(self, h: CallHandle, reason: str, at: int = 0) -> Done:
        """Leave the queue by a rule or a choice (class F or X); an open offer is withdrawn."""
        return _done(await self.operations.perform(h, "leave", (reason,), at))

    async def exit(self, h: CallHandle, ways: Iterable[str]) -> str:
        """Leave if the queue's rules say so now: no_agents, full or ratio, if in `ways`; empty: he stays."""
        return str((await self.operations.operate(h, "exit", (",".join(ways),))).result)

    async def doors(self) -> list[Crowd]:
        """The queues in which somebody has to leave now."""
        return [Crowd(name, why, frozenset(whom)) for name, why, whom in await self.operations.run("doors")]

    async def places(self, callers: Sequence[tuple[str, str]]) -> Sequence[int]:
        """The place of each (queue, call): 1 is next, 0: not in that line."""
        found: list[int] = []
        for start in range(0, len(callers), PLACES_AT_ONCE):
            some = callers[start : start + PLACES_AT_ONCE]
            found += await self.operations.run("places", *(part for each in some for part in each))
        return found

    async def unbridged(
        self, h: CallHandle, ended_by: Literal["caller", "agent", "system"], at: int = 0, wait: bool = True
    ) -> Done:
        """The talk is over; the agent wraps up or is free."""
        return _done(await self.operations.perform(h, "unbridged", (ended_by,), at, wait))

    async def hold(self, h: CallHandle, by: str, started: bool, at: int = 0, wait: bool = True) -> Done:
        """A party (agent, caller) puts the other on SIP hold or takes it back."""
        return _done(await self.operations.perform(h, "hold", (by, int(started)), at, wait))

    # The agent asks somebody else, or gives the caller away

    async def consult(
        self, h: CallHandle, agent: str = "", number: str = "", line: str = "", at: int = 0
    ) -> Consult | str:
        """The agent asks another `agent`, who is reserved, or a `number` outside; the caller is on hold then.

        `line`: the channel of a second call of his telephone by which he asks; then the hold is the
        telephone's. A text: it cannot be, because the other agent is in this state. Raises StoreAway.
        """
        reply = await self.operations.operate(h, "consult", (agent, number, line), at)
        attempt, device, ring_s, *leg = reply.result
        return Consult(attempt, device, int(float(ring_s)), *leg) if attempt else str(device)

    async def consulted(self, h: CallHandle, attempt: int, at: int = 0, leg: str = "") -> bool:
        """Whom he asks has answered; False: that was given up. `leg` as in `settle`."""
        return bool((await self.operations.operate(h, "consulted", (attempt, leg), at)).result)

    async def unconsult(
        self,
        h: CallHandle,
        attempt: int,
        reason: str = "withdrawn",
        ring_ms: int = -1,
        ended_by: Literal["caller", "agent", "system"] = "agent",
        at: int = 0,
    ) -> Done:
        """He has the caller again; whom he asked is released, or (`reason`, `ring_ms`) was rung in vain."""
        own = (attempt, reason, ring_ms, ended_by)
        return _done(await self.operations.perform(h, "unconsult", own, at))

    async def hand_over(self, h: CallHandle, attempt: int, errand: str = "", at: int = 0) -> bool:
        """Whom he has consulted gets him; False: one has left. `errand`: see `give`. Raises StoreAway."""
        return bool((await self.operations.operate(h, "handover", (attempt, errand), at)).result)

    async def give(self, h: CallHandle, errand: str, at: int = 0, ways: str = "", **to: str) -> Done:
        """He gives the caller away, and wraps up; `errand` is kept until somebody else has him.

        `to`: of `transferred`, if that is told now. `ways`: why the queue may keep him out, see `join`.
        """
        body = msgspec.json.encode({"kind": "transferred", **to}).decode() if to else ""
        own = (errand, body, to.get("queue", ""), ways)
        reply = await self.operations.perform(h, "give", own, at)
        return Done(bool(reply.result), reply.journaled)

    def send_on(self, h: CallHandle, errand: str) -> None:
        """What is left of the errand; it rides with the call's next operation."""
        h.pending.append((now_ms(), f"~{errand}"))

    async def move(
        self, call: str, queue: str = "", position: int = 0, priority_s: int | None = None, by: str = ""
    ) -> Moved:
        """Put a waiting caller into another queue, to a place in line (1 = next), or give him a priority.

        Raises UnknownCall, UnknownQueue, NotWaiting.
        """
        own = (call, by, queue, position or "", "" if priority_s is None else priority_s)
        reply = await self.operations.run("move", self.operations.worker, *own, heed=self.operations.told)
        status, queue_now, position_now, state, *_ = reply
        if status == UNKNOWN:
            raise UnknownCall(f"no call {call!r} is live")
        if status == NO_QUEUE:
            raise UnknownQueue(f"no queue is called {queue!r}")
        if status == REFUSED:
            raise NotWaiting(f"call {call} does not wait: it is {WORDS.get(state, state)}")
        return Moved(queue_now, position_now, state)

    # Agents

    async def agent(
        self, agent: str, action: AgentAction, what: str = "", device: str | None = None, by: str = ""
    ) -> AgentStatus:
        """What an agent asks for. What must wait for the end of his call becomes his `wish`.

        `what`: the reason of a pause, the seconds of an extension (empty: the queue's), a disposition's code
        or name, a leg's channel (`nail`). `by`: who forces it. Raises UnknownAgent, UnknownDevice,
        DeviceTaken, NotNow.
        """
        own = (self.operations.worker, agent, action, what, device or "", by)
        reply = await self.operations.run("agent", *own, heed=self.operations.told)
        status, state, why, wish, *_ = reply
        if status == UNKNOWN:
            raise UnknownAgent(f"no agent is called {agent!r}")
        if status == NO_SUCH_DEVICE:
            raise UnknownDevice(f"no device is called {device!r}: agents.yaml says which there are")
        if status == DEVICE_TAKEN:
            raise DeviceTaken("an agent who is on a call sits at that device")
        if status in NOT_NOW:
            raise NotNow(f"{agent}: {NOT_NOW[status]}")
        return AgentStatus(state, why, wish)

    async def may_try_pin(self, agent: str, device: str) -> bool:
        """Whether a PIN may be looked at; counted from now on. `agent` empty: nobody has that number."""
        return bool(await self.operations.run("tries", agent, device, ""))

    async def pin_was_right(self, agent: str, device: str) -> None:
        """Forget what was tried before."""
        await self.operations.run("tries", agent, device, "1")

    async def agent_at_device(self, device: str) -> str | None:
        """Who is logged in at a device."""
        found = await self.operations.link.call("HGET", self.operations.keys.devices, device)
        return str(found) if found else None

    async def reach(self, device: str, reachable: bool, in_use: bool = False) -> None:
        """A device can be rung, or no longer can. `in_use`: by a call that is none of ours."""
        run, worker = self.operations.run, self.operations.worker
        await run("reach", worker, device, int(reachable), int(in_use), heed=self.operations.told)

    async def due(self) -> int | None:
        """End the wrap-ups and cool-downs that are over; the next instant (ms) to do so, if there is one."""
        tell, worker = self.operations.tell, self.operations.worker
        _, next_due, now, _ = await self.operations.run("due", worker, heed=lambda reply: tell(reply[-1]))
        self._clock_ahead_ms = now - now_ms()
        return next_due or None

    async def sweep(self) -> Sweep:
        """Find and mend what a crash left; ring what a lost message should have rung."""
        return await self._sweeper.sweep()

    async def configure(
        self,
        queues: Mapping[str, Queue],
        agents: Mapping[str, Agent],
        version: int,
        ladders: Mapping[str, Collection[str]] = NO_LADDERS,
        vip: Callable[[str], int] = nobody,
        devices: Collection[str] = (),
    ) -> bool:
        """Put what admins published beside the live state; publishing it again changes nothing.

        `ladders`: queue → needs that flows bring beside the queue's own. `vip`: seconds of head start by
        number. `devices`: where agents may sit; none: anywhere. False: another publication began meanwhile,
        and counts.
        """
        return await publication.publish(self.operations, queues, agents, version, ladders, vip, devices)

    async def count(self, counter: str, key: str) -> int:
        """The next number of a counter of the site, from 1; with the same `key` once more the same."""
        return int(await self.operations.run("count", counter, key, COUNTED_S))

    # For people who look

    async def waiting(self, limit: int = 20) -> list[QueueView]:
        """Every queue with the first `limit` of its line."""
        return await snapshots.waiting(self.operations, limit)

    async def figures(self, queue: str) -> QueueFigures:
        """One queue at this moment."""
        waiting, longest_ms, ready, staffed = await self.operations.run("figures", queue)
        return QueueFigures(waiting, longest_ms / 1000, ready, staffed)

    async def agents(self) -> list[AgentView]:
        """Every published agent."""
        return await snapshots.agents(self.operations)

    async def standing(self) -> tuple[list[Standing], list[list[str]]]:
        """Everybody who waits, and the queues of each agent."""
        return await snapshots.standing(self.operations)

    async def calls(self, limit: int = 1000) -> list[CallView]:
        """Live calls, at most `limit`, oldest first."""
        return await snapshots.calls(self.operations, limit)


def _done(reply: Reply) -> Done:
    return Done(bool(reply.result) or reply.status == REPEATED, reply.journaled)
