"""One alarm for the earliest of many instants: how a worker sleeps until something in Redis is due."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, at the earliest instant it was set to; setting it later than that changes nothing."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._at = float("inf")
        self._handle: asyncio.Handle | None = None

    def set(self, delay_s: float) -> None:
        """Ring in `delay_s` seconds at the latest."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, delay_s)
        if at >= self._at:
            return
        self.stop()
        self._at = at
        self._handle = loop.call_at(at, self._rings)

    def stop(self) -> None:
        """Ring no more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._at = None, float("inf")

    def _rings(self) -> None:
        self._handle, self._at = None, float("inf")
        self._ring()
