"""Consults and hand-overs in a call's log: one sound story, and each rule broken alone."""

from typing import Any

import pytest

from calllog.phases import bar
from tests.unit.calllog.drafts import ANSWER_AND_HOLD, Drafts, declined, ended, found, left, offered
from tests.unit.calllog.held_call import Draft, events_of


def said(at: int, kind: str, **fields: Any) -> Draft:
    return at, {"kind": kind, **fields}


TALK: Drafts = [
    *ANSWER_AND_HOLD,
    offered(200, "ann", 1),
    *left(1000, "answered"),
    said(1000, "bridged", agent="ann"),
]
ASKED: Drafts = [
    said(2000, "hold_started", by="agent"),
    said(2000, "offered", agent="bob", attempt=2, why="consult"),
    said(3000, "consulted", agent="bob"),
]
GIVEN: Drafts = [
    said(5000, "hold_ended", by="agent", held_ms=3000),
    said(5000, "consult_ended", agent="bob", talk_ms=2000, ended_by="agent"),
    said(5000, "unbridged", agent="ann", talk_ms=1000, held_ms=3000, ended_by="agent"),
    said(5000, "transferred", how="attended", agent="bob", by="agent"),
    said(5000, "bridged", agent="bob"),
    said(6000, "unbridged", agent="bob", talk_ms=1000, held_ms=0, ended_by="agent"),
]
END = ended(6000, "completed", wait_ms=900, held_ms=3000, talk_ms=2000)
WHOLE: Drafts = [*TALK, *ASKED, *GIVEN, END]


def without(*kinds: str, of: Drafts = WHOLE) -> Drafts:
    """The story without the first event of each of these kinds that is about bob or about a hold of ann's."""
    kept = list(of)
    for kind in kinds:
        kept.remove(next(one for one in kept if one[1]["kind"] == kind and one[0] >= 2000))
    return kept


def test_a_hand_over_is_sound() -> None:
    assert found(WHOLE) == []
    assert bar(events_of(WHOLE), 60).strip("─")[-20:-10] == "▒" * 10


def test_so_are_a_come_back_three_way_and_a_number_outside() -> None:
    back = [
        *TALK,
        *ASKED,
        said(4000, "hold_ended", by="agent", held_ms=2000),
        said(5000, "consult_ended", agent="bob", talk_ms=2000, ended_by="agent"),
        said(6000, "unbridged", agent="ann", talk_ms=3000, held_ms=2000, ended_by="agent"),
        ended(6000, "completed", wait_ms=900, held_ms=2000, talk_ms=3000),
    ]
    assert found(back) == []
    outside = [
        *TALK,
        said(2000, "hold_started", by="agent"),
        said(3000, "consulted", to="+49301"),
        said(5000, "hold_ended", by="agent", held_ms=3000),
        said(5000, "consult_ended", to="+49301", talk_ms=2000, ended_by="agent"),
        said(5000, "unbridged", agent="ann", talk_ms=1000, held_ms=3000, ended_by="agent"),
        said(5000, "transferred", how="attended", to="+49301", by="agent"),
        ended(6000, "completed", wait_ms=900, held_ms=3000, talk_ms=1000),
    ]
    assert found(outside) == []


WRONG: dict[str, tuple[Drafts, str]] = {
    "nobody was offered": (without("offered"), "offer: bob is consulted, to whom no offer is open"),
    "he declined": (
        [*TALK, *ASKED[:2], declined(2500, "bob"), ASKED[2], *GIVEN, END],
        "offer: bob is consulted, to whom no offer is open",
    ),
    "offered, but not for a consult": (
        [*TALK, offered(2000, "bob", 2)],
        "offer: offered while bridged",
    ),
    "two at once": ([*TALK, *ASKED, ASKED[2], *GIVEN, END], "consult: an agent consults two at once"),
    "with nobody": ([*TALK, said(2000, "consulted")], "consult: it is with a number or with an agent"),
    "ended without a beginning": (
        without("consulted"),
        "consult: a consult ends that never began",
    ),
    "with somebody else": (
        [*TALK, *ASKED, said(3500, "consult_ended", agent="cat", talk_ms=500, ended_by="agent")],
        "consult: a consult ends that never began",
    ),
    "it never ended": (
        without("consult_ended"),
        "consult: the agent has left, but still consults somebody",
    ),
    "a wrong time": (
        [
            *TALK,
            *ASKED,
            said(5000, "consult_ended", agent="bob", talk_ms=3500, ended_by="agent"),
        ],
        "duration: consulted for 3500 ms, 2000 ms after it began",
    ),
    "given without a consult": (
        [*TALK, *GIVEN[2:], END],
        "transfer: bob gets the caller, but was not consulted",
    ),
    "given by a flow": (
        [*TALK, *ASKED, *GIVEN[:3], said(5000, "transferred", how="attended", agent="bob", by="flow")],
        "transfer: bob gets the caller, but was not consulted",
    ),
    "given by nobody": (
        [*TALK, *ASKED, *GIVEN[:3], said(5000, "tagged", path="m/t", topic="x"), *GIVEN[3:], END],
        "transfer: a caller is given away whom no agent had",
    ),
    "never bridged": (without("bridged"), "order: `unbridged` between `queue_left(answered)` and `bridged`"),
    "consulted while waiting": (
        [*ANSWER_AND_HOLD, said(300, "consulted", to="+49301")],
        "order: `consulted` while waiting",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_broken_rule_is_found(name: str) -> None:
    drafts, expected = WRONG[name]
    assert expected in found(drafts, live=True)
