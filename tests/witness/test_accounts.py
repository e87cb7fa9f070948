"""What Asterisk's channel event log and our call log say of a call, in the words that all witnesses share."""

import json
from typing import Any

import msgspec
import pytest

from calllog.events import AnyEvent
from tests.witness.by_asterisk import Unread, by_asterisk
from tests.witness.by_log import Untold, by_log
from tests.witness.dialogs import Message
from tests.witness.facts import CALLER, NOBODY, Fact
from tests.witness.test_dialogs import sdp, sip

S0 = 1_795_367_000
CALL, LEG = "main-1.0", "main-1.0-a1"
PHONE, DESK = "PJSIP/local-00000000", "PJSIP/alice-phone-00000001"


def cel(*lines: tuple[int, str, str, dict[str, Any]]) -> str:
    """Lines as Asterisk writes them: ms, event, channel (`caller` or `alice`), fields."""
    written = []
    for ms, kind, who, fields in lines:
        own = {"channame": PHONE, "uniqueid": CALL, "num": "4930001"}
        if who == "alice":
            own = {"channame": DESK, "uniqueid": LEG, "num": ""}
        extra = json.dumps(fields["extra"]) if "extra" in fields else ""
        told = {"eventenum": kind, "eventtime": S0 + ms / 1000, **own, "eventextra": extra}
        written.append(json.dumps(told | {"userdeftype": fields.get("user", "")}))
    return "\n".join(written)


MUSIC = {"user": "MOH_STREAM_BEGIN", "extra": {"class": "default"}}
SILENCE = {"user": "MOH_STREAM_END"}
BRIDGE = {"extra": {"bridge_id": "b1", "bridge_technology": "simple_bridge"}}
ANSWERED: list[tuple[int, str, str, dict[str, Any]]] = [
    (0, "CHAN_START", "caller", {}),
    (5, "ANSWER", "caller", {}),
    (7, "STREAM_BEGIN", "caller", {"user": "FILE_STREAM_BEGIN"}),
    (8, "STREAM_BEGIN", "caller", MUSIC),
    (20, "CHAN_START", "alice", {}),
    (500, "ANSWER", "alice", {}),
    (501, "STREAM_END", "caller", SILENCE),
    (502, "BRIDGE_ENTER", "caller", BRIDGE),
    (504, "BRIDGE_ENTER", "alice", BRIDGE),
    (700, "STREAM_BEGIN", "caller", MUSIC),
    (800, "STREAM_END", "caller", SILENCE),
    (900, "BRIDGE_EXIT", "caller", BRIDGE),
]


def ended(ms: int, who: str, source: str) -> tuple[int, str, str, dict[str, Any]]:
    return ms, "HANGUP", who, {"extra": {"hangupcause": 16, "hangupsource": source, "dialstatus": ""}}


def messages(*more: tuple[int, bool, str, str, str, str]) -> list[Message]:
    """Two legs, both answered, and more: ms, from a phone, which leg, first line, CSeq, SDP."""
    first = [
        (0, True, "c", "INVITE sip:100@h SIP/2.0", "1 INVITE", sdp()),
        (5, False, "c", "SIP/2.0 200 OK", "1 INVITE", sdp()),
        (22, False, "a", "INVITE sip:alice@h SIP/2.0", "7 INVITE", sdp()),
        (500, True, "a", "SIP/2.0 200 OK", "7 INVITE", sdp()),
    ]
    return [
        Message(S0 * 1000 + ms, phone, sip(line, cseq, body, call_id=call))
        for ms, phone, call, line, cseq, body in [*first, *more]
    ]


def told(lines: list[tuple[int, str, str, dict[str, Any]]], said: list[Message]) -> list[Fact]:
    found = by_asterisk(cel(*lines), said, {"alice-phone": "alice"})
    assert list(found) == ["4930001"]
    return [
        fact._replace(at=round(fact.at - S0 * 1000, 3))
        for fact in sorted(found["4930001"], key=lambda fact: fact.at)
    ]


HOLD = (700, True, "a", "INVITE sip:h SIP/2.0", "1 INVITE", sdp("inactive"))
HELD = (701, False, "a", "SIP/2.0 200 OK", "1 INVITE", sdp("inactive"))
BYE = (900, True, "c", "BYE sip:h SIP/2.0", "2 BYE", "")


def test_a_call_by_asterisk() -> None:
    lines = [*ANSWERED, ended(903, "caller", PHONE), ended(910, "alice", PHONE)]
    assert told(lines, messages(HOLD, HELD, BYE, (908, False, "a", "BYE sip:h SIP/2.0", "8 BYE", ""))) == [
        Fact("arrived", CALLER, 0),
        Fact("answered", CALLER, 5),
        Fact("music", CALLER, 8),
        Fact("rung", "alice", 22),
        Fact("picked up", "alice", 500),
        Fact("music over", CALLER, 501),
        Fact("bridged", "alice", 504),
        Fact("hold", "alice", 700),
        Fact("ended", CALLER, 903, "self"),
        Fact("unhold", "alice", 910),
        Fact("leg over", "alice", 910, "us"),
    ]


def test_the_first_to_hang_up_leaves_his_name_on_both_channels() -> None:
    """A caller who stays for a survey and hangs up then: his channel still names the agent's phone."""
    bye = (895, True, "a", "BYE sip:h SIP/2.0", "2 BYE", "")
    lines = [*ANSWERED, ended(897, "alice", DESK), ended(903, "caller", DESK)]
    by = {fact.who: fact.by for fact in told(lines, messages(bye, BYE)) if fact.what in ("ended", "leg over")}
    assert by == {"alice": "self", CALLER: "self"}


def test_a_channel_ended_before_its_phone_was_dialled_is_no_leg() -> None:
    lines = [*ANSWERED[:4], ANSWERED[4], ended(21, "alice", ""), ended(900, "caller", PHONE)]
    assert {fact.who for fact in told(lines, messages()[:2])} == {CALLER}


def test_a_hold_that_comes_as_the_channel_has_ended_is_none() -> None:
    late = [(902, True, "a", "INVITE sip:h SIP/2.0", "1 INVITE", sdp("inactive"))]
    late += [(904, False, "a", "SIP/2.0 200 OK", "1 INVITE", sdp("inactive"))]
    lines = [*ANSWERED, ended(901, "alice", ""), ended(903, "caller", PHONE)]
    facts = told(lines, messages(BYE, (900, False, "a", "BYE sip:h SIP/2.0", "8 BYE", ""), *late))
    assert not [fact for fact in facts if fact.what in ("hold", "unhold")]


def test_a_phone_dialled_as_the_caller_hung_up_has_nobodys_number() -> None:
    nobody = sip("INVITE sip:alice@h SIP/2.0", "7 INVITE", sdp(), number=NOBODY, call_id="a")
    cancelled = sip("CANCEL sip:alice@h SIP/2.0", "7 CANCEL", number=NOBODY, call_id="a")
    said = [
        *messages()[:2],
        Message(S0 * 1000 + 22, False, nobody),
        Message(S0 * 1000 + 23, False, cancelled),
        Message(S0 * 1000 + 24, True, sip("SIP/2.0 200 OK", "7 CANCEL", number=NOBODY, call_id="a")),
    ]
    lines = [*ANSWERED[:5], ended(21, "caller", PHONE), ended(25, "alice", "")]
    assert [fact for fact in told(lines, said) if fact.who == "alice"] == [
        Fact("rung", "alice", 22),
        Fact("leg over", "alice", 25, "us"),
    ]


def test_a_line_that_cannot_be_read_is_told() -> None:
    with pytest.raises(Unread, match="CHAN_STA"):
        by_asterisk('{"eventenum": "CHAN_STA', [], {})


# The call log


def log(*events: tuple[int, dict[str, Any]]) -> list[Fact]:
    """What it says of a call with these events: ms, fields."""
    made = []
    for seq, (ms, fields) in enumerate(events, 1):
        common = {"id": f"{CALL}:{seq}", "site": "main", "at": ms, "logged_at": ms, "source": "observed"}
        made.append(msgspec.convert(common | {"call": CALL, "seq": seq} | fields, type=AnyEvent))
    found = by_log(made)
    assert list(found) == ["4930001"]
    return found["4930001"]


ARRIVED = (0, {"kind": "arrived", "from": "4930001", "to": "200"})
OFFERED = (10, {"kind": "offered", "agent": "alice", "attempt": 1})
BRIDGED = (500, {"kind": "bridged", "agent": "alice"})
UNBRIDGED = {"kind": "unbridged", "agent": "alice", "talk_ms": 1, "held_ms": 0}


def test_a_call_by_the_log() -> None:
    facts = log(
        ARRIVED,
        (5, {"kind": "answered"}),
        (8, {"kind": "hold_started", "by": "queue"}),
        OFFERED,
        (400, {"kind": "hold_ended", "by": "queue", "held_ms": 392}),
        BRIDGED,
        (600, {"kind": "hold_started", "by": "agent"}),
        (650, {"kind": "hold_started", "by": "caller"}),
        (700, {"kind": "hold_ended", "by": "agent", "held_ms": 100}),
        (900, {"kind": "hold_ended", "by": "caller", "held_ms": 250}),
        (900, UNBRIDGED | {"ended_by": "caller"}),
    )
    assert facts == [
        Fact("arrived", CALLER, 0),
        Fact("answered", CALLER, 5),
        Fact("music", CALLER, 8),
        Fact("rung", "alice", 10),
        Fact("music over", CALLER, 400),
        Fact("bridged", "alice", 500),
        Fact("hold", "alice", 600),
        Fact("hold", CALLER, 650),
        Fact("unhold", "alice", 700),
        Fact("unhold", CALLER, 900),
        Fact("leg over", "alice", 900, "us"),
    ]


@pytest.mark.parametrize(
    ("reason", "by", "fleeting"),
    [
        ("busy", "self", False),
        ("rejected", "self", False),
        ("no_answer", "", False),
        ("caller_gone", "us", True),
    ],
)
def test_who_ended_an_offer(reason: str, by: str, fleeting: bool) -> None:
    facts = log(ARRIVED, OFFERED, (40, {"kind": "declined", "agent": "alice", "reason": reason}))
    assert facts[2:] == [Fact("leg over", "alice", 40, by, fleeting)]  # type: ignore[arg-type]


def test_an_agent_who_gave_the_caller_away_has_not_just_hung_up() -> None:
    given = (900, {"kind": "transferred", "how": "blind", "queue": "second", "by": "agent"})
    facts = log(ARRIVED, OFFERED, BRIDGED, (900, UNBRIDGED | {"ended_by": "agent"}), given)
    assert facts[3:] == [Fact("given", "alice", 900), Fact("leg over", "alice", 900, "gave")]
    facts = log(ARRIVED, OFFERED, BRIDGED, (900, UNBRIDGED | {"ended_by": "agent"}))
    assert facts[3:] == [Fact("leg over", "alice", 900, "self")]


def test_what_is_not_translated_is_told() -> None:
    with pytest.raises(Untold, match="consult"):
        log(ARRIVED, OFFERED, BRIDGED, (600, {"kind": "consulted", "agent": "bob"}))
