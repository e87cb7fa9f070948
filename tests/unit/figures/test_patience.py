"""Patience, worked out by hand."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.figures.patience import Curve, patience_curves
from calllog.figures.period import Period
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
NOON = DAY.from_at + 12 * 3_600_000


def fill_waits(fill: Fill, *waits: tuple[str, int], queue: str = "sales", at: int = NOON) -> None:
    fill(
        "waits",
        *(
            {
                "call": f"{queue}{at}{n}",
                "n": 1,
                "queue": queue,
                "joined_at": at,
                "reason": reason,
                "waited_ms": ms,
            }
            for n, (reason, ms) in enumerate(waits)
        ),
    )


def curves(archive: Engine, by: Any = "", **more: Any) -> dict[str, Curve]:
    return {curve.key: curve for curve in patience_curves(archive, DAY, by, now=NOON + 60_000, **more)}


def test_by_hand(archive: Engine, fill: Fill) -> None:
    """At 10 s one of six gives up, at 20 s two of five (one was answered at that very time), then
    at 40 s one of one: who was sent on at 30 s is not at risk any more."""
    fill_waits(
        fill,
        ("caller_hangup", 10_000),
        ("caller_hangup_ringing", 20_000),
        ("caller_hangup", 20_000),
        ("answered", 20_000),
        ("timeout", 30_000),
        ("caller_hangup", 40_000),
    )
    curve = curves(archive)[""]
    assert (curve.callers, curve.abandoned) == (6, 4)
    assert curve.points() == [
        (10_000, pytest.approx(5 / 6)),
        (20_000, pytest.approx(5 / 6 * 3 / 5)),
        (40_000, 0.0),
    ]
    assert [curve.at(ms) for ms in (0, 9_999, 19_999)] == [1.0, 1.0, pytest.approx(5 / 6)]
    assert curve.median_ms == 20_000


def test_who_waits_still_has_waited_until_now(archive: Engine, fill: Fill) -> None:
    fill_waits(fill, ("", 0), ("caller_hangup", 60_000), ("caller_hangup", 60_001))
    curve = curves(archive)[""]
    assert curve.points() == [(60_000, pytest.approx(2 / 3)), (60_001, 0.0)]


def test_per_queue_and_hour(archive: Engine, fill: Fill) -> None:
    fill_waits(fill, ("caller_hangup", 5))
    fill_waits(fill, ("answered", 5), at=DAY.from_at)
    fill_waits(fill, ("answered", 5), queue="help")
    by_queue = {"help": 1, "sales": 2}
    assert {key: curve.callers for key, curve in curves(archive, "queue").items()} == by_queue
    assert {key: curve.callers for key, curve in curves(archive, "queue", queue="help").items()} == {
        "help": 1
    }
    hours = curves(archive, "hour", queue="sales")
    assert {key: (curve.callers, curve.median_ms) for key, curve in hours.items()} == {
        "00": (1, None),
        "12": (1, 5),
    }
    with pytest.raises(ValueError, match="cannot be shown by agent"):
        curves(archive, "agent")


def test_nobody(archive: Engine) -> None:
    assert curves(archive) == {}


def test_a_chart_has_few_points_and_the_last(archive: Engine, fill: Fill) -> None:
    fill_waits(fill, *(("caller_hangup", ms) for ms in range(1, 102)))
    points = curves(archive)[""].points(most=10)
    assert len(points) <= 11
    assert points[-1] == (101, 0.0)
