"""What people may set: how long is short, how soon is in time, what is owed. Pure: no I/O."""

from collections.abc import Mapping
from typing import Literal

import msgspec

ServiceLevel = Literal[
    "service_level",
    "service_level_app_queue",
    "service_level_app_queue_all",
    "service_level_genesys",
    "service_level_connect",
]


class Sla(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a queue owes: at least this share in so many seconds, by this definition."""

    share: float
    seconds: float
    definition: ServiceLevel = "service_level"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError("an SLA's share is above 0 and at most 1: write 0.8 for 80 %")
        if self.seconds < 0:
            raise ValueError("an SLA's seconds cannot be below 0")


class QueueThresholds(msgspec.Struct, frozen=True):
    """What is set for one queue; None: as for all."""

    service_level_s: float | None = None
    short_abandon_s: float | None = None
    fcr_days: float | None = None
    sla: Sla | None = None


class Thresholds(msgspec.Struct, frozen=True):
    """Free choices in the figures' formulas. Another choice can be applied to any past day."""

    service_level_s: float = 20
    """X: who is answered within so many seconds is in time."""
    short_abandon_s: float = 5
    """s: who hangs up in less than so many seconds is a short abandon."""
    fcr_days: float = 7
    """N: a second call of the same person within so many days says that the first has not settled it."""
    csat_min_answers: int = 5
    """Of fewer answers no satisfaction is shown."""
    genesys_flowed: bool = False
    """Genesys' first switch: who flowed out counts as offered."""
    genesys_short_out: bool = True
    """Genesys' second switch: short abandons do not count as offered."""
    genesys_abandoned_out: bool = False
    """Genesys' third switch: no abandoned caller counts as offered."""
    resolved_codes: frozenset[str] = frozenset({"resolved"})
    """What agents say of talks that have settled it."""
    resolved_survey: str = "resolved"
    """The survey that asks whether it is settled; the highest answer is yes."""
    queues: Mapping[str, QueueThresholds] = {}
    """What is set for single queues."""

    def service_level_ms(self, queue: str | None = None) -> int:
        """X of a queue, or of those of which nothing else is set; ms."""
        own = self._own(queue).service_level_s
        return _ms(self.service_level_s if own is None else own)

    def short_abandon_ms(self, queue: str | None = None) -> int:
        """s of a queue, or of those of which nothing else is set; ms."""
        own = self._own(queue).short_abandon_s
        return _ms(self.short_abandon_s if own is None else own)

    def fcr_ms(self, queue: str | None = None) -> int:
        """N of a queue, or of those of which nothing else is set; ms."""
        own = self._own(queue).fcr_days
        return _ms(86_400 * (self.fcr_days if own is None else own))

    def sla(self, queue: str) -> Sla | None:
        """What a queue owes, if anything."""
        return self._own(queue).sla

    def _own(self, queue: str | None) -> QueueThresholds:
        return _NOTHING_SET if queue is None else self.queues.get(queue, _NOTHING_SET)


_NOTHING_SET = QueueThresholds()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
