"""The figures of queues, by the time at which callers joined: each definition beside its formula.

O offered, A answered, B abandoned (Bs: short ones), F flowed out, X failed by us, W waiting:
O = A + B + F + X + W.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, get_args

from sqlalchemy import CTE, Engine, and_, func, literal_column, or_

from calllog.archive.schema import refusals, waits
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.limits import limits_of
from calllog.figures.overtaking import count_escalated, count_overtaken, handed_up, overtaken
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Counted, Sums, Tally
from calllog.figures.thresholds import ServiceLevel, Thresholds
from calllog.vocabulary import AbandonReason

QUEUE_BY: tuple[By, ...] = ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
PERCENTS = (50, 90, 95)
RINGING = sorted(set(get_args(AbandonReason)) - {"caller_hangup"})


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

    def within(self, limit: str) -> Within:
        """Who was through within a limit of each caller's own queue: X (`level`), or what it owes (`sla`)."""
        return Within(*(self.counts[f"{each}_{limit}"] for each in Within._fields))

    def percentile(self, percent: int) -> int | None:
        """Nearest rank, of the waits of answered callers; None if there are none."""
        waited = self.counts.get("waited")
        return None if waited is None else waited[PERCENTS.index(percent)]


def service_level(definition: ServiceLevel, queued: Queued, within: Within) -> float | None:
    """The share of callers who were answered in time, in one of its definitions."""
    counts, thresholds = queued.counts, queued.thresholds
    offered, a, b, short = (counts[name] for name in ("offered", "answered", "abandoned", "short"))
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


QUEUE_MEASURES: tuple[Measure[Queued], ...] = (
    _count("offered", "Offered", "O = callers who joined", "O = A + B + F + X + W, in every interval."),
    _count("answered", "Answered", "A = left the queue for an agent"),
    _count("abandoned", "Abandoned", "B = left it by hanging up", "Also while an agent's telephone rang."),
    _count("short", "Short abandons", "Bs = abandoned in less than s seconds", "s: `short_abandon_s`."),
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
            q.counts["abandoned"] - q.counts["short"],
            q.counts["offered"] - q.counts["short"],
        ),
        "No figure if nothing was offered but short abandons.",
    ),
    _figure(
        "abandon_rate_raw",
        "Abandon rate, short ones too",
        "share",
        "B / O",
        lambda q: share(q.counts["abandoned"], q.counts["offered"]),
    ),
    _figure(
        "short_share",
        "Share of short abandons",
        "share",
        "Bs / O",
        lambda q: share(q.counts["short"], q.counts["offered"]),
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
        lambda q: q.counts.get("longest_ms"),
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
        lambda q: share(q.counts["escalated"], q.counts["offered"]),
    ),
    _figure(
        "escalation_wait_ms",
        "Wait after an escalation",
        "ms",
        "mean wait in the queue that an escalated caller joined next, however it ended",
        lambda q: share(q.counts["escalation_wait_ms"], q.counts["escalation_waits"]),
        "Of waits that are over.",
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


def queue_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds
) -> list[Row]:
    """QUEUE_MEASURES for each interval and key, in this order. A key of the period has a row in each."""
    allowed("queues", by, *QUEUE_BY)
    tally, key = Tally(period, interval, by), own_key(by, waits)
    limits = limits_of(thresholds)
    of_queue = waits.outerjoin(limits, limits.c.queue == waits.c.queue)
    with engine.connect() as connection:
        tally.count(connection, of_queue, waits.c.joined_at, _sums(limits, thresholds), key=key)
        count_overtaken(connection, tally, own_key(by, overtaken))
        count_escalated(connection, tally, own_key(by, handed_up))
        if by != "flow":
            refused = own_key(by, refusals)
            tally.count(connection, refusals, refusals.c.at, {"refused": many()}, key=refused)
    return tally.rows(
        lambda key, counts: measured(
            QUEUE_MEASURES, Queued(counts, thresholds, key if by == "queue" else None)
        )
    )


def _sums(limits: CTE, thresholds: Thresholds) -> Sums:
    """Everything that is counted of waits."""
    reason, kind, ms = waits.c.reason, waits.c["class"], waits.c.waited_ms
    answered, abandoned, back = kind == "A", kind == "B", reason == "callback_accepted"
    classes = {"answered": "A", "abandoned": "B", "flowed": "F", "failed": "X", "waiting": "W"}
    within = {
        "level": ms <= func.coalesce(limits.c.level, thresholds.service_level_ms()),
        "sla": ms <= limits.c.sla,
    }
    short = ms < func.coalesce(limits.c.short, thresholds.short_abandon_ms())
    percentiles = func.quantile_disc(ms, literal_column(f"[{', '.join(f'0.{each}' for each in PERCENTS)}]"))
    return {
        "offered": many(),
        **{name: many(kind == each) for name, each in classes.items()},
        "short": many(and_(abandoned, short)),
        "abandoned_ringing": many(and_(abandoned, reason.in_(RINGING))),
        **{f"answered_{limit}": many(and_(answered, soon)) for limit, soon in within.items()},
        **{f"abandoned_{limit}": many(and_(abandoned, soon)) for limit, soon in within.items()},
        **{f"callback_{limit}": many(and_(back, soon)) for limit, soon in within.items()},
        "answered_ms": func.sum(ms).filter(answered),
        "abandoned_ms": func.sum(ms).filter(abandoned),
        "longest_ms": func.max(ms).filter(or_(answered, abandoned)),
        "waited": percentiles.filter(answered),
    }
