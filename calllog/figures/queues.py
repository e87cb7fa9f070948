"""The figures of queues, by the time at which callers joined: each definition beside its formula.

O offered, A answered, B abandoned (Bs: short ones), F flowed out, X failed by us, W waiting:
O = A + B + F + X + W.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from sqlalchemy import CTE, ColumnElement, Engine, Integer, and_, cast, func, literal_column

from calllog.archive.schema import refusals, waits
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.limits import limits_of
from calllog.figures.overtaking import count_escalated, count_overtaken, handed_up, overtaken
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Apart, Counted, Sums, Tally
from calllog.figures.thresholds import ServiceLevel, Thresholds
from calllog.vocabulary import AbandonReason

QUEUE_BY: tuple[By, ...] = ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
PERCENTS = (50, 90, 95)
RINGING = sorted(set(get_args(AbandonReason)) - {"caller_hangup"})
CLASSES = {"A": "answered", "B": "abandoned", "F": "flowed", "X": "failed", "W": "waiting"}


class Within(NamedTuple):
    """Who was through within some time: answered, abandoned, or called back later."""

    answered: int
    abandoned: int
    callback: int


@dataclass
class Queued:
    """What has been counted of the callers of one key who joined in one interval."""

    counts: Counted
    thresholds: Thresholds
    queue: str | None
    """The queue, if these are the callers of one."""

    @property
    def offered(self) -> int:
        """Who joined, however the wait ended."""
        return sum(self.counts[name] for name in CLASSES.values())

    def within(self, limit: str) -> Within:
        """Who was through within a limit of each caller's own queue: X (`level`), or what it owes (`sla`)."""
        ends = f"answered_{limit}", f"abandoned_{limit}", f"flowed_callback_{limit}"
        return Within(*(self.counts[name] for name in ends))

    def percentile(self, percent: int) -> int | None:
        """Nearest rank, of the waits of answered callers; None if there are none."""
        waited = self.counts.get("answered_percentiles")
        return None if waited is None else waited[PERCENTS.index(percent)]

    @property
    def longest_ms(self) -> int | None:
        """The longest wait of who was answered or gave up; None if nobody was, or did."""
        longest = (self.counts.get(f"{name}_longest_ms") for name in ("answered", "abandoned"))
        return max((each for each in longest if each is not None), default=None)


def service_level(definition: ServiceLevel, queued: Queued, within: Within) -> float | None:
    """The share of callers who were answered in time, in one of its definitions."""
    counts, thresholds, offered = queued.counts, queued.thresholds, queued.offered
    a, b, short = (counts[name] for name in ("answered", "abandoned", "abandoned_short"))
    if definition == "service_level":
        return share(within.answered, offered - short)
    if definition == "service_level_app_queue":
        return share(within.answered, a)
    if definition == "service_level_app_queue_all":
        return share(within.answered + within.abandoned, a + b)
    if definition == "service_level_connect":
        return share(sum(within), offered)
    left_out = b if thresholds.genesys_abandoned_out else short * thresholds.genesys_short_out
    return share(within.answered, a + b - left_out + counts["flowed"] * thresholds.genesys_flowed)


def _count(name: str, title: str, formula: str, notes: str = "") -> Measure[Queued]:
    return Measure(Figure(name, title, "count", formula, notes), lambda queued: queued.counts[name])


def _figure(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Queued], Value], notes: str = ""
) -> Measure[Queued]:
    return Measure(Figure(name, title, unit, formula, notes), of)


def _level(name: ServiceLevel, title: str, formula: str, notes: str = "") -> Measure[Queued]:
    return _figure(name, title, "share", formula, lambda q: service_level(name, q, q.within("level")), notes)


def _wait(name: str, title: str, percent: int) -> Measure[Queued]:
    return _figure(
        name,
        title,
        "ms",
        f"the smallest wait of an answered caller such that at least {percent} % of them waited no longer",
        lambda q: q.percentile(percent),
        "Nearest rank: a wait that has occurred, never a value between two.",
    )


def _sla_met(queued: Queued) -> Value:
    sla = queued.thresholds.sla(queued.queue) if queued.queue is not None else None
    if sla is None:
        return None
    reached = service_level(sla.definition, queued, queued.within("sla"))
    return None if reached is None else int(reached >= sla.share)


WAIT_MEASURES: tuple[Measure[Queued], ...] = (
    _figure(
        "offered",
        "Offered",
        "count",
        "O = callers who joined",
        lambda q: q.offered,
        "O = A + B + F + X + W, in every interval.",
    ),
    _count("answered", "Answered", "A = left the queue for an agent"),
    _count("abandoned", "Abandoned", "B = left it by hanging up", "Also while an agent's telephone rang."),
    _figure(
        "short",
        "Short abandons",
        "count",
        "Bs = abandoned in less than s seconds",
        lambda q: q.counts["abandoned_short"],
        "s: `short_abandon_s`.",
    ),
    _count("flowed", "Flowed out", "F = left it by a rule or by choice", "Exit key, time limit, closing, …"),
    _count("failed", "Failed", "X = left it by an error of ours"),
    _count("waiting", "Waiting", "W = has joined and not left", "Counted, never what is left over."),
    _count(
        "refused",
        "Refused",
        "K = callers whom the door did not let in, by the time of that",
        "Never among the offered. A flow's version is not known of them.",
    ),
    _figure(
        "abandon_rate",
        "Abandon rate",
        "share",
        "(B - Bs) / (O - Bs)",
        lambda q: share(
            q.counts["abandoned"] - q.counts["abandoned_short"],
            q.offered - q.counts["abandoned_short"],
        ),
        "No figure if nothing was offered but short abandons.",
    ),
    _figure(
        "abandon_rate_raw",
        "Abandon rate, short ones too",
        "share",
        "B / O",
        lambda q: share(q.counts["abandoned"], q.offered),
    ),
    _figure(
        "short_share",
        "Share of short abandons",
        "share",
        "Bs / O",
        lambda q: share(q.counts["abandoned_short"], q.offered),
    ),
    _level(
        "service_level",
        "Service level",
        "A≤X / (O - Bs)",
        "A≤X: answered within X seconds, X: `service_level_s` of the caller's queue. Who flowed out, failed "
        "or still waits counts as not answered.",
    ),
    _level("service_level_app_queue", "Service level as app_queue", "A≤X / A"),
    _level(
        "service_level_app_queue_all",
        "Service level as app_queue, abandoned too",
        "(A≤X + B≤X) / (A + B)",
    ),
    _level(
        "service_level_genesys",
        "Service level as Genesys",
        "A≤X / (A + B + [F] - [Bs] - [B])",
        "In brackets: three switches, `genesys_flowed` (off), `genesys_short_out` (on), "
        "`genesys_abandoned_out` (off). With the last one short abandons are out already, once.",
    ),
    _level(
        "service_level_connect",
        "Service level as Connect",
        "(answered, abandoned or accepted a call-back, each within X) / O",
    ),
    _figure(
        "asa_ms",
        "Average speed of answer",
        "ms",
        "sum of the waits of answered callers / A",
        lambda q: share(q.counts["answered_ms"], q.counts["answered"]),
        "A wait lasts from joining until both hear each other.",
    ),
    _wait("wait_p50_ms", "Half waited at most", 50),
    _wait("wait_p90_ms", "90 % waited at most", 90),
    _wait("wait_p95_ms", "95 % waited at most", 95),
    _figure(
        "wait_longest_ms",
        "Longest wait",
        "ms",
        "the longest wait of those who were answered or gave up",
        lambda q: q.longest_ms,
    ),
    _figure(
        "abandon_mean_ms",
        "Mean time to abandon",
        "ms",
        "sum of the waits of abandoned callers / B",
        lambda q: share(q.counts["abandoned_ms"], q.counts["abandoned"]),
    ),
    _count(
        "abandoned_ringing",
        "Abandoned while an agent rang",
        "those of B who hung up while a telephone rang for them, or while they were being connected",
    ),
    _figure(
        "sla_met",
        "SLA met",
        "count",
        "1 if the service level that the queue owes was reached, else 0",
        _sla_met,
        "Share, seconds and definition: `sla` of the queue. No figure without one, if nothing was offered, "
        "or for several queues together.",
    ),
)
OVERTAKING_MEASURES: tuple[Measure[Queued], ...] = (
    _count(
        "overtaken",
        "Overtaken",
        "how often somebody who had joined later was connected while a caller waited on",
        "By the time at which who was overtaken had joined; each time counts.",
    ),
    _figure(
        "overtaken_ms",
        "Overtaken by",
        "ms",
        "sum over these times of (when the other one had joined - when he had joined)",
        lambda q: q.counts["overtaken_ms"],
        "The other one: his latest wait in that queue that began before.",
    ),
    _count(
        "escalated",
        "Escalated",
        "waits after which the flow handed the caller to a queue of a higher level",
    ),
    _figure(
        "escalation_rate",
        "Escalation rate",
        "share",
        "escalated / O",
        lambda q: share(q.counts["escalated"], q.offered),
    ),
    _figure(
        "escalation_wait_ms",
        "Wait after an escalation",
        "ms",
        "mean wait in the queue that an escalated caller joined next, however it ended",
        lambda q: share(q.counts["escalation_wait_ms"], q.counts["escalation_waits"]),
        "Of waits that are over.",
    ),
)
QUEUE_MEASURES = (*WAIT_MEASURES, *OVERTAKING_MEASURES)


def queue_figures(
    engine: Engine,
    period: Period,
    interval: Interval,
    by: By,
    thresholds: Thresholds,
    *,
    overtaking: bool = True,
) -> list[Row]:
    """QUEUE_MEASURES for each interval and key, in this order. A key of the period has a row in each.

    `overtaking`: whether OVERTAKING_MEASURES are wanted, for which waits are read once more.
    """
    allowed("queues", by, *QUEUE_BY)
    tally, key = Tally(period, interval, by), own_key(by, waits)
    limits = limits_of(thresholds)
    of_queue = waits.outerjoin(limits, limits.c.queue == waits.c.queue)
    with engine.connect() as connection:
        sums, apart = _sums(limits, thresholds), Apart(waits.c["class"], CLASSES)
        tally.count(connection, of_queue, waits.c.joined_at, sums, key=key, apart=apart)
        if overtaking:
            count_overtaken(connection, tally, own_key(by, overtaken))
            count_escalated(connection, tally, own_key(by, handed_up))
        if by != "flow":
            refused = own_key(by, refusals)
            tally.count(connection, refusals, refusals.c.at, {"refused": many()}, key=refused)
    measures = QUEUE_MEASURES if overtaking else WAIT_MEASURES
    return tally.rows(
        lambda key, counts: measured(measures, Queued(counts, thresholds, key if by == "queue" else None))
    )


def _sums(limits: CTE, thresholds: Thresholds) -> Sums:
    """Everything that is counted of waits, of each class apart."""
    reason, ms = waits.c.reason, waits.c.waited_ms
    within = {
        "level": ms <= func.coalesce(limits.c.level, thresholds.service_level_ms()),
        "sla": ms <= limits.c.sla,
    }
    # DuckDB keeps them all to find the one in the middle: as numbers of 4 bytes, up to 24 days.
    short = cast(func.least(ms, 2**31 - 1), Integer)
    percents: ColumnElement[Any] = literal_column(f"[{', '.join(f'0.{each}' for each in PERCENTS)}]")
    return {
        "": many(),
        "_short": many(ms < func.coalesce(limits.c.short, thresholds.short_abandon_ms())),
        "_ringing": many(reason.in_(RINGING)),
        **{f"_{limit}": many(soon) for limit, soon in within.items()},
        **{
            f"_callback_{limit}": many(and_(reason == "callback_accepted", soon))
            for limit, soon in within.items()
        },
        "_ms": func.sum(ms),
        "_longest_ms": func.max(ms),
        "_percentiles": func.quantile_disc(short, percents),
    }
