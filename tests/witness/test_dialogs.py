"""SIP messages as SIPp and as Asterisk write them down become legs, and legs become facts."""

import struct

import pytest

from tests.witness.dialogs import Message, dialogs, facts_of, read_capture, read_trace
from tests.witness.facts import Fact

T0 = 1_795_367_000_000.0
OWN = "127.0.0.4"


def sip(first: str, cseq: str, sdp: str = "", number: str = "4930001", call_id: str = "1-9@h") -> str:
    head = [first, f"From: <sip:{number}@h>;tag=1", "To: <sip:100@h>", f"Call-ID: {call_id}", f"CSeq: {cseq}"]
    return "\r\n".join([*head, "", sdp])


def sdp(way: str = "sendrecv", address: str = OWN) -> str:
    return f"v=0\r\nc=IN IP4 {address}\r\nm=audio 6000 RTP/AVP 0\r\na={way}\r\n"


def leg(*messages: tuple[float, str, str, str, str]) -> list[Fact]:
    """The facts of one leg: each message is ms, way, first line, CSeq, SDP."""
    said = [Message(T0 + ms, way == "phone", sip(*rest)) for ms, way, *rest in messages]
    (found,) = dialogs(said).values()
    return [fact._replace(at=fact.at - T0) for fact in facts_of(found)]


INVITE = (0, "phone", "INVITE sip:100@h SIP/2.0", "1 INVITE", sdp())
OK = (10, "server", "SIP/2.0 200 OK", "1 INVITE", sdp())
RUNG = (0, "server", "INVITE sip:alice@h SIP/2.0", "77 INVITE", sdp())
TAKEN = (10, "phone", "SIP/2.0 200 OK", "77 INVITE", sdp())


def held(
    ms: float, cseq: int, way: str = "sendonly", address: str = OWN
) -> list[tuple[float, str, str, str, str]]:
    """A re-INVITE of the phone, sent twice, and its answer."""
    ask = (ms, "phone", "INVITE sip:h SIP/2.0", f"{cseq} INVITE", sdp(way, address))
    again = (ms + 500, *ask[1:])
    return [ask, again, (ms + 501, "server", "SIP/2.0 200 OK", f"{cseq} INVITE", sdp("recvonly"))]


def test_a_caller_who_hangs_up() -> None:
    assert leg(INVITE, OK, (900, "phone", "BYE sip:h SIP/2.0", "2 BYE", "")) == [
        Fact("arrived", "caller", 0),
        Fact("answered", "caller", 10),
        Fact("ended", "caller", 900, "self"),
    ]


@pytest.mark.parametrize(("way", "address"), [("sendonly", OWN), ("inactive", OWN), ("sendrecv", "0.0.0.0")])  # noqa: S104
def test_each_way_of_holding(way: str, address: str) -> None:
    assert leg(INVITE, OK, *held(1_000, 2, way, address), *held(3_000, 3, "sendrecv"))[2:] == [
        Fact("hold", "caller", 1_000),
        Fact("unhold", "caller", 3_000),
    ]


def test_a_hold_said_twice_is_one_hold() -> None:
    again = leg(INVITE, OK, *held(1_000, 2), *held(2_000, 3, "inactive"), *held(3_000, 4, "sendrecv"))
    assert [(fact.what, fact.at) for fact in again[2:]] == [("hold", 1_000), ("unhold", 3_000)]


def test_a_hold_that_was_refused_is_none() -> None:
    ask, again, _ = held(1_000, 2)
    assert len(leg(INVITE, OK, ask, again, (1_600, "server", "SIP/2.0 491 Pending", "2 INVITE", ""))) == 2


def test_who_is_on_hold_when_the_leg_ends_is_so_no_more() -> None:
    ended = leg(INVITE, OK, *held(1_000, 2), (1_800, "server", "BYE sip:h SIP/2.0", "9 BYE", ""))
    assert ended[2:] == [
        Fact("hold", "caller", 1_000),
        Fact("unhold", "caller", 1_800),
        Fact("ended", "caller", 1_800, "us"),
    ]


def test_both_hang_up_at_once() -> None:
    ours = (901, "server", "BYE sip:h SIP/2.0", "9 BYE", "")
    assert leg(INVITE, OK, (900, "phone", "BYE sip:h SIP/2.0", "2 BYE", ""), ours)[-1] == Fact(
        "ended", "caller", 900, ""
    )


CANCEL = (400, "phone", "CANCEL sip:100@h SIP/2.0", "1 CANCEL", "")


def test_a_caller_who_gives_up() -> None:
    over = [
        (401, "server", "SIP/2.0 200 OK", "1 CANCEL", ""),
        (402, "server", "SIP/2.0 487 Gone", "1 INVITE", ""),
    ]
    assert leg(INVITE, CANCEL, *over)[-1] == Fact("ended", "caller", 400, "self")


def test_a_cancel_that_belongs_to_nothing_ends_nothing() -> None:
    over = [
        (401, "server", "SIP/2.0 481 No", "1 CANCEL", ""),
        (900, "server", "SIP/2.0 503 No", "1 INVITE", ""),
    ]
    assert leg(INVITE, CANCEL, *over)[-1] == Fact("ended", "caller", 900, "us")


def test_an_agent_who_refers_the_caller_and_is_let_go() -> None:
    refer = (2_000, "phone", "REFER sip:h SIP/2.0", "3 REFER", "")
    accepted = (2_003, "server", "SIP/2.0 202 Accepted", "3 REFER", "")
    bye = (2_010, "server", "BYE sip:h SIP/2.0", "78 BYE", "")
    assert leg(RUNG, TAKEN, refer, accepted, bye) == [
        Fact("rung", "alice", 0),
        Fact("picked up", "alice", 10),
        Fact("given", "alice", 2_000),
        Fact("leg over", "alice", 2_010, "gave"),
    ]
    assert leg(RUNG, TAKEN, refer, (2_003, "server", "SIP/2.0 603 No", "3 REFER", ""), bye)[-1].by == "us"


def test_an_agent_who_declines_and_one_from_whom_it_is_taken_back() -> None:
    busy = (30, "phone", "SIP/2.0 486 Busy", "77 INVITE", "")
    assert leg(RUNG, busy)[-1] == Fact("leg over", "alice", 30, "self")
    cancel = (25, "server", "CANCEL sip:alice@h SIP/2.0", "77 CANCEL", "")
    taken_back = [cancel, (26, "phone", "SIP/2.0 200 OK", "77 CANCEL", "")]
    gone = (27, "phone", "SIP/2.0 487 Gone", "77 INVITE", "")
    assert leg(RUNG, *taken_back, gone)[-1] == Fact("leg over", "alice", 25, "us")
    assert leg(RUNG, *taken_back, busy)[-1] == Fact("leg over", "alice", 25, ""), "both at once"


def test_the_record_of_sipp() -> None:
    line = "-" * 47
    text = (
        f"{line} 2026-11-22T17:04:45.108295Z\nUDP message sent [517] bytes:\n\n{sip(*INVITE[2:])}\n"
        f"{line} 2026-11-22T17:04:45.111335Z\nUDP message received [770] bytes:\n\n{sip(*OK[2:])}\n"
    )
    first, second = read_trace(text)
    assert (first.at, first.by_phone, second.by_phone) == (1_795_367_085_108.295, True, False)
    assert first.first == "INVITE sip:100@h SIP/2.0"
    assert second.header("call-id") == "1-9@h"
    assert second.body.startswith("v=0")
    assert list(read_trace("")) == []


def capture(*packets: tuple[float, bytes, str]) -> bytes:
    """A capture file as Asterisk writes it: instant, source address (zero: it went out), text."""
    data = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for at, source, text in packets:
        ip = bytes([0x45]) + bytes(11) + source + bytes(4)
        packet = bytes(14) + ip + bytes(8) + text.encode()
        data += struct.pack("<IIII", int(at), round(at % 1 * 1e6), len(packet), len(packet)) + packet
    return bytes(data)


def test_the_record_of_asterisk() -> None:
    came, went = (1000.5, b"\x7f\0\0\4", sip(*INVITE[2:])), (1001.25, bytes(4), sip(*OK[2:]))
    data = capture(came, went)
    first, second = read_capture(data)
    assert (first.at, first.by_phone, first.first) == (1_000_500, True, "INVITE sip:100@h SIP/2.0")
    assert (second.at, second.by_phone, second.first) == (1_001_250, False, "SIP/2.0 200 OK")
    assert len(list(read_capture(data[:-1]))) == 1, "what is cut is left out"
    assert list(read_capture(b"")) == []


def test_messages_of_a_call_that_began_out_of_sight_are_passed_over() -> None:
    assert dialogs([Message(T0, True, sip("BYE sip:h SIP/2.0", "2 BYE"))]) == {}
