"""Every figure of 1,000 made-up days is the number that the naive twin gives, however it is broken down."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

import pytest
from sqlalchemy import Engine

from calllog.figures.agents import agent_figures
from calllog.figures.calls import call_figures
from calllog.figures.figure import Row
from calllog.figures.keys import By
from calllog.figures.patience import patience_curves
from calllog.figures.queues import queue_figures
from calllog.figures.sales import sales_figures
from calllog.figures.surveys import survey_figures
from tests.figures import naive_answers, naive_people, naive_queues
from tests.figures.days import day, setting
from tests.figures.filled import empty_archive, facts_of, fill
from tests.figures.naive import Log, Record
from tests.figures.views import View, view

BLOCKS, BLOCK = 20, 50
CLOSE, NOTHING = 1e-9, 1e-12
"""As share of the number, and in itself: both add up in another order."""
EVERY = {"agents": 5}
"""Figures that are slow to work out, even of an empty day, are compared on each so-manieth day."""

Cells = Mapping[tuple[int, int, str], Mapping[str, float | None]]
Real = Callable[[Engine, View, By], list[Row]]
Plain = Callable[[Log, View, str], Cells]


def patience(engine: Engine, seen: View, by: By) -> list[Row]:
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


FAMILIES: dict[str, tuple[tuple[By, ...], Real, Plain]] = {
    "queues": (
        ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour"),
        lambda engine, seen, by: queue_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_queues.queue_rows(log, seen.period, seen.interval, by, seen.limits),
    ),
    "agents": (
        ("", "agent", "agent", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour"),
        lambda engine, seen, by: agent_figures(
            engine, seen.real_period, seen.interval, by, seen.thresholds, now=seen.now
        ),
        lambda log, seen, by: naive_people.agent_rows(log, seen.period, seen.interval, by, seen.now),
    ),
    "calls": (
        ("", "campaign", "flow", "hour", "weekday", "weekday_hour"),
        lambda engine, seen, by: call_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_queues.call_rows(log, seen.period, seen.interval, by),
    ),
    "surveys": (
        ("", "queue", "agent", "campaign", "flow", "hour", "weekday", "weekday_hour"),
        lambda engine, seen, by: survey_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_answers.survey_rows(log, seen.period, seen.interval, by, seen.limits),
    ),
    "sales": (
        ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour"),
        lambda engine, seen, by: sales_figures(engine, seen.real_period, seen.interval, by, seen.thresholds),
        lambda log, seen, by: naive_answers.sales_rows(log, seen.period, seen.interval, by),
    ),
    "patience": (
        ("", "queue", "campaign", "flow", "hour", "weekday", "weekday_hour"),
        lambda engine, seen, by: patience(engine, seen, by),
        lambda log, seen, by: naive_queues.patience_rows(log, seen.period, by, seen.now),
    ),
}
"""Family → by what its figures can be broken down; the figures; the twin's."""


def differences(real: Cells, plain: Cells) -> Iterator[str]:
    """Rows that only one of the two has, and figures that differ."""
    for place in sorted(set(real) ^ set(plain)):
        yield f"{place}: a row of the {'figures' if place in real else 'twin'} alone"
    for place in sorted(set(real) & set(plain)):
        for name, value in plain[place].items():
            found = real[place][name]
            if not same(found, value):
                yield f"{place} {name}: {found}, the twin has {value}"


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(NOTHING, CLOSE * max(abs(one), abs(other)))


def compared(seed: int, engine: Engine, log: Log, family: str) -> list[str]:
    """One family on one day, by something that the seed chooses."""
    groupings, real, plain = FAMILIES[family]
    seen = view(seed, setting(seed))
    by = Random(f"{family} {seed}").choice(groupings)
    rows = real(engine, seen, by)
    found = {(row.from_at, row.to_at, row.key): row.values for row in rows}
    assert len(found) == len(rows), f"day {seed}: two rows for one place"
    where = f"day {seed}, {family} by {by or 'nothing'}, {seen.interval}, {seen.period[2]}"
    return [f"{where}: {what}" for what in differences(found, plain(log, seen, by))]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_figures_are_the_numbers_of_the_twin(block: int) -> None:
    engine = empty_archive()
    found = []
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        lines = day(seed)
        fill(engine, facts_of(lines))
        log = Log(lines)
        for family in FAMILIES:
            if seed % EVERY.get(family, 1) == 0:
                found += compared(seed, engine, log, family)
    engine.dispose()
    assert found == []


def a_row(**values: float | None) -> dict[tuple[int, int, str], Record]:
    return {(0, 1, ""): dict(values)}


@pytest.mark.parametrize(
    ("real", "plain"),
    [
        (a_row(a=1), a_row(a=2)),
        (a_row(a=None), a_row(a=0)),
        (a_row(a=1.0), a_row(a=1.00000001)),
        (a_row(a=1), {}),
        ({}, a_row(a=1)),
    ],
)
def test_a_difference_is_told(real: Cells, plain: Cells) -> None:
    assert len(list(differences(real, plain))) == 1
    assert list(differences(plain, plain)) == []
