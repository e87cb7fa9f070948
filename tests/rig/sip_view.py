"""SIPp's view of its calls, read from the messages it has sent and received (-trace_shortmsg). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Way = Literal["sent", "received"]


class Message(NamedTuple):
    """One SIP message as SIPp logs it. `at`: milliseconds since the epoch."""

    at: int
    way: Way
    call_id: str
    cseq: int
    method: str
    """Of the request, or of the request that this response answers."""
    status: int
    """0 for a request."""
    uri: str
    """Request URI; empty for a response."""


@dataclass(slots=True)
class Leg:
    """One call of a SIPp. Instants in milliseconds since the epoch; 0: did not happen."""

    call_id: str
    invited_at: int
    to_uri: str
    ringing_at: int = 0
    answered_at: int = 0
    status: int = 0
    """The final status of the INVITE; 0: none came."""
    cancelled_at: int = 0
    ended_at: int = 0
    """The first BYE."""
    ended_by: Literal["", "us", "them"] = ""
    """Who sent the first BYE: the phone SIPp plays, or the server."""
    reinvited_at: list[int] = field(default_factory=list)
    """When each re-INVITE of the phone SIPp plays was accepted."""
    refused_requests: int = 0
    """Requests inside the call that were answered with 300 or more."""
    answers: set[tuple[Way, int]] = field(default_factory=set)
    """Direction and CSeq of each 2xx to an INVITE: tells a new one from a repeated one."""

    @property
    def number(self) -> int:
        """Which of SIPp's own calls this is, from 1. Only for legs that SIPp began: `number-pid@host`."""
        return int(self.call_id.partition("-")[0])

    @property
    def open(self) -> bool:
        """Neither refused nor ended yet."""
        return not self.ended_at and (self.status == 0 or self.answered_at > 0)

    @property
    def talked_ms(self) -> int:
        """From the answer to the first BYE; 0 if there is not both."""
        return self.ended_at - self.answered_at if self.answered_at and self.ended_at else 0


def parse(lines: Iterable[str]) -> list[Message]:
    """The messages in SIPp's file. A line that is none is left out: SIPp cuts the last one when killed."""
    return [message for line in lines if (message := _message(line))]


def _message(line: str) -> Message | None:
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) < 7 or fields[3] not in ("S", "R"):
        return None
    cseq, _, method = fields[5].removeprefix("CSeq:").strip().partition(" ")
    words = fields[6].split(" ")
    if not cseq.isdigit() or len(words) < 2:
        return None
    status = int(words[1]) if words[0] == "SIP/2.0" and words[1].isdigit() else 0
    at = round(float(fields[2]) * 1000)
    way: Way = "sent" if fields[3] == "S" else "received"
    return Message(at, way, fields[4], int(cseq), method, status, "" if status else words[1])


def legs(messages: Iterable[Message]) -> list[Leg]:
    """The calls in these messages, in the order of their INVITEs. Requests outside a call are passed over."""
    found: dict[str, Leg] = {}
    for message in messages:
        leg = found.get(message.call_id)
        if leg is None:
            if message.method == "INVITE" and not message.status:
                found[message.call_id] = Leg(message.call_id, message.at, message.uri)
        elif message.status:
            _response(leg, message)
        else:
            _request(leg, message)
    return list(found.values())


def _request(leg: Leg, message: Message) -> None:
    if message.method == "BYE" and not leg.ended_at:
        leg.ended_at = message.at
        leg.ended_by = "us" if message.way == "sent" else "them"
    elif message.method == "CANCEL":
        leg.cancelled_at = leg.cancelled_at or message.at


def _response(leg: Leg, message: Message) -> None:
    if message.method != "INVITE":
        leg.refused_requests += message.status >= 300
    elif message.status in (180, 183):
        leg.ringing_at = leg.ringing_at or message.at
    elif 200 <= message.status < 300:
        _accepted(leg, message)
    elif message.status >= 300 and message.status != 401:
        leg.refused_requests += bool(leg.answered_at)
        leg.status = leg.status or message.status


def _accepted(leg: Leg, message: Message) -> None:
    answer = message.way, message.cseq
    if not leg.answered_at:
        leg.status, leg.answered_at = message.status, message.at
    elif answer not in leg.answers and message.way == "received":
        leg.reinvited_at.append(message.at)
    leg.answers.add(answer)
