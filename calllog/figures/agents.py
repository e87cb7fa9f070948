"""The figures of agents: each definition beside its formula.

Legs (talks of a caller with an agent) by the time at which they began, and only those that are over; offers
by the time of the ringing; time in states cut at the interval's ends.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from calllog.archive.schema import agent_states, offers, talks
from calllog.figures.agent_time import DECLINED, STATES, count_legs, count_offers, count_states
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.period import Interval, Period
from calllog.figures.tally import Counted, Tally
from calllog.figures.thresholds import Thresholds

AGENT_BY: tuple[By, ...] = ("", "agent", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour")
OF_LEGS_ONLY = ("queue", "campaign", "flow")
"""Keys by which agents' time in states and their offers cannot be told apart."""


def _at_work(worked: Counted) -> int:
    return int(worked["state_talking_ms"] + worked["state_wrapup_ms"]) + _ringing(worked)


def _ringing(worked: Counted) -> int:
    return int(worked["state_offered_ms"] + worked["state_connecting_ms"])


def _handling(worked: Counted) -> int:
    return int(worked["talk_ms"] + worked["held_ms"] + worked["wrapup_ms"])


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Counted], Value], notes: str = ""
) -> Measure[Counted]:
    return Measure(Figure(name, title, unit, formula, notes, "agents"), of)


def _sum(name: str, title: str, unit: Unit, formula: str, notes: str = "") -> Measure[Counted]:
    return _of(name, title, unit, formula, lambda worked: worked[name], notes)


def _plain(word: str) -> str:
    return word.replace("_", " ")


LEG_MEASURES: tuple[Measure[Counted], ...] = (
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
TIME_MEASURES: tuple[Measure[Counted], ...] = (
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


def agent_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds, *, now: int
) -> list[Row]:
    """AGENT_MEASURES for each interval and key. What an agent is in still counts until `now` (ms)."""
    del thresholds  # these figures have none; every family is asked in the same way
    return agent_figures_by(engine, period, interval, (by,), now=now)[by]


def agent_figures_by(
    engine: Engine, period: Period, interval: Interval, several: Sequence[By], *, now: int
) -> dict[By, list[Row]]:
    """`agent_figures` by each of these; if there are several, by none of the clock. Legs are read once."""
    for by in several:
        allowed("agents", by, *AGENT_BY)
    tallies = {by: Tally(period, interval, by) for by in several}
    with engine.connect() as connection:
        count_legs(connection, [(tally, own_key(by, talks)) for by, tally in tallies.items()], now)
        for by, tally in tallies.items():
            if by not in OF_LEGS_ONLY:
                count_offers(connection, tally, own_key(by, offers))
                count_states(connection, tally, own_key(by, agent_states), now)
    return {
        by: tally.rows(_of_legs if by in OF_LEGS_ONLY else _of_all, _was_there)
        for by, tally in tallies.items()
    }


def _of_all(_: str, worked: Counted) -> dict[str, Value]:
    return measured(AGENT_MEASURES, worked)


def _of_legs(_: str, worked: Counted) -> dict[str, Value]:
    return {**measured(LEG_MEASURES, worked), **{measure.figure.name: None for measure in TIME_MEASURES}}


def _was_there(worked: Counted) -> bool:
    """An agent who was only offline is none of the period's."""
    return any(number for name, number in worked.items() if name != "state_offline_ms")
