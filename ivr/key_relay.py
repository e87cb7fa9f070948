"""Keys of an agent that are none of ours: the caller's telephone has them, a few at a time."""

from collections.abc import Callable

PRESS_MS = 100
"""Asterisk plays none shorter."""
PAUSE_MS = 50
"""Receivers must take 40 (ITU-T Q.24)."""
LEAD_MS = 120
"""Asterisk is silent for 100 before the first."""
AT_ONCE = 3
MOST_WAITING = 16
"""Who is ahead of his keys by so many leans on them: the rest is dropped."""


class KeyRelay:
    """The keys of one talk, in order.

    While Asterisk plays keys it does nothing else for that channel, and who waits for something else (a
    transfer does) holds up every call of this worker: the socket has one order after the other. So there is
    never more on its way to Asterisk than `AT_ONCE` keys, 0.6 s.
    """

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._waiting = ""
        self.until: float | None = None
        """Loop time at which `go_on` must be called."""

    def press(self, keys: str, now: float) -> None:
        """More keys, at this loop time."""
        self._waiting = (self._waiting + keys)[:MOST_WAITING]
        if self.until is None:
            self._next(now)

    def go_on(self, now: float) -> None:
        """Send the next of those that wait, if it is time."""
        if self.until is not None and now >= self.until:
            self._next(now)

    def forget(self) -> None:
        """What has not been sent never is."""
        self._waiting = ""

    def _next(self, now: float) -> None:
        keys, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        if keys:
            self._send(keys)
        self.until = now + (LEAD_MS + len(keys) * (PRESS_MS + PAUSE_MS)) / 1000 if keys else None
