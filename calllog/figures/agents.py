"""The figures of agents: each definition beside its formula.

Legs (talks of a caller with an agent) by the time at which they began, and only those that are over; offers
by the time of the ringing; time in states cut at the interval's ends.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from calllog.archive.schema import agent_states, talks
from calllog.figures import agent_time
from calllog.figures.agent_time import DECLINED, LEG_SUMS, STATES, Counted
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, Places, allowed, own_key, shown
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import cut, fine_spans, grouped, in_span, streamed
from calllog.figures.thresholds import Thresholds

AGENT_BY: tuple[By, ...] = ("", "agent", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
OF_LEGS_ONLY = ("queue", "campaign", "flow")
"""Keys by which agents' time in states and their offers cannot be told apart."""
Worked = Counter[str]
"""What has been counted of one key in one interval."""


def _at_work(worked: Worked) -> int:
    return sum(worked[f"state_{each}_ms"] for each in ("talking", "wrapup", "offered", "connecting"))


def _ringing(worked: Worked) -> int:
    return worked["state_offered_ms"] + worked["state_connecting_ms"]


def _handling(worked: Worked) -> int:
    return worked["talk_ms"] + worked["held_ms"] + worked["wrapup_ms"]


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Worked], Value], notes: str = ""
) -> Measure[Worked]:
    return Measure(Figure(name, title, unit, formula, notes, "agents"), of)


def _sum(name: str, title: str, unit: Unit, formula: str, notes: str = "") -> Measure[Worked]:
    return _of(name, title, unit, formula, lambda worked: worked[name], notes)


def _plain(word: str) -> str:
    return word.replace("_", " ")


LEG_MEASURES: tuple[Measure[Worked], ...] = (
    _sum("handled", "Handled", "count", "talks of a caller with an agent (legs) that are over"),
    _sum(
        "handled_calls",
        "Handled calls",
        "count",
        "different calls among them",
        "A transfer is two legs, one call.",
    ),
    _sum("talk_ms", "Talk", "ms", "sum over the legs of the time in which nobody held"),
    _sum("held_ms", "Hold", "ms", "sum over the legs of the time in which at least one of both held"),
    _sum(
        "wrapup_ms",
        "Wrap-up",
        "ms",
        "sum of the agent's wrap-up that names the leg's call, whenever it was",
        "It belongs to his latest leg of that call before it; one that goes on counts until now.",
    ),
    _of(
        "aht_ms",
        "Average handling time",
        "ms",
        "(talk + hold + wrap-up) / handled legs",
        lambda worked: share(_handling(worked), worked["handled"]),
    ),
    _of(
        "aht_call_ms",
        "Average handling time of a call",
        "ms",
        "(talk + hold + wrap-up) / handled calls",
        lambda worked: share(_handling(worked), worked["handled_calls"]),
    ),
    _sum(
        "transfers_blind",
        "Blind transfers",
        "count",
        "legs that ended with the agent giving the caller away unseen",
    ),
    _sum(
        "transfers_attended",
        "Attended transfers",
        "count",
        "legs that he gave to one whom he had asked first",
    ),
)
TIME_MEASURES: tuple[Measure[Worked], ...] = (
    _sum("offered_legs", "Rung", "count", "callers offered to the agent", "Consults too."),
    _sum("answered_legs", "Taken", "count", "those of them that he took"),
    *(
        _sum(f"declined_{reason}", f"Not taken: {_plain(reason)}", "count", f"offers declined: `{reason}`")
        for reason in DECLINED
    ),
    *(
        _sum(
            f"state_{state}_ms",
            f"Time {_plain(state)}",
            "ms",
            f"time in state `{state}` within the interval",
            "Holds are in it." if state == "talking" else "",
        )
        for state in STATES
    ),
    _of("ring_ms", "Ringing", "ms", "time in states `offered` and `connecting`", _ringing),
    _of(
        "occupancy",
        "Occupancy",
        "share",
        "(talking + wrapup + ring) / (ready + talking + wrapup + ring), as time in states",
        lambda worked: share(_at_work(worked), worked["state_ready_ms"] + _at_work(worked)),
        "Pauses count nowhere. Holds are in `talking`.",
    ),
    _of(
        "ring_share",
        "Share of ringing",
        "share",
        "ring / (ready + talking + wrapup + ring), as time in states",
        lambda worked: share(_ringing(worked), worked["state_ready_ms"] + _at_work(worked)),
    ),
)
AGENT_MEASURES = (*LEG_MEASURES, *TIME_MEASURES)


class _Report:
    """All intervals and keys of one report, while they are counted."""

    def __init__(self, period: Period, interval: Interval, by: By) -> None:
        self._by = by
        self.places = Places(period, interval, by)
        self.of: dict[tuple[Span, str], Worked] = {}

    def add(self, counted: Iterable[Counted]) -> None:
        """Count what is not 0."""
        for at, key, name, number in counted:
            if number:
                place = self.places.span(at), self.places.key(at, "" if self._by == "" else key)
                self.of.setdefault(place, Counter())[name] += number

    def rows(self) -> list[Row]:
        """A row for each interval and key; an agent who was only offline is none of the period's."""
        keys = {key for (_, key), worked in self.of.items() if set(worked) != {"state_offline_ms"}}
        nothing: Worked = Counter()
        return [
            Row(*span, key, self._values(self.of.get((span, key), nothing)))
            for span in self.places.spans
            for key in sorted(keys | ({""} if self._by == "" else set()))
        ]

    def _values(self, worked: Worked) -> dict[str, Value]:
        if self._by in OF_LEGS_ONLY:
            unknown = {measure.figure.name: None for measure in TIME_MEASURES}
            return {**measured(LEG_MEASURES, worked), **unknown}
        return measured(AGENT_MEASURES, worked)


def agent_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds, *, now: int
) -> list[Row]:
    """AGENT_MEASURES for each interval and key. What an agent is in still counts until `now` (ms)."""
    del thresholds  # these figures have none; every family is asked in the same way
    allowed("agents", by, *AGENT_BY)
    report = _Report(period, interval, by)
    with engine.connect() as connection:
        spans = cut(period, report.places.edges)
        if by in OF_LEGS_ONLY:
            report.add(_legs_by(connection, period, report.places.edges, by, now))
        else:
            report.add(agent_time.legs_of_agents(connection, spans))
            report.add(agent_time.wrapup_of_legs(connection, spans, now))
            report.add(agent_time.wrapup_without_leg(connection, period, now))
            report.add(agent_time.offers_of_agents(connection, spans))
            report.add(agent_time.time_in_states(connection, spans, now))
        _different_calls(connection, period, by, report)
    return report.rows()


def _legs_by(
    connection: Connection, period: Period, edges: Iterable[int], by: By, now: int
) -> Iterable[Counted]:
    """LEG_SUMS and wrap-up by what the legs themselves say."""
    key = own_key(by, talks)
    statement = select(key, *agent_time.leg_sums(), func.sum(_wrapup(now))).group_by(key)
    for span, of_span in grouped(
        statement, talks.c.bridged_at, fine_spans(connection, talks.c.bridged_at, period, edges)
    ):
        for own, *sums in streamed(connection, of_span):
            for name, number in zip((*LEG_SUMS, "wrapup_ms"), sums, strict=True):
                yield Counted(span.from_at, shown(by, own), name, int(number or 0))


def _wrapup(now: int) -> ColumnElement[int]:
    """ms of the agent's wrap-up that names the call of this leg, up to his next leg of that call."""
    later = talks.alias("later")
    next_at = select(func.min(later.c.bridged_at)).where(
        later.c.call == talks.c.call, later.c.agent == talks.c.agent, later.c.n > talks.c.n
    )
    return (
        select(func.sum(func.coalesce(agent_states.c.to_at, now) - agent_states.c.from_at))
        .where(
            agent_states.c.call == talks.c.call,
            agent_states.c.agent == talks.c.agent,
            agent_states.c.state == "wrapup",
            agent_states.c.from_at >= talks.c.bridged_at,
            agent_states.c.from_at
            < func.coalesce(next_at.correlate(talks).scalar_subquery(), agent_time.NEVER),
        )
        .scalar_subquery()
    )


def _different_calls(connection: Connection, period: Period, by: By, report: _Report) -> None:
    """Legs, without those whose call has another one in the same interval and under the same key."""
    for worked in report.of.values():
        if worked["handled"]:
            worked["handled_calls"] = worked["handled"]
    first, leg = talks.alias("first"), talks.alias("leg")
    key = own_key(by, leg)
    others = (
        select(talks.c.call)
        .distinct()
        .where(in_span(talks.c.bridged_at, period))
        .where(select(first.c.n).where(first.c.call == talks.c.call, first.c.n < talks.c.n).exists())
        .subquery()
    )
    statement = (
        select(leg.c.call, leg.c.bridged_at, key)
        .join_from(others, leg, leg.c.call == others.c.call)
        .where(in_span(leg.c.bridged_at, period), leg.c.unbridged_at.is_not(None))
        .order_by(leg.c.call)
    )
    for _, legs in groupby(streamed(connection, statement), key=lambda leg: leg[0]):
        seen = set()
        for _, at, own in legs:
            place = report.places.span(at), report.places.key(at, shown(by, own))
            if place in seen:
                report.of[place]["handled_calls"] -= 1
            seen.add(place)
