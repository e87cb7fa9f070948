"""The figures of calls, by the time at which they arrived: each definition beside its formula."""

from collections.abc import Callable
from typing import get_args

from sqlalchemy import Engine, and_

from calllog.archive.schema import calls, system
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, allowed, own_key
from calllog.figures.period import Interval, Period
from calllog.figures.read import many
from calllog.figures.tally import Counted, Tally
from calllog.figures.thresholds import Thresholds
from calllog.vocabulary import Verdict

CALL_BY: tuple[By, ...] = ("", "campaign", "flow", "hour", "weekday", "weekday_hour")
VERDICTS: tuple[str, ...] = get_args(Verdict)


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Counted], Value], notes: str = ""
) -> Measure[Counted]:
    return Measure(Figure(name, title, unit, formula, notes, "calls"), of)


def _count(name: str, title: str, formula: str, notes: str = "") -> Measure[Counted]:
    return _of(name, title, "count", formula, lambda called: called[name], notes)


def _verdict(name: str, title: str, verdict: str, what: str) -> Measure[Counted]:
    return _of(
        name, title, "count", f"verdict `{verdict}`: {what}", lambda called: called[f"verdict {verdict}"]
    )


CALL_MEASURES: tuple[Measure[Counted], ...] = (
    _count("arrived", "Arrived", "calls that a worker took"),
    _count("ended", "Ended", "those of them that are over"),
    _of("live", "Live", "count", "arrived - ended", lambda called: called["arrived"] - called["ended"]),
    _verdict("rejected", "Rejected", "rejected", "never answered by us"),
    _verdict("completed", "Completed", "completed", "an agent talked to the caller"),
    _verdict("transferred", "Transferred", "transferred", "given to a number outside, without an agent"),
    _verdict("overflowed", "Overflowed", "overflowed", "left a queue by a rule and met no agent"),
    _verdict("self_served", "Self-served", "self_served", "the flow ended the call"),
    _verdict("abandoned_calls", "Abandoned", "abandoned", "the caller hung up while he waited"),
    _verdict("ivr_exit", "Left in the menu", "ivr_exit", "the caller hung up in the flow"),
    _verdict("failed_calls", "Failed", "failed", "an error of ours ended it"),
    _verdict("lost", "Lost", "lost", "Asterisk died under it"),
    _count(
        "hold_abandoned",
        "Hung up on hold",
        "calls whose caller hung up while he was on hold after an answer",
        "Never among the abandoned.",
    ),
    _count("inferred_calls", "Worked out", "calls of which an event was worked out after a fault"),
    _of(
        "abandoned_before_agent",
        "Abandoned before an agent, menus included",
        "share",
        "(calls of verdict abandoned + ivr_exits of callers whom the flow had not served) / arrived",
        lambda called: share(called["verdict abandoned"] + called["unserved"], called["arrived"]),
        "Served: he left a message, was connected outside, accepted an offer or answered a survey.",
    ),
    _count(
        "fallback_taken",
        "Served without us",
        "calls that Asterisk served alone because no worker took them, by the time of that",
        "Not among the arrived; not known by campaign or flow.",
    ),
)


_SUMS = {
    "arrived": many(),
    "ended": many(calls.c.verdict != ""),
    **{f"verdict {verdict}": many(calls.c.verdict == verdict) for verdict in VERDICTS},
    "unserved": many(and_(calls.c.verdict == "ivr_exit", ~calls.c.served)),
    "hold_abandoned": many(calls.c.hold_abandon),
    "inferred_calls": many(calls.c.inferred),
}


def call_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds
) -> list[Row]:
    """CALL_MEASURES for each interval and key."""
    del thresholds  # these figures have none; every family is asked in the same way
    allowed("calls", by, *CALL_BY)
    tally = Tally(period, interval, by)
    with engine.connect() as connection:
        tally.count(connection, calls, calls.c.arrived_at, _SUMS, key=own_key(by, calls))
        if by not in ("campaign", "flow"):
            alone = system.c.kind == "fallback_taken"
            tally.count(connection, system, system.c.at, {"fallback_taken": many()}, alone)
    return tally.rows(lambda _, called: measured(CALL_MEASURES, called))
