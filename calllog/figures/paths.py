"""Ways of callers through flows: each step, what came of it, how long it took, and who hung up there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from calllog.archive.schema import steps
from calllog.figures.figure import Figure, share
from calllog.figures.period import Period
from calllog.figures.read import in_span, many, streamed

PATH_FIGURES = (
    Figure("entered", "Entered", "count", "steps that ended, by the time of that", family="flows"),
    Figure("outcomes", "Outcomes", "count", "how often the step ended with each outcome", family="flows"),
    Figure(
        "dropped",
        "Hung up there",
        "count",
        "steps that were the last one of a call whose verdict is `ivr_exit`",
        "The caller hung up in this step, or right after it.",
        "flows",
    ),
    Figure("drop_rate", "Drop-off", "share", "hung up there / entered", family="flows"),
    Figure("took_mean_ms", "Took", "ms", "mean time that the step took", family="flows"),
)


class Passage(NamedTuple):
    """Calls that went on from a step in the same way."""

    entry: str
    """The flow in which they began."""
    flow: str
    version: str
    path: str
    outcome: str
    next: str
    """Path of the step after it; empty: none."""
    times: int
    took_ms: int
    """All together."""
    dropped: int


@dataclass
class StepFigures:
    """One step of one version of a flow."""

    flow: str
    version: str
    path: str
    outcomes: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    took_ms: int = 0
    """All together."""

    @property
    def entered(self) -> int:
        """How often callers came there."""
        return self.outcomes.total()

    @property
    def drop_rate(self) -> float | None:
        """The share of those who hung up there."""
        return share(self.dropped, self.entered)

    @property
    def took_mean_ms(self) -> float | None:
        """How long it takes."""
        return share(self.took_ms, self.entered)


def passages(engine: Engine, period: Period) -> list[Passage]:
    """What came of every step of the period, and which step came next."""
    way = [steps.c[name] for name in ("entry", "flow", "version", "path", "outcome", "next")]
    counted = many(), func.sum(steps.c.took_ms), many(steps.c.dropped)
    statement = select(*way, *counted).where(in_span(steps.c.at, period)).group_by(*way).order_by(*way)
    with engine.connect() as connection:
        return [Passage(*row) for row in streamed(connection, statement)]


def steps_of(found: Iterable[Passage]) -> list[StepFigures]:
    """The steps from which they went on, by flow, version and path."""
    each: dict[tuple[str, str, str], StepFigures] = {}
    for some in found:
        key = some.flow, some.version, some.path
        one = each.setdefault(key, StepFigures(*key))
        one.outcomes[some.outcome] += some.times
        one.took_ms += some.took_ms
        one.dropped += some.dropped
    return [each[key] for key in sorted(each)]
