"""Operations that wait for Redis: kept in the journal, replayed in order.

While a call has operations here, its later ones come here too: a call's operations are never reordered.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from calllog.errors import JournalError
from calllog.journal import Journal
from queues.wire import Arg

log = logging.getLogger(__name__)


class Deferred(msgspec.Struct, frozen=True, array_like=True):
    """One operation as the journal keeps it: script and arguments; the first argument is the call."""

    script: str
    argv: list[str | int | float]

    @property
    def call(self) -> str:
        return str(self.argv[0])


class Deferral:
    """What has not been replayed yet; the journal holds the same, and outlives this process."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the journal; None: this process puts nothing off. Raises JournalError."""
        self._path = path
        self._journal = Journal(path) if path is not None else None
        self._waiting: list[Deferred] = []
        self._calls: Counter[str] = Counter()
        self._writing: set[asyncio.Task[None]] = set()
        for entry in self._journal.entries() if self._journal else ():
            self._wait(msgspec.json.decode(entry.record, type=Deferred))

    @property
    def possible(self) -> bool:
        """Whether there is a journal."""
        return self._journal is not None

    def __len__(self) -> int:
        return len(self._waiting)

    def holds(self, call: str) -> bool:
        """Whether operations of the call wait here."""
        return call in self._calls

    def append(self, script: str, argv: Sequence[Arg], kept: Callable[[], None]) -> None:
        """Put an operation off; `kept` is called when it is safe on the disk.

        If the disk refuses, it is safe as long as this process lives: that is logged, and the call goes on.
        """
        assert self._journal is not None, "this process has no journal"
        deferred = Deferred(script, [arg.decode() if isinstance(arg, bytes) else arg for arg in argv])
        self._wait(deferred)
        task = asyncio.get_running_loop().create_task(self._keep(self._journal, deferred, kept))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def oldest(self, limit: int) -> list[Deferred]:
        """The next operations to replay."""
        return self._waiting[:limit]

    async def replayed(self, count: int) -> None:
        """The oldest `count` operations are in Redis; when all are, the journal is emptied."""
        for deferred in self._waiting[:count]:
            self._calls[deferred.call] -= 1
            if not self._calls[deferred.call]:
                del self._calls[deferred.call]
        del self._waiting[:count]
        if self._writing:
            await asyncio.wait(self._writing)
        if not self._waiting and self._journal is not None:
            last = [entry.position for entry in self._journal.entries()][-1:]
            if last:
                await self._journal.discard(last[0])

    def set_aside(self, deferred: Deferred, why: BaseException) -> None:
        """Keep an operation that Redis refuses for good in a file beside the journal, for people to see."""
        assert self._path is not None, "this process has no journal"
        aside = self._path.with_name(f"{self._path.name}.refused")
        told = {"call": deferred.call}
        log.error("Redis refuses %s for good, kept in %s: %s", deferred.script, aside, why, extra=told)
        try:
            with aside.open("ab") as file:
                file.write(msgspec.json.encode((str(why), deferred)) + b"\n")
        except OSError as error:
            log.error("it could not be kept: %s", error, extra=told)

    async def close(self) -> None:
        """Finish writing. What waits stays in the journal for the next start."""
        if self._writing:
            await asyncio.wait(self._writing)
        journal, self._journal = self._journal, None
        if journal is not None:
            await journal.close()

    def _wait(self, deferred: Deferred) -> None:
        self._waiting.append(deferred)
        self._calls[deferred.call] += 1

    async def _keep(self, journal: Journal, deferred: Deferred, kept: Callable[[], None]) -> None:
        try:
            await journal.append(msgspec.json.encode(deferred))
        except JournalError as error:
            log.error("an operation waits for Redis in memory only: %s", error, extra={"call": deferred.call})
        kept()
