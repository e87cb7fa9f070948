"""Where a call's messages wait for its session: put without waiting, taken one at a time, in order."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """An unbounded queue with one reader. `put` never blocks, so that socket readers can use it."""

    def __init__(self) -> None:
        self._messages: deque[T] = deque()
        self._reader: asyncio.Future[None] | None = None

    def put(self, message: T) -> None:
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def take(self, until: float | None = None) -> T | None:
        """The oldest message, waiting for one until the loop time `until`; None: the time came first."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                if until is None:  # the usual case, and a timeout costs more than all the rest
                    await self._reader
                else:
                    async with asyncio.timeout_at(until):
                        await self._reader
            except TimeoutError:
                if not self._messages:
                    return None
            finally:
                self._reader = None
        return self._messages.popleft()

    def __len__(self) -> int:
        return len(self._messages)
