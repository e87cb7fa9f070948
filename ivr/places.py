"""The places of callers who are to be told theirs: one bounded question a second for all of a worker."""

import asyncio

from queues.errors import StoreAway
from queues.store import Store

PLACES_S = 1.0
AT_ONCE = 500
"""So many are asked for in one look; the others in the next ones."""


class Places:
    """Collects questions until the next look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: dict[tuple[str, str], asyncio.Future[int]] = {}

    async def of(self, queue: str, call: str) -> int:
        """The place of a caller within about a second; 0: he is not in that line, or it cannot be known."""
        asked = self._asked.get((queue, call))
        if asked is None:
            asked = self._asked[queue, call] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(asked)

    async def look(self) -> None:
        """Ask for those who want to know."""
        callers = list(self._asked)[:AT_ONCE]
        asked = [self._asked.pop(caller) for caller in callers]
        if not asked:
            return
        try:
            places = await self._store.places(callers)
        except StoreAway:
            places = [0] * len(asked)
        for answer, place in zip(asked, places, strict=True):
            if not answer.done():
                answer.set_result(place)
