"""The live figures as a client of /v1/live has them; it waits for a server that is away, for ever."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec

from calllog.errors import HoldfastError
from ivr.api.models import Agent, Alarm, LiveMessage, Queue

RETRY_S = 1.0
SILENCE_S = 5.0
"""A server from which nothing came for so long is away: it tells something at least every second."""
CONNECT_S = 5.0
MOST_BYTES = 64 * 1024 * 1024


class Unanswered(HoldfastError):  # noqa: N818  (an error is named by what is the matter)
    """The API does not answer, or refuses; the text says why, and what to do."""

    reason = "api-away"


class Way(NamedTuple):
    """How to reach the API: by a Unix socket, or by a URL with a token."""

    socket: Path | None = None
    url: str = ""
    token: str = ""

    @property
    def name(self) -> str:
        return self.url or str(self.socket)


class State:
    """What is known. `at`: the instant of the figures, ms; 0: nothing is known yet."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.agents: dict[str, Agent] = {}
        self.alarms: list[Alarm] = []
        self.at = self.age_ms = 0
        self.today_complete = True
        self.problem = "connecting"
        """Why nothing comes; empty: it does."""
        self.since = time.monotonic()
        """Since when that is so; on the clock of this process."""
        self._heard = 0.0

    def take(self, message: LiveMessage) -> None:
        """What the server has told."""
        if message.type == "snapshot":
            self.queues, self.agents = {}, {}
        self.queues |= {queue.queue: queue for queue in message.queues}
        self.agents |= {agent.agent: agent for agent in message.agents}
        for name in message.gone.queues:
            self.queues.pop(name, None)
        for name in message.gone.agents:
            self.agents.pop(name, None)
        self.at, self.age_ms, self.alarms = message.at, message.age_ms, message.alarms
        self.today_complete = message.today_complete
        self.is_well()

    def is_well(self) -> None:
        now = time.monotonic()
        if self.problem:
            self.problem, self.since = "", now
        self._heard = now

    def is_away(self, problem: str) -> None:
        """The figures are those of before."""
        if not self.problem:
            self.since = time.monotonic()
        self.problem = problem

    @property
    def now(self) -> int:
        """Now by the server's clock, ms; as long as it is away, when it was heard last."""
        if self.problem or not self.at:
            return self.at
        return self.at + self.age_ms + int((time.monotonic() - self._heard) * 1000)


class Source:
    """Keeps a state up to date."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self.state = State()

    async def run(self, told: Callable[[], None]) -> None:
        """For ever; `told` is called whenever something is new."""
        while True:
            try:
                async with self._session() as session:
                    await self._listen(session, told)
            except Unanswered as error:
                self.state.is_away(str(error))
            told()
            await asyncio.sleep(RETRY_S)

    async def once(self) -> State:
        """One snapshot. Raises Unanswered."""
        async with self._session() as session, await self._connected(session) as socket:
            self.state.take(await _message(socket))
        return self.state

    def _session(self) -> aiohttp.ClientSession:
        path = self._way.socket
        connector = aiohttp.UnixConnector(str(path)) if path else aiohttp.TCPConnector()
        return aiohttp.ClientSession(connector=connector)

    async def _listen(self, session: aiohttp.ClientSession, told: Callable[[], None]) -> None:
        async with await self._connected(session) as socket:
            while True:
                self.state.take(await _message(socket))
                told()

    async def _connected(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        url = (self._way.url or "http://localhost").rstrip("/") + "/v1/live"
        headers = {"Authorization": f"Bearer {self._way.token}"} if self._way.token else {}
        try:
            async with asyncio.timeout(CONNECT_S):
                socket = await session.ws_connect(url, headers=headers, max_msg_size=MOST_BYTES)
                await socket.send_json({"topics": ["queues", "agents"]})
        except aiohttp.WSServerHandshakeError as error:
            raise Unanswered(
                f"{self._way.name} refuses ({error.status}): {REFUSED.get(error.status, '')}"
            ) from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            why = getattr(error, "strerror", "") or str(error) or "no answer"  # str: the path once more
            raise Unanswered(
                f"{self._way.name} does not answer ({why}): is `holdfast serve` running?"
            ) from None
        return socket


REFUSED = {
    401: "the token is none of its, or was revoked: holdfast token create NAME --role viewer",
    403: "another server's pages may not ask",
    421: "it does not know itself by that name: HOLDFAST_API_HOSTS",
    429: "too many wrong tokens: wait a minute",
    503: "it has no figures yet, or too many watch",
}


async def _message(socket: aiohttp.ClientWebSocketResponse) -> LiveMessage:
    try:
        said: Any = msgspec.json.decode(await socket.receive_str(timeout=SILENCE_S))
        if "mend" in said:
            raise Unanswered(f"refused: {said['detail']}")
        return LiveMessage.model_validate(said)
    except TimeoutError:
        raise Unanswered(f"nothing was told for {SILENCE_S:.0f} s") from None
    except (aiohttp.ClientError, TypeError, OSError):
        raise Unanswered("the connection has ended") from None
    except ValueError as error:
        raise Unanswered(f"it tells what this version cannot read: {str(error).splitlines()[0]}") from None
