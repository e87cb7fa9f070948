"""The call log of a big house, as its workers would have written it: many made-up centres beside each other.

Each centre is a day of the tests' (`tests.figures.days`): waits, declined offers, transfers, consults, holds,
surveys, sales, escalations, agents' states, workers that crash. All are of the same day and come mixed, by
the time at which they were written, so that calls live at the same time as in a house of that size.
"""

import re
from collections.abc import Iterator
from heapq import merge
from itertools import groupby

from tests.figures import days

CALLS = 400
"""Of one centre in its day."""
_WRITTEN = re.compile(rb'"logged_at": ?(\d+)')
_NAMES = re.compile(
    rb'((?:agent:|"agent": ?"|"from_agent": ?")\w+|"(?:worker:)?hf-\d+)(?=[".:])|(hf-\d+)\.(?=\d)'
)


def entries(centres: int) -> Iterator[bytes]:
    """What each entry of the stream has in its field `e`, in order."""
    single = [_centre(number) for number in range(centres)]
    for _, lines in groupby(merge(*single), key=lambda line: line[:2]):
        yield b"\n".join(line for _, _, _, line in lines)


def _centre(number: int) -> list[tuple[int, int, int, bytes]]:
    """Its lines, by when they were written; calls, agents and workers have names of their own."""
    seed = f"{number:03}".encode()
    own = []
    for place, line in enumerate(
        days.day(number, zone="UTC", day="2026-06-15", days=1, calls=CALLS, agents=5)
    ):
        written = _WRITTEN.search(line)
        assert written
        own.append((int(written[1]), number, place, _renamed(line, seed)))
    return own


def _renamed(line: bytes, seed: bytes) -> bytes:
    return _NAMES.sub(lambda found: (found[1] or found[2]) + b"x" + seed + (b"." if found[2] else b""), line)
