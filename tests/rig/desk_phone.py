"""An agent's desk telephone with several lines: it is rung, dials, holds, and transfers (REFER, Replaces).

A phone that SIPp plays knows one call at a time; this one does what needs two of them. No retransmissions:
for tests on one machine.
"""

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tests.rig.ear import HOST, Ear
from tests.rig.sipp import Account

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Message:
    """A SIP message."""

    first: str
    headers: list[tuple[str, str]]
    body: str = ""

    @classmethod
    def read(cls, data: bytes) -> "Message":
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        pairs = [line.partition(":") for line in rest]
        return cls(first, [(name.strip().lower(), value.strip()) for name, _, value in pairs], body)

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each == name]

    def __getitem__(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of the request, or of the one that this answers."""
        return self["cseq"].partition(" ")[2] if self.status else self.first.partition(" ")[0]


@dataclass
class Line:
    """One call of the telephone."""

    call_id: str
    ours: str
    """From or To of this side, with its tag."""
    theirs: str
    uri: str
    """Whom requests go to."""
    ear: Ear
    invite: Message | None = None
    """By which it was rung."""
    via: str = ""
    """Of our own INVITE."""
    ringing_at: float = 0
    answered_at: float = 0
    ended_at: float = 0
    """Instants, seconds since the epoch; 0: did not happen."""
    status: int = 0
    """The final status of the INVITE."""
    answers: list[tuple[str, int]] = field(default_factory=list)
    """Method and status of each answer to a request of this side."""
    notified: list[str] = field(default_factory=list)
    """What NOTIFYs have told of a transfer."""
    version: int = 1
    """Of its session description."""

    def tag_of(self, party: str) -> str:
        found = re.search(r";tag=([^;>\s]+)", party)
        return found[1] if found else ""


class DeskPhone(asyncio.DatagramProtocol):
    """`async with DeskPhone(account, server) as phone`: rung at the account's port."""

    def __init__(self, account: Account, server: str, ring_s: float = 0.1, calls: int = 8) -> None:
        """`ring_s`: so long it rings before it is answered. `calls`: it can have so many in its life."""
        self._account = account
        host, _, port = server.partition(":")
        self._server = host, int(port)
        self._ring_s = ring_s
        self._calls = calls
        self.lines: list[Line] = []
        self._ears: list[Ear] = []
        self._numbers = count(1)
        self._news = asyncio.Event()
        self._waiting: set[asyncio.Task[None]] = set()
        self.refuse = 0
        """The status by which calls are refused; 0: they are answered."""

    async def __aenter__(self) -> Self:
        self._ears = [await Ear().__aenter__() for _ in range(self._calls)]
        self._free = iter(self._ears)
        loop, at = asyncio.get_running_loop(), (HOST, self._account.port)
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=at)
        self._transport = transport
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self.lines:
            if not line.ended_at:
                self.hang_up(line)
        for task in self._waiting:
            task.cancel()
        self._transport.close()
        for ear in self._ears:
            await ear.__aexit__(kind, error, trace)

    # What its owner does

    async def until(self, line: Line, what: str, patience_s: float = PATIENCE_S) -> None:
        """Until it is `ringing`, `answered` or `ended`. Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while not getattr(line, f"{what}_at"):
                await self._more()

    async def rung(self) -> Line:
        """The first call that comes in and is answered."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(line.invite and line.answered_at for line in self.lines):
                await self._more()
        return next(line for line in self.lines if line.invite and line.answered_at)

    async def told(self, line: Line, status: str, times: int = 1) -> None:
        """Until NOTIFYs have told this of its transfers."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(status in each for each in line.notified) < times:
                await self._more()

    async def _more(self) -> None:
        self._news.clear()
        await self._news.wait()

    def dial(self, number: str) -> Line:
        """Call a number on a line of its own."""
        me = f"<sip:{self._account.name}@{HOST}>;tag={next(self._numbers)}p{self._account.port}"
        there = f"sip:{number}@{self._server[0]}:{self._server[1]}"
        call_id = f"{time.monotonic_ns()}-{next(self._numbers)}@{HOST}"
        line = Line(call_id, me, f"<{there}>", there, next(self._free))
        self.lines.append(line)
        self._request(line, "INVITE", sdp=self._sdp(line))
        return line

    def hold(self, line: Line, on: bool = True) -> None:
        """Put who is there on hold, or take him back."""
        self._request(line, "INVITE", sdp=self._sdp(line, "sendonly" if on else "sendrecv"))

    def transfer(self, line: Line, other: Line) -> None:
        """Connect who is on the one line with who is on the other one (RFC 5589, 7)."""
        theirs, ours = other.tag_of(other.theirs), other.tag_of(other.ours)
        replaces = quote(f"{other.call_id};to-tag={theirs};from-tag={ours}", safe="")
        self.refer(line, f"{other.uri.split(';')[0]}?Replaces={replaces}")

    def refer(self, line: Line, to: str) -> None:
        """Ask who is there to call somebody."""
        self._request(line, "REFER", f"Refer-To: <{to}>", f"Referred-By: {line.ours.split(';tag')[0]}")

    def hang_up(self, line: Line) -> None:
        """BYE, or CANCEL while it rings at the other end."""
        if not line.answered_at and line.invite is None:
            return self._send("CANCEL " + line.uri, line.via, line, f"CSeq: {self._cseq(line)} CANCEL")
        line.ended_at = line.ended_at or time.time()
        return self._request(line, "BYE")

    # SIP

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002  (the server)
        message = Message.read(data)
        line = next((each for each in self.lines if each.call_id == message["call-id"]), None)
        if message.status and line is not None:
            self._answered(line, message)
        elif message.method == "INVITE" and line is None:
            self._ring(message)
        elif not message.status and message.method != "ACK":
            self._asked(line, message)
        self._news.set()

    def _ring(self, invite: Message) -> None:
        us = f"{invite['to']};tag={next(self._numbers)}r{self._account.port}"
        uri = invite["contact"].strip("<>").split(">")[0]
        line = Line(invite["call-id"], us, invite["from"], uri, next(self._free), invite)
        self.lines.append(line)
        _speak(line, invite)
        self._respond(line, invite, "180 Ringing")
        task = asyncio.create_task(self._answer(line, invite))
        self._waiting.add(task)

    async def _answer(self, line: Line, invite: Message) -> None:
        await asyncio.sleep(self._ring_s)
        if self.refuse:
            line.ended_at = time.time()
            self._respond(line, invite, f"{self.refuse} No")
        if not line.ended_at:
            line.answered_at = time.time()
            self._respond(line, invite, "200 OK", self._sdp(line))
            self._news.set()

    def _asked(self, line: Line | None, request: Message) -> None:
        """A request inside a call."""
        if line is None:
            return
        if request.method == "NOTIFY":
            line.notified.append(request.body.strip())
        if request.method in ("BYE", "CANCEL"):
            line.ended_at = line.ended_at or time.time()
        self._respond(line, request, "200 OK", self._sdp(line) if request.method == "INVITE" else "")
        if request.method == "CANCEL" and line.invite is not None:
            self._respond(line, line.invite, "487 Request Terminated")

    def _answered(self, line: Line, answer: Message) -> None:
        """An answer to a request of ours."""
        if answer.status < 200:
            line.ringing_at = line.ringing_at or (time.time() if answer.status > 100 else 0)
            line.theirs = answer["to"] if ";tag=" in answer["to"] else line.theirs
            return
        line.answers.append((answer.method, answer.status))
        if answer.method != "INVITE":
            return
        if answer.status == 200:
            _speak(line, answer)
            line.theirs = answer["to"] if not line.invite else line.theirs
            line.uri = answer["contact"].strip("<>").split(">")[0] or line.uri
            self._send(f"ACK {line.uri}", self._via(), line, f"CSeq: {answer['cseq'].split()[0]} ACK")
            line.answered_at = line.answered_at or time.time()
            line.status = line.status or 200
            return
        theirs, line.theirs = line.theirs, answer["to"]
        self._send(f"ACK {line.uri}", line.via, line, f"CSeq: {answer['cseq'].split()[0]} ACK")
        line.theirs = theirs
        if answer.status == 401:
            proof = self._proof(answer["www-authenticate"], "INVITE", line.uri)
            self._request(line, "INVITE", proof, sdp=self._sdp(line))
        elif not line.answered_at:
            line.status, line.ended_at = answer.status, time.time()

    def _proof(self, challenge: str, method: str, uri: str) -> str:
        """The answer to a challenge (RFC 2617, 3.2.2), without `qop`."""
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

        def digest(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        name, realm, nonce = self._account.name, told["realm"], told["nonce"]
        who, what = digest(f"{name}:{realm}:{self._account.password}"), digest(f"{method}:{uri}")
        fields = {"username": name, "realm": realm, "nonce": nonce, "uri": uri}
        if "qop" in told:
            told_again = f"{nonce}:00000001:0a4f113b:auth"
            fields["response"] = digest(f"{who}:{told_again}:{what}")
            extra = ',qop=auth,nc=00000001,cnonce="0a4f113b"'
        else:
            fields["response"], extra = digest(f"{who}:{nonce}:{what}"), ""
        if "opaque" in told:
            fields["opaque"] = told["opaque"]
        return "Authorization: Digest " + ",".join(f'{k}="{v}"' for k, v in fields.items()) + extra

    def _request(self, line: Line, method: str, *headers: str, sdp: str = "") -> None:
        via = self._via()
        number = self._cseq(line, 1)
        if method == "INVITE":
            line.via = via
        contact = f"Contact: <sip:{self._account.name}@{HOST}:{self._account.port}>"
        self._send(f"{method} {line.uri}", via, line, f"CSeq: {number} {method}", contact, *headers, sdp=sdp)

    def _cseq(self, line: Line, more: int = 0) -> int:
        line.version += more
        return line.version

    def _via(self) -> str:
        return f"SIP/2.0/UDP {HOST}:{self._account.port};branch=z9hG4bK{time.monotonic_ns()}"

    def _send(self, first: str, via: str, line: Line, *headers: str, sdp: str = "") -> None:
        head = [f"{first} SIP/2.0", f"Via: {via}", f"From: {line.ours}", f"To: {line.theirs}"]
        self._write([*head, f"Call-ID: {line.call_id}", "Max-Forwards: 70", *headers], sdp)

    def _respond(self, line: Line, request: Message, status: str, sdp: str = "") -> None:
        us = request["to"] if ";tag=" in request["to"] else line.ours
        head = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in request.all("via"))]
        head += [f"From: {request['from']}", f"To: {us}", f"Call-ID: {line.call_id}"]
        contact = f"Contact: <sip:{self._account.name}@{HOST}:{self._account.port}>"
        self._write([*head, f"CSeq: {request['cseq']}", contact], sdp)

    def _write(self, head: list[str], sdp: str) -> None:
        kind = ["Content-Type: application/sdp"] if sdp else []
        text = "\r\n".join([*head, *kind, f"Content-Length: {len(sdp)}", "", sdp])
        self._transport.sendto(text.encode(), self._server)

    def _sdp(self, line: Line, way: str = "sendrecv") -> str:
        lines = ["v=0", f"o=desk 1 {line.version} IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0"]
        lines += [f"m=audio {line.ear.port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000"]
        lines += ["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", f"a={way}", ""]
        return "\r\n".join(lines)


def _speak(line: Line, message: Message) -> None:
    """Speak to where this session description wants it."""
    port = re.search(r"^m=audio (\d+)", message.body, re.MULTILINE)
    if port:
        line.ear.speak_to(int(port[1]))
