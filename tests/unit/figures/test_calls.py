"""Figures of calls, on tables small enough to work them out by hand."""

from datetime import date
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.figures.calls import CALL_MEASURES, call_figures
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from calllog.vocabulary import Verdict
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
NOON = DAY.from_at + 12 * 3_600_000
_numbers = count()


def call(verdict: Verdict | str, at: int = NOON, **more: Any) -> dict[str, Any]:
    return {"call": f"c{next(_numbers)}", "arrived_at": at, "verdict": verdict, **more}


def rows(archive: Engine, by: Any = "", interval: Any = "whole") -> dict[str, dict[str, Any]]:
    return {row.key: dict(row.values) for row in call_figures(archive, DAY, interval, by, Thresholds())}


@pytest.mark.parametrize("by", ["", "flow"])
def test_verdicts(archive: Engine, fill: Fill, by: str) -> None:
    fill(
        "calls",
        call("completed", hold_abandon=True),
        call("completed", inferred=True),
        call("abandoned"),
        call("ivr_exit"),
        call("ivr_exit", served=True),
        call("self_served", served=True),
        call(""),
        call("failed"),
        call("completed", at=DAY.to_at),
        call("completed", at=DAY.from_at - 1),
    )
    found = rows(archive, by)[""]
    counts = {"arrived": 8, "ended": 7, "live": 1, "completed": 2, "abandoned_calls": 1, "ivr_exit": 2}
    assert {name: found[name] for name in counts} == counts
    assert (found["self_served"], found["failed_calls"], found["lost"]) == (1, 1, 0)
    assert (found["hold_abandoned"], found["inferred_calls"]) == (1, 1)
    assert found["abandoned_before_agent"] == 2 / 8


def test_by_the_clock_and_by_what_brought_them(archive: Engine, fill: Fill) -> None:
    fill("calls", call("lost", flow="main", version="3", campaign="web"), call("lost", at=DAY.from_at))
    fill(
        "system",
        {"id": "a:1", "at": NOON, "kind": "fallback_taken"},
        {"id": "a:2", "at": 5, "kind": "fallback_taken"},
    )
    fill("system", {"id": "a:3", "at": NOON, "kind": "asterisk_lost"})
    assert {key: row["lost"] for key, row in rows(archive, "flow").items()} == {"": 1, "main@3": 1}
    assert {key: row["lost"] for key, row in rows(archive, "campaign").items()} == {"": 1, "web": 1}
    hours = rows(archive, "hour")
    assert {key: (row["lost"], row["fallback_taken"]) for key, row in hours.items()} == {
        "00": (1, 0),
        "12": (1, 1),
    }
    assert rows(archive)[""]["fallback_taken"] == 1
    with pytest.raises(ValueError, match="calls cannot be shown by queue"):
        rows(archive, "queue")


def test_no_calls(archive: Engine) -> None:
    found = rows(archive)[""]
    assert set(found) == {measure.figure.name for measure in CALL_MEASURES}
    assert {name for name, value in found.items() if value is None} == {"abandoned_before_agent"}
    assert rows(archive, "campaign") == {}
