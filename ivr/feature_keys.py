"""What an agent presses while he talks: codes of `transfers.keys` and where to, or the talk's end. Pure."""

from typing import NamedTuple

from ivr.transfers import Keys, Word

TARGET_S = 4.0
"""A target without # is complete after so long without another key."""
CODE_S = 2.0
"""A code that is begun and not completed within this time is none: the keys go to the caller."""
MAX_TARGET = 40

ALONE: frozenset[Word] = frozenset({"complete", "back", "all", "end"})
"""Codes after which no target comes."""


class Pressed(NamedTuple):
    """What has come of a key. Personal: `target`."""

    word: Word = ""
    """What the agent wants; empty: nothing yet."""
    target: str = ""
    relay: str = ""
    """Keys that were none of ours: the caller is to have them."""


class FeatureKeys:
    """The keys of one talk, in order."""

    def __init__(self, keys: Keys | None, end: str = "") -> None:
        """`end`: by which he ends the talk; empty: by no keys."""
        self._codes = keys.words() if keys is not None else {}
        if end:
            self._codes[end] = "end"
        self._begun = ""
        self._word: Word = ""
        self.until: float | None = None
        """Loop time at which `wait_over` must be called."""

    @property
    def any(self) -> bool:
        """Whether there is anything to say by keys: then Asterisk must look at all that he presses."""
        return bool(self._codes)

    def press(self, digit: str, now: float) -> Pressed:
        """The next key, at this loop time."""
        if self._word:
            return self._target(digit, now)
        self._begun += digit
        begun, word = self._begun, self._codes.get(self._begun, "")
        if not word and any(code.startswith(begun) for code in self._codes):
            self.until = now + CODE_S
            return Pressed()
        self._forget()
        if not word:
            return Pressed(relay=begun)
        if word in ALONE:
            return Pressed(word)
        self._word, self.until = word, now + TARGET_S
        return Pressed()

    def wait_over(self) -> Pressed:
        """No further key has come."""
        begun, word = self._begun, self._word
        self._forget()
        if word:
            return Pressed(word, begun) if begun else Pressed()
        return Pressed(relay=begun)

    def _target(self, digit: str, now: float) -> Pressed:
        if digit == "#":
            return self.wait_over()
        if digit == "*" or len(self._begun) >= MAX_TARGET:
            self._forget()  # he has thought better of it
            return Pressed()
        self._begun += digit
        self.until = now + TARGET_S
        return Pressed()

    def _forget(self) -> None:
        self._begun, self._word, self.until = "", "", None
