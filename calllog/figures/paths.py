"""Ways of callers through flows: each step, what came of it, how long it took, and who hung up there."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import Engine, and_, func, select

from calllog.archive.schema import calls, steps
from calllog.figures.figure import Figure, share
from calllog.figures.period import Period
from calllog.figures.read import in_span, streamed

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


def flow_steps(engine: Engine, period: Period, flow: str = "") -> list[StepFigures]:
    """Every step of the period, of one `flow` (that a call was in) if it is given; by flow, version, path."""
    last = (
        select(steps.c.call, func.max(steps.c.n).label("n"))
        .join_from(steps, calls, calls.c.call == steps.c.call)
        .where(calls.c.verdict == "ivr_exit")
        .group_by(steps.c.call)
        .subquery("last")
    )
    step = steps.c.flow, steps.c.version, steps.c.path
    statement = (
        select(*step, steps.c.outcome, func.count(), func.sum(steps.c.took_ms), func.count(last.c.n))
        .select_from(steps.outerjoin(last, and_(last.c.call == steps.c.call, last.c.n == steps.c.n)))
        .where(in_span(steps.c.at, period), *((steps.c.flow == flow,) if flow else ()))
        .group_by(*step, steps.c.outcome)
        .order_by(*step, steps.c.outcome)
    )
    found: dict[tuple[str, str, str], StepFigures] = {}
    with engine.connect() as connection:
        for name, version, path, outcome, many, took_ms, dropped in streamed(connection, statement):
            one = found.setdefault((name, version, path), StepFigures(name, version, path))
            one.outcomes[outcome] += many
            one.took_ms += took_ms
            one.dropped += dropped
    return list(found.values())
