"""Whether this worker takes one more call. A worker that does not claims nothing, and another one does."""

import asyncio

LAG_LIMIT_S = 0.1
"""An event loop this late is drowning: the calls it has come first."""
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

    def admits(self, calls: int) -> bool:
        """Whether a worker with this many live calls may claim another."""
        return self._open and not self.draining and calls < self._max_calls and self._lag_s < LAG_LIMIT_S

    async def feel_load(self) -> None:
        """Measure for ever how late the event loop wakes."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self._lag_s = loop.time() - due
