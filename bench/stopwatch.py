"""How long Redis itself says that functions took, one call at a time.

`INFO commandstats` has the time of all FCALLs so far, in µs: what it has grown by between two looks is the
time of the call between them, without network, without fsync (which comes after the command), and without
the cost of looking. A slow log of everything would not do: it writes down each command inside a function,
too, and makes the function slower by that.
"""

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from queues.link import Link

T = TypeVar("T")

_FCALL = re.compile(r"cmdstat_fcall:calls=(\d+),usec=(\d+)")


class Count(NamedTuple):
    """All FCALLs of a Redis so far."""

    calls: int
    us: int


def parse(info: str) -> Count:
    """The count in the text of `INFO commandstats`."""
    found = _FCALL.search(info)
    return Count(int(found[1]), int(found[2])) if found else Count(0, 0)


class Stopwatch:
    """Times steps that call one function each; `on` False: runs them only."""

    def __init__(self, url: str) -> None:
        self._link = Link(url, "", ("PING",))
        self.on = False
        self.in_redis_us: dict[str, list[int]] = defaultdict(list)
        self.round_trip_ms: dict[str, list[float]] = defaultdict(list)

    async def time(self, name: str, step: Awaitable[T], kind: Callable[[T], str] = lambda _: "") -> T:
        """Run a step; a step of several functions is an error of whoever wrote the bench."""
        if not self.on:
            return await step
        before = await self._look()
        begun = time.perf_counter()
        result = await step
        took_ms = (time.perf_counter() - begun) * 1000
        after = await self._look()
        if after.calls != before.calls + 1:
            raise RuntimeError(f"{name}: {after.calls - before.calls} functions where one was due")
        what = kind(result)
        name = f"{name}: {what}" if what else name
        self.in_redis_us[name].append(after.us - before.us)
        self.round_trip_ms[name].append(took_ms)
        return result

    def taken(self) -> tuple[dict[str, list[int]], dict[str, list[float]]]:
        """What was measured since the last time: µs in Redis and ms of the round trip, by name."""
        found = (self.in_redis_us, self.round_trip_ms)
        self.in_redis_us, self.round_trip_ms = defaultdict(list), defaultdict(list)
        return found

    async def close(self) -> None:
        await self._link.close()

    async def _look(self) -> Count:
        return parse(await self._link.call("INFO", "commandstats"))
