"""From captured packets to the life of each call. Pure: bytes in, values out.

The caller's leg and the agent's leg have nothing in common on the wire but the caller's number, which is new
for each call and which both servers pass on in the From header of the agent's INVITE.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.capture import Datagram

Address = tuple[str, int]

_HEADERS = {
    b"from": "from",
    b"f": "from",
    b"call-id": "call_id",
    b"i": "call_id",
    b"cseq": "cseq",
    b"to": "to",
    b"t": "to",
}


class Message(NamedTuple):
    """One SIP message. `status` is 0 in a request; `method` is the CSeq's, also in a response."""

    at_ns: int
    source: Address
    target: Address
    status: int
    method: str
    call_id: str
    caller: str
    """User part of the From header."""
    called: str
    """User part of the request line; of the To header in a response."""


@dataclass(slots=True)
class Offer:
    """One INVITE to an agent's phone, instants in ns; 0: did not happen."""

    agent: str
    invited_at: int
    answered_at: int = 0
    ended_at: int = 0


@dataclass(slots=True)
class CallTrace:
    """One call as the wire shows it, instants in ns; 0: did not happen."""

    number: str
    invited_at: int
    answered_at: int = 0
    refused: int = 0
    """Final response of 300 and above, if there was one."""
    ended_at: int = 0
    invites: int = 1
    """INVITEs of the caller's; above 1 the first was not answered within 0.5 s (T1)."""
    offers: list[Offer] = field(default_factory=list)

    @property
    def served(self) -> bool:
        """Answered, and connected to an agent who answered before the caller's leg ended."""
        return bool(self.answered_at) and any(
            offer.answered_at and (not self.ended_at or offer.answered_at < self.ended_at)
            for offer in self.offers
        )


def parse_message(datagram: Datagram) -> Message | None:
    """The SIP message in a packet, or None when there is none or it lacks From, Call-ID or CSeq."""
    packet = datagram.packet
    udp = (packet[0] & 0x0F) * 4
    if len(packet) < udp + 8:
        return None
    ports = udp, udp + 2
    source, target = (
        (socket.inet_ntoa(packet[at : at + 4]), int.from_bytes(packet[port : port + 2], "big"))
        for at, port in zip((12, 16), ports, strict=True)
    )
    first, *lines = packet[udp + 8 :].split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    headers: dict[str, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        key = _HEADERS.get(name.strip().lower())
        if key and key not in headers:
            headers[key] = value.strip()
    if not {"from", "call_id", "cseq"} <= headers.keys():
        return None
    response = first.startswith(b"SIP/2.0 ")
    return Message(
        at_ns=datagram.at_ns,
        source=source,
        target=target,
        status=int(first[8:11]) if response else 0,
        method=headers["cseq"].rpartition(b" ")[2].decode("ascii", "replace"),
        call_id=headers["call_id"].decode("ascii", "replace"),
        caller=_user(headers["from"]),
        called=_user(headers.get("to", b"") if response else first),
    )


def _user(text: bytes) -> str:
    _, found, rest = text.partition(b"sip:")
    user, at, _ = rest.partition(b"@")
    return user.decode("ascii", "replace") if found and at else ""


def trace_calls(messages: Iterable[Message], callers: Address, agents: Address) -> list[CallTrace]:
    """The calls in a capture: legs from the callers' address, and the offers to the agents' address.

    Messages of other addresses are passed over, as are offers whose caller is not known.
    """
    calls: dict[str, CallTrace] = {}
    numbers: dict[str, CallTrace] = {}
    offers: dict[str, Offer] = {}
    for message in messages:
        if callers in (message.source, message.target):
            _caller_leg(message, callers, calls, numbers)
        elif agents in (message.source, message.target):
            _agent_leg(message, agents, numbers, offers)
    return list(calls.values())


def _caller_leg(
    message: Message, callers: Address, calls: dict[str, CallTrace], numbers: dict[str, CallTrace]
) -> None:
    call = calls.get(message.call_id)
    if call is None:
        if message.method == "INVITE" and not message.status and message.source == callers:
            calls[message.call_id] = numbers[message.caller] = CallTrace(message.caller, message.at_ns)
    elif message.method == "INVITE" and not message.status:
        call.invites += 1
    elif message.method == "INVITE" and message.status >= 300:
        call.refused = call.refused or message.status
    elif message.method == "INVITE":
        call.answered_at = call.answered_at or message.at_ns
    elif message.method == "BYE" and not message.status:
        call.ended_at = call.ended_at or message.at_ns


def _agent_leg(
    message: Message, agents: Address, numbers: dict[str, CallTrace], offers: dict[str, Offer]
) -> None:
    offer = offers.get(message.call_id)
    if offer is None:
        call = numbers.get(message.caller)
        if call and message.method == "INVITE" and not message.status and message.target == agents:
            offers[message.call_id] = offer = Offer(message.called, message.at_ns)
            call.offers.append(offer)
    elif message.method == "INVITE" and 200 <= message.status < 300:
        offer.answered_at = offer.answered_at or message.at_ns
    elif message.status >= 300 or (message.method == "BYE" and not message.status):
        offer.ended_at = offer.ended_at or message.at_ns


def rung_while_busy(calls: Iterable[CallTrace]) -> int:
    """How many INVITEs reached an agent whose previous call had not ended: 0 for a server that reserves."""
    busy = 0
    until: dict[str, float] = {}
    for offer in sorted(
        (offer for call in calls for offer in call.offers), key=lambda offer: offer.invited_at
    ):
        if offer.invited_at < until.get(offer.agent, 0):
            busy += 1
        until[offer.agent] = max(until.get(offer.agent, 0), offer.ended_at or float("inf"))
    return busy
