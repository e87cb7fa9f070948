"""What admins have published, put beside the live state in small steps: no script of it takes long.

    1. queues ──► 2. agents ──► 3. callers who wait ──► 4. what nobody needs any more goes

Each step is done in slices; each slice can be done again. Several workers do it at the same time; whoever
begins another publication makes the earlier one stop. If one dies half-way, the next that starts does it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from queues.models import Agent, Queue
from queues.operations import Operations
from queues.published import agent_settings, queue_settings

QUEUES_AT_ONCE = 5
AGENTS_AT_ONCE = 4
CALLERS_AT_ONCE = 8

NO_LADDERS: Mapping[str, Collection[str]] = {}

Item = TypeVar("Item")


def nobody(number: str) -> int:  # noqa: ARG001 (whoever it is)
    """No number has a head start."""
    return 0


async def publish(
    operations: Operations,
    queues: Mapping[str, Queue],
    agents: Mapping[str, Agent],
    version: int,
    ladders: Mapping[str, Collection[str]],
    vip: Callable[[str], int],
) -> bool:
    """See `Store.configure`."""
    call, keys = operations.link.call, operations.keys
    lines: dict[str, Any] = {
        name: queue_settings(queue, ladders.get(name, ())) for name, queue in queues.items()
    }
    people: dict[str, Any] = {
        name: agent_settings(agent, place) for place, (name, agent) in enumerate(agents.items(), 1)
    }
    name = f"{version}:{hashlib.sha256(_json([lines, people])).hexdigest()[:16]}"
    gone_lines = set(await call("SMEMBERS", keys.queues)) - lines.keys()
    gone_people = set(await call("SMEMBERS", keys.agents)) - people.keys()
    run = _Steps(operations, name)
    for some in _slices([*lines.items(), *((gone, False) for gone in sorted(gone_lines))], QUEUES_AT_ONCE):
        await run.step("configure", dict(some))
    for one in _slices([*((gone, False) for gone in sorted(gone_people)), *people.items()], AGENTS_AT_ONCE):
        if not await run.step("enroll", one):
            return False
    for line in sorted(lines.keys() | gone_lines):
        if not await _callers(run, line, vip):
            return False
    slices = [*_slices(sorted(lines), QUEUES_AT_ONCE)] or [[]]
    for number, each in enumerate(slices, 1):
        if not await run.step("enact", each, version if number == len(slices) else ""):
            return False
    return True


async def _callers(run: "_Steps", queue: str, vip: Callable[[str], int]) -> bool:
    """Everybody in this line, whoever joins or leaves meanwhile: Redis' scan misses nobody who stays."""
    call, keys = run.operations.link.call, run.operations.keys
    cursor = ""
    while cursor != "0":
        cursor, flat = await call("ZSCAN", keys.line(queue), cursor or "0", "COUNT", CALLERS_AT_ONCE)
        for some in _slices(flat[::2], CALLERS_AT_ONCE):
            numbers = await asyncio.gather(*(call("HGET", keys.call(one), "from") for one in some))
            pairs = [(one, vip(number or "")) for one, number in zip(some, numbers, strict=True)]
            if not await run.step("restage", pairs):
                return False
    return True


class _Steps:
    """One publication."""

    def __init__(self, operations: Operations, name: str) -> None:
        self.operations = operations
        self._name = name

    async def step(self, script: str, what: object, *more: str | int) -> bool:
        """One slice; False: another publication has begun."""
        operations = self.operations
        argv = (operations.worker, self._name, _json(what).decode(), *more)
        status, *_ = await operations.run(script, *argv, heed=operations.told)
        return bool(status)


def _slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)
