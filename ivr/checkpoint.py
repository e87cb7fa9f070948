"""The record of each live call in Redis: enough for any worker to go on where the last one stopped.

Also the workers' names and leases, by which they know of each other.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ivr.flow.line import Recording
from ivr.flow.values import Value
from queues.errors import Fenced
from queues.handle import CallHandle
from queues.operations import FENCED, now_ms
from queues.results import Done
from queues.store import Store

LEASE_TTL_MS = 4000


class Take(msgspec.Struct, frozen=True):
    """A recording that is not finished, or not yet what the caller wanted. Personal: `wish.notify`."""

    name: str
    path: str
    """The step that records."""
    wish: Recording


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a flow needs to go on elsewhere. Nothing sensitive is in it. Personal: `name`, `variables`."""

    name: str = ""
    """The caller's name."""
    campaign: str = ""
    language: str = ""
    variables: dict[str, Value] = {}
    visits: Mapping[str, int] = {}
    """Path → how often that step has begun."""
    take: Take | None = None


@dataclass(frozen=True)
class CallRecord:
    """A live call in Redis. Instants are ms since the epoch, 0 = not yet. Personal: `from_`, `kept`."""

    call: str
    owner: str
    epoch: int
    op: int
    seq: int
    state: str
    """flow, waiting, offered, connecting, talking or ended."""
    from_: str
    to: str
    campaign: str
    journey: str
    asterisk: str
    arrived_at: int
    answered_at: int
    flow: str
    version: int
    step: str
    kept: Kept
    queue: str
    """The queue he is in, or the last one he was in."""
    score: float
    joined_at: int
    agent: str
    """Who is offered, connecting or talking; empty otherwise."""
    attempt: int
    rung: tuple[tuple[str, int], ...]
    """Open offers: agents and attempts, several if several phones ring."""
    offered_at: int
    bridged_at: int
    hold_agent_at: int
    hold_caller_at: int
    wait_ms: int
    """How long he has waited in queues that he has left."""
    served: int
    """How often he was bridged to an agent."""
    left: str
    """How his wait ended, while he is still in the step in which he waited; empty otherwise."""
    overflowed: bool
    """He has left a queue by a rule."""
    connected_outside: bool
    """It is told that he was connected with a number outside, and he is still in the step that called it."""
    errand: str
    """Where he is to go next, whom an agent has given away; see ivr.errand."""
    consult: str
    """Whom his agent asks: `offered` (is rung), `talking`, or empty."""
    consult_agent: str
    consult_to: str
    """The number outside, if it is no agent. Personal."""
    consult_attempt: int
    leg: str
    """The channel of the agent's leg, if it is one that stays; empty: its name follows from the attempt."""
    consult_leg: str
    """The same of whom his agent asks."""
    consult_line: str
    """The channel of a second call of his telephone by which he asks; empty: he asks on the one he has."""
    agi: bool
    """His channel is in the dialplan, on AGI or on its way to the front door; who adopts it there has ARI."""

    @property
    def known_at(self) -> int:
        """The latest instant at which the call was, by this record; ms."""
        return max(
            self.arrived_at,
            self.answered_at,
            self.joined_at,
            self.offered_at,
            self.bridged_at,
            self.hold_agent_at,
            self.hold_caller_at,
        )


@dataclass(frozen=True)
class Peer:
    """A worker. `calls`: live calls it owns; `alive`: its lease has not run out."""

    name: str
    alive: bool
    inc: int
    pid: int
    host: str
    draining: bool
    calls: int
    started_at: int
    seen_at: int
    """When it last renewed its lease while it had its calls, ms."""
    legs: int = 0
    """Agents' legs that stay connected, which it has."""
    connected: int = 0
    """1: Asterisk was connected to it when it last renewed its lease."""


@dataclass(frozen=True)
class Grant:
    """A renewed lease and what the worker learns with it. `now`: Redis' clock, ms."""

    draining: bool
    peers: list[Peer]
    now: int


@dataclass(frozen=True)
class Ended:
    """What was written at the end of a call; of a journaled end the verdict as far as it was given."""

    verdict: str
    journaled: bool = False


class Checkpoint:
    """Where calls stand. Like `Store`; put off while Redis is away: `arrive`, `step`, `flush`, `ended`."""

    def __init__(self, store: Store) -> None:
        self._operations = store.operations
        self._told = 0

    # The life of a call

    async def arrive(
        self,
        h: CallHandle,
        *,
        from_: str,
        to: str,
        campaign: str = "",
        language: str = "",
        journey: str = "",
        asterisk: str = "",
        at: int = 0,
        inferred: bool = False,
        agi: bool = False,
        wait: bool = True,
    ) -> Done:
        """The call is ours. `journey`: first call of its chain (empty: this one). Fenced if owned.

        `wait` False: return at once; if it is owned by somebody else, the next operation is told.
        """
        from_, to = _valid(from_), _valid(to)
        body: dict[str, Any] = {"kind": "arrived", "from": from_, "to": to, "campaign": campaign}
        if language:
            body["language"] = language
        body |= {"asterisk": asterisk, "journey": journey or h.call}
        if inferred:
            body |= {"not_before": at, "not_after": now_ms()}
        own = (_json(body), from_, to, campaign, journey or h.call, asterisk, int(inferred), int(agi))
        return Done(True, (await self._operations.perform(h, "arrive", own, at, wait)).journaled)

    async def step(
        self,
        h: CallHandle,
        *,
        flow: str,
        version: int,
        path: str,
        kept: Kept,
        ride: bool = False,
    ) -> Done:
        """Before each step: where the call is, and what its flow needs to go on there.

        `ride`: it goes with the call's next operation, which must follow at once (`join` in a `queue` step).
        """
        h.pending.append((0, f"={flow}\n{version}\n{path}\n{_json(kept)}"))
        return Done(True) if ride else await self.flush(h)

    async def remember(self, h: CallHandle, kept: Kept) -> Done:
        """Write down what the flow has learned; where the call is stays as it was."""
        h.pending.append((0, f"%{_json(kept)}"))
        return await self.flush(h)

    async def flush(self, h: CallHandle) -> Done:
        """Write what rides, now."""
        if not h.pending:
            return Done(False)
        return Done(True, (await self._operations.operate(h, "note", deferrable=True)).journaled)

    async def ended(
        self,
        h: CallHandle,
        *,
        verdict: str = "",
        reason: str,
        ended_by: str,
        cause: int = 0,
        at: int = 0,
        between: tuple[int, int] | None = None,
    ) -> Ended:
        """The call is over: close, in order, whatever is open. `verdict` empty: worked out here.

        `between`: nobody was told when it ended, `at` is inferred; it was between these instants, ms.
        """
        rest = _json({"reason": reason, "cause": cause})[1:-1]
        own = (verdict, ended_by, rest, *(between or ()))
        reply = await self._operations.operate(h, "ended", own, at, deferrable=True)
        return Ended(verdict if reply.journaled else str(reply.result), reply.journaled)

    # Take-over

    async def owned(self, worker: str) -> list[str]:
        """Live calls of a worker."""
        keys = self._operations.keys
        return sorted(await self._operations.link.call("SMEMBERS", keys.owned(worker)))

    def defers(self, call: str) -> bool:
        """Whether operations of the call wait in our journal: adopted now, it would refuse them."""
        return self._operations.deferral.holds(call)

    async def record(self, call: str) -> CallRecord | None:
        """A call's record; None if there is none (any more)."""
        fields = await self._operations.link.call("HGETALL", self._operations.keys.call(call))
        return _record(call, fields) if fields.get("owner") else None

    async def adopt(self, call: str, from_worker: str, epoch_seen: int, by_worker: str) -> CallRecord | None:
        """Take a call over; one winner. None: another one was quicker, or it has ended."""
        adopted: list[CallRecord] = []

        def know(flat: Sequence[str]) -> None:
            if flat:
                record = _record(call, dict(zip(flat[::2], flat[1::2], strict=True)))
                self._operations.know(call, max(record.attempt, *(attempt for _, attempt in record.rung), 0))
                adopted.append(record)

        await self._operations.run("adopt", call, from_worker, epoch_seen, by_worker, heed=know)
        return adopted[0] if adopted else None

    # Workers

    async def enlist(self, worker: str) -> int:
        """Take a worker's name; the incarnation, which every earlier one is refused for. Ends a drain."""
        library = self._operations.library.name
        return int(
            await self._operations.run("enlist", worker, os.getpid(), host_id(), LEASE_TTL_MS, library)
        )

    async def lease(self, worker: str, inc: int, serves: bool = True, connected: bool = False) -> Grant:
        """Renew the lease (TTL 4 s). Raises Fenced if a newer incarnation has the name.

        `serves`: it has found its calls, and is told how they go on. `connected`: it has an Asterisk.
        """
        status, draining, now, peers = await self._operations.run(
            "lease", worker, inc, LEASE_TTL_MS, int(serves), int(connected)
        )
        if status == FENCED:
            raise Fenced(f"{worker}: a newer process has this name")
        return Grant(bool(draining), [_peer(*peer) for peer in peers], now)

    async def tell(self, worker: str, inc: int, kind: str, at: int = 0, /, **fields: object) -> None:
        """Log an event of a worker that is about no call."""
        self._told += 1
        body = _json({"kind": kind, "worker": worker, **fields})
        await self._operations.run("system", worker, inc, self._told, body, at)

    async def retire(self, worker: str, inc: int) -> None:
        """Give the lease back: the others take the calls over at once."""
        await self._operations.run("retire", worker, inc)

    async def drain(self, worker: str, on: bool = True) -> bool:
        """Ask a worker to claim no more calls and to leave; it learns by its lease. False: no such worker."""
        keys, call = self._operations.keys, self._operations.link.call
        if not await call("HEXISTS", keys.workers, worker):
            return False
        await call("SADD" if on else "SREM", keys.draining, worker)
        return True

    async def workers(self) -> list[Peer]:
        """Every worker that has ever had a name here."""
        _, _, _, peers = await self._operations.run("lease", "", 0, LEASE_TTL_MS, 0, 0)
        return [_peer(*peer) for peer in peers]


def host_id() -> str:
    """Names this host and process namespace: only within it does a pid mean anything."""
    return f"{os.uname().nodename}:{os.stat('/proc/self/ns/pid').st_ino}"


def _peer(name: str, alive: int, inc: int, pid: int, host: str, draining: int, *more: int) -> Peer:
    return Peer(name, bool(alive), inc, pid, host, bool(draining), *more)


def _record(call: str, fields: Mapping[str, str]) -> CallRecord:
    def text(name: str) -> str:
        return fields.get(name, "")

    def number(name: str) -> int:
        return int(float(fields.get(name) or 0))

    return CallRecord(
        call=call,
        owner=text("owner"),
        epoch=number("epoch"),
        op=number("op"),
        seq=number("seq"),
        state=text("state"),
        from_=text("from"),
        to=text("to"),
        campaign=text("campaign"),
        journey=text("journey"),
        asterisk=text("asterisk"),
        arrived_at=number("arrived_at"),
        answered_at=number("answered_at"),
        flow=text("flow"),
        version=number("version"),
        step=text("step"),
        kept=msgspec.json.decode(fields.get("vars") or "{}", type=Kept),
        queue=text("queue"),
        score=float(fields.get("score") or 0),
        joined_at=number("joined_at"),
        agent=text("agent"),
        attempt=number("attempt"),
        rung=_rung(text("rung")),
        offered_at=number("offered_at"),
        bridged_at=number("bridged_at"),
        hold_agent_at=number("hold_agent_at"),
        hold_caller_at=number("hold_caller_at"),
        wait_ms=number("wait_ms"),
        served=number("served"),
        left=text("left"),
        overflowed=bool(text("overflowed")),
        connected_outside=bool(text("connected")),
        errand=text("errand"),
        consult=text("c_state"),
        consult_agent=text("c_agent"),
        consult_to=text("c_to"),
        consult_attempt=number("c_attempt"),
        leg=text("leg"),
        consult_leg=text("c_leg"),
        consult_line=text("c_line"),
        agi=text("agi") == "1",
    )


def _rung(text: str) -> tuple[tuple[str, int], ...]:
    """Open offers, as `agent:attempt,agent:attempt`."""
    return tuple(
        (agent, int(attempt))
        for agent, _, attempt in (one.partition(":") for one in text.split(","))
        if agent
    )


def _json(value: object) -> str:
    """JSON, whatever texts are in it: a phone or another server can have sent what is no UTF-8."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return _valid(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def _valid(text: str) -> str:
    """Text that can be written as UTF-8, whatever a phone has sent."""
    return text.encode("utf-8", "replace").decode()
