"""One digit for each press: Asterisk tells of some presses twice, and this knows which.

Seen in Asterisk 22's `main/channel.c`: each time the end of a key is read from a channel, it is told. An end
that comes too soon after the key before it is put back, and is read, and told, once more:

    1  begin heard, end heard ─────────────────────────► told at its end
    2  begin within 45 ms of the last end: overheard ──► told at its end, then made longer by its own length
    3  end while a key is made longer, or within 45 ms ► told, put back, told again 45 ms after that has ended

While a sound is played begins do not matter, and 45 ms neither. So whoever types fast, and everybody whose
network holds packets back and then delivers them all at once, would have digits doubled. What Asterisk did
with each key follows from when keys ended and how long they were.
(Keys by SIP INFO come one at a time and are told once; they are never taken for a repetition.)
"""

from collections import deque

GAP_MS = 45
"""Asterisk's AST_MIN_DTMF_GAP."""
EARLY_MS = 3
"""Clocks are read a little before or after what they time."""
CLOSE_MS = 40
"""So close to an instant that decides, only Asterisk knows on which side it was: packets come unevenly."""
UNEVEN_MS = 12
"""So much earlier than another key has ended may one seem to have begun that came after it."""
LATE_MS = 250
"""What was put back is told again within so much of the earliest instant, or was not put back."""


class Presses:
    """The keys of one channel, as Asterisk tells of them."""

    def __init__(self) -> None:
        self._over_at = -GAP_MS
        """When the last key was over, ms; what it was made longer by included."""
        self._longer_until = 0
        """Until when a key is made longer, ms."""
        self._put_back: deque[tuple[str, int]] = deque()
        """Digit and length of the keys that will be told again, in this order."""
        self._told: deque[tuple[str, int]] = deque(maxlen=4)
        """The last presses."""
        self._told_at = 0
        """When the last one was told, ms."""
        self._doubt = False
        """What Asterisk has done hung on a few milliseconds."""

    def new(self, digit: str, at: int, length_ms: int, sounding: bool) -> bool:
        """Whether this is a press of its own. `at`: the event's time, ms; `length_ms`: how long it was.

        `sounding`: a sound was played to the channel then.
        """
        due = self._over_at + GAP_MS
        if at > due + LATE_MS:
            self._put_back.clear()
            self._doubt = False
        if self._again((digit, length_ms), at, due, sounding):
            self._over_at = self._longer_until = at + (0 if sounding else length_ms)
            return False
        self._told.append((digit, length_ms))
        self._told_at = at
        self._doubt |= min(abs(at - due), abs(at - length_ms - due)) <= CLOSE_MS
        if at < self._longer_until or (at < due and not sounding):
            self._put_back.append((digit, length_ms))
            return True
        self._over_at = at
        if at - length_ms < due and not sounding:
            self._over_at = self._longer_until = at + length_ms
        return True

    def _again(self, key: tuple[str, int], at: int, due: int, sounding: bool) -> bool:
        """Whether this is told again. In doubt: a key cannot begin within another."""
        if at >= due - EARLY_MS and self._put_back and self._put_back[0] == key:
            self._put_back.popleft()
            return True
        if self._doubt and not sounding and key in self._told and at - key[1] < self._told_at - UNEVEN_MS:
            self._told.clear()
            self._put_back.clear()
            return True
        return False
