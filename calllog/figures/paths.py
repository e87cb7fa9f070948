"""Ways of callers through flows: each step, what came of it, how long it took, and who hung up there."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import Engine, and_, case, func, select

from calllog.archive.schema import calls, steps
from calllog.figures.figure import Figure, share
from calllog.figures.period import Period
from calllog.figures.read import fine_spans, grouped, streamed

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
    later = steps.alias("later")
    gave_up = select(calls.c.call).where(calls.c.call == steps.c.call, calls.c.verdict == "ivr_exit").exists()
    goes_on = select(later.c.n).where(later.c.call == steps.c.call, later.c.n > steps.c.n).exists()
    step = steps.c.flow, steps.c.version, steps.c.path
    statement = select(
        *step,
        steps.c.outcome,
        func.count(),
        func.sum(steps.c.took_ms),
        func.sum(case((and_(gave_up, ~goes_on), 1), else_=0)),
    ).group_by(*step, steps.c.outcome)
    if flow:
        statement = statement.where(steps.c.flow == flow)
    found: dict[tuple[str, str, str], StepFigures] = {}
    with engine.connect() as connection:
        for _, of_span in grouped(statement, steps.c.at, fine_spans(connection, steps.c.at, period, ())):
            for name, version, path, outcome, many, took_ms, dropped in streamed(connection, of_span):
                key = name, version, path
                one = found.setdefault(key, StepFigures(*key))
                one.outcomes[outcome] += many
                one.took_ms += took_ms
                one.dropped += dropped
    return [found[key] for key in sorted(found)]
