"""Figures of agents, on tables small enough to work them out by hand."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.figures.agents import AGENT_MEASURES, OF_LEGS_ONLY, agent_figures
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
HOUR = 3_600_000
NINE = DAY.from_at + 9 * HOUR
NOW = DAY.to_at + HOUR
USUAL = Thresholds()


def at(minutes: float) -> int:
    """So many minutes after nine."""
    return NINE + round(minutes * 60_000)


def leg(call: str, agent: str, begin: float, end: float | None, **more: Any) -> dict[str, Any]:
    ms = {} if end is None else {"unbridged_at": at(end), "talk_ms": round((end - begin) * 60_000)}
    row = {
        "call": call,
        "n": round(begin * 10) + 10,
        "agent": agent,
        "queue": "sales",
        "bridged_at": at(begin),
    }
    return {**row, **ms, **more}


def states(agent: str, *changes: tuple[float, str] | tuple[float, str, str]) -> list[dict[str, Any]]:
    """His intervals, from when he was in which state (about which call)."""
    ends = [at(change[0]) for change in changes[1:]] + [None]
    return [
        {
            "agent": agent,
            "n": number,
            "state": change[1],
            "call": (*change, "")[2],
            "from_at": at(change[0]),
            "to_at": end,
        }
        for number, (change, end) in enumerate(zip(changes, ends, strict=True))
    ]


def rows(
    archive: Engine, by: Any = "agent", interval: Any = "whole", now: int = NOW
) -> dict[Any, dict[str, Any]]:
    found = agent_figures(archive, DAY, interval, by, USUAL, now=now)
    many = len({row.from_at for row in found}) > 1
    return {(((row.from_at - NINE) // HOUR, row.key) if many else row.key): dict(row.values) for row in found}


@pytest.fixture
def morning(fill: Fill) -> None:
    """Ann has two calls and gives the second to Bob, whom she has asked. Cid has been offline for ever."""
    fill(
        "agent_states",
        *states(
            "ann",
            (-600, "offline"),
            (0, "ready"),
            (10, "offered", "c1"),
            (10.5, "connecting", "c1"),
            (11, "talking", "c1"),
            (16, "wrapup", "c1"),
            (18, "ready"),
            (58, "talking", "c2"),
            (65, "wrapup", "c2"),
            (66, "paused"),
        ),
        *states("bob", (0, "ready"), (60, "talking", "c2"), (70, "wrapup", "c2"), (71, "ready")),
        *states("cid", (-9000, "offline")),
    )
    fill(
        "talks",
        leg("c1", "ann", 11, 16, held_ms=60_000, campaign="web"),
        leg("c2", "ann", 58, 65, transferred="attended"),
        leg("c2", "bob", 65, 70),
        leg("c3", "ann", 90, None),
    )
    ring = {"n": 1, "offered_at": at(10)}
    fill(
        "offers",
        {**ring, "call": "c1", "agent": "ann", "result": "bridged"},
        {**ring, "call": "c2", "agent": "ann", "result": "bridged"},
        {**ring, "call": "c0", "agent": "ann", "result": "no_answer"},
        {**ring, "call": "c2", "n": 4, "agent": "bob", "result": "consulted"},
        {**ring, "call": "c9", "agent": "bob", "result": ""},
        {**ring, "call": "c8", "agent": "bob", "result": "busy", "offered_at": DAY.to_at},
    )


@pytest.mark.usefixtures("morning")
def test_a_morning(archive: Engine) -> None:
    found = rows(archive)
    assert set(found) == {"ann", "bob"}
    ann, bob = found["ann"], found["bob"]
    assert (ann["handled"], ann["handled_calls"], ann["talk_ms"]) == (2, 2, 12 * 60_000)
    assert (ann["held_ms"], ann["wrapup_ms"]) == (60_000, 3 * 60_000)
    assert ann["aht_ms"] == ann["aht_call_ms"] == 8 * 60_000
    assert (ann["transfers_attended"], ann["transfers_blind"], bob["transfers_attended"]) == (1, 0, 0)
    assert (ann["offered_legs"], ann["answered_legs"], ann["declined_no_answer"]) == (3, 2, 1)
    assert (bob["offered_legs"], bob["answered_legs"], bob["declined_busy"]) == (2, 1, 0)
    assert ann["ring_ms"] == 60_000
    assert ann["state_offline_ms"] == 9 * HOUR
    assert ann["state_paused_ms"] == 15 * HOUR - 66 * 60_000
    ready, working = 50 * 60_000, (12 + 3 + 1) * 60_000
    assert (ann["state_ready_ms"], ann["occupancy"]) == (ready, working / (ready + working))
    assert ann["ring_share"] == 60_000 / (ready + working)
    assert bob["wrapup_ms"] == 60_000


@pytest.mark.usefixtures("morning")
def test_all_together_a_transfer_is_two_legs_of_one_call(archive: Engine) -> None:
    found = rows(archive, "")[""]
    assert (found["handled"], found["handled_calls"]) == (3, 2)
    assert found["aht_ms"] == (17 + 1 + 4) * 60_000 / 3
    assert found["aht_call_ms"] == (17 + 1 + 4) * 60_000 / 2


@pytest.mark.usefixtures("morning")
def test_what_crosses_the_hour_is_cut_but_legs_are_not(archive: Engine) -> None:
    found = rows(archive, interval="60m")
    assert found[0, "ann"]["state_talking_ms"] == 7 * 60_000
    assert found[1, "ann"]["state_talking_ms"] == 5 * 60_000
    assert (found[0, "ann"]["handled"], found[1, "ann"]["handled"]) == (2, 0)
    assert (found[0, "ann"]["wrapup_ms"], found[1, "ann"]["wrapup_ms"]) == (3 * 60_000, 0)
    assert found[1, "bob"]["handled_calls"] == 1
    hours = rows(archive, "hour")
    assert hours["10"]["state_wrapup_ms"] == 2 * 60_000
    assert hours["09"]["handled_calls"] == 2


@pytest.mark.usefixtures("morning")
@pytest.mark.parametrize("by", OF_LEGS_ONLY)
def test_by_what_legs_say_themselves(archive: Engine, by: str) -> None:
    found = rows(archive, by)
    key = {"queue": "sales", "campaign": "web", "flow": ""}[by]
    ann_alone = by == "campaign"
    assert found[key]["handled"] == (1 if ann_alone else 3)
    assert found[key]["handled_calls"] == (1 if ann_alone else 2)
    assert found[key]["wrapup_ms"] == (2 if ann_alone else 4) * 60_000
    assert found[key]["occupancy"] is None
    assert set(found[key]) == {measure.figure.name for measure in AGENT_MEASURES}


def test_what_goes_on_counts_until_now(archive: Engine, fill: Fill) -> None:
    fill("agent_states", *states("ann", (0, "ready"), (5, "talking", "c1"), (6, "wrapup", "c1")))
    fill("talks", leg("c1", "ann", 5, 6))
    found = rows(archive, now=at(10))["ann"]
    assert (found["state_wrapup_ms"], found["wrapup_ms"]) == (4 * 60_000, 4 * 60_000)


def test_wrap_up_of_a_consult_is_nobodys_leg(archive: Engine, fill: Fill) -> None:
    """Bob has written up his own call, is asked about c2, does not get the caller, and writes that up."""
    fill(
        "agent_states",
        *states(
            "bob",
            (0, "talking", "c1"),
            (5, "wrapup", "c1"),
            (6, "talking", "c2"),
            (7, "wrapup", "c2"),
            (9, "ready"),
        ),
    )
    fill("talks", leg("c1", "bob", 0, 5), leg("c2", "ann", 4, 8))
    fill("offers", {"call": "c2", "n": 3, "agent": "bob", "offered_at": at(5.5), "result": "consulted"})
    assert rows(archive)["bob"]["wrapup_ms"] == 60_000
    assert rows(archive, "queue")["sales"]["wrapup_ms"] == 60_000


def test_wrap_up_at_midnight_belongs_to_the_leg(archive: Engine, fill: Fill) -> None:
    """A leg of yesterday, written up today; one of today, written up tomorrow."""
    fill(
        "agent_states",
        *states(
            "ann",
            (-545, "talking", "c1"),
            (-540 + 1, "wrapup", "c1"),
            (-540 + 3, "ready"),
            (15 * 60 - 1, "talking", "c2"),
            (15 * 60 + 1, "wrapup", "c2"),
            (15 * 60 + 8, "ready"),
        ),
    )
    fill("talks", leg("c1", "ann", -545, -539, n=1), leg("c2", "ann", 899, 901, n=1))
    found = rows(archive)["ann"]
    assert (found["handled"], found["wrapup_ms"]) == (1, 7 * 60_000)
    assert (found["state_wrapup_ms"], found["state_talking_ms"]) == (2 * 60_000, 2 * 60_000)


def test_nobody(archive: Engine) -> None:
    assert rows(archive) == {}
    found = rows(archive, "")[""]
    assert (found["handled"], found["occupancy"], found["aht_ms"]) == (0, None, None)
    with pytest.raises(ValueError, match="cannot be shown by week"):
        rows(archive, "week")
