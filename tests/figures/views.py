"""How a made-up day is looked at: which period, cut how, by what, with which limits. Drawn from its seed."""

from dataclasses import dataclass
from random import Random
from types import ModuleType

import calllog.figures.thresholds
from calllog.figures.period import Interval, Period
from calllog.figures.thresholds import Thresholds
from tests.figures.days import DAY, Setting
from tests.figures.naive import Record
from tests.figures.naive_queues import LEVELS, LIMITS

INTERVALS: tuple[Interval, ...] = ("whole", "whole", "day", "day", "week", "month", "60m", "30m", "15m")
SHORT = DAY + DAY // 12
"""Longer periods are not cut by the clock: that is many rows of nothing."""


@dataclass(frozen=True)
class View:
    """The same choice, for the twin and for the figures."""

    period: tuple[int, int, str]
    interval: Interval
    limits: Record
    now: int

    @property
    def real_period(self) -> Period:
        return Period(*self.period)

    @property
    def thresholds(self) -> Thresholds:
        return self.thresholds_of(calllog.figures.thresholds)

    def thresholds_of(self, module: ModuleType) -> Thresholds:
        """The limits as that module has them: it may have been loaded anew."""
        queues = {
            queue: module.QueueThresholds(
                **{**own, "sla": module.Sla(**own["sla"]) if own.get("sla") else None}
            )
            for queue, own in self.limits["queues"].items()
        }
        codes = frozenset(self.limits["resolved_codes"])
        made: Thresholds = module.Thresholds(**{**self.limits, "queues": queues, "resolved_codes": codes})
        return made


def view(seed: int, chosen: Setting) -> View:
    """Some other period now and then; limits that somebody may have set."""
    rng = Random(f"view {seed}")
    from_at, to_at = chosen.from_at, chosen.to_at
    if rng.random() < 0.2:
        from_at = rng.randint(from_at - DAY // 4, to_at - 2)
        to_at = rng.randint(from_at + 1, to_at + DAY // 4)
    interval = rng.choice(INTERVALS)
    if interval.endswith("m") and to_at - from_at > SHORT:
        interval = "day"
    return View((from_at, to_at, chosen.zone), interval, limits(rng), max(chosen.now, from_at))


def limits(rng: Random) -> Record:
    """Half of the time as they are at first."""
    if rng.random() < 0.5:
        return LIMITS
    own = {"service_level_s": rng.choice((5, 10, 30)), "short_abandon_s": rng.choice((0, 10, 20.001))}
    sla = {
        "share": rng.choice((0.2, 0.5, 0.8)),
        "seconds": rng.choice((5, 20)),
        "definition": rng.choice(LEVELS),
    }
    return {
        "service_level_s": rng.choice((20, 10, 0.001)),
        "short_abandon_s": rng.choice((5, 0, 30)),
        "fcr_days": rng.choice((1, 3, 7)),
        "csat_min_answers": rng.choice((0, 1, 2, 5)),
        "genesys_flowed": rng.random() < 0.5,
        "genesys_short_out": rng.random() < 0.5,
        "genesys_abandoned_out": rng.random() < 0.5,
        "resolved_codes": rng.choice((["resolved"], ["resolved", "open"])),
        "resolved_survey": rng.choice(("resolved", "service")),
        "queues": {"sales": {**own, "sla": sla}, "support": {"sla": sla}, "billing": {"fcr_days": 2}},
    }
