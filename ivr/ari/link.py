"""The persistent WebSocket from Asterisk to this worker: events in, commands out, replies matched by id.

The reader parses and hands on; it awaits nothing but the socket: Asterisk's writer never waits for us.
"""

import asyncio
import hmac
import itertools
import logging
import os
import secrets
import socket
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # its server makes one for each connection

from ivr.ari.errors import AriError, AsteriskAway, Silenced, refusal
from ivr.ari.events import Event, RESTResponse, decode
from ivr.ari.resumed import Resumed

log = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder()

REPLY_TIMEOUT_S = 10.0
"""A reply comes within milliseconds; after this long the socket is as good as gone."""

WATCH_S = 1.0

LAST_S = 1.0
"""How long a socket that we close is waited for."""

IDLE_S = 5.0
"""After so long without a word the socket is tried, and given up after as long again."""

MAX_FRAME = 1 << 28
"""Bytes. A list of every channel comes in one frame."""
READ_BUFFER = 16 * 1024


class Keeping(Protocol):
    """Where sockets outlive their process; both raise OSError when that is away, and may take a moment."""

    def hold(self, descriptor: int) -> None:
        """Have a socket held."""

    def take(self) -> socket.socket | None:
        """The socket that the last process of this name had, if it is still open."""


class Link:
    """One Asterisk's socket. `on_event` gets each event; `may_command` is asked before each change.

    `on_connect` is called as a fresh task whenever Asterisk has (re)connected: nothing is known then of what
    happened meanwhile except the events that Asterisk has kept, which arrive first.
    """

    def __init__(
        self,
        password: str,
        on_event: Callable[[Event], None],
        on_connect: Callable[[], None],
        on_disconnect: Callable[[], None],
        may_command: Callable[[], bool],
        keeping: Keeping | None = None,
    ) -> None:
        self._password = password
        self._on_event = on_event
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._may_command = may_command
        self._keeping = keeping
        self._fresh = asyncio.Event()
        self._closed = False
        self._left = False
        """The socket goes on without this process."""
        # Not those of the process that had this socket before: its replies may still come.
        self._ids = itertools.count(secrets.randbits(48))
        self._replies: dict[str, tuple[asyncio.Future[RESTResponse], float]] = {}
        self._transport: WSTransport | None = None

    @property
    def connected(self) -> bool:
        return self._transport is not None

    @property
    def late_s(self) -> float:
        """How long Asterisk has owed us its oldest reply, s. Not a question of distance but of load."""
        if not self._replies:
            return 0.0
        _, sent_at = next(iter(self._replies.values()))
        return asyncio.get_running_loop().time() - sent_at

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Wait for Asterisk at `ws://host:port/asterisk`, for as long as the server is open."""
        return await ws_create_server(
            self._greet,
            host,
            port,
            disconnect_on_exception=False,
            logger_name=log,
            enable_auto_ping=True,
            auto_ping_idle_timeout=IDLE_S,
            auto_ping_reply_timeout=IDLE_S,
            max_frame_size=MAX_FRAME,
            use_aiofastnet=False,  # uvloop's own transport writes once for all that a turn of the loop sends
        )

    def _greet(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener | None:
        if request.path != b"/asterisk":
            return None
        if not self._authentic(request.headers.get("Authorization", "")):
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(401), None)
        return self._agree(request)

    def _agree(self, _: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        agreed = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": "ari"})
        return WSUpgradeResponseWithListener(agreed, _Socket(self))

    async def resume(self, held: socket.socket) -> None:
        """Go on with a socket that Asterisk opened to this worker's last process.

        The same as a connection that is new, only that Asterisk has not noticed anything.
        """
        if self.connected or self._closed:
            held.close()
            return
        try:
            protocol = WSProtocol(
                None, None, False, self._agree, log, False, None,
                True, IDLE_S, IDLE_S, WSAutoPingStrategy.PING_WHEN_IDLE, True, MAX_FRAME, None, READ_BUFFER,
            )  # fmt: skip
        except TypeError as error:
            log.error("this picows cannot go on with a socket, so Asterisk has to connect again: %s", error)
            _end(held)
            held.close()
            return
        held.setblocking(False)
        log.info("going on with the socket of the last process")
        await asyncio.get_running_loop().connect_accepted_socket(lambda: Resumed(protocol), held)

    def connected_by(self, transport: WSTransport) -> None:
        """Asterisk is here; it has one socket for us, so whatever is left of an older one is dead."""
        self._drop()
        self._transport = transport
        log.info("Asterisk has connected")
        self._fresh.set()
        self._on_connect()

    def disconnected_by(self, transport: WSTransport) -> bool:
        """That socket is closed, as far as we are concerned; whether it has to end for Asterisk, too."""
        if self._transport is transport:
            self._lost()
        return not self._left

    def _drop(self) -> None:
        """End the connection at once, without the other side's consent, which may never come."""
        transport = self._transport
        if transport is not None:
            self._lost()
            transport.disconnect(graceful=False)

    def _lost(self) -> None:
        self._transport = None
        self._fail_replies()
        log.warning("Asterisk has disconnected")
        self._on_disconnect()

    async def leave(self, comes_back: bool = False) -> None:
        """Go away from the socket: where this worker `comes_back`, it stays open for the next process.

        Else, and where nobody holds it, it is closed: Asterisk keeps events from now on and connects again.
        """
        self._closed = True
        read = await self._all_is_read()
        transport = self._transport
        if transport is None:
            return
        if comes_back and read and await self._held(transport):
            self._left = True
        else:
            await _close(transport)
        transport.disconnect()
        await transport.wait_disconnected()

    async def _all_is_read(self) -> bool:
        """Whether Asterisk has read all commands, as a last reply tells: of a closed socket it reads none."""
        with suppress(AriError, AsteriskAway, TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self.request("GET", "asterisk/ping")
                return True
        return False

    def take(self, text: bytes) -> None:
        """A message of Asterisk's: an event, or the reply to a command."""
        try:
            told = decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            log.debug("not an event of ours: %s", error)
            return
        if not isinstance(told, RESTResponse):
            self._on_event(told)
            return
        reply, _ = self._replies.pop(told.request_id, (None, 0.0))
        if reply is not None and not reply.done():
            reply.set_result(told)
        elif reply is None and told.status_code not in (*range(200, 300), 404, 409):
            log.warning("Asterisk refused: %s %s", told.status_code, told.reason_phrase)

    async def watch(self) -> None:
        """Look after the socket, for ever: have it held, and drop it when a reply does not come.

        Asterisk connects again then.
        """
        while True:
            await self._have_held()
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_S):
                    await self._fresh.wait()
            self._fresh.clear()
            now = asyncio.get_running_loop().time()
            if any(now - sent_at > REPLY_TIMEOUT_S for _, sent_at in self._replies.values()):
                log.error("no reply within %.0f s", REPLY_TIMEOUT_S)
                self._drop()

    async def _have_held(self) -> None:
        if self._keeping is None or self._closed:
            return
        if self._transport is not None:
            await self._held(self._transport)
            return
        try:
            held = await asyncio.to_thread(self._keeping.take)
        except OSError as error:
            log.debug("no socket was held: %s", error)
            return
        if held is not None:
            await self.resume(held)

    async def _held(self, transport: WSTransport) -> bool:
        """Have this socket held; whether it is."""
        if self._keeping is None:
            return False
        try:
            # A copy: this one may be closed, and its number another's, before the thread has come to it.
            copy = os.dup(_descriptor(transport))
            try:
                await asyncio.to_thread(self._keeping.hold, copy)
            finally:
                os.close(copy)
        except OSError as error:
            log.debug("the socket is not held: %s", error)
            return False
        return True

    def _authentic(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = b64decode(encoded, validate=True)
        except ValueError:
            return False
        return hmac.compare_digest(given, f"asterisk:{self._password}".encode())

    def _fail_replies(self) -> None:
        replies, self._replies = self._replies, {}
        for reply, _ in replies.values():
            if not reply.done():
                reply.set_exception(AsteriskAway("the socket closed before the reply"))

    def send(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> None:
        """Put a command on the socket and do not wait for its reply. Commands are carried out in order.

        Raises `Silenced` if the command changes something and this worker's lease is too old for that, and
        `AsteriskAway` without a socket.
        """
        self._write("", method, path, query, body)

    async def request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> str:
        """Send a command and wait for its reply; returns the reply's JSON text.

        Raises `AriError` (`NotFound`, `Conflict`, …) when Asterisk refuses, and what `send` raises.
        """
        loop = asyncio.get_running_loop()
        number = str(next(self._ids))
        reply: asyncio.Future[RESTResponse] = loop.create_future()
        self._replies[number] = (reply, loop.time())
        try:
            self._write(number, method, path, query, body)
            response = await reply
        finally:
            self._replies.pop(number, None)
        if response.status_code >= 400:
            raise refusal(response.status_code, f"{method} {path}", response.reason_phrase)
        return response.message_body

    def _write(self, number: str, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> None:
        if method != "GET" and not self._may_command():
            raise Silenced(f"{method} {path} withheld: the lease is too old")
        if self._transport is None:
            raise AsteriskAway(f"{method} {path}: Asterisk is not connected")
        command: dict[str, Any] = {"type": "RESTRequest", "request_id": number, "method": method, "uri": path}
        if query:
            command["query_strings"] = [{"name": k, "value": v} for k, v in query.items()]
        if body is not None:
            command["content_type"] = "application/json"
            command["message_body"] = msgspec.json.encode(body).decode()
        self._say(_encoder.encode(command))

    def _say(self, text: bytes) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, text)


def _descriptor(transport: WSTransport) -> int:
    number: int = transport.underlying_transport.get_extra_info("socket").fileno()
    return number


async def _close(transport: WSTransport) -> None:
    """Have Asterisk end the connection, and read until it has.

    Were it to write to a socket that is closed already, its thread that reads might wait for ever.
    """
    transport.send_close(WSCloseCode.OK)
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_S):
            await transport.wait_disconnected()


def _end(sock: socket.socket) -> None:
    """End the connection. To close it is not enough: it is held elsewhere, too."""
    with suppress(OSError):  # the other end was faster
        sock.shutdown(socket.SHUT_RDWR)


class _Socket(WSListener):
    """One connection of Asterisk's. Frames come complete, except that a message may be split over several."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._parts: list[bytes] = []
        self._sock: socket.socket | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        # A socket object of our own on the same connection: the loop's one makes a new one for every option.
        self._sock = socket.socket(fileno=os.dup(_descriptor(transport)))
        self._link.connected_by(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.last_in_buffer and self._sock is not None:
            # Asterisk writes small frames under Nagle's rule: without an immediate ACK the next one is
            # 40 ms late. The kernel forgets the option, hence after every read.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if frame.msg_type is WSMsgType.TEXT and frame.fin:
            self._link.take(frame.get_payload_as_bytes())
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._parts.append(frame.get_payload_as_bytes())
            if frame.fin:
                parts, self._parts = self._parts, []
                self._link.take(b"".join(parts))
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        ends = self._link.disconnected_by(transport)
        if self._sock is not None:
            if ends:
                _end(self._sock)
            self._sock.close()
