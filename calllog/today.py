"""Figures of queues since a local midnight, kept up to date event by event. Pure: no I/O.

The same figures, by the same rules, as the archive's for the whole day: callers count in the period in which
they joined (shared/metrics.md, section 2), who joined before it counts nowhere here. Late events, and those
told twice in a row by a reader that began anew, are the reader's business: each event is to be given once.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from calllog.call_events import Ended, Joined, QueueLeft, QueueRefused
from calllog.events import AnyEvent
from calllog.figures.figure import share
from calllog.vocabulary import LEFT_CLASS


class Limits(NamedTuple):
    """What a queue's figures are measured by, ms."""

    service_level_ms: int = 20_000
    """X: who is answered within this time is in time."""
    short_abandon_ms: int = 5_000
    """s: who hangs up before it is a short abandon."""


class Wait(NamedTuple):
    """A wait in a queue as the archive has it. `kind`: A, B, F, X, or W while it goes on."""

    call: str
    queue: str
    kind: str
    waited_ms: int


class Past(NamedTuple):
    """What was archived of a period up to a position of the log; `refusals`: a queue for each."""

    position: str
    waits: Sequence[Wait]
    refusals: Sequence[str]


class QueueToday(NamedTuple):
    """The figures of one queue. Shares from 0 to 1; None: nobody to have a share of. Durations in ms.

    offered = answered + abandoned + flowed + failed + waiting.
    """

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short: int = 0
    flowed: int = 0
    failed: int = 0
    waiting: int = 0
    refused: int = 0
    in_time: int = 0
    service_level: float | None = None
    """in_time / (offered - short)"""
    abandon_rate: float | None = None
    """(abandoned - short) / (offered - short)"""
    asa_ms: int | None = None
    """Mean wait of the answered."""
    wait_longest_ms: int | None = None
    """Longest wait of those answered and of those who hung up."""
    abandon_mean_ms: int | None = None


class _Count:
    """What is known of one queue. The waits are kept, so that other limits can be applied to them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.offered = self.flowed = self.failed = self.waiting = self.refused = 0
        self.answered = array("I")
        self.abandoned = array("I")
        self.in_time = self.short = self.answered_ms = self.abandoned_ms = self.longest_ms = 0

    def leaves(self, kind: str, waited_ms: int) -> None:
        self.waiting -= 1
        if kind == "A":
            self.answered.append(min(waited_ms, 2**32 - 1))
            self.answered_ms += waited_ms
            self.in_time += waited_ms <= self.limits.service_level_ms
        elif kind == "B":
            self.abandoned.append(min(waited_ms, 2**32 - 1))
            self.abandoned_ms += waited_ms
            self.short += waited_ms < self.limits.short_abandon_ms
        elif kind == "F":
            self.flowed += 1
        else:
            self.failed += 1
        if kind in "AB":
            self.longest_ms = max(self.longest_ms, waited_ms)

    def measure(self, limits: Limits) -> None:
        self.limits = limits
        self.in_time = sum(waited <= limits.service_level_ms for waited in self.answered)
        self.short = sum(waited < limits.short_abandon_ms for waited in self.abandoned)

    def figures(self) -> QueueToday:
        answered, abandoned = len(self.answered), len(self.abandoned)
        counted = self.offered - self.short
        return QueueToday(
            offered=self.offered,
            answered=answered,
            abandoned=abandoned,
            short=self.short,
            flowed=self.flowed,
            failed=self.failed,
            waiting=self.waiting,
            refused=self.refused,
            in_time=self.in_time,
            service_level=share(self.in_time, counted),
            abandon_rate=share(abandoned - self.short, counted),
            asa_ms=round(self.answered_ms / answered) if answered else None,
            wait_longest_ms=self.longest_ms if answered + abandoned else None,
            abandon_mean_ms=round(self.abandoned_ms / abandoned) if abandoned else None,
        )


class Today:
    """A period that goes on: [begins_at, ends_at), ms since the epoch."""

    def __init__(self, begins_at: int, ends_at: int, limits: Mapping[str, Limits]) -> None:
        self.begins_at, self.ends_at = begins_at, ends_at
        self._limits = dict(limits)
        self._counts: dict[str, _Count] = {}
        self._open: dict[str, str] = {}
        """Call → the queue that it joined in the period, while it waits there."""

    def figures(self, queue: str) -> QueueToday:
        """The figures of a queue as of the last event that was counted."""
        count = self._counts.get(queue)
        return count.figures() if count else QueueToday()

    def measure_by(self, limits: Mapping[str, Limits]) -> set[str]:
        """Other limits, also for what has been; the queues whose figures that concerns."""
        self._limits = dict(limits)
        changed = {
            queue
            for queue, count in self._counts.items()
            if count.limits != self._limits.get(queue, Limits())
        }
        for queue in changed:
            self._counts[queue].measure(self._limits.get(queue, Limits()))
        return changed

    def begin_with(self, past: Past) -> None:
        """What has been, instead of its events. Only of a period of which nothing was counted."""
        for wait in past.waits:
            self._joins(wait.call, wait.queue)
            if wait.kind != "W":
                self._leaves(wait.call, wait.queue, wait.kind, wait.waited_ms)
        for queue in past.refusals:
            self._of(queue).refused += 1

    def count_all(self, events: Iterable[AnyEvent | None]) -> set[str]:
        """Count these events, in order; the queues that they concern."""
        return {queue for event in events if (queue := self.count(event))}

    def count(self, event: AnyEvent | None) -> str:
        """Count one event; the queue that it concerns, or nothing."""
        if isinstance(event, Joined):
            return self._joined(event)
        if isinstance(event, QueueLeft):
            return self._left(event)
        if isinstance(event, QueueRefused) and self.begins_at <= event.at < self.ends_at:
            self._of(event.queue).refused += 1
            return event.queue
        if isinstance(event, Ended):
            self._open.pop(event.call, None)
        return ""

    def _joined(self, event: Joined) -> str:
        if not self.begins_at <= event.at < self.ends_at:
            return ""
        self._joins(event.call, event.queue)
        return event.queue

    def _left(self, event: QueueLeft) -> str:
        if self._open.get(event.call) != event.queue:
            return ""  # he joined before the period
        self._leaves(event.call, event.queue, LEFT_CLASS[event.reason], event.waited_ms)
        return event.queue

    def _joins(self, call: str, queue: str) -> None:
        self._open[call] = queue
        count = self._of(queue)
        count.offered += 1
        count.waiting += 1

    def _leaves(self, call: str, queue: str, kind: str, waited_ms: int) -> None:
        del self._open[call]
        self._of(queue).leaves(kind, waited_ms)

    def _of(self, queue: str) -> _Count:
        found = self._counts.get(queue)
        if found is None:
            found = self._counts[queue] = _Count(self._limits.get(queue, Limits()))
        return found
