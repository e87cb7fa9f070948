"""Whether this worker takes one more call. A worker that does not claims nothing, and another one does."""

import asyncio
from collections.abc import Iterable
from zlib import crc32

LAG_LIMIT_S = 0.1
"""An event loop this late is drowning: the calls it has come first."""
LATE_LIMIT_S = 0.25
"""An Asterisk this late with a reply, or a worker this late in reading it, is: the same."""
TICK_S = 0.1


class Door:
    """Closed until the worker knows its calls, and while it drains, drowns or Asterisk is away."""

    def __init__(self, max_calls: int) -> None:
        self._max_calls = max_calls
        self._open = False
        self._lag_s = 0.0
        self.draining = False

    def open(self) -> None:
        self._open = True

    def close(self) -> None:
        self._open = False

    def drain(self) -> None:
        self.draining = True

    def admits(self, calls: int, late_s: float = 0.0) -> bool:
        """Whether a worker with this many live calls may claim another.

        `late_s`: how long Asterisk has owed it a reply.
        """
        calm = self._lag_s < LAG_LIMIT_S and late_s < LATE_LIMIT_S
        return self._open and not self.draining and calls < self._max_calls and calm

    async def feel_load(self) -> None:
        """Measure for ever how late the event loop wakes."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self._lag_s = loop.time() - due


class Turns:
    """Whose turn a new call is, so that live workers do not race for each: the losers' claims cost CPU.

    By the call's id, among the workers that live. A call that is broadcast a second time was not claimed by
    the one whose turn it was: then everybody may.
    """

    KEPT = 1000

    def __init__(self, name: str) -> None:
        self._name = name
        self._workers = [name]
        self._seen: dict[str, None] = {}

    def among(self, workers: Iterable[str]) -> None:
        """Who lives now; we ourselves always do."""
        self._workers = sorted({self._name, *workers})

    @property
    def first(self) -> bool:
        """Whether we do what only one worker needs to do."""
        return self._workers[0] == self._name

    def mine(self, call: str) -> bool:
        """Whether to claim a call that has just been broadcast."""
        again = call in self._seen
        self._seen[call] = None
        if len(self._seen) > self.KEPT:
            del self._seen[next(iter(self._seen))]
        return again or self._workers[crc32(call.encode()) % len(self._workers)] == self._name
