"""The keys that a caller has pressed and nobody has taken yet, in order."""

import asyncio
from collections import deque


class TypeAhead(deque[str]):
    """One caller's keys. Needs a running event loop for what is ignored."""

    def __init__(self) -> None:
        super().__init__()
        self._ignored = ("", 0.0)
        """A key that does not count if it is the next one, until this loop time."""

    def press(self, key: str) -> bool:
        """A key was pressed; whether it counts."""
        (ignored, until), self._ignored = self._ignored, ("", 0.0)
        if key == ignored and asyncio.get_running_loop().time() < until:
            return False
        self.append(key)
        return True

    def ignore(self, key: str, within_s: float) -> None:
        """If `key` is the next one he presses, and within so many seconds, it does not count."""
        if not self:
            self._ignored = (key, asyncio.get_running_loop().time() + within_s)
        elif self[0] == key:
            self.popleft()
