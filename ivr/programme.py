"""When a waiting caller is told what: a timetable from the instant at which he joined. Pure.

    joined ── first_s ──► slot 0 ── every_s ──► slot 1 ── every_s ──► slot 2 …       position
    joined ──── first_s ────► slot 0 ── every_s ──► slot 1 …                         reminders

Slots follow from when he joined, so that whoever takes the call over goes on with the same ones. Those that a
long sound has covered are left out; nothing comes within `gap_s` after the end of another.
"""

import random
from dataclasses import dataclass, field
from math import floor, inf
from typing import Literal, NamedTuple

from queues.heard import Announce, PositionNews, Reminders

Kind = Literal["position", "reminder"]

INSTANT_S = 1e-6
"""Times that are so near are the same."""


class Item(NamedTuple):
    """Something to be told, at a time (s since he joined)."""

    at_s: float
    kind: Kind
    slot: int
    number: int = 0
    """Which of the reminders."""


@dataclass
class Programme:
    """Where one caller is in what he is told. Times: seconds since he joined."""

    since_s: float = 0.0
    """Slots before it are over: another worker has had the call."""
    quiet_until_s: float = 0.0
    last_position: int | None = None
    told_before: bool = False
    """Another worker may have told him a place, and nobody knows which."""
    last_reminder: int = -1
    _over: dict[Kind, float] = field(default_factory=dict)
    """Slots of each kind until then are over, whatever is published meanwhile."""

    def next(self, announce: Announce) -> Item | None:
        """What comes next; None: nothing ever."""
        items = [each for each in (self._position(announce), self._reminder(announce)) if each is not None]
        if not items:
            return None
        first = min(items, key=lambda item: item.at_s)
        return first._replace(at_s=max(first.at_s, self.quiet_until_s))

    def passed(self, item: Item, announce: Announce, began_s: float) -> None:
        """It was its time, whether anything was said or not."""
        part = announce.position if item.kind == "position" else announce.reminders
        if part is not None:
            self._over[item.kind] = max(part.first_s + item.slot * part.every_s, began_s)

    def told(self, item: Item, ended_s: float, announce: Announce) -> None:
        """It was said, and is over."""
        self.quiet_until_s = ended_s + announce.gap_s
        if item.kind == "reminder":
            self.last_reminder = item.number

    def resume(self, now_s: float, gap_s: float) -> None:
        """He has heard something else until now: what was due meanwhile is left out."""
        self.since_s = now_s
        self.quiet_until_s = now_s + gap_s

    def take_over(self, now_s: float, announce: Announce) -> None:
        """Another worker has told him until now: nothing of that is said again, and nothing at once."""
        self.resume(now_s, announce.gap_s)
        self.told_before = announce.position is not None and announce.position.first_s <= now_s

    def worth(self, position: int, news: PositionNews) -> bool:
        """Whether he is to be told this place; he counts as told then."""
        last = self.last_position
        if position < 1 or (news.up_to is not None and position > news.up_to):
            return False
        if news.when == "improved" and last is None and self.told_before:
            self.last_position = position  # perhaps it is the one he was told last
            return False
        if news.when == "improved" and last is not None and position >= last:
            return False
        self.last_position = position
        return True

    def _position(self, announce: Announce) -> Item | None:
        news = announce.position
        return None if news is None else Item(*self._due(news, "position"))

    def _reminder(self, announce: Announce) -> Item | None:
        reminders = announce.reminders
        if reminders is None:
            return None
        at_s, kind, slot = self._due(reminders, "reminder")
        number = slot % len(reminders.sounds)
        if reminders.order == "random":
            others = [each for each in range(len(reminders.sounds)) if each != self.last_reminder]
            number = random.choice(others or [0])
        return Item(at_s, kind, slot, number)

    def _due(self, part: PositionNews | Reminders, kind: Kind) -> tuple[float, Kind, int]:
        """Its next slot."""
        over_s = max(self._over.get(kind, -inf), self.since_s or -inf)
        slot = _slot(part, over_s + INSTANT_S) + 1
        return part.first_s + slot * part.every_s, kind, slot


def _slot(part: PositionNews | Reminders, at_s: float) -> int:
    """The last slot that has begun by then; -1: none has."""
    return floor((at_s - part.first_s) / part.every_s) if at_s >= part.first_s else -1
