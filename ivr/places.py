"""The places of callers who are to be told theirs: one bounded question a second for all of a worker."""

import asyncio
from collections import deque

from queues.errors import StoreAway
from queues.store import Store

PLACES_S = 1.0
AT_ONCE = 500
"""So many are asked for in one look; the others in the next ones."""


class Places:
    """Collects questions until the next look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: deque[tuple[str, str, asyncio.Future[int]]] = deque()
        """Queue and call of each who wants to know; who has given up is passed over."""

    async def of(self, queue: str, call: str) -> int:
        """The place of a caller within about a second; 0: he is not in that line, or it cannot be known."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append((queue, call, answer))
        return await answer

    async def look(self) -> None:
        """Ask for those who want to know."""
        callers: list[tuple[str, str]] = []
        asked: list[asyncio.Future[int]] = []
        while self._asked and len(asked) < AT_ONCE:
            queue, call, answer = self._asked.popleft()
            if not answer.done():
                callers.append((queue, call))
                asked.append(answer)
        if not asked:
            return
        try:
            places = await self._store.places(callers)
        except StoreAway:
            places = [0] * len(asked)
        for answer, place in zip(asked, places, strict=True):
            if not answer.done():
                answer.set_result(place)
