"""What has happened since the API was started, counted for Prometheus, under bounded labels."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from calllog.call_events import Declined, Ended, Joined, QueueLeft, QueueRefused
from calllog.stream import Entry
from calllog.vocabulary import LEFT_CLASS

CLASSES = {"A": "answered", "B": "abandoned", "F": "flowed", "X": "failed"}
WAITS_S = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Upper bounds of the buckets of waits."""
OTHER = "(other)"
"""Stands for every queue that is not published: lines of agents by name, and queues of before."""


class Waits:
    """Waits in one queue that ended in one way: how many in each bucket, and their sum."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(WAITS_S) + 1)
        self.sum_s = 0.0

    def add(self, waited_s: float) -> None:
        self.buckets[bisect_left(WAITS_S, waited_s)] += 1
        self.sum_s += waited_s


class Tally:
    """Counts by queue and by closed lists of words, never by call, caller or agent."""

    def __init__(self) -> None:
        self.queues: frozenset[str] = frozenset()
        """Those that are published."""
        self.offered: Counter[str] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.waits: dict[tuple[str, str], Waits] = {}
        """Queue and class → waits that ended so."""
        self.declined: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.events = 0
        self.broken = 0

    def count_all(self, lines: Iterable[Entry]) -> None:
        for line in lines:
            self.events += 1
            self.broken += line.event is None
            self._count(line.event)

    def _count(self, event: object) -> None:
        if isinstance(event, Joined):
            self.offered[self._label(event.queue)] += 1
        elif isinstance(event, QueueLeft):
            key = self._label(event.queue), CLASSES[LEFT_CLASS[event.reason]]
            self.waits.setdefault(key, Waits()).add(event.waited_ms / 1000)
        elif isinstance(event, QueueRefused):
            self.refused[self._label(event.queue), event.reason] += 1
        elif isinstance(event, Declined):
            self.declined[event.reason] += 1
        elif isinstance(event, Ended):
            self.ended[event.verdict] += 1

    def _label(self, queue: str) -> str:
        return queue if queue in self.queues else OTHER
