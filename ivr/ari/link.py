"""The persistent WebSocket from Asterisk to this worker: events in, commands out, replies matched by id.

The reader parses and hands on; it awaits nothing but the socket: Asterisk's writer never waits for us.
"""

import asyncio
import hmac
import itertools
import logging
import socket
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from ivr.ari.errors import AsteriskAway, Silenced, refusal
from ivr.ari.events import Event, RESTResponse, decode

log = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 10.0
"""A reply comes within milliseconds; after this long the socket is as good as gone."""


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
        self._replies: dict[str, asyncio.Future[RESTResponse]] = {}
        self._ws: web.WebSocketResponse | None = None

    @property
    def connected(self) -> bool:
        return self._ws is not None

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """aiohttp handler of the socket; runs as long as Asterisk stays connected."""
        if not self._authentic(request.headers.get("Authorization", "")):
            return web.Response(status=401)
        ws = web.WebSocketResponse(protocols=("ari",), heartbeat=5, max_msg_size=0, compress=False)
        await ws.prepare(request)
        if self._ws is not None:
            await self._ws.close()
        self._ws = ws
        log.info("Asterisk has connected")
        self._on_connect()
        try:
            await self._read(ws, request)
        finally:
            if self._ws is ws:
                self._ws = None
                self._fail_replies()
                log.warning("Asterisk has disconnected")
                self._on_disconnect()
        return ws

    async def _read(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        sock = request.get_extra_info("socket")
        async for message in ws:
            if sock is not None:
                # Asterisk writes small frames under Nagle's rule: without an immediate ACK the next one is
                # 40 ms late. The kernel forgets the option, hence after every message.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                told = decode(message.data)
            except msgspec.MsgspecError as error:
                log.debug("not an event of ours: %s", error)
                continue
            if isinstance(told, RESTResponse):
                reply = self._replies.pop(told.request_id, None)
                if reply is not None and not reply.done():
                    reply.set_result(told)
            else:
                self._on_event(told)

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
        for reply in replies.values():
            if not reply.done():
                reply.set_exception(AsteriskAway("the socket closed before the reply"))

    async def send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> asyncio.Future[RESTResponse]:
        """Put a command on the socket; the future is its reply. Commands are carried out in order.

        Raises `Silenced` if the command changes something and this worker's lease is too old for that, and
        `AsteriskAway` without a socket.
        """
        if method != "GET" and not self._may_command():
            raise Silenced(f"{method} {path} withheld: the lease is too old")
        if self._ws is None:
            raise AsteriskAway(f"{method} {path}: Asterisk is not connected")
        number = str(next(self._ids))
        command: dict[str, Any] = {"type": "RESTRequest", "request_id": number, "method": method, "uri": path}
        if query:
            command["query_strings"] = [{"name": k, "value": v} for k, v in query.items()]
        if body is not None:
            command["content_type"] = "application/json"
            command["message_body"] = msgspec.json.encode(body).decode()
        reply: asyncio.Future[RESTResponse] = asyncio.get_running_loop().create_future()
        reply.add_done_callback(_retrieve)
        self._replies[number] = reply
        try:
            await self._ws.send_str(msgspec.json.encode(command).decode())
        except (ConnectionError, RuntimeError) as error:
            self._replies.pop(number, None)
            raise AsteriskAway(f"{method} {path}: {error}") from error
        return reply

    async def request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> str:
        """Send a command and wait for its reply; returns the reply's JSON text.

        Raises `AriError` (`NotFound`, `Conflict`, …) when Asterisk refuses, and what `send` raises.
        """
        reply = await self.send(method, path, query, body)
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                response = await reply
        except TimeoutError:
            raise AsteriskAway(f"{method} {path}: no reply within {REPLY_TIMEOUT_S:.0f} s") from None
        if response.status_code >= 400:
            raise refusal(response.status_code, f"{method} {path}", response.reason_phrase)
        return response.message_body


def _retrieve(reply: asyncio.Future[RESTResponse]) -> None:
    """A reply nobody waits for may fail with the socket; that is no news."""
    if not reply.cancelled():
        reply.exception()
