"""Which part of the log an audit judges. Pure: no I/O.

A call is judged wholly if it began in the period, an agent's change if it happened in it. To know who waited
and who talked when the period begins, and how its calls ended, more than the period is read.
"""

from collections.abc import Callable
from dataclasses import dataclass

from calllog.event import Event

EPOCH_MS = 1_000_000_000_000
"""September 2001. An instant before it is a mistake of unit."""

CLOCK_SLACK_MS = 1000
"""Asterisk, workers and Redis may read different clocks; facts this much out of order are no finding."""


def possible(event: Event) -> bool:
    """Whether it can have happened when it says: in this century, and before it was written."""
    return EPOCH_MS <= event.at <= event.logged_at + CLOCK_SLACK_MS


def instant(event: Event) -> int:
    """When it happened; if that cannot be, when it was written."""
    return event.at if possible(event) else event.logged_at


@dataclass(frozen=True)
class Scope:
    """The period [from_at, to_at) in ms since the epoch.

    `begun_before`: whether a call that is met in the middle of its life has events before what is read.
    """

    from_at: int = 0
    to_at: int = 1 << 62
    begun_before: Callable[[str], bool] = lambda _: False

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.from_at <= at < self.to_at

    def has(self, event: Event) -> bool:
        """Whether it lies in the period."""
        return instant(event) in self


EVERYTHING = Scope()
