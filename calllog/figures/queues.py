"""The figures of queues, by the time at which callers joined: each definition beside its formula.

O offered, A answered, B abandoned (Bs: short ones), F flowed out, X failed by us, W waiting:
O = A + B + F + X + W.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from sqlalchemy import Connection, Engine, func, select

from calllog.archive.schema import refusals
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, Places, allowed
from calllog.figures.overtaking import escalated_waits, overtaken_waits
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import Numbers, fine_spans, grouped, streamed
from calllog.figures.thresholds import ServiceLevel, Thresholds
from calllog.figures.waits import Cell, wait_cells
from calllog.vocabulary import LEFT_CLASS, AbandonReason

QUEUE_BY: tuple[By, ...] = ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
RINGING = frozenset(get_args(AbandonReason)) - {"caller_hangup"}
_OF_CLASS = {"A": "answered", "B": "abandoned", "F": "flowed", "X": "failed", "W": "waiting"}


class Within(NamedTuple):
    """Who was through within some time: answered, abandoned, or called back later."""

    answered: int = 0
    abandoned: int = 0
    callback: int = 0


_NOBODY, _USUAL = Within(), Thresholds()


@dataclass
class Queued:
    """What has been counted of the callers of one key who joined in one interval."""

    counts: Counter[str] = field(default_factory=Counter)
    answered: Numbers = field(default_factory=Numbers)
    abandoned: Numbers = field(default_factory=Numbers)
    callback: Numbers = field(default_factory=Numbers)
    in_time: Within = _NOBODY
    """Within X of each caller's own queue."""
    thresholds: Thresholds = _USUAL
    queue: str | None = None
    """The queue, if these are the callers of one."""

    def add(self, cell: Cell) -> None:
        """Some more waits that ended in the same way."""
        kind, many = LEFT_CLASS.get(cell.reason, "W"), len(cell.waited_ms)
        self.counts["offered"] += many
        self.counts[_OF_CLASS[kind]] += many
        waited = Numbers()
        waited.add(cell.waited_ms)
        within = waited.at_most(self.thresholds.service_level_ms(cell.queue))
        answered, abandoned, callback = self.in_time
        if kind == "A":
            self.answered.add(cell.waited_ms)
            answered += within
        elif kind == "B":
            self.abandoned.add(cell.waited_ms)
            abandoned += within
            self.counts["short"] += waited.below(self.thresholds.short_abandon_ms(cell.queue))
            self.counts["abandoned_ringing"] += many * (cell.reason in RINGING)
        elif cell.reason == "callback_accepted":
            self.callback.add(cell.waited_ms)
            callback += within
        self.in_time = Within(answered, abandoned, callback)

    def within(self, limit_ms: int) -> Within:
        """Who was through within that time."""
        return Within(*(each.at_most(limit_ms) for each in (self.answered, self.abandoned, self.callback)))


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
    return _figure(name, title, "share", formula, lambda q: service_level(name, q, q.in_time), notes)


def _wait(name: str, title: str, percent: int) -> Measure[Queued]:
    return _figure(
        name,
        title,
        "ms",
        f"the smallest wait of an answered caller such that at least {percent} % of them waited no longer",
        lambda q: q.answered.percentile(percent),
        "Nearest rank: a wait that has occurred, never a value between two.",
    )


def _sla_met(queued: Queued) -> Value:
    sla = queued.thresholds.sla(queued.queue) if queued.queue is not None else None
    if sla is None:
        return None
    reached = service_level(sla.definition, queued, queued.within(round(sla.seconds * 1000)))
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
        lambda q: share(q.answered.total, q.answered.count),
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
        lambda q: max(
            (each for each in (q.answered.longest, q.abandoned.longest) if each is not None), default=None
        ),
    ),
    _figure(
        "abandon_mean_ms",
        "Mean time to abandon",
        "ms",
        "sum of the waits of abandoned callers / B",
        lambda q: share(q.abandoned.total, q.abandoned.count),
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


class _Report:
    """All intervals and keys of one report, while they are counted."""

    def __init__(self, period: Period, interval: Interval, by: By, thresholds: Thresholds) -> None:
        self._by, self._thresholds = by, thresholds
        self.places = Places(period, interval, by)
        self._of: dict[tuple[Span, str], Queued] = {}
        self._keys: set[str] = {""} if by == "" else set()

    def at(self, at: int, queue: str, own: str) -> Queued:
        """Where something of that instant and queue is counted."""
        place = self.places.span(at), self.places.key(at, queue if self._by == "queue" else own)
        if place not in self._of:
            self._keys.add(place[1])
            self._of[place] = self._empty(place[1])
        return self._of[place]

    def _empty(self, key: str) -> Queued:
        return Queued(thresholds=self._thresholds, queue=key if self._by == "queue" else None)

    def rows(self) -> list[Row]:
        """A row for each interval and each key that the period has."""
        return [
            Row(*span, key, measured(QUEUE_MEASURES, self._of.get((span, key)) or self._empty(key)))
            for span in self.places.spans
            for key in sorted(self._keys)
        ]


def queue_figures(
    engine: Engine,
    period: Period,
    interval: Interval,
    by: By,
    thresholds: Thresholds,
    *,
    cells: Iterable[Cell] | None = None,
) -> list[Row]:
    """QUEUE_MEASURES for each interval and key, in this order. A key of the period has a row in each.

    `cells`: the waits, if they have been read already (`read_waits`; not by campaign or flow).
    """
    allowed("queues", by, *QUEUE_BY)
    report = _Report(period, interval, by, thresholds)
    with engine.connect() as connection:
        for cell in wait_cells(connection, period, report.places.edges, by) if cells is None else cells:
            report.at(cell.at, cell.queue, cell.key).add(cell)
        for one in overtaken_waits(connection, period, by):
            counts = report.at(one.joined_at, one.queue, one.key).counts
            counts["overtaken"] += 1
            counts["overtaken_ms"] += one.ms or 0
        for wait in escalated_waits(connection, period, by):
            counts = report.at(wait.joined_at, wait.queue, wait.key).counts
            counts["escalated"] += 1
            counts["escalation_waits"] += wait.ms is not None
            counts["escalation_wait_ms"] += wait.ms or 0
        if by != "flow":
            _refused(connection, period, by, report)
    return report.rows()


def _refused(connection: Connection, period: Period, by: By, report: _Report) -> None:
    own = refusals.c.campaign if by == "campaign" else refusals.c.queue
    statement = select(refusals.c.queue, own.label("own"), func.count()).group_by(refusals.c.queue, own)
    spans = fine_spans(connection, refusals.c.at, period, report.places.edges)
    for span, of_span in grouped(statement, refusals.c.at, spans):
        for queue, key, many in streamed(connection, of_span):
            report.at(span.from_at, queue, key if by == "campaign" else "").counts["refused"] += many
