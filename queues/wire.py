"""Redis' protocol on one connection: packing, parsing, and answers to requests in their order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

log = logging.getLogger(__name__)

_NOTHING = object()

Arg = str | int | float | bytes


def pack(*command: Arg) -> bytes:
    """A command as it goes over the wire."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub has a tuple of one
    return packed


class Request:
    """One command on its way. Exactly one of `done` and `failed` is called, once."""

    __slots__ = ("packed", "sent_at", "tries", "wait_s")

    def __init__(self, packed: bytes, wait_s: float = 0.0) -> None:
        """`wait_s`: may wait so long to be written with others; each write wakes Redis and is an fsync."""
        self.packed = packed
        self.sent_at = 0.0
        self.tries = 0
        self.wait_s = wait_s

    def done(self, reply: Any) -> None:
        """Redis has answered."""

    def failed(self, error: Exception) -> None:
        """Redis cannot be asked, or has refused."""


class Asked(Request):
    """A request whose answer is the future's, if anybody still waits for that."""

    __slots__ = ("answer",)

    def __init__(self, answer: "asyncio.Future[Any]", *command: Arg) -> None:
        super().__init__(pack(*command))
        self.answer = answer

    def done(self, reply: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(reply)

    def failed(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Pipe(asyncio.Protocol):
    """One connection: requests go out in order, answers come back in the same order."""

    def __init__(self, pushed: Callable[[list[Any]], None]) -> None:
        self.unanswered: deque[Request] = deque()
        self.answered: Callable[[Pipe, Request, Any], None] = Pipe._greeted
        self.lost: Callable[[Pipe], None] = Pipe._fail
        self._pushed = pushed
        self._reader = hiredis.Reader(encoding="utf-8", errors="replace", notEnoughData=_NOTHING)
        self._outgoing: list[bytes] = []
        self._writing: asyncio.Handle | None = None
        self._write_at = 0.0
        self._loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        self.lost(self)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            # Answers behind one that made us give the connection up are nobody's: their requests go again.
            while not self._closing() and (reply := self._reader.gets()) is not _NOTHING:
                if isinstance(reply, hiredis.PushNotification):
                    self._pushed(reply)
                elif self.unanswered:
                    self.answered(self, self.unanswered.popleft(), reply)
        except hiredis.ProtocolError:
            log.error("Redis sent what is not its protocol; connecting anew")
            self.abort()

    def send(self, request: Request) -> None:
        request.sent_at = self._loop.time()
        self.unanswered.append(request)
        self._outgoing.append(request.packed)
        at = request.sent_at + request.wait_s
        if self._writing is None or at < self._write_at:
            self._write_later(at, request.wait_s)

    def _write_later(self, at: float, delay_s: float) -> None:
        if self._writing is not None:
            self._writing.cancel()
        self._write_at = at
        loop = self._loop
        self._writing = loop.call_at(at, self._write) if delay_s > 0 else loop.call_soon(self._write)

    def _write(self) -> None:
        self._writing = None
        if self.transport is not None and not self._closing():
            self.transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _greeted(self, request: Request, reply: Any) -> None:
        request.done(reply)

    def _fail(self) -> None:
        while self.unanswered:
            self.unanswered.popleft().failed(ConnectionResetError("connection lost while greeting"))

    def call(self, *command: "Arg") -> asyncio.Future[Any]:
        """One command; the future's result may be an error reply."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self.send(Asked(answer, *command))
        return answer

    def abort(self) -> None:
        if self.transport is not None and not self._closing():
            self.transport.abort()

    def _closing(self) -> bool:
        return self.transport is None or self.transport.is_closing()
