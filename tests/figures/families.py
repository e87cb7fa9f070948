"""Each family of figures twice: as reports ask for it, and as the naive twin gives it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from sqlalchemy import Engine

from calllog.figures.agent_days import agent_bars
from calllog.figures.agents import AGENT_BY, agent_figures
from calllog.figures.calls import CALL_BY, call_figures
from calllog.figures.contact import CONTACT_BY, contact_figures
from calllog.figures.figure import Row
from calllog.figures.keys import By
from calllog.figures.line import line_figures, refused_reasons
from calllog.figures.overtaking import overtaking_reasons
from calllog.figures.paths import passages, steps_of
from calllog.figures.patience import PATIENCE_BY, patience_curves
from calllog.figures.queues import QUEUE_BY, queue_figures
from calllog.figures.sales import SALES_BY, sales_figures
from calllog.figures.surveys import SURVEY_BY, survey_figures
from tests.figures import naive_answers, naive_people, naive_queues, naive_rest
from tests.figures.naive import Log
from tests.figures.views import View

Cells = Mapping[tuple[int, int, str], Mapping[str, float | None]]
Real = Callable[[Engine, View, By], list[Row]]
Plain = Callable[[Log, View, str], Cells]


def _patience(engine: Engine, seen: View, by: By) -> list[Row]:
    """Each curve as a row: its figures are its points."""
    return [
        Row(
            *seen.period[:2],
            curve.key,
            {f"S({ms})": share for ms, share in zip(curve.times, curve.shares, strict=True)}
            | {"median_ms": curve.median_ms, "points": len(curve.times)},
        )
        for curve in patience_curves(engine, seen.real_period, by, now=seen.now)
    ]


def _steps(engine: Engine, seen: View, by: By) -> list[Row]:
    """Each step as a row, its outcomes among its figures."""
    assert by == ""
    found = passages(engine, seen.real_period)
    ways: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for one in found:
        way = f"from {one.entry} on to {one.next or 'nothing'}"
        ways[one.flow, one.version, one.path][way] += one.times
    return [
        Row(
            *seen.period[:2],
            f"{step.flow}@{step.version} {step.path}",
            {
                "entered": step.entered,
                "dropped": step.dropped,
                "drop_rate": step.drop_rate,
                "took_mean_ms": step.took_mean_ms,
                **{f"outcome {outcome}": many for outcome, many in step.outcomes.items()},
                **ways[step.flow, step.version, step.path],
            },
        )
        for step in steps_of(found)
    ]


def _bars(engine: Engine, seen: View, by: By) -> list[Row]:
    """Each bar as a row."""
    assert by == ""
    return [
        Row(
            *seen.period[:2],
            f"{bar.agent} {bar.from_at} {bar.state} {bar.queue} {bar.call}",
            {"to_at": bar.to_at},
        )
        for bar in agent_bars(engine, seen.real_period, now=seen.now)
    ]


FAMILIES: dict[str, tuple[tuple[By, ...], Real, Plain]] = {
    "queues": (
        QUEUE_BY,
        lambda engine, seen, by: queue_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_queues.queue_rows(log, seen.period, seen.interval, by, seen.limits),
    ),
    "agents": (
        AGENT_BY,
        lambda engine, seen, by: agent_figures(
            engine, seen.real_period, seen.interval, by, seen.thresholds, now=seen.now
        ),
        lambda log, seen, by: naive_people.agent_rows(log, seen.period, seen.interval, by, seen.now),
    ),
    "calls": (
        CALL_BY,
        lambda engine, seen, by: call_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_queues.call_rows(log, seen.period, seen.interval, by),
    ),
    "surveys": (
        SURVEY_BY,
        lambda engine, seen, by: survey_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_answers.survey_rows(log, seen.period, seen.interval, by, seen.limits),
    ),
    "sales": (
        SALES_BY,
        lambda engine, seen, by: sales_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_answers.sales_rows(log, seen.period, seen.interval, by),
    ),
    "contact": (
        CONTACT_BY,
        lambda engine, seen, by: contact_figures(
            engine, seen.real_period, seen.interval, by, seen.thresholds, now=seen.now
        ),
        lambda log, seen, by: naive_answers.contact_rows(
            log, seen.period, seen.interval, by, seen.limits, seen.now
        ),
    ),
    "patience": (
        PATIENCE_BY,
        _patience,
        lambda log, seen, by: naive_queues.patience_rows(log, seen.period, by, seen.now),
    ),
    "steps": (("",), _steps, lambda log, seen, _: naive_rest.step_rows(log, seen.period)),
    "line": (
        ("",),
        lambda engine, seen, _: line_figures(engine, seen.real_period, seen.interval, now=seen.now),
        lambda log, seen, _: naive_rest.line_rows(log, seen.period, seen.interval, seen.now),
    ),
    "refused": (
        ("",),
        lambda engine, seen, _: refused_reasons(engine, seen.real_period, seen.interval),
        lambda log, seen, _: naive_rest.refused_rows(log, seen.period, seen.interval),
    ),
    "overtaking": (
        ("",),
        lambda engine, seen, _: overtaking_reasons(engine, seen.real_period, seen.interval),
        lambda log, seen, _: naive_rest.overtaking_rows(log, seen.period, seen.interval),
    ),
    "bars": (("",), _bars, lambda log, seen, _: naive_rest.bar_rows(log, seen.period, seen.now)),
}
"""Family → by what its figures can be broken down; the figures; the twin's."""
