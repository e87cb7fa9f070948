"""Settled at the first contact, worked out by hand."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.figures.contact import contact_figures
from calllog.figures.period import DAY_MS, Period
from calllog.figures.thresholds import QueueThresholds, Thresholds
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
NOON = DAY.from_at + 12 * 3_600_000
LATER = NOON + 30 * DAY_MS


def call(name: str, caller: str, at: int = NOON, verdict: str = "completed", **last: str) -> dict[str, Any]:
    """`last`: agent and queue of its last talk."""
    of_talk = {"agent": "ann", "queue": "sales"} if verdict == "completed" else {}
    told = {"call": name, "caller": caller, "arrived_at": at, "ended_at": at + 60_000, "verdict": verdict}
    return told | of_talk | last


def talk(name: str, n: int = 9, queue: str = "sales", last: bool = True) -> dict[str, Any]:
    more = {"queue": queue, "bridged_at": NOON + n, "unbridged_at": NOON + 60_000, "last": last}
    return {"call": name, "n": n, "agent": "ann", **more}


def rows(archive: Engine, by: Any = "", now: int = LATER, **limits: Any) -> dict[str, dict[str, Any]]:
    found = contact_figures(archive, DAY, "whole", by, Thresholds(**limits), now=now)
    return {row.key: dict(row.values) for row in found}


def test_who_calls_again_within_seven_days(archive: Engine, fill: Fill) -> None:
    """Of four completed calls: Ann comes again on the 7th day to the ms, Bob a ms later, Cid never; a number
    that is withheld is nobody's, and without a talk nothing was settled. Dora only tried before, and that was
    abandoned."""
    week = 7 * DAY_MS
    fill(
        "calls",
        call("a", "111"),
        call("a2", "111", NOON + 60_000 + week, "abandoned"),
        call("b", "222"),
        call("b2", "222", NOON + 60_001 + week),
        call("c", "333"),
        call("none", ""),
        call("none2", "", NOON + 120_000),
        call("d0", "444", NOON - 120_000, "abandoned"),
        call("d", "444"),
        call("same", "333", NOON + 60_000, "rejected"),
        call("lone", "555", agent="", queue=""),
    )
    assert (rows(archive)[""]["fcr"], rows(archive)[""]["fcr_calls"]) == (3 / 4, 4)
    assert rows(archive, fcr_days=8)[""]["fcr"] == 2 / 4
    own = {"sales": QueueThresholds(fcr_days=8)}
    assert rows(archive, queues=own)[""]["fcr"] == 2 / 4
    assert rows(archive, now=NOON + 60_000 + week)[""]["fcr_calls"] == 4
    assert (rows(archive, now=NOON + 59_999 + week)[""]["fcr"], rows(archive, now=NOON)[""]["fcr_calls"]) == (
        None,
        0,
    )


def test_by_the_last_talk(archive: Engine, fill: Fill) -> None:
    fill("calls", call("a", "111", agent="bob", queue="help"))
    assert {key: row["fcr_calls"] for key, row in rows(archive, "agent").items()} == {"bob": 1}
    assert {key: row["fcr_calls"] for key, row in rows(archive, "queue").items()} == {"help": 1}


def test_as_agents_say(archive: Engine, fill: Fill) -> None:
    """Of several words about one call the last counts, by its number, for his last talk of that call."""
    fill("talks", talk("a", last=False), talk("a", 20, queue="help"), talk("b"), talk("c"), talk("d"))
    said = {"agent": "ann", "at": NOON}
    fill(
        "dispositions",
        {**said, "id": "agent:ann:9", "call": "a", "code": "open"},
        {**said, "id": "agent:ann:10", "call": "a", "code": "resolved"},
        {**said, "id": "agent:ann:11", "call": "b", "code": "sold"},
        {**said, "id": "agent:ann:12", "call": "c", "code": ""},
        {**said, "id": "agent:bob:1", "call": "d", "code": "resolved", "agent": "bob"},
    )
    assert (rows(archive)[""]["fcr_agent"], rows(archive)[""]["fcr_agent_talks"]) == (1 / 2, 2)
    assert rows(archive, resolved_codes=frozenset({"resolved", "sold"}))[""]["fcr_agent"] == 1
    assert {key: row["fcr_agent_talks"] for key, row in rows(archive, "queue").items()} == {
        "help": 1,
        "sales": 1,
    }


def test_as_callers_say(archive: Engine, fill: Fill) -> None:
    asked = {"survey": "resolved", "offered_at": NOON, "lowest": 1, "highest": 2, "agent": "ann"}
    fill(
        "surveys",
        {**asked, "call": "a", "score": 2},
        {**asked, "call": "b", "score": 1},
        {**asked, "call": "c"},
    )
    fill("surveys", {**asked, "call": "a", "survey": "service", "score": 2})
    fill("calls", {"call": "a", "campaign": "web"}, {"call": "b"})
    found = rows(archive, "agent")["ann"]
    assert (found["fcr_survey"], found["fcr_survey_answers"], found["fcr"]) == (1 / 2, 2, None)
    assert rows(archive, "campaign")["web"]["fcr_survey"] == 1
    assert rows(archive, resolved_survey="service")[""]["fcr_survey"] == 1
    with pytest.raises(ValueError, match="cannot be shown by day"):
        rows(archive, "day")
