"""Operations that wait for Redis: written to the journal before they are called done, replayed in order.

While a call has operations here, its later ones come here too: a call's operations are never reordered.
"""

from collections import Counter
from pathlib import Path

import msgspec

from queues.link import Arg


class Deferred(msgspec.Struct, frozen=True, array_like=True):
    """One operation as the journal keeps it: script and arguments; the first argument is the call."""

    script: str
    argv: list[str | int | float]

    @property
    def call(self) -> str:
        return str(self.argv[0])


class Deferral:
    """The journal of one worker and what of it has not been replayed."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the journal's file; None: this process defers nothing."""
        self._path = path
        self._waiting: list[Deferred] = []
        self._calls: Counter[str] = Counter()
        if path is not None and path.exists():
            for line in path.read_bytes().splitlines():
                self._wait(msgspec.json.decode(line, type=Deferred))

    def __len__(self) -> int:
        return len(self._waiting)

    def holds(self, call: str) -> bool:
        """Whether operations of the call wait here."""
        return call in self._calls

    def append(self, script: str, argv: list[Arg]) -> None:
        """Keep an operation; on return it is on the disk. Raises JournalError if the disk refuses."""
        assert self._path is not None, "this process has no journal"
        deferred = Deferred(script, argv)  # type: ignore[arg-type]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(deferred) + b"\n")
        self._wait(deferred)

    def oldest(self, limit: int) -> list[Deferred]:
        """The next operations to replay."""
        return self._waiting[:limit]

    def replayed(self, count: int) -> None:
        """The oldest `count` operations are in Redis; the journal is emptied when all of it is."""
        for deferred in self._waiting[:count]:
            self._calls[deferred.call] -= 1
            if not self._calls[deferred.call]:
                del self._calls[deferred.call]
        del self._waiting[:count]
        if not self._waiting and self._path is not None:
            self._path.unlink(missing_ok=True)

    def _wait(self, deferred: Deferred) -> None:
        self._waiting.append(deferred)
        self._calls[deferred.call] += 1
