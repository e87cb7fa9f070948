"""The figures of calls, by the time at which they arrived: each definition beside its formula."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine, case, func, select, true

from calllog.archive.schema import calls, system
from calllog.figures.figure import Figure, Measure, Row, Unit, Value, measured, share
from calllog.figures.keys import By, Places, allowed, own_key, shown
from calllog.figures.period import Interval, Period, Span
from calllog.figures.read import (
    cut,
    fine_spans,
    grouped,
    in_span,
    key_table,
    keys_of,
    packed,
    span_table,
    streamed,
    unpacked,
)
from calllog.figures.thresholds import Thresholds

CALL_BY: tuple[By, ...] = ("", "campaign", "flow", "hour", "weekday", "weekday_hour")
Called = Counter[str]
"""What has been counted of one key in one interval."""


def _of(
    name: str, title: str, unit: Unit, formula: str, of: Callable[[Called], Value], notes: str = ""
) -> Measure[Called]:
    return Measure(Figure(name, title, unit, formula, notes, "calls"), of)


def _count(name: str, title: str, formula: str, notes: str = "") -> Measure[Called]:
    return _of(name, title, "count", formula, lambda called: called[name], notes)


def _verdict(name: str, title: str, verdict: str, what: str) -> Measure[Called]:
    return _of(
        name, title, "count", f"verdict `{verdict}`: {what}", lambda called: called[f"verdict {verdict}"]
    )


CALL_MEASURES: tuple[Measure[Called], ...] = (
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


class _Calls(NamedTuple):
    """Calls of one verdict in one place."""

    at: int
    key: str
    verdict: str
    many: int
    served: int
    hold_abandon: int
    inferred: int


_SUMS = (
    func.count(),
    func.sum(case((calls.c.served, 1), else_=0)),
    func.sum(case((calls.c.hold_abandon, 1), else_=0)),
    func.sum(case((calls.c.inferred, 1), else_=0)),
)


def call_figures(
    engine: Engine, period: Period, interval: Interval, by: By, thresholds: Thresholds
) -> list[Row]:
    """CALL_MEASURES for each interval and key."""
    del thresholds  # these figures have none; every family is asked in the same way
    allowed("calls", by, *CALL_BY)
    places = Places(period, interval, by)
    of: dict[tuple[Span, str], Called] = {}

    def place(at: int, own: str = "") -> Called:
        return of.setdefault((places.span(at), places.key(at, own)), Counter())

    with engine.connect() as connection:
        for found in _found(connection, period, places.edges, by):
            called = place(found.at, found.key)
            called["arrived"] += found.many
            called["ended"] += found.many * (found.verdict != "")
            called[f"verdict {found.verdict}"] += found.many
            called["unserved"] += (found.many - found.served) * (found.verdict == "ivr_exit")
            called["hold_abandoned"] += found.hold_abandon
            called["inferred_calls"] += found.inferred
        if by not in ("campaign", "flow"):
            for at in _fallbacks(connection, period):
                place(at)["fallback_taken"] += 1
    keys = sorted({key for _, key in of} | ({""} if by == "" else set()))
    nothing: Called = Counter()
    return [
        Row(*span, key, measured(CALL_MEASURES, of.get((span, key), nothing)))
        for span in places.spans
        for key in keys
    ]


def _found(connection: Connection, period: Period, edges: Iterable[int], by: By) -> Iterator[_Calls]:
    if by in ("campaign", "flow"):
        key = own_key(by, calls)
        statement = select(key, calls.c.verdict, *_SUMS).group_by(key, calls.c.verdict)
        spans = fine_spans(connection, calls.c.arrived_at, period, edges)
        for span, of_span in grouped(statement, calls.c.arrived_at, spans):
            for own, verdict, *sums in streamed(connection, of_span):
                yield _Calls(span.from_at, shown(by, own), verdict, *sums)
        return
    verdicts, spans = keys_of(connection, calls.c.verdict), cut(period, edges)
    if not verdicts:
        return
    each, span_of = key_table("keys", ("verdict",), verdicts), span_table(spans)
    counted = (
        select(packed(*_SUMS))
        .where(
            calls.c.verdict == each.c.verdict,
            calls.c.arrived_at >= span_of.c.from_at,
            calls.c.arrived_at < span_of.c.to_at,
        )
        .scalar_subquery()
    )
    statement = select(span_of.c.i, each.c.verdict, counted).select_from(each.join(span_of, true()))
    for number, verdict, text in streamed(connection, statement):
        sums = unpacked(text)
        if sums[0]:
            yield _Calls(spans[number].from_at, "", verdict, *sums)


def _fallbacks(connection: Connection, period: Period) -> Iterable[int]:
    taken = select(system.c.at).where(system.c.kind == "fallback_taken", in_span(system.c.at, period))
    return connection.scalars(taken)
