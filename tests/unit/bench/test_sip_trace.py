"""Captured packets become calls: legs are paired by number, and only a connected call counts as served."""

import socket
import struct

import pytest

from bench.capture import Datagram
from bench.sip_trace import CallTrace, Offer, parse_message, rung_while_busy, trace_calls

SERVER, CALLERS, AGENTS = ("127.0.0.2", 5060), ("127.0.0.4", 5080), ("127.0.0.3", 5090)
MS = 1_000_000


def packet(at_ms: float, source: tuple[str, int], target: tuple[str, int], text: str) -> Datagram:
    payload = text.replace("\n", "\r\n").encode() + b"\r\n\r\nv=0"
    header = bytes([0x45]) + bytes(11) + socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0)
    return Datagram(int(at_ms * MS), header + udp + payload)


def request(
    at_ms: float, source: tuple[str, int], target: tuple[str, int], line: str, **headers: str
) -> Datagram:
    return _message(at_ms, source, target, f"{line} SIP/2.0", line.split()[0], **headers)


def response(
    at_ms: float, source: tuple[str, int], target: tuple[str, int], status: int, **headers: str
) -> Datagram:
    return _message(at_ms, source, target, f"SIP/2.0 {status} Text", headers.pop("of", "INVITE"), **headers)


def _message(
    at_ms: float, source: tuple[str, int], target: tuple[str, int], first: str, method: str, **headers: str
) -> Datagram:
    number, call = headers["number"], headers["call"]
    lines = [
        f"From: <sip:{number}@127.0.0.9>;tag=x",
        "To: <sip:100@h>",
        f"Call-ID: {call}",
        f"CSeq: 7 {method}",
    ]
    return packet(at_ms, source, target, "\n".join([first, *lines]))


def trace(*datagrams: Datagram) -> list[CallTrace]:
    messages = [message for datagram in datagrams if (message := parse_message(datagram))]
    return trace_calls(messages, CALLERS, AGENTS)


SERVED = [
    request(0, CALLERS, SERVER, "INVITE sip:100@h", number="491", call="c"),
    response(2, SERVER, CALLERS, 200, number="491", call="c"),
    request(5, SERVER, AGENTS, "INVITE sip:agent007@h", number="491", call="a"),
    response(6, AGENTS, SERVER, 200, number="491", call="a"),
    request(1006, AGENTS, SERVER, "BYE sip:100@h", number="agents", call="a"),
    request(1008, SERVER, CALLERS, "BYE sip:491@h", number="100", call="c"),
]


def test_a_served_call_has_both_legs() -> None:
    (call,) = trace(*SERVED)
    assert call.served
    assert call == CallTrace(
        "491", 0, 2 * MS, 0, 1008 * MS, 1, [Offer("agent007", 5 * MS, 6 * MS, 1006 * MS)]
    )


def test_a_call_whose_agent_answered_after_it_had_ended_is_not_served() -> None:
    late = response(1100, AGENTS, SERVER, 200, number="491", call="a")
    (call,) = trace(*SERVED[:3], SERVED[5], late)
    assert call.offers[0].answered_at
    assert not call.served


def test_an_answered_call_without_an_agent_is_not_served() -> None:
    (call,) = trace(*SERVED[:2])
    assert not call.served


def test_a_refused_call_keeps_its_status() -> None:
    (call,) = trace(SERVED[0], response(1, SERVER, CALLERS, 503, number="491", call="c"))
    assert (call.refused, call.served) == (503, False)


def test_repeated_requests_and_responses_do_not_move_an_instant() -> None:
    again = [Datagram(datagram.at_ns + 500 * MS, datagram.packet) for datagram in SERVED[:4]]
    (call,) = trace(*SERVED[:4], *again)
    assert (call.invites, call.answered_at, len(call.offers)) == (2, 2 * MS, 1)


def test_a_response_to_bye_is_no_answer() -> None:
    (call,) = trace(SERVED[0], response(3, SERVER, CALLERS, 200, number="491", call="c", of="BYE"))
    assert not call.answered_at


def test_strangers_are_passed_over() -> None:
    assert trace(request(0, ("127.0.0.8", 1), SERVER, "INVITE sip:100@h", number="1", call="z")) == []


@pytest.mark.parametrize("text", ["", "OPTIONS", "INVITE sip:100@h SIP/2.0\nVia: x"])
def test_what_is_no_whole_message_is_none(text: str) -> None:
    assert parse_message(packet(0, CALLERS, SERVER, text)) is None


def test_a_cut_packet_is_none() -> None:
    assert parse_message(Datagram(0, SERVED[0].packet[:24])) is None


def test_an_agent_rung_during_his_call_is_counted() -> None:
    first = CallTrace("1", 0, offers=[Offer("agent001", 10, 11, 100), Offer("agent002", 10, 11, 0)])
    second = CallTrace("2", 0, offers=[Offer("agent001", 100, 101, 200), Offer("agent002", 50, 0, 0)])
    assert rung_while_busy([first, second]) == 1
