"""From events to the rows of the archive: what a flow does, agents' states, the house."""

from typing import Any

import pytest

from calllog.events import (
    AgentEvent,
    AgentStateChanged,
    Disposition,
    FallbackTaken,
    FlowPublished,
    WorkerStarted,
)
from calllog.facts import agent_facts, call_facts, other_facts, owner_and_number
from tests.unit.calllog.drafts import (
    ANSWER_AND_HOLD,
    ANSWERED,
    ARRIVED,
    JOINED,
    Drafts,
    ended,
    goods,
    left,
    transferred,
)
from tests.unit.calllog.held_call import BEGAN_AT, CALL, HELD_CALL, events_of, held_call
from tests.unit.calllog.rows_of import bridged, facts, held, only, said, unbridged


def test_who_joins_again_has_two_waits_and_an_escalation_between() -> None:
    escalation = {"kind": "escalated", "path": "main/up", "queue": "second", "reason": "timeout"}
    joins: Drafts = [
        (1100, {"kind": "joined", "queue": "second", "position": 1, "score": 1.0, "head_start_s": 30}),
        (1100, {"kind": "hold_started", "by": "queue"}),
    ]
    found = facts(
        [
            *ANSWER_AND_HOLD,
            *left(1000, "timeout"),
            (1050, escalation),
            *joins,
            (1200, {"kind": "moved", "queue": "second", "reason": "position", "by": "eve", "position": 4}),
            (
                1300,
                {
                    "kind": "overtaken",
                    "queue": "second",
                    "by_call": "x.1",
                    "reason": "vip",
                    "head_start_s": 9,
                },
            ),
        ],
        live=True,
    )
    first, second = found["waits"]
    said(first, queue="sales", escalated=False, reason="timeout")
    said(second, queue="second", escalated=True, head_start_s=30.0, position_first=1, position_last=4)
    only(found["escalations"], at=1050, queue="second", from_queue="sales", reason="timeout", path="main/up")
    only(found["overtakings"], at=1300, queue="second", by_call="x.1", reason="vip", head_start_s=9.0)


def test_who_is_not_let_in_and_what_he_is_tagged_with() -> None:
    found = facts(
        [
            (0, {"kind": "arrived", "to": "100", "campaign": "web", "language": "de", "journey": "j-1"}),
            ANSWERED,
            (20, {"kind": "queue_refused", "queue": "sales", "reason": "full"}),
            (30, {"kind": "tagged", "path": "main/t", "campaign": "radio", "topic": "bill"}),
            (40, {"kind": "queue_refused", "queue": "help", "reason": "closed"}),
            (50, {"kind": "tagged", "path": "main/u", "topic": "move"}),
            ended(60, "ivr_exit"),
        ]
    )
    assert [(row["queue"], row["reason"], row["campaign"]) for row in found["refusals"]] == [
        ("sales", "full", "web"),
        ("help", "closed", "radio"),
    ]
    said(found["calls"][0], campaign="radio", topic="move", language="de", journey="j-1", served=False)


def test_something_for_sale_and_what_it_cost() -> None:
    over = {
        "kind": "step",
        "flow": "main",
        "version": 1,
        "path": "main/more",
        "outcome": "accepted",
        "took_ms": 8,
    }
    again = over | {"took_ms": 77}
    found = facts(
        [
            ARRIVED,
            ANSWERED,
            goods("made"),
            goods("accepted"),
            (308, over),
            (500, again),
            ended(600, "self_served", "system"),
        ]
    )
    only(found["sales"], offer="cover", made_at=300, accepted_at=300, took_ms=8, queue="")
    assert found["calls"][0]["served"] is True


def test_a_survey_asked_twice_counts_once_and_its_last_answer() -> None:
    asked = {"kind": "survey_offered", "path": "main/s", "survey": "csat"}
    answer = {"kind": "survey_answered", "path": "main/s", "survey": "csat", "lowest": 1, "highest": 5}
    found = facts(
        [
            *ANSWER_AND_HOLD,
            *bridged(1000, "bob"),
            *unbridged(1500, "bob", "agent", 500),
            (1600, asked),
            (1700, answer | {"score": 2}),
            (1800, asked),
            (1900, answer | {"score": 4}),
            ended(2000, "completed", wait_ms=900, talk_ms=500),
        ]
    )
    only(found["surveys"], survey="csat", offered_at=1600, answered_at=1900, score=4, lowest=1, highest=5)
    only(found["surveys"], queue="sales", agent="bob")
    assert found["calls"][0]["served"] is True


@pytest.mark.parametrize(
    ("draft", "served"),
    [
        ((100, {"kind": "recorded", "path": "m/v", "recording": "r", "length_ms": 5, "box": "b"}), True),
        ((100, {"kind": "recorded", "path": "m/v", "recording": "r", "length_ms": 5}), False),
        (transferred(100, to="+49"), True),
        (transferred(100, queue="sales"), False),
    ],
)
def test_what_serves_a_caller(draft: Any, served: bool) -> None:
    assert call_facts(events_of([ARRIVED, ANSWERED, draft]))["calls"][0]["served"] is served


def test_one_inferred_event_makes_the_call_inferred() -> None:
    at, fields = ended(100, "ivr_exit")
    bounds = {"source": "inferred", "not_before": BEGAN_AT, "not_after": BEGAN_AT + 100}
    assert facts([ARRIVED, (at, fields | bounds)])["calls"][0]["inferred"] is True


def test_a_log_that_makes_no_sense_still_gives_rows() -> None:
    """It is the audit's to find that; here nothing may fail, and keys stay apart."""
    drafts = HELD_CALL[::-1]
    for first in range(len(drafts)):
        call_facts(events_of(drafts[first:]))
    twice = call_facts(events_of([ARRIVED, *JOINED, *JOINED, *held(200, 300), ARRIVED]))
    assert [wait["class"] for wait in twice["waits"]] == ["W", "W"]


def state(number: int, at: int, to: str, **more: Any) -> AgentStateChanged:
    names = {"id": f"agent:bob:{number}", "site": "main", "source": "observed", "agent": "bob"}
    return AgentStateChanged(at=at, logged_at=at, from_=more.pop("from_", ""), to=to, **names, **more)  # type: ignore[arg-type]


def about(number: int, at: int) -> Disposition:
    names: Any = {"id": f"agent:bob:{number}", "site": "main", "source": "observed", "agent": "bob"}
    return Disposition(at=at, logged_at=at, call="c", queue="sales", code="sold", **names)


def test_an_agents_intervals_lie_edge_to_edge() -> None:
    events: list[AgentEvent] = [
        state(1, 10, "ready"),
        state(2, 20, "talking", call="c", queue="sales", reason="r", by="eve"),
        about(3, 25),
        state(4, 30, "wrapup"),
    ]
    rows = agent_facts(events)
    assert [(row["n"], row["state"], row["from_at"], row["to_at"]) for row in rows] == [
        (1, "ready", 10, 20),
        (2, "talking", 20, 30),
        (4, "wrapup", 30, None),
    ]
    assert (rows[1]["call"], rows[1]["queue"], rows[1]["reason"], rows[1]["by"]) == ("c", "sales", "r", "eve")
    assert agent_facts(events[1:]) == rows[1:], "a later part gives the later part"


def test_events_that_stand_for_themselves() -> None:
    common: Any = {"id": "worker:hf-1:3:12", "site": "main", "at": 5, "logged_at": 5, "source": "observed"}
    assert other_facts(about(3, 25)) == {
        "dispositions": [
            {"id": "agent:bob:3", "at": 25, "agent": "bob", "call": "c", "queue": "sales", "code": "sold"}
        ]
    }
    assert other_facts(FlowPublished(version=7, by="eve", **common))["system"][0]["what"] == "7"
    taken = FallbackTaken(asterisk="hf", from_="+49", to="100", result="message", **common)
    only(other_facts(taken)["system"], caller="+49", asterisk="hf", what="message", kind="fallback_taken")
    assert other_facts(WorkerStarted(worker="hf-1", **common))["system"][0]["worker"] == "hf-1"
    assert other_facts(state(1, 1, "ready")) == {}
    assert other_facts(held_call()[0]) == {}


@pytest.mark.parametrize(
    ("id_", "owner", "number"),
    [
        ("worker:hf-1:3:12", "worker:hf-1:3", 12),
        ("nothing", "", 0),
        ("worker:x", "worker", 0),
        ("a:²", "a", 0),
    ],
)
def test_whose_an_event_is(id_: str, owner: str, number: int) -> None:
    event = WorkerStarted(id=id_, site="main", at=1, logged_at=1, source="observed")
    assert owner_and_number(event) == (owner, number)
    assert owner_and_number(held_call()[3]) == (CALL, 4)
