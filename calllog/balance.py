"""O = A + B + F + X + W, per queue and interval. Pure: no I/O. A part of the audit.

A caller counts in the interval in which he joined. W are the joins that are still open when the log ends (or
that their call has left open for ever), counted one by one, never as what is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from calllog.call_events import AnyCallEvent, Joined, QueueLeft
from calllog.grammar import Violation
from calllog.scope import EVERYTHING, Scope
from calllog.vocabulary import LEFT_CLASS

Interval = Callable[[int], int]
"""An instant → the beginning of the interval it lies in (both ms since the epoch)."""


def whole(_: int) -> int:
    """One interval for everything; it begins at 0."""
    return 0


@dataclass
class QueueCounts:
    """One queue's counts: offered = answered + abandoned + flowed_out + failed + waiting."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    flowed_out: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def balanced(self) -> bool:
        """O = A + B + F + X + W."""
        return self.offered == (self.answered + self.abandoned + self.flowed_out + self.failed + self.waiting)

    def count(self, name: str, more: int = 1) -> None:
        """Add to one of them."""
        setattr(self, name, getattr(self, name) + more)


_COUNT_OF = {"A": "answered", "B": "abandoned", "F": "flowed_out", "X": "failed"}

Cohort = tuple[str, int]
"""Queue, and the beginning of the interval in which its callers joined."""


@dataclass
class Balance:
    """The walk along the stream. `counts`: by cohort, of joins in the scope."""

    scope: Scope = EVERYTHING
    interval: Interval = whole
    counts: dict[Cohort, QueueCounts] = field(default_factory=dict)
    _open: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """By call: queues it is in, and when it joined them."""

    def add(self, event: AnyCallEvent) -> None:
        """The next event of any call."""
        match event:
            case Joined():
                self._count(event.queue, event.at, "offered")
                self._open.setdefault(event.call, []).append((event.queue, event.at))
            case QueueLeft():
                joined_at = self._joined_at(event)
                self._count(event.queue, joined_at, _COUNT_OF[LEFT_CLASS[event.reason]])

    def ended(self, call: str) -> None:
        """The call is over: what it has left open waits for ever."""
        for queue, joined_at in self._open.pop(call, []):
            self._count(queue, joined_at, "waiting")

    def finish(self) -> list[Violation]:
        """Count who waits, and name each cohort that does not add up."""
        for call in list(self._open):
            self.ended(call)
        return [
            Violation(queue, "balance", f"O is not A + B + F + X + W: {counts}", at=begins_at)
            for (queue, begins_at), counts in sorted(self.counts.items())
            if not counts.balanced
        ]

    def queues(self) -> dict[str, QueueCounts]:
        """All intervals of a queue together."""
        total: dict[str, QueueCounts] = {}
        for (queue, _), counts in sorted(self.counts.items()):
            for name, number in vars(counts).items():
                total.setdefault(queue, QueueCounts()).count(name, number)
        return total

    def _joined_at(self, event: QueueLeft) -> int:
        """When the wait that ends here began; if the log does not know, by what the event says of it."""
        for place, (queue, joined_at) in enumerate(self._open.get(event.call, [])):
            if queue == event.queue:
                del self._open[event.call][place]
                return joined_at
        return event.at - event.waited_ms

    def _count(self, queue: str, joined_at: int, name: str) -> None:
        if joined_at in self.scope:
            self.counts.setdefault((queue, self.interval(joined_at)), QueueCounts()).count(name)
