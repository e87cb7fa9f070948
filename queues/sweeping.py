"""The sweeper's rounds: every lane, agent and call of this worker in its turn, a few at a time."""

from collections import deque
from typing import NamedTuple

import msgspec

from queues.operations import Operations
from queues.results import Sweep

SLICES = 4
"""Functions of one sweep: each is short, so that nobody waits long for it."""
LANES, AGENTS, CALLS = 4, 2, 2
"""At most so many in each."""
SCANNED = 50


class _Members:
    """The members of a set, round and round."""

    def __init__(self, operations: Operations, key: str) -> None:
        self._operations = operations
        self._key = key
        self._cursor = "0"
        self._left: deque[str] = deque()

    async def next(self, most: int) -> list[str]:
        """The next ones, fewer at the end of what was read at once; none if the set is empty."""
        if not self._left:
            call = self._operations.link.call
            self._cursor, found = await call("SSCAN", self._key, self._cursor, "COUNT", SCANNED)
            self._left.extend(found)
        return [self._left.popleft() for _ in range(min(most, len(self._left)))]


class _Lanes(NamedTuple):
    queue: str
    names: list[str]


class Sweeper:
    """One worker's."""

    def __init__(self, operations: Operations) -> None:
        keys = operations.keys
        self._operations = operations
        self._queues = _Members(operations, keys.queues)
        self._agents = _Members(operations, keys.agents)
        self._calls = _Members(operations, keys.owned(operations.worker))
        self._lanes: deque[_Lanes] = deque()

    async def sweep(self) -> Sweep:
        """Look at the next few of each. Raises StoreAway."""
        slices = [await self._slice() for _ in range(SLICES)]
        return Sweep(sum(one.found for one in slices), [what for one in slices for what in one.details])

    async def _slice(self) -> Sweep:
        lanes = await self._next_lanes()
        agents, calls = await self._agents.next(AGENTS), await self._calls.next(CALLS)
        argv = (lanes.queue, *(msgspec.json.encode(each).decode() for each in (lanes.names, agents, calls)))
        run, worker = self._operations.run, self._operations.worker
        found, details, *_ = await run("sweep", worker, *argv, heed=self._heed)
        return Sweep(found, details)

    async def _next_lanes(self) -> _Lanes:
        if not self._lanes:
            for queue in await self._queues.next(1):
                lanes = await self._operations.link.call("HGET", self._operations.keys.queue(queue), "lanes")
                names = (lanes or "").split("|")
                slices = range(0, len(names), LANES)
                self._lanes.extend(_Lanes(queue, names[start : start + LANES]) for start in slices)
        return self._lanes.popleft() if self._lanes else _Lanes("", [])

    def _heed(self, reply: tuple[int, list[str], int, list[object], list[object]]) -> None:
        _, _, next_due, ringing, offers = reply
        self._operations.tell(ringing)
        self._operations.tell(offers, next_due)
