"""/v1/live: first everything, then what is new, for as long as somebody watches.

Each client has a task that waits for turns of the board and sends. Who reads slowly is sent nothing new until
he has taken what he was sent, then all that was missed in one message, or, if that is too much, a snapshot.
Who has taken nothing for `SEND_S` is dropped. So nobody can slow anybody else down, and none is kept for him.
"""

import asyncio
import logging
from contextlib import suppress

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from pydantic import ValidationError

from ivr.api.board import Board, View
from ivr.api.guard import Guard, is_local
from ivr.api.metrics import Traffic
from ivr.api.models import LiveRequest
from ivr.api.problems import Refusal, unfit
from ivr.api.tokens import Token
from ivr.first import first_over

log = logging.getLogger(__name__)

FIRST_S = 5.0
"""How long a client may take for its first message."""
SEND_S = 10.0
MOST_CLIENTS = 1000
MOST_BYTES = 4096
"""Of a message from a client."""
PING_S = 20.0
AT_ONCE = 65_536
"""So many bytes may be on their way to a client before it counts as slow."""


class Live:
    """Those who watch."""

    def __init__(self, board: Board, guard: Guard, traffic: Traffic) -> None:
        self._board, self._guard, self._traffic = board, guard, traffic
        self._closing = asyncio.Event()

    async def close(self) -> None:
        """Everybody is told to come again."""
        self._closing.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Until the client, or we, go."""
        self._admit(request)
        has_said = "Authorization" in request.headers or is_local(request)
        token = self._guard.token(request) if has_said else None
        socket = web.WebSocketResponse(
            max_msg_size=MOST_BYTES, heartbeat=PING_S, compress=False, writer_limit=AT_ONCE
        )
        self._traffic.clients += 1
        try:
            await socket.prepare(request)
            await self._watched(request, socket, token)
        except Refusal as refused:
            await _refuse(socket, refused)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # he has gone
        finally:
            self._traffic.clients -= 1
        return socket

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise Refusal(
                426,
                "no-websocket",
                "/v1/live",
                "is a WebSocket",
                "connect by ws:// or wss://",
                {"Upgrade": "websocket"},
            )
        if self._traffic.clients >= MOST_CLIENTS:
            raise Refusal(
                503,
                "too-many-clients",
                "/v1/live",
                f"{MOST_CLIENTS} watch already",
                "close some",
                {"Retry-After": "10"},
            )
        if not self._board.at:
            raise Refusal(
                503,
                "no-figures",
                "/v1/live",
                "there are no figures yet",
                "ask again in a second",
                {"Retry-After": "1"},
            )

    async def _watched(
        self, request: web.Request, socket: web.WebSocketResponse, token: Token | None
    ) -> None:
        try:
            async with asyncio.timeout(FIRST_S):
                first = _read(await socket.receive())
        except TimeoutError:
            raise Refusal(
                422,
                "silent",
                "first message",
                f"did not come within {FIRST_S:.0f} s",
                'send {"topics": [...]}',
            ) from None
        if first is None:
            return
        if token is None:
            token = self._guard.known(request, first.token) if first.token else self._guard.token(request)
        watcher = _Watcher(self._board, socket, token, first)
        await first_over(watcher.send(self._guard, self._traffic), watcher.listen(), self._closing.wait())
        if self._closing.is_set():
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the API ends; come again")


class _Watcher:
    """One client."""

    def __init__(self, board: Board, socket: web.WebSocketResponse, token: Token, first: LiveRequest) -> None:
        self._board, self._socket, self._token = board, socket, token
        self._view = self._seen_by(first)
        self._seq = -1
        """What the client knows; -1: nothing that counts."""

    def _seen_by(self, request: LiveRequest) -> View:
        return View(frozenset(request.topics), self._token.redacted)

    async def listen(self) -> None:
        """What the client says: that it wants to see something else."""
        while (said := _read(await self._socket.receive())) is not None:
            self._view, self._seq = self._seen_by(said), -1

    async def send(self, guard: Guard, traffic: Traffic) -> None:
        """Send what is new, as fast as it is taken."""
        while True:
            turned, seq = self._board.turned, self._board.seq
            message = self._board.since(self._seq, self._view) if self._seq >= 0 else None
            if message is None:
                traffic.resyncs += self._seq >= 0
                message = self._board.snapshot(self._view)
            self._seq = seq
            try:
                async with asyncio.timeout(SEND_S):
                    await self._socket.send_str(message.decode())
            except TimeoutError:
                traffic.dropped += 1
                log.warning("a client of token %s takes nothing any more: dropped", self._token.name)
                raise ConnectionResetError from None
            await turned.wait()
            if not guard.tokens.holds(self._token):
                raise Refusal(401, "wrong-token", "token", "was revoked", "make another")


def _read(message: WSMessage) -> LiveRequest | None:
    """What a client has said; None: it has gone. Raises Refusal."""
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        return None
    if message.type is not WSMsgType.TEXT:
        raise Refusal(422, "unfit", "message", "is no text", "send JSON")
    try:
        return LiveRequest.model_validate_json(message.data)
    except ValidationError as error:
        raise unfit(error, "message") from None


async def _refuse(socket: web.WebSocketResponse, refused: Refusal) -> None:
    """Why it ends, as a message, and the code for it."""
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(SEND_S):
            await socket.send_str(refused.body.model_dump_json())
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=refused.reason.encode())
