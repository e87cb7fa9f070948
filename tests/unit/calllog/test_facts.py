"""From events to the rows of the archive: waiting, ringing, talking, by calls written out by hand."""

import pytest

from calllog.archive.schema import DERIVED, metadata
from calllog.call_events import CallEvent
from calllog.events import (
    AnyEvent,
)
from calllog.facts import CALL_TABLES, agent_facts, call_facts, other_facts, owner_and_number
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.drafts import (
    ANSWER_AND_HOLD,
    Drafts,
    declined,
    ended,
    left,
    offered,
    transferred,
)
from tests.unit.calllog.held_call import CALL, held_call
from tests.unit.calllog.rows_of import Rows, bridged, facts, held, only, said, unbridged


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
