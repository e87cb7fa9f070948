"""The worker's lease: proof that it may act for its calls, and how it learns of dead or draining workers.

    1. renew ──► held ──► 2. too old ──► silenced ──► 3. renewed: look which calls are still ours ──► held
                   │
                   └─► 4. Redis itself is away: nobody can adopt, so the worker may go on

One lease per worker (TTL 4 s, renewed every 0.5 s), never one per call.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from queues.errors import StoreAway

log = logging.getLogger(__name__)

TTL_S = 4.0
RENEW_S = 0.5
MARGIN_S = 1.0
"""A worker falls silent this long before others may take its calls over."""


class Lease:
    """Keeps the lease; `may_command` is asked before every command that changes something in Asterisk."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._renewed = float("-inf")
        self._redis_away = float("-inf")
        self.available_since = float("-inf")
        """Since when Redis has answered without a break (monotonic seconds)."""

    def may_command(self) -> bool:
        now = self._clock()
        if now - self._renewed < TTL_S - MARGIN_S:
            return True
        # A failed try is fresh news that Redis is away. A worker that was stopped has none: it stays silent.
        return now - self._redis_away < TTL_S - MARGIN_S and self._redis_away > self._renewed

    def peers_can_be_judged(self) -> bool:
        """Leases run out while Redis is away: absent peers are dead only if it has been here for a while."""
        return self._clock() - self.available_since > TTL_S

    async def renew(
        self, renewal: Callable[[], Awaitable[None]], lapsed: Callable[[], Awaitable[None]]
    ) -> None:
        """One renewal. `lapsed` runs before commands are allowed again if the lease had become too old."""
        begun = self._clock()
        try:
            await renewal()
            if self._clock() - self._renewed >= TTL_S - MARGIN_S:  # also if it was Redis that took so long
                await lapsed()
        except StoreAway:
            self._redis_away = self._clock()
            self.available_since = float("inf")
            return
        if self.available_since == float("inf") or self.available_since == float("-inf"):
            self.available_since = begun
        self._renewed = begun

    async def keep(
        self, renewal: Callable[[], Awaitable[None]], lapsed: Callable[[], Awaitable[None]]
    ) -> None:
        """Renew for ever."""
        while True:
            await self.renew(renewal, lapsed)
            await asyncio.sleep(RENEW_S)
