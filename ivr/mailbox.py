"""Where a call's messages wait for its session: put without waiting, taken one at a time, in order."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """An unbounded queue with one reader. `put` never blocks, so that socket readers can use it."""

    def __init__(self) -> None:
        self._messages: deque[T] = deque()
        self._reader: asyncio.Future[bool] | None = None
        """Its result: whether the time has come."""

    def put(self, message: T) -> None:
        self._messages.append(message)
        self._wake()

    async def take(self, until: float | None = None) -> T | None:
        """The oldest message, waiting for one until the loop time `until`; None: the time came first."""
        while not self._messages:
            loop = asyncio.get_running_loop()
            if until is not None and loop.time() >= until:
                return None
            self._reader = loop.create_future()
            # An alarm of our own: asyncio.timeout costs more than all the rest of a wait. When it rings it is
            # time: uvloop counts in milliseconds, and who asked the clock again would turn until it agrees.
            alarm = loop.call_at(until, self._wake, True) if until is not None else None
            try:
                over = await self._reader
            finally:
                self._reader = None
                if alarm is not None:
                    alarm.cancel()
            if over and not self._messages:
                return None
        return self._messages.popleft()

    def empty(self) -> list[T]:
        """All that is in it, which it is not any more."""
        messages = list(self._messages)
        self._messages.clear()
        return messages

    def _wake(self, over: bool = False) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(over)

    def __len__(self) -> int:
        return len(self._messages)
