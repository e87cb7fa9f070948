"""What admins have published, put beside the live state in small steps: no script of it takes long.

    1. queues ──► 2. devices ──► 3. agents ──► 4. callers who wait ──► 5. what nobody needs any more goes

Each step is a function for each queue, agent or caller, or some devices, which can be done again; a few are
on their way at a time. Several workers do it at the same time; whoever begins another publication makes the
earlier one stop. If one dies half-way, the next that starts does it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from queues.models import Agent, Queue
from queues.operations import Operations
from queues.published import agent_settings, queue_settings

IN_FLIGHT = 4
"""Functions that are sent together: they share a sync of Redis' file, and others wait for all of them."""
SCANNED = 20
EQUIPPED = 100
"""Devices that are put into one function: each is one name."""

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
    devices: Collection[str],
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
    gone_devices = set(await call("SMEMBERS", keys.equipment)) - set(devices)
    run = _Steps(operations, name)
    await run.steps("configure", ({each: found} for each, found in [*lines.items(), *_gone(gone_lines)]))
    equipment = [*_gone(gone_devices), *((name, True) for name in devices)]
    if not await run.steps("equip", (dict(some) for some in _slices(equipment, EQUIPPED))):
        return False
    if not await run.steps("enroll", ([pair] for pair in [*_gone(gone_people), *people.items()])):
        return False
    for line in sorted(lines.keys() | gone_lines):
        if not await _callers(run, line, vip):
            return False
    return await _enact(run, sorted(lines) or [""], version)


def _gone(names: Collection[str]) -> list[tuple[str, Any]]:
    return [(name, False) for name in sorted(names)]


async def _enact(run: "_Steps", lines: Sequence[str], version: int) -> bool:
    for number, line in enumerate(lines, 1):
        more = 1
        while more:
            status, more, *_ = await run.step("enact", line, version if number == len(lines) else "")
            if not status:
                return False
    return True


async def _callers(run: "_Steps", queue: str, vip: Callable[[str], int]) -> bool:
    """Everybody in this line, whoever joins or leaves meanwhile: Redis' scan misses nobody who stays."""
    call, keys = run.operations.link.call, run.operations.keys
    cursor = ""
    while cursor != "0":
        cursor, flat = await call("ZSCAN", keys.line(queue), cursor or "0", "COUNT", SCANNED)
        some = flat[::2]
        numbers = await asyncio.gather(*(call("HGET", keys.call(one), "from") for one in some))
        pairs = ([(one, vip(number or ""))] for one, number in zip(some, numbers, strict=True))
        if not await run.steps("restage", pairs):
            return False
    return True


class _Steps:
    """One publication."""

    def __init__(self, operations: Operations, name: str) -> None:
        self.operations = operations
        self._name = name

    async def step(self, script: str, what: str, *more: str | int) -> Any:
        """One function, and what it answers; first of all 0 if another publication has begun."""
        operations = self.operations
        return await operations.run(script, operations.worker, self._name, what, *more, heed=operations.told)

    async def steps(self, script: str, each: Iterable[object]) -> bool:
        """A function for each; False: another publication has begun."""
        for some in _slices([_json(one).decode() for one in each], IN_FLIGHT):
            replies = await asyncio.gather(*(self.step(script, one) for one in some))
            if not all(reply[0] for reply in replies):
                return False
        return True


def _slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)
