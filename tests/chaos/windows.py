"""Where a call is when its worker, or Redis, is killed: windows, and instants inside them. Pure.

    claim ─1─► arrived      1. claim-arrived: Asterisk has given the call to a worker, Redis knows nothing
    reserved ─2─► rings     2. reserve-ring: caller and agent belong together, the phone is still silent
    rings ─3─► answered     3. ring-answer: the phone rings, the caller has music and place
    settled ─4─► bridged    4. settle-bridge: both legs are won, they do not hear each other yet
    bridged ─5─► ended      5. bridge-hangup: they talk, hold, and part

An instant is a point of code (`script settle sent`, `event ChannelStateChange before`) or a time after the
window's first fact (`+80 ms`).
"""

from collections.abc import Iterator
from typing import NamedTuple

WINDOWS = ("claim-arrived", "reserve-ring", "ring-answer", "settle-bridge", "bridge-hangup")
CLAIM, RESERVE, RING, SETTLE, BRIDGE = WINDOWS

_OPENS = {
    "ari POST events/claim before": CLAIM,
    "reserved": RESERVE,
    "event Ringing before": RING,
    "script settle before": SETTLE,
    "script connected after": BRIDGE,
}
"""Points after which a window is open for the call."""

_CLOSES = {
    "script arrive after": CLAIM,
    "script decline after": "",
    "script ended after": "",
    "script connected after": SETTLE,
}
"""Points that are the last of a window; "" = of whichever is open."""


class Instant(NamedTuple):
    """A point inside a window, and which time it is reached, from 1."""

    window: str
    point: str
    nth: int = 1

    def __str__(self) -> str:
        times = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.window}: {self.point}{times}"


class Windows:
    """In which window each call is, told point by point."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def open(self, call: str) -> str:
        """The window in which the call is; empty if in none."""
        return self._open.get(call, "")

    def pass_by(self, call: str, point: str) -> Iterator[tuple[str, bool]]:
        """The call has come to a point: the windows it is in there, and whether one opens just now.

        A point that ends one window and opens the next one lies in both.
        """
        before = self._open.get(call, "")
        if not call:
            return
        opens = _OPENS.get(point, "")
        if before and before != opens:
            yield before, False
        closed = _CLOSES.get(point)
        if closed is not None and closed in ("", before):
            self._open.pop(call, None)
        if opens:
            self._open[call] = opens
            yield opens, True
