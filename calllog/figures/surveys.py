"""What callers say afterwards: satisfaction, with the interval in which it lies, and how many have answered.

The interval is Wilson's (1927), at 95 %: unlike the usual one it stays between 0 and 1, and is honest with
few answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

from sqlalchemy import Engine, func

from calllog.archive.schema import calls, surveys
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Tally
from calllog.figures.thresholds import Thresholds

SURVEY_BY: tuple[By, ...] = ("", "queue", "agent", "campaign", "flow", "hour", "weekday", "weekday_hour")
Z = 1.959963984540054
"""The normal distribution has 95 % within so many standard deviations."""


class Wilson(NamedTuple):
    """The interval in which a share lies, with 95 % confidence."""

    low: float
    high: float


def wilson(part: int, whole: int) -> Wilson:
    """Of `part` in `whole` answers; `whole` is above 0."""
    p, z2 = part / whole, Z * Z
    middle = p + z2 / (2 * whole)
    reach = Z * sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    return Wilson(
        max(0.0, (middle - reach) / (1 + z2 / whole)), min(1.0, (middle + reach) / (1 + z2 / whole))
    )


def content(score: Any, lowest: Any, highest: Any) -> Any:
    """Whether an answer is in the top 40 % of its scale: 4 and 5 of 1 to 5, 6 and more of 0 to 10."""
    return 10 * (score - lowest) >= 6 * (highest - lowest)


@dataclass
class Answered:
    """What has been counted of one key in one interval. `least`: fewer answers are not shown."""

    least: int
    offered: int = 0
    answers: int = 0
    content: int = 0
    total: int = 0

    def shown(self, of: Callable[["Answered"], float]) -> float | None:
        """A figure, if there are enough answers for it."""
        return of(self) if self.answers and self.answers >= self.least else None


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Answered], Value], notes: str = ""
) -> Measure[Answered]:
    return Measure(Figure(name, title, unit, formula, notes, "surveys"), of)


_HIDDEN = "Hidden below `csat_min_answers` answers."
SURVEY_MEASURES: tuple[Measure[Answered], ...] = (
    _of(
        "csat",
        "Satisfied",
        "share",
        "answers of 4 and 5 / answers",
        lambda a: a.shown(lambda a: a.content / a.answers),
        f"On another scale than 1 to 5: of its top 40 %. {_HIDDEN}",
    ),
    _of(
        "csat_responses",
        "Answers",
        "count",
        "surveys answered; the last answer of a call counts",
        lambda a: a.answers,
    ),
    _of("csat_offered", "Asked", "count", "surveys put to callers, by the time of that", lambda a: a.offered),
    _of(
        "csat_response_rate",
        "Response rate",
        "share",
        "answers / asked",
        lambda a: share(a.answers, a.offered),
    ),
    _of(
        "csat_mean",
        "Mean answer",
        "score",
        "sum of the answers / answers",
        lambda a: a.shown(lambda a: a.total / a.answers),
        f"On the survey's own scale. {_HIDDEN}",
    ),
    _of(
        "csat_low",
        "Satisfied, at least",
        "share",
        "lower end of Wilson's interval, 95 %",
        lambda a: a.shown(lambda a: wilson(a.content, a.answers).low),
        _HIDDEN,
    ),
    _of(
        "csat_high",
        "Satisfied, at most",
        "share",
        "upper end of Wilson's interval, 95 %",
        lambda a: a.shown(lambda a: wilson(a.content, a.answers).high),
        _HIDDEN,
    ),
)


def survey_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds, *, survey: str = ""
) -> list[Row]:
    """SURVEY_MEASURES for each interval and key: of one `survey`, or of all but `resolved_survey`."""
    allowed("surveys", by, *SURVEY_BY)
    tally, of_calls = Tally(period, interval, by), by in ("campaign", "flow")
    source = surveys.join(calls, calls.c.call == surveys.c.call) if of_calls else surveys
    sums = {
        "offered": many(),
        "answers": func.count(surveys.c.score),
        "content": many(content(surveys.c.score, surveys.c.lowest, surveys.c.highest)),
        "total": func.sum(surveys.c.score),
    }
    wanted = surveys.c.survey == survey if survey else surveys.c.survey != thresholds.resolved_survey
    with engine.connect() as connection:
        key = own_key(by, calls if of_calls else surveys)
        tally.count(connection, source, surveys.c.offered_at, sums, wanted, key=key)
    return tally.rows(
        lambda _, counts: measured(SURVEY_MEASURES, Answered(thresholds.csat_min_answers, **counts))
    )
