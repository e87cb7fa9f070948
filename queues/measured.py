"""What queues.yaml says of figures: all that reports want to know of a queue. Pure: no I/O.

`_s` fields are seconds.
"""

from pydantic import Field

from calllog.figures.thresholds import ServiceLevel
from queues.settings import DAY_S, Settings


class Sla(Settings):
    """What the queue owes, such as 80 % of callers answered within 20 s. Reports tell if it was met."""

    share: float = Field(gt=0, le=1)
    """At least this share of callers: 0.8 for 80 %."""
    within_s: int = Field(ge=0, le=DAY_S)
    """Answered within so many seconds."""
    definition: ServiceLevel = "service_level"
    """How that is counted: one of the service levels of docs/figures.md."""


class Measured(Settings, extra="ignore"):
    """How the figures of a queue are counted, and what it owes; its other fields are not looked at."""

    service_level_s: int = Field(20, ge=1, le=86_400)
    """A caller answered within this time counts for the service level."""
    short_abandon_s: int = Field(5, ge=0, le=3600)
    """Who hangs up within this time is a short abandon, shown apart."""
    sla: Sla | None = None
    """What the queue owes; empty: nothing."""
