"""The persistent WebSocket from Asterisk to this worker: events in, commands out, replies matched by id.

The reader parses and hands on; it awaits nothing but the socket: Asterisk's writer never waits for us.
"""

import asyncio
import hmac
import itertools
import logging
import os
import socket
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from ivr.ari.errors import AsteriskAway, Silenced, refusal
from ivr.ari.events import Event, RESTResponse, decode

log = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder()

REPLY_TIMEOUT_S = 10.0
"""A reply comes within milliseconds; after this long the socket is as good as gone."""

WATCH_S = 1.0


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
    ) -> None:
        self._password = password
        self._on_event = on_event
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._may_command = may_command
        self._ids = itertools.count(1)
        self._replies: dict[str, tuple[asyncio.Future[RESTResponse], float]] = {}
        self._ws: web.WebSocketResponse | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def connected(self) -> bool:
        return self._ws is not None

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """aiohttp handler of the socket; runs as long as Asterisk stays connected."""
        if not self._authentic(request.headers.get("Authorization", "")):
            return web.Response(status=401)
        ws = web.WebSocketResponse(protocols=("ari",), heartbeat=5, max_msg_size=0, compress=False)
        await ws.prepare(request)
        self._drop()  # Asterisk has one socket for us: whatever is left of an older one is dead
        self._ws, self._transport = ws, request.transport
        log.info("Asterisk has connected")
        self._on_connect()
        try:
            await self._read(ws, request)
        finally:
            if self._ws is ws:
                self._lost()
        return ws

    def _drop(self) -> None:
        """End the connection at once, without the other side's consent, which may never come."""
        transport = self._transport
        if self._ws is not None:
            self._lost()
        if transport is not None:
            transport.abort()

    def _lost(self) -> None:
        self._ws = self._transport = None
        self._fail_replies()
        log.warning("Asterisk has disconnected")
        self._on_disconnect()

    async def close(self) -> None:
        """Close the socket; Asterisk keeps events from now on and comes back."""
        if self._ws is not None:
            await self._ws.close()

    async def _read(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        # A socket object of our own on the same connection: the loop's one makes a new one for every option.
        with socket.socket(fileno=os.dup(request.get_extra_info("socket").fileno())) as sock:
            async for message in ws:
                # Asterisk writes small frames under Nagle's rule: without an immediate ACK the next one is
                # 40 ms late. The kernel forgets the option, hence after every message.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                if message.type is WSMsgType.TEXT:
                    self._take(message.data)

    def _take(self, text: str) -> None:
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
        """Drop, for ever, a socket on which a reply does not come: Asterisk connects again."""
        while True:
            await asyncio.sleep(WATCH_S)
            now = asyncio.get_running_loop().time()
            if any(now - sent_at > REPLY_TIMEOUT_S for _, sent_at in self._replies.values()):
                log.error("no reply within %.0f s", REPLY_TIMEOUT_S)
                self._drop()

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

    async def send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> None:
        """Put a command on the socket and do not wait for its reply. Commands are carried out in order.

        Raises `Silenced` if the command changes something and this worker's lease is too old for that, and
        `AsteriskAway` without a socket.
        """
        await self._write("", method, path, query, body)

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
            await self._write(number, method, path, query, body)
            response = await reply
        finally:
            self._replies.pop(number, None)
        if response.status_code >= 400:
            raise refusal(response.status_code, f"{method} {path}", response.reason_phrase)
        return response.message_body

    async def _write(
        self, number: str, method: str, path: str, query: Mapping[str, str] | None, body: Any
    ) -> None:
        if method != "GET" and not self._may_command():
            raise Silenced(f"{method} {path} withheld: the lease is too old")
        if self._ws is None:
            raise AsteriskAway(f"{method} {path}: Asterisk is not connected")
        command: dict[str, Any] = {"type": "RESTRequest", "request_id": number, "method": method, "uri": path}
        if query:
            command["query_strings"] = [{"name": k, "value": v} for k, v in query.items()]
        if body is not None:
            command["content_type"] = "application/json"
            command["message_body"] = msgspec.json.encode(body).decode()
        try:
            await self._ws.send_frame(_encoder.encode(command), WSMsgType.TEXT)
        except (ConnectionError, RuntimeError) as error:
            raise AsteriskAway(f"{method} {path}: {error}") from error
