"""What an agent presses while he talks: codes of `transfers.keys`, and where to. Pure."""

from typing import Literal, NamedTuple

from ivr.transfers import BEGUN, Keys

TARGET_S = 4.0
"""A target without # is complete after so long without another key."""
CODE_S = 2.0
"""A code that is begun and not completed within this time is none: the keys go to the caller."""
MAX_TARGET = 40

Word = Literal["", "blind", "consult", "complete", "back", "all"]
ALONE: frozenset[Word] = frozenset({"complete", "back", "all"})
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

    def __init__(self, keys: Keys | None) -> None:
        self._keys = keys
        self._begun = ""
        self._word: Word = ""
        self.until: float | None = None
        """Loop time at which `wait_over` must be called."""

    def press(self, digit: str, now: float) -> Pressed:
        """The next key, at this loop time."""
        if self._keys is None:
            return Pressed(relay=digit)
        if self._word:
            return self._target(digit, now)
        self._begun += digit
        meant = self._keys.meant(self._begun)
        if meant == BEGUN:
            self.until = now + CODE_S
            return Pressed()
        begun, word = self._begun, _WORDS.get(meant, "")
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


_WORDS: dict[str, Word] = {
    "blind": "blind",
    "consult": "consult",
    "complete": "complete",
    "back": "back",
    "all": "all",
}
