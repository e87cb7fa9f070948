"""Calls as SIP messages show them: who rang whom, held, referred, and who hung up first. Pure.

The messages may be SIPp's (`read_trace`) or Asterisk's (`read_capture`): each has been written down by its
own program, at its own end of the wire.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tests.witness.facts import CALLER, By, Fact

_HELD = re.compile(r"^(?:a=(?:sendonly|inactive)|c=IN IP4 0\.0\.0\.0)\s*$", re.MULTILINE)
"""RFC 3264, 8.4, and what telephones did before it."""
_USER = re.compile(r"sip:([^@;>\s]+)@")
_HEAD = re.compile(r"^-{20,} (\S+)\n\w+ message (sent|received)[^\n]*\n\n", re.MULTILINE)
_GLOBAL, _RECORD, _ETHERNET, _UDP = 24, struct.Struct("<IIII"), 14, 8


class Message(NamedTuple):
    """One SIP message. `by_phone`: it was sent by the telephone, not by the server."""

    at: float
    by_phone: bool
    text: str

    @property
    def first(self) -> str:
        return self.text.partition("\n")[0].strip()

    def header(self, name: str) -> str:
        """The first header of this name; empty: none."""
        found = re.search(rf"^{name}:\s*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""

    @property
    def body(self) -> str:
        return self.text.replace("\r\n", "\n").partition("\n\n")[2]


def read_trace(text: str) -> Iterator[Message]:
    """SIPp's own record (`-trace_msg`): its clock is the machine's, read when it wrote the line."""
    heads = list(_HEAD.finditer(text))
    for place, head in enumerate(heads, 1):
        end = heads[place].start() if place < len(heads) else len(text)
        at = datetime.fromisoformat(head[1]).timestamp() * 1000
        yield Message(at, head[2] == "sent", text[head.end() : end])


def read_capture(data: bytes) -> Iterator[Message]:
    """Asterisk's own record (`pjsip set logger pcap`), in its order: UDP in IPv4 in Ethernet.

    Of what comes in it tells the source only, of what goes out the destination only. A last record that is
    cut is left out.
    """
    place = _GLOBAL
    while place + _RECORD.size <= len(data):
        seconds, micros, length, _ = _RECORD.unpack_from(data, place)
        place += _RECORD.size
        packet, place = data[place : place + length], place + length
        if len(packet) < length:
            return
        ip = packet[_ETHERNET:]
        header = (ip[0] & 0x0F) * 4
        came_in = ip[12:16] != bytes(4)
        text = ip[header + _UDP :].decode("utf-8", "replace")
        yield Message(seconds * 1000 + micros / 1000, came_in, text)


@dataclass(slots=True)
class Dialog:
    """One leg. Instants in milliseconds; 0: did not happen."""

    number: str
    """From: the caller's number, on the agent's leg too."""
    called: str
    """The user part that was rung."""
    phone_began: bool
    """A caller's leg, not an agent's."""
    invited_at: float
    answered_at: float = 0
    status: int = 0
    """Of the INVITE."""
    refused_at: float = 0
    cancelled_at: float = 0
    referred_at: float = 0
    holds: list[tuple[bool, float]] = field(default_factory=list)
    """Each change: on hold or not, and since when."""
    byes: dict[bool, float] = field(default_factory=dict)
    """Sent by the phone or not → when."""
    offers: dict[int, tuple[bool, float]] = field(default_factory=dict)
    """CSeq of each INVITE of the phone → whether it holds, and when it was first seen."""
    referring: float = 0
    cancelling: float = 0
    """When that was first asked for; it counts once it has been accepted."""

    def add(self, message: Message) -> None:
        """The next message of this leg. What comes again changes nothing."""
        number, _, method = message.header("CSeq").partition(" ")
        if not message.first.startswith("SIP/2.0 "):
            self._request(message, int(number), method)
        elif method in ("INVITE", "REFER", "CANCEL"):
            self._answer(message, int(number), method, int(message.first.split()[1]))

    def _request(self, message: Message, number: int, method: str) -> None:
        if method == "BYE":
            self.byes.setdefault(message.by_phone, message.at)
        elif method == "CANCEL":
            self.cancelling = self.cancelling or message.at
        elif method == "REFER":
            self.referring = self.referring or message.at
        elif method == "INVITE" and message.by_phone and message.body:
            self.offers.setdefault(number, (bool(_HELD.search(message.body)), message.at))

    def _answer(self, message: Message, number: int, method: str, status: int) -> None:
        if method == "REFER" and 200 <= status < 300:
            self.referred_at = self.referring
        elif method == "CANCEL" and 200 <= status < 300:
            self.cancelled_at = self.cancelling
        elif method != "INVITE":
            pass  # a refused one has changed nothing
        elif 200 <= status < 300:
            self._accepted(message, number, status)
        elif status >= 300 and not self.status and status not in (401, 407):
            self.status, self.refused_at = status, message.at

    def _accepted(self, message: Message, number: int, status: int) -> None:
        if not self.answered_at:
            self.status, self.answered_at = status, message.at
        if message.by_phone:
            self._held(bool(_HELD.search(message.body)), message.at)
        elif number in self.offers:
            self._held(*self.offers[number])

    def _held(self, on: bool, at: float) -> None:
        if on != (self.holds[-1][0] if self.holds else False):
            self.holds.append((on, at))

    @property
    def over_at(self) -> float:
        """0: it is not."""
        if self.byes:
            return min(self.byes.values())
        return 0 if self.answered_at else self.cancelled_at or self.refused_at

    @property
    def over_by(self) -> By:
        """Who ended it; empty if both did before they knew of each other."""
        if len(self.byes) == 2:
            return ""
        if self.byes:
            phone = True in self.byes
        elif self.cancelled_at:
            if self.status not in (0, 487):
                return ""  # he refused while we took it back
            phone = self.phone_began
        else:
            phone = not self.phone_began
        return "gave" if not phone and self.referred_at else "self" if phone else "us"


def dialogs(messages: Iterable[Message]) -> dict[str, Dialog]:
    """Call-ID → leg. Messages that belong to none that was begun in sight are passed over."""
    found: dict[str, Dialog] = {}
    for message in messages:
        call_id = message.header("Call-ID")
        if call_id not in found:
            if not message.first.startswith("INVITE "):
                continue
            found[call_id] = Dialog(
                user(message.header("From")), user(message.first), message.by_phone, message.at
            )
        found[call_id].add(message)
    return found


def user(text: str) -> str:
    """The user part of the first SIP URI in it."""
    match = _USER.search(text)
    return match[1] if match else ""


def facts_of(leg: Dialog) -> Iterator[Fact]:
    """What these messages say of one leg."""
    who = CALLER if leg.phone_began else leg.called
    yield Fact("arrived" if leg.phone_began else "rung", who, leg.invited_at)
    if leg.answered_at:
        yield Fact("answered" if leg.phone_began else "picked up", who, leg.answered_at)
    for on, at in leg.holds:
        yield Fact("hold" if on else "unhold", who, at)
    if leg.referred_at:
        yield Fact("given", who, leg.referred_at)
    if leg.over_at:
        if leg.holds and leg.holds[-1][0]:
            yield Fact("unhold", who, leg.over_at)  # nobody is on hold in a call that is over
        yield Fact("ended" if leg.phone_began else "leg over", who, leg.over_at, leg.over_by)
