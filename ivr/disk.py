"""Space below the data directory: told while there is time, when there is none, when it is back."""

import errno
import os
import shutil
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

BALLAST_BYTES = 64 * 1024 * 1024
LOW_BYTES = 256 * 1024 * 1024
"""Free space below which the operator is told."""
FULL_BYTES = 1024 * 1024
"""With less than this a write of Redis' may fail, and Redis ends itself then."""
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class Space(IntEnum):
    """How much there is."""

    FULL = 0
    LOW = 1
    ENOUGH = 2


class Disk:
    """Watches the disk of one data directory and says each change once."""

    def __init__(self, data: Path, say: Callable[[str], None]) -> None:
        self._data = data
        self._say = say
        self._space = Space.ENOUGH

    def look(self) -> None:
        """Say what has changed since the last look."""
        before, self._space = self._space, space(self._data)
        if before == self._space:
            return
        if self._space == Space.FULL:
            self._say(f"{full(self._data)}. Until then Redis cannot write: no new calls are taken.")
            self._say("Calls that live go on, and what happens to them is kept in the journal.")
        elif before == Space.FULL:
            self._say(f"there is space again below {self._data}: everything goes on by itself")
        if self._space == Space.LOW:
            self._say(f"under {LOW_BYTES >> 20} MiB are free below {self._data}: make room now.")
            self._say(_relief(self._data))


def space(data: Path) -> Space:
    """What is free for those who are not root: Redis and Asterisk have users of their own."""
    free = shutil.disk_usage(data).free
    return Space.FULL if free < FULL_BYTES else Space.LOW if free < LOW_BYTES else Space.ENOUGH


def full(data: Path) -> str:
    """Place, problem and mend for a disk that takes nothing more."""
    return f"no space is left below {data}: make room. {_relief(data)}"


def make_ballast(data: Path) -> None:
    """Space to be had back at once, by deleting this file, when the disk is full and Redis cannot append."""
    path = _ballast(data)
    if not path.exists():
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)


def _ballast(data: Path) -> Path:
    return data / "ballast"


def _relief(data: Path) -> str:
    if not _ballast(data).exists():
        return "The ballast is used up already; it is made anew at the next start"
    return f"Deleting {_ballast(data)} gives {BALLAST_BYTES >> 20} MiB at once"
