"""Each rule of the grammar, broken alone: exactly these findings, so that no rule hides behind another."""

import pytest

from tests.unit.calllog.drafts import (
    ANSWER_AND_HOLD,
    ANSWERED,
    ARRIVED,
    JOINED,
    Drafts,
    changed,
    declined,
    ended,
    found,
    goods,
    left,
    offered,
    transferred,
)
from tests.unit.calllog.held_call import BEGAN_AT, HELD_CALL

SOUND: dict[str, Drafts] = {
    "with holds": HELD_CALL,
    "hung up before any answer": [ARRIVED, ended(50, "ivr_exit")],
    "transferred to a number": [ARRIVED, ANSWERED, transferred(to="+49301"), ended(500, "transferred")],
    "a number after a wait in vain": [
        *(ARRIVED, ANSWERED, *JOINED, *left(1000, "timeout")),
        transferred(at=1500, to="+49301"),
        ended(2000, "transferred", wait_ms=900),
    ],
    "an agent he was transferred to, in vain": [
        *(ARRIVED, ANSWERED, transferred(at=50, agent="bob"), *JOINED, *left(1000, "timeout")),
        ended(2000, "overflowed", "system", wait_ms=900),
    ],
    "goods": [ARRIVED, goods("made"), goods("accepted"), goods("made"), ended(500, "ivr_exit")],
    "rejected": [ARRIVED, ended(50, "rejected", "system")],
    "self-served": [ARRIVED, ANSWERED, ended(50, "self_served", "system")],
    "hung up while waiting": [
        *ANSWER_AND_HOLD,
        *left(1000, "caller_hangup"),
        ended(1000, "abandoned", wait_ms=900),
    ],
    "hung up while an agent rang": [
        *ANSWER_AND_HOLD,
        offered(500, "alice", 1),
        declined(1000, "alice"),
        *left(1000, "caller_hangup_ringing"),
        ended(1000, "abandoned", wait_ms=900),
    ],
    "a rule, then hung up": [
        *ANSWER_AND_HOLD,
        *left(1000, "timeout"),
        ended(2000, "overflowed", wait_ms=900),
    ],
    "an error of ours": [
        *ANSWER_AND_HOLD,
        *left(1000, "system_error"),
        ended(1000, "failed", "system", wait_ms=900),
    ],
    "inferred, with bounds": [
        (0, ARRIVED[1] | {"source": "inferred", "not_before": BEGAN_AT - 300, "not_after": BEGAN_AT}),
        ended(50, "ivr_exit"),
    ],
    "Asterisk alone took a message": [
        (0, ARRIVED[1] | {"source": "inferred", "not_before": BEGAN_AT, "not_after": BEGAN_AT}),
        ANSWERED,
        (
            50,
            ended(50, "overflowed")[1]
            | {"source": "inferred", "not_before": BEGAN_AT, "not_after": BEGAN_AT + 50},
        ),
    ],
    "an offer before anybody knew of the hangup": [
        *ANSWER_AND_HOLD,
        offered(4000, "alice", 1),
        *(
            (at, fields | {"logged_at": BEGAN_AT + 4000})
            for at, fields in (
                declined(4000, "alice"),
                *left(1000, "caller_hangup"),
                ended(1000, "abandoned", wait_ms=900),
            )
        ),
    ],
    "a note that rides late": [
        ARRIVED,
        *JOINED,
        (10, {"kind": "input", "path": "main/x", "digits": "1", "logged_at": BEGAN_AT + 900}),
        *left(1000, "caller_hangup"),
        ended(1000, "abandoned", wait_ms=900),
    ],
    "the caller holds from the queue into the talk": [
        *ANSWER_AND_HOLD,
        offered(200, "alice", 1),
        (500, {"kind": "hold_started", "by": "caller"}),
        *left(1000, "answered"),
        (1000, {"kind": "bridged", "agent": "alice"}),
        (1500, {"kind": "hold_started", "by": "agent"}),
        (2000, {"kind": "hold_ended", "by": "caller", "held_ms": 1500}),
        (2500, {"kind": "hold_ended", "by": "agent", "held_ms": 1000}),
        (3000, {"kind": "unbridged", "agent": "alice", "talk_ms": 500, "held_ms": 1500, "ended_by": "agent"}),
        ended(3000, "completed", wait_ms=900, held_ms=1500, talk_ms=500),
    ],
}


@pytest.mark.parametrize("name", SOUND)
def test_sound(name: str) -> None:
    assert found(SOUND[name]) == []


BROKEN: dict[str, tuple[Drafts, list[str]]] = {
    "seq": (
        changed(2, seq=7, id="hf-1795309698.12:7"),
        ["seq: seq is 7, 2 was due", "seq: seq is 3, 8 was due"],
    ),
    "id": (changed(2, id="x:2"), ["id: the id does not fit call and seq 2"]),
    "future": (
        changed(2, at=BEGAN_AT + 1100, logged_at=BEGAN_AT + 6),
        ["time: happened after it was logged, or before this century"],
    ),
    "logged back in time": (
        changed(2, logged_at=BEGAN_AT - 990),
        ["time: logged 990 ms before the one before it"],
    ),
    "back in time": (
        [ARRIVED, (-1001, ANSWERED[1] | {"logged_at": BEGAN_AT}), ended(50, "ivr_exit")],
        ["time: happened 1001 ms before what came before it"],
    ),
    "without bounds": (
        changed(2, source="inferred"),
        ["inferred: an inferred event needs not_before and not_after"],
    ),
    "outside its bounds": (
        changed(2, source="inferred", not_before=BEGAN_AT + 2000, not_after=BEGAN_AT + 3000),
        ["inferred: lies outside its own not_before and not_after"],
    ),
    "no end": ([ARRIVED], ["end: the log stops in the flow, without `ended`"]),
    "answered twice": (
        [ARRIVED, ANSWERED, ANSWERED, ended(50, "ivr_exit")],
        ["answer: answered a second time"],
    ),
    "an agent holds in the flow": (
        [
            ARRIVED,
            (10, {"kind": "hold_started", "by": "agent"}),
            (20, {"kind": "hold_ended", "by": "agent", "held_ms": 10}),
            ended(50, "ivr_exit"),
        ],
        ["hold: an agent holds who is not bridged"],
    ),
    "a hold inside itself": (
        [
            ARRIVED,
            (10, {"kind": "hold_started", "by": "caller"}),
            (10, {"kind": "hold_started", "by": "caller"}),
            (20, {"kind": "hold_ended", "by": "caller", "held_ms": 10}),
            ended(50, "ivr_exit"),
        ],
        ["hold: a hold by the caller begins inside another one of his"],
    ),
    "a hold that never began": (
        [ARRIVED, (20, {"kind": "hold_ended", "by": "caller", "held_ms": 10}), ended(50, "ivr_exit")],
        ["hold: a hold by the caller ends that never began"],
    ),
    "a hold that never ends": (
        [ARRIVED, (20, {"kind": "hold_started", "by": "caller"}), ended(50, "ivr_exit")],
        ["hold: the hold by the caller never ends"],
    ),
    "offered in the flow": (
        [ARRIVED, offered(20, "alice", 1), declined(20, "alice"), ended(50, "ivr_exit")],
        ["offer: offered in the flow"],
    ),
    "offered to two at once": (
        [
            *ANSWER_AND_HOLD,
            offered(200, "alice", 1),
            offered(200, "bob", 2),
            declined(300, "alice"),
            declined(300, "bob"),
            *left(1000, "caller_hangup"),
            ended(1000, "abandoned", wait_ms=900),
        ],
        ["offer: offered to bob while alice is being offered"],
    ),
    "an attempt left out": (
        [
            *ANSWER_AND_HOLD,
            offered(200, "alice", 2),
            declined(300, "alice"),
            *left(1000, "caller_hangup"),
            ended(1000, "abandoned", wait_ms=900),
        ],
        ["offer: attempt 2 after attempt 0"],
    ),
    "declined by nobody": (
        [
            *ANSWER_AND_HOLD,
            declined(300, "alice"),
            *left(1000, "caller_hangup"),
            ended(1000, "abandoned", wait_ms=900),
        ],
        ["offer: declined by alice, to whom no offer is open"],
    ),
    "left with an offer": (
        [
            *ANSWER_AND_HOLD,
            offered(200, "alice", 1),
            *left(1000, "caller_hangup"),
            declined(1000, "alice"),
            ended(1000, "abandoned", wait_ms=900),
        ],
        ["offer: left the queue while the offer to alice is open"],
    ),
    "an offer never closed": (
        [
            *ANSWER_AND_HOLD,
            offered(200, "alice", 1),
            *left(1000, "caller_hangup"),
            ended(1000, "abandoned", wait_ms=900),
        ],
        [
            "offer: left the queue while the offer to alice is open",
            "offer: the offer to alice is never closed",
        ],
    ),
    "rang longer than the offer": (
        changed(8, ring_ms=7100),
        ["duration: rang for 7100 ms, 6080 ms after the offer"],
    ),
    "left another queue": (changed(11, queue="support"), ["queue: left support, but waited in sales"]),
    "place 0": (changed(11, position=0), ["queue: positions count from 1"]),
    "first place 0": (changed(11, original_position=0), ["queue: positions count from 1"]),
    "bridged with somebody else": (
        changed(9, agent="carol"),
        [
            "offer: bridged with bob, to whom no offer is open",
            "offer: bridged with bob while the offer to carol is open",
            "offer: the offer to carol is never closed",
        ],
    ),
    "bridged unanswered": (
        [draft if draft[1]["kind"] != "answered" else (6, {"kind": "announced"}) for draft in HELD_CALL],
        ["answer: bridged, but never answered"],
    ),
    "parted from somebody else": (
        changed(15, agent="alice"),
        ["bridge: parted from alice, but bridged with bob"],
    ),
    "the agent leaves on hold": (
        [HELD_CALL[index] for index in range(16) if index != 13],
        [
            "hold: the agent's hold is open after he has left",
            "duration: held_ms is 2002, the other events give 7750",
            "duration: talk_ms is 9227, the other events give 3479",
        ],
    ),
    "waited": (
        changed(11, waited_ms=11000),
        [
            "duration: waited_ms is 11000, the other events give 11178",
            "duration: wait_ms is 11178, the other events give 11000",
        ],
    ),
    "the queue's hold": (
        changed(10, held_ms=11000),
        ["duration: held_ms is 11000, the other events give 11178"],
    ),
    "talk": (
        changed(15, talk_ms=9000),
        [
            "duration: talk_ms is 9000, the other events give 9227",
            "duration: talk_ms is 9227, the other events give 9000",
        ],
    ),
    "held": (
        changed(15, held_ms=2000 + 500),
        [
            "duration: held_ms is 2500, the other events give 2002",
            "duration: held_ms is 2002, the other events give 2500",
        ],
    ),
    "lifetime and flow": (
        changed(16, lifetime_ms=25351, flow_ms=2944),
        ["duration: lifetime_ms is 25351, the other events give 25251"],
    ),
    "the sum": (
        changed(16, flow_ms=2944),
        ["duration: flow + wait + held + talk is 25351, the other events give 25251"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    drafts, expected = BROKEN[name]
    assert found(drafts) == expected


ORDER_BROKEN: dict[str, tuple[Drafts, str]] = {
    "no beginning": ([ANSWERED, ended(50, "ivr_exit")], "`answered` before `arrived`"),
    "arrived twice": ([ARRIVED, ARRIVED, ended(50, "ivr_exit")], "`arrived` in the flow"),
    "after the end": ([ARRIVED, ended(50, "ivr_exit"), (60, ANSWERED[1])], "`answered` after `ended`"),
    "joined, no music": (
        [ARRIVED, JOINED[0], (1000, left(1000, "timeout")[1][1]), ended(1000, "overflowed", wait_ms=900)],
        "`queue_left` between `joined` and the queue's hold",
    ),
    "music after leaving": (
        [*ANSWER_AND_HOLD, *reversed(left(1000, "timeout")), ended(1000, "overflowed", wait_ms=900)],
        "`queue_left` while waiting",
    ),
    "answered, not bridged": (
        [*ANSWER_AND_HOLD, *left(1000, "answered"), ended(1000, "ivr_exit", wait_ms=900)],
        "`ended` between `queue_left(answered)` and `bridged`",
    ),
    "bridged in the flow": ([ARRIVED, (10, {"kind": "bridged", "agent": "a"})], "`bridged` in the flow"),
    "ended in talk": (HELD_CALL[:13] + HELD_CALL[15:], "`ended` while bridged"),
    "transferred while waiting": (
        [*ANSWER_AND_HOLD, transferred(to="+49301")],
        "`transferred` while waiting",
    ),
    "answered while waiting": ([ARRIVED, *JOINED, (200, ANSWERED[1])], "`answered` while waiting"),
}


@pytest.mark.parametrize("name", ORDER_BROKEN)
def test_order(name: str) -> None:
    drafts, expected = ORDER_BROKEN[name]
    assert f"order: {expected}" in found(drafts)


@pytest.mark.parametrize(
    ("drafts", "expected"),
    [
        ([transferred()], "transfer: it goes to a number, to an agent or to a queue"),
        (
            [transferred(to="+49301", agent="bob")],
            "transfer: it goes to a number, to an agent or to a queue",
        ),
        (
            [transferred(queue="sales", agent="bob")],
            "transfer: it goes to a number, to an agent or to a queue",
        ),
        ([goods("accepted")], "goods: cover is accepted, but was not offered there"),
        (
            [goods("made", offer="x"), goods("accepted")],
            "goods: cover is accepted, but was not offered there",
        ),
        (
            [goods("made"), goods("accepted"), goods("accepted")],
            "goods: cover is accepted, but was not offered there",
        ),
    ],
)
def test_transfers_and_goods(drafts: Drafts, expected: str) -> None:
    assert found([ARRIVED, ANSWERED, *drafts], live=True) == [expected]


def test_nobody_is_transferred_before_the_answer() -> None:
    assert found([ARRIVED, transferred(to="+49301")], live=True) == [
        "answer: transferred, but never answered"
    ]


def test_a_live_call_may_be_anywhere_but_not_wrong() -> None:
    for length in range(1, len(HELD_CALL)):
        assert found(HELD_CALL[:length], live=True) == []
    assert found([*HELD_CALL[:5], HELD_CALL[4]], live=True) != []
