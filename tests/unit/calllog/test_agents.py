"""Agents in the log, each rule broken alone: one state at any instant, one call at a time, one story."""

from typing import Any

import msgspec
import pytest

from calllog.audit import audit
from calllog.events import AnyEvent, decode
from tests.unit.calllog.held_call import BEGAN_AT, held_call

Change = dict[str, Any]

BOB: list[Change] = [
    {"at": BEGAN_AT, "to": "ready"},
    {"at": BEGAN_AT + 11200, "to": "offered", "call": "hf-1795309698.12"},
    {"at": BEGAN_AT + 14000, "to": "connecting", "call": "hf-1795309698.12"},
    {"at": BEGAN_AT + 14021, "to": "talking", "call": "hf-1795309698.12"},
    {"at": BEGAN_AT + 25250, "to": "wrapup", "call": "hf-1795309698.12"},
    {"at": BEGAN_AT + 35250, "to": "ready"},
]
ALICE: list[Change] = [
    {"at": BEGAN_AT, "to": "ready"},
    {"at": BEGAN_AT + 5120, "to": "offered", "call": "hf-1795309698.12"},
    {"at": BEGAN_AT + 11200, "to": "paused", "reason": "cooldown", "call": "hf-1795309698.12"},
    {"at": BEGAN_AT + 16200, "to": "paused", "reason": "lunch"},
]


def changes(agent: str, said: list[Change], **wrong: dict[int, Any]) -> list[AnyEvent]:
    """The agent's events; `wrong`: field → number of the change (1 is the first) → what it says instead."""
    events, state = [], ""
    for number, change in enumerate(said, 1):
        common = {
            "kind": "agent_state",
            "id": f"agent:{agent}:{number}",
            "site": "main",
            "source": "observed",
        }
        fields = common | {"agent": agent, "from": state, "logged_at": change["at"]} | change
        fields |= {name: by_number[number] for name, by_number in wrong.items() if number in by_number}
        events.append(decode(msgspec.json.encode(fields)))
        state = change["to"]
    return events


def found(alice: list[AnyEvent], bob: list[AnyEvent], call: list[Any] | None = None) -> list[str]:
    log = [*alice, *bob, *(held_call() if call is None else call)]
    return [str(one) for one in audit(sorted(log, key=lambda event: event.logged_at)).violations]


def test_sound() -> None:
    assert found(changes("alice", ALICE), changes("bob", BOB)) == []


CALL = "hf-1795309698.12"
WRONG: dict[str, tuple[dict[str, dict[int, Any]], list[str]]] = {
    "an id of somebody else": (
        {"id": {6: "agent:ben:6"}},
        ["agent bob: id: agent bob has an event with another's id"],
    ),
    "an id without a number": (
        {"id": {6: "agent:bob:x"}},
        ["agent bob: id: agent bob has an event with another's id"],
    ),
    "a number left out": ({"id": {6: "agent:bob:7"}}, ["agent bob: seq: agent bob has change 7, 6 was due"]),
    "a leap": ({"from": {6: "talking"}}, [f"{CALL}: tile: agent bob leaves `talking`, but was `wrapup`"]),
    "from nowhere": ({"from": {6: ""}}, [f"{CALL}: tile: agent bob leaves `nothing`, but was `wrapup`"]),
    "back in time": (
        {"at": {6: BEGAN_AT + 25240}},
        [f"{CALL}: tile: agent bob changes 10 ms before his last change"],
    ),
    "no change": (
        {"to": {6: "wrapup"}, "from": {6: "wrapup"}},
        [f"{CALL}: tile: agent bob goes from `wrapup` to the same"],
    ),
    "the future": (
        {"at": {6: BEGAN_AT + 36251}},
        ["agent bob: time: agent bob changes after it was logged, or before this century"],
    ),
    "seconds": (
        {"at": {1: BEGAN_AT // 1000}},
        ["agent bob: time: agent bob changes after it was logged, or before this century"],
    ),
    "another call": (
        {"call": {4: "x-1.1"}},
        [
            f"{CALL}: agent: the call says bob was talking 1 times, his states say 0 times",
            "x-1.1: agent: the call says bob was talking 0 times, his states say 1 times",
        ],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    wrong, expected = WRONG[name]
    assert found(changes("alice", ALICE), changes("bob", BOB, **wrong)) == expected


def test_a_call_nobody_was_offered_in_is_found() -> None:
    assert found(changes("alice", ALICE), []) == [
        f"{CALL}: agent: the call says bob was offered 1 times, his states say 0 times",
        f"{CALL}: agent: the call says bob was talking 1 times, his states say 0 times",
    ]


def second_call(*drop: str) -> list[Any]:
    """The same call once more, under another id, a moment later; some of its kinds left out."""
    raw = [msgspec.json.encode(event).replace(CALL.encode(), b"hf-1795309698.13") for event in held_call()]
    return [event for event in map(decode, raw) if event.kind not in drop]


def test_one_agent_for_two_callers_is_found_when_rung_and_when_bridged() -> None:
    both = found([], [], [*held_call(), *second_call()])
    assert "hf-1795309698.13 (event 7): agent: offered to alice, who has call hf-1795309698.12" in both
    unoffered = found([], [], [*held_call(), *second_call("offered", "declined")])
    assert "hf-1795309698.13 (event 12): agent: bridged with bob, who has call hf-1795309698.12" in unoffered


def test_a_site_or_a_clock_that_changes_is_found() -> None:
    bob = changes("bob", BOB, site={6: "elsewhere"}, logged_at={})
    assert found(changes("alice", ALICE), bob) == ["agent:bob:6: site: site elsewhere in the log of main"]
    report = audit([*changes("alice", ALICE[:1]), *changes("bob", [{"at": BEGAN_AT - 500, "to": "ready"}])])
    assert [str(one) for one in report.violations] == [
        "agent:bob:1: time: logged 500 ms before the entry before it"
    ]
