"""What is in Redis now, for people who look. Reads only, in bounded slices; a snapshot is not one instant."""

import asyncio
from collections.abc import Sequence
from typing import Any

from queues.operations import Operations, now_ms
from queues.preview import Standing
from queues.results import AgentView, CallView, QueueSettings, QueueStand, QueueView, WaitingCaller

AT_ONCE = 200
WALL_AT_ONCE = 100
"""One script for more of them would keep the others waiting."""
TIERS = range(1, 10)


async def waiting(operations: Operations, limit: int) -> list[QueueView]:
    """Every queue with the first `limit` of its line."""
    names = sorted(await operations.link.call("SMEMBERS", operations.keys.queues))
    return [await _queue(operations, name, limit) for name in names]


async def _queue(operations: Operations, name: str, limit: int) -> QueueView:
    keys, call = operations.keys, operations.link.call
    title, count, line, *ready = await asyncio.gather(
        call("HGET", keys.queue(name), "title"),
        call("ZCARD", keys.line(name)),
        call("ZRANGE", keys.line(name), 0, max(limit, 1) - 1),
        *(call("ZCARD", keys.idle(name, tier)) for tier in TIERS),
    )
    fields = ("score", "joined_at", "state", "agent")
    records = await _hashes(operations, [keys.call(one) for one in line], *fields)
    callers = [
        WaitingCaller(one, place, float(score), int(joined_at), state, agent or "")
        for place, (one, (score, joined_at, state, agent)) in enumerate(zip(line, records, strict=True), 1)
        if score is not None and joined_at is not None
    ]
    longest = max((now_ms() - caller.joined_at for caller in callers), default=0)
    return QueueView(name, title or name, count, sum(ready), max(longest, 0), callers[:limit])


async def standing(operations: Operations) -> tuple[list[Standing], list[list[str]]]:
    """Everybody who waits, and the queues of each agent."""
    keys, call = operations.keys, operations.link.call
    names = sorted(await call("SMEMBERS", keys.queues))
    lines = await asyncio.gather(*(call("ZRANGE", keys.line(name), 0, -1) for name in names))
    callers = [(one, name) for name, line in zip(names, lines, strict=True) for one in line]
    fields = ("score", "joined_at", "from", "head_starts")
    records = await _hashes(operations, [keys.call(one) for one, _ in callers], *fields)
    found = [
        Standing(one, name, float(score), int(joined_at), number or "", _starts(starts or ""))
        for (one, name), (score, joined_at, number, starts) in zip(callers, records, strict=True)
        if score is not None and joined_at is not None
    ]
    people = [keys.agent(agent) for agent in sorted(await call("SMEMBERS", keys.agents))]
    serving = [(queues or "").split(",") for (queues,) in await _hashes(operations, people, "queues")]
    return found, serving


def _starts(text: str) -> dict[str, float]:
    """Head starts as a call's record has them: `priority:30,vip:60`."""
    pairs = (each.partition(":") for each in text.split(",") if each)
    return {reason: float(seconds) for reason, _, seconds in pairs}


async def wall(operations: Operations, names: Sequence[str]) -> tuple[int, list[QueueStand]]:
    """These queues, `WALL_AT_ONCE` of them at one instant each; and that instant (the last one), ms."""
    now, rows = now_ms(), []
    for start in range(0, len(names), WALL_AT_ONCE):
        some = names[start : start + WALL_AT_ONCE]
        now, found = await operations.run("wall", *some)
        rows += [QueueStand(name, *row) for name, row in zip(some, found, strict=True)]
    return now, rows


async def published(operations: Operations) -> tuple[list[str], list[str]]:
    """Names of the queues, and ids of the agents."""
    queues, agents = await asyncio.gather(
        operations.link.call("SMEMBERS", operations.keys.queues),
        operations.link.call("SMEMBERS", operations.keys.agents),
    )
    return sorted(queues), sorted(agents)


async def queue_settings(operations: Operations, names: Sequence[str]) -> dict[str, QueueSettings]:
    """What is published of each of these queues."""
    keys = [operations.keys.queue(name) for name in names]
    records = await _hashes(operations, keys, "title", "service_level_s", "short_abandon_s")
    return {
        name: QueueSettings(title or name, float(in_time or 20), float(short or 5))
        for name, (title, in_time, short) in zip(names, records, strict=True)
    }


async def agents(operations: Operations) -> list[AgentView]:
    """Every published agent, by id."""
    ids = sorted(await operations.link.call("SMEMBERS", operations.keys.agents))
    return [view for view in (await agents_of(operations, ids)).values() if view is not None]


async def agents_of(operations: Operations, ids: Sequence[str]) -> dict[str, AgentView | None]:
    """These agents; None: there is no such agent."""
    fields = ("name", "state", "reason", "since_at", "device", "queues", "call", "wish", "calls", "talk_ms")
    records = await _hashes(operations, [operations.keys.agent(agent) for agent in ids], *fields)
    return {agent: _agent(agent, *record) for agent, record in zip(ids, records, strict=True)}


def _agent(agent: str, name: str | None, state: str | None, *more: str | None) -> AgentView | None:
    if state is None:
        return None
    reason, since_at, device, queues, call, wish, calls, talk_ms = (value or "" for value in more)
    return AgentView(
        agent=agent,
        name=name or agent,
        state=state,
        reason=reason,
        since_at=int(since_at or 0),
        device=device,
        queues=[queue for queue in queues.split(",") if queue],
        call=call,
        wish=wish,
        calls=int(calls or 0),
        talk_ms=int(talk_ms or 0),
    )


async def calls(operations: Operations, limit: int) -> list[CallView]:
    """Live calls of every worker, at most `limit`, oldest first."""
    views = await calls_of(operations, await live(operations, limit))
    return sorted((view for view in views.values() if view), key=lambda view: (view.arrived_at, view.call))


async def live(operations: Operations, limit: int) -> list[str]:
    """Ids of live calls of every worker, at most `limit`."""
    keys = operations.keys
    ids: list[str] = []
    for worker in sorted(await operations.link.call("HKEYS", keys.workers)):
        cursor = "0"
        while len(ids) < limit:
            cursor, some = await operations.link.call("SSCAN", keys.owned(worker), cursor, "COUNT", AT_ONCE)
            ids += some
            if cursor == "0":
                break
    return ids[:limit]


async def calls_of(operations: Operations, ids: Sequence[str]) -> dict[str, CallView | None]:
    """These calls; None: it is not live."""
    fields = (
        *("owner", "state", "from", "to", "flow", "step", "queue", "agent", "arrived_at"),
        *("campaign", "score", "joined_at", "bridged_at"),
    )
    records = await _hashes(operations, [operations.keys.call(call) for call in ids], *fields)
    return {
        call: _call(call, *(value or "" for value in record)) if record[0] else None
        for call, record in zip(ids, records, strict=True)
    }


def _call(call: str, *values: str) -> CallView:
    worker, state, from_, to, flow, step, queue, agent, arrived_at, campaign, score, *instants = values
    joined_at, bridged_at = (int(float(instant or 0)) for instant in instants)
    where = (worker, state, from_, to, flow, step, queue, agent, int(arrived_at or 0), campaign)
    return CallView(call, *where, float(score or 0), joined_at, bridged_at)


async def _hashes(operations: Operations, keys: list[str], *fields: str) -> list[list[Any]]:
    """These fields of each hash, a slice of them at a time."""
    records: list[list[Any]] = []
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        records += await asyncio.gather(*(operations.link.call("HMGET", key, *fields) for key in some))
    return records
