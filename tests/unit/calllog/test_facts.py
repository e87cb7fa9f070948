"""From events to the rows of the archive: each table, by calls written out by hand, and by made logs."""

from typing import Any

import pytest

from calllog.archive.schema import DERIVED, metadata
from calllog.call_events import CallEvent
from calllog.events import (
    AgentEvent,
    AgentStateChanged,
    AnyEvent,
    Disposition,
    FallbackTaken,
    FlowPublished,
    WorkerStarted,
)
from calllog.facts import CALL_TABLES, agent_facts, call_facts, other_facts, owner_and_number
from calllog.grammar import violations
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.drafts import (
    ANSWER_AND_HOLD,
    ANSWERED,
    ARRIVED,
    JOINED,
    Drafts,
    declined,
    ended,
    goods,
    left,
    offered,
    transferred,
)
from tests.unit.calllog.held_call import BEGAN_AT, CALL, HELD_CALL, events_of, held_call

Rows = list[dict[str, Any]]


def facts(drafts: Drafts, live: bool = False) -> dict[str, Rows]:
    """The rows of a call that breaks no rule."""
    events = events_of(drafts)
    assert violations(events, live=live) == []
    return call_facts(events)


def only(rows: Rows, **wanted: Any) -> None:
    """There is one row, and it says this (instants: ms after the beginning)."""
    assert len(rows) == 1
    said(rows[0], **wanted)


def said(row: dict[str, Any], **wanted: Any) -> None:
    after = {
        name: value - BEGAN_AT if isinstance(value, int) and value >= BEGAN_AT else value
        for name, value in row.items()
    }
    assert {name: after[name] for name in wanted} == wanted


def bridged(at: int, agent: str) -> Drafts:
    """The offer to him is answered, in the queue joined at 100."""
    return [
        offered(at - 100, agent, 1),
        *left(at, "answered", at - 100),
        (at, {"kind": "bridged", "agent": agent}),
    ]


def unbridged(at: int, agent: str, by: str = "agent", talk_ms: int = 0, held_ms: int = 0) -> Drafts:
    parts = {"talk_ms": talk_ms, "held_ms": held_ms, "ended_by": by}
    return [(at, {"kind": "unbridged", "agent": agent, **parts})]


def held(begin: int, end: int, by: str = "agent") -> Drafts:
    return [
        (begin, {"kind": "hold_started", "by": by}),
        (end, {"kind": "hold_ended", "by": by, "held_ms": end - begin}),
    ]


def test_a_call_with_all_its_parts() -> None:
    found = call_facts(held_call())
    said(
        found["calls"][0], call=CALL, arrived_at=0, answered_at=6, ended_at=25251, caller="1001", number="100"
    )
    said(found["calls"][0], campaign="web", flow="main", version="3", verdict="completed", wait_ms=11178)
    said(found["calls"][0], served=False, hold_abandon=False, inferred=False, lifetime_ms=25251, cause=16)
    only(
        found["waits"],
        n=5,
        queue="sales",
        joined_at=2843,
        left_at=14021,
        bridged_at=14021,
        reason="answered",
        waited_ms=11178,
        agent="bob",
        position_first=2,
        position_last=1,
        rung=1,
        ringing="",
        last_heard="main/menu_1",
        campaign="web",
        flow="main",
        version="3",
    )
    assert found["waits"][0]["class"] == "A"
    first, second = found["offers"]
    said(first, agent="alice", offered_at=5120, closed_at=11200, result="busy", ring_ms=6080, queue="sales")
    said(second, agent="bob", attempt=2, closed_at=14021, result="bridged", ring_ms=2821, why="longest_idle")
    only(
        found["talks"],
        agent="bob",
        queue="sales",
        bridged_at=14021,
        unbridged_at=25250,
        talk_ms=9227,
        held_ms=2002,
        ended_by="caller",
        transferred="",
        given=False,
        campaign="web",
        flow="main",
    )
    music, hold = found["holds"]
    said(music, by="queue", queue="sales", agent="", held_ms=11178, started_at=2843, ended_at=14021)
    said(hold, by="agent", queue="", agent="bob", held_ms=2002, started_at=17500)
    only(found["steps"], n=4, path="main/menu_1", outcome="1", took_ms=2835, version="3", at=2841)


@pytest.mark.parametrize("seed", range(20))
def test_every_row_has_every_column_and_a_key_of_its_own(seed: int) -> None:
    log = made_log(seed, calls=20)
    rows: dict[str, Rows] = {}
    for name, found in _everything(log).items():
        rows.setdefault(name, []).extend(found)
    for name, some in rows.items():
        table = metadata.tables[name]
        assert {frozenset(row) for row in some} == {frozenset(table.columns.keys())}
        keys = [tuple(row[column.name] for column in table.primary_key) for row in some]
        assert len(set(keys)) == len(keys)


def _everything(log: list[AnyEvent]) -> dict[str, Rows]:
    rows: dict[str, Rows] = {}
    owners: dict[str, list[AnyEvent]] = {}
    for event in log:
        owners.setdefault(owner_and_number(event)[0], []).append(event)
        for name, some in other_facts(event).items():
            rows.setdefault(name, []).extend(some)
    for owner, events in owners.items():
        if owner.startswith("agent:"):
            rows.setdefault("agent_states", []).extend(agent_facts(events))  # type: ignore[arg-type]
        elif isinstance(events[0], CallEvent):
            for name, some in call_facts(events).items():  # type: ignore[arg-type]
                rows.setdefault(name, []).extend(some)
    return rows


def test_every_derived_table_is_somebodys() -> None:
    assert {table.name for table in DERIVED} == {*CALL_TABLES, "agent_states", "dispositions", "system"}
    assert all("call" in metadata.tables[name].primary_key for name in CALL_TABLES)


def test_no_events_are_no_rows() -> None:
    assert call_facts([]) == {}
    assert agent_facts([]) == []


def test_a_live_call_is_told_as_far_as_it_is() -> None:
    found = facts([*ANSWER_AND_HOLD, offered(500, "bob", 1)], live=True)
    said(found["calls"][0], ended_at=None, verdict="", lifetime_ms=0)
    only(found["waits"], left_at=None, waited_ms=0, reason="")
    assert found["waits"][0]["class"] == "W"
    only(found["offers"], result="", closed_at=None, ring_ms=0)
    only(found["holds"], ended_at=None, held_ms=0)


def test_who_gives_up_while_an_agent_rings() -> None:
    told = {"kind": "announced", "position": 3, "estimated_wait_s": 60.0, "spoken": "position"}
    gone = {"kind": "declined", "agent": "bob", "attempt": 2, "reason": "caller_gone", "ring_ms": 300}
    found = facts(
        [
            *ANSWER_AND_HOLD,
            (150, told),
            (160, {"kind": "announced", "spoken": "tune"}),
            offered(200, "alice", 1),
            declined(300, "alice"),
            offered(700, "bob", 2),
            (1000, gone),
            *left(1000, "caller_hangup_ringing", 900, position=2, original_position=1),
            ended(1000, "abandoned", wait_ms=900),
        ]
    )
    only(
        found["waits"],
        rung=2,
        ringing="bob",
        told_position=3,
        told_wait_s=60.0,
        last_heard="tune",
        position_last=2,
        waited_ms=900,
        agent="",
        bridged_at=None,
    )
    assert found["waits"][0]["class"] == "B"
    assert [offer["result"] for offer in found["offers"]] == ["busy", "caller_gone"]


def test_who_was_withdrawn_long_before_did_not_ring_when_he_left() -> None:
    gone = {"kind": "declined", "agent": "bob", "attempt": 1, "reason": "withdrawn", "ring_ms": 10}
    found = facts(
        [
            *ANSWER_AND_HOLD,
            offered(200, "bob", 1),
            (300, gone),
            *left(1000, "caller_hangup"),
            ended(1000, "abandoned", wait_ms=900),
        ]
    )
    only(found["waits"], rung=1, ringing="")


@pytest.mark.parametrize(
    ("hold", "by", "abandoned"),
    [
        (held(1200, 1500), "caller", True),
        (held(1200, 1499), "caller", False),
        (held(1200, 1500), "agent", False),
        (held(1200, 1500, "caller"), "caller", False),
        ([], "caller", False),
    ],
)
def test_who_hangs_up_on_hold(hold: Drafts, by: str, abandoned: bool) -> None:
    held_ms = hold[1][1]["held_ms"] if hold else 0
    parts = {"talk_ms": 500 - held_ms, "held_ms": held_ms}
    found = facts(
        [
            *ANSWER_AND_HOLD,
            *bridged(1000, "bob"),
            *hold,
            *unbridged(1500, "bob", by, **parts),
            ended(1500, "completed", by, wait_ms=900, **parts),
        ]
    )
    assert found["calls"][0]["hold_abandon"] is abandoned


def test_a_hand_over_to_one_whom_the_agent_has_consulted() -> None:
    found = facts(
        [
            *ANSWER_AND_HOLD,
            *bridged(1000, "bob"),
            (1100, {"kind": "hold_started", "by": "agent"}),
            (1100, {"kind": "offered", "agent": "carol", "attempt": 2, "why": "consult"}),
            (1300, {"kind": "consulted", "agent": "carol"}),
            (1500, {"kind": "consult_ended", "agent": "carol", "talk_ms": 200, "ended_by": "agent"}),
            (1500, {"kind": "hold_ended", "by": "agent", "held_ms": 400}),
            *unbridged(1500, "bob", "agent", 100, 400),
            transferred(1500, how="attended", agent="carol", by="agent"),
            (1500, {"kind": "bridged", "agent": "carol"}),
            *unbridged(2000, "carol", "caller", 500),
            ended(2000, "completed", wait_ms=900, talk_ms=600, held_ms=400),
        ]
    )
    bob, carol = found["talks"]
    said(bob, agent="bob", transferred="attended", given=False, queue="sales", talk_ms=100, held_ms=400)
    said(carol, agent="carol", transferred="", given=True, queue="sales", talk_ms=500)
    assert [(offer["agent"], offer["result"], offer["ring_ms"]) for offer in found["offers"]] == [
        ("bob", "bridged", 100),
        ("carol", "consulted", 200),
    ]
    only(found["waits"], agent="bob", bridged_at=1000)
    only(found["transfers"], how="attended", by="agent", agent="bob", to_agent="carol", failed="")


def test_a_blind_transfer_to_another_queue_and_one_that_nobody_takes() -> None:
    joins: Drafts = [
        (1500, {"kind": "joined", "queue": "support", "position": 1, "score": 1.0}),
        (1500, {"kind": "hold_started", "by": "queue"}),
    ]
    found = facts(
        [
            *ANSWER_AND_HOLD,
            *bridged(1000, "bob"),
            *unbridged(1500, "bob", "agent", 500),
            transferred(1500, queue="support", by="agent"),
            *joins,
            *left(2500, "timeout", 1000, "support"),
            (2600, {"kind": "transfer_failed", "reason": "no_answer", "queue": "support"}),
            (2700, {"kind": "transfer_failed", "reason": "busy", "to": "+4930123"}),
            ended(3000, "completed", wait_ms=1900, talk_ms=500),
        ]
    )
    only(found["talks"], transferred="blind")
    first, second = found["transfers"]
    said(first, to_queue="support", agent="bob", failed="no_answer", by="agent", how="blind")
    said(second, to="+4930123", agent="bob", failed="busy", by="agent", how="blind")
    assert [(wait["queue"], wait["class"], wait["waited_ms"]) for wait in found["waits"]] == [
        ("sales", "A", 900),
        ("support", "F", 1000),
    ]


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
