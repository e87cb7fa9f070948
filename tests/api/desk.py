"""A site with an API, as a test sees both."""

import re
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from aiohttp import web
from openapi_schema_validator import OAS31Validator

from calllog.stream import LogStream
from ivr.api import openapi, tokens
from ivr.api.board import Board
from ivr.api.guard import Guard
from ivr.api.metrics import Exposition, Traffic
from ivr.api.models import Role
from ivr.api.service import Service
from ivr.api.tally import Tally
from ivr.api.tokens import Tokens
from ivr.api.watch import Archived, Watch, nothing_archived
from queues.operations import now_ms
from queues.store import Store
from tests.queues.desk import Desk, settings
from tests.queues.redis_process import RedisProcess

HOUR_MS = 3_600_000
AGENTS = {"alice": ("sales", "support"), "bob": ("sales",)}


class Said(msgspec.Struct):
    """An answer."""

    status: int
    headers: Any
    body: Any


class ApiDesk(Desk):
    """`async with ApiDesk(…)`: the API listens on a port and on a Unix socket, and has had its first turn."""

    def __init__(
        self, redis: RedisProcess, site: str, folder: Path, archived: Archived = nothing_archived
    ) -> None:
        self._archived = archived
        super().__init__(redis, site, folder)
        folder.mkdir(exist_ok=True)
        self.secrets = folder / "secrets"
        self.board, self.tally, self.traffic = Board(), Tally(), Traffic()
        self.begins_at = now_ms() - HOUR_MS
        self._stack = AsyncExitStack()
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def __aenter__(self) -> Self:
        self.store = Store(self.redis.url, self.site)
        self._stack.push_async_callback(self.store.close)
        self.stream = await self._stack.enter_async_context(LogStream(self.redis.url, self.site))
        self.watch = Watch(self.store, self.stream, self.board, self.tally, self.day, self._archived)
        exposition = Exposition(self.board, self.tally, self.watch, self.traffic)
        self.guard = Guard(Tokens(self.secrets), [])
        service = Service(self.board, self.watch, self.store, self.guard, self.traffic, exposition)
        runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._stack.push_async_callback(service.watchers.close)
        self.socket = self.folder / "run" / "api.sock"
        self.socket.parent.mkdir()
        await web.UnixSite(runner, self.socket).start()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[-1][1]
        self.http = await self._stack.enter_async_context(aiohttp.ClientSession(self.url))
        self.viewer, self.supervisor, self.blind = (
            self.token(name, role, redacted)
            for name, role, redacted in (
                ("wall", "viewer", False),
                ("boss", "supervisor", False),
                ("blind", "viewer", True),
            )
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in self._sockets:
            await socket.close()
        await self._stack.aclose()
        await self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def day(self, at: int) -> tuple[int, int]:  # noqa: ARG002  (whenever it is)
        """The day of this site is when the test says so."""
        return self.begins_at, self.begins_at + 24 * HOUR_MS

    def token(self, name: str, role: Any, redacted: bool = False) -> str:
        given: Role = role
        return tokens.create(self.secrets, name, given, redacted)[1]

    async def opened(self) -> Self:
        """Alice and Bob are ready, for sales and support."""
        post = self.post()
        devices = [f"{agent}-phone" for agent in AGENTS]
        await post.store.configure(*settings(AGENTS), version=1, devices=devices)
        await post.checkpoint.enlist("hf-1")
        await post.checkpoint.lease("hf-1", 1, True, True)
        await self.watch.turn()
        return self

    async def wait_in(self, queue: str, call: str, from_: str = "+4930123") -> Any:
        """A caller joins."""
        post = self._posts[0]
        handle = await post.arrive(call, from_=from_)
        await post.store.join(handle, queue)
        return handle

    async def ask(self, method: str, path: str, token: str = "", **more: Any) -> Said:
        """An answer, which is as the document says it is."""
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.http.request(method, path, headers=headers, **more) as answer:
            raw = await answer.read()
            body = msgspec.json.decode(raw) if "json" in answer.content_type else raw.decode()
            check(method, path, answer.status, answer.content_type, body)
            return Said(answer.status, answer.headers, body)

    async def connect(self, **more: Any) -> aiohttp.ClientWebSocketResponse:
        """A connection to /v1/live."""
        self._sockets.append(await self.http.ws_connect("/v1/live", **more))
        return self._sockets[-1]

    async def get(self, path: str, token: str = "") -> Any:
        """What a viewer is told."""
        said = await self.ask("GET", path, token or self.viewer)
        assert said.status == 200, said
        return said.body


def check(method: str, path: str, status: int, content_type: str, body: Any) -> None:
    """The document has this answer, and its schema."""
    document = openapi.document()
    plain = path.partition("?")[0]
    for template, operations in document["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if re.fullmatch(pattern, plain) and method.lower() in operations:
            described = operations[method.lower()]["responses"][str(status)]["content"][content_type]
            if "schema" in described:
                valid(body, described["schema"])
            return
    assert status in (404, 405, 421), f"{method} {path} is not described"
    valid(body, {"$ref": "#/components/schemas/Problem"})


def valid(body: Any, schema: dict[str, Any]) -> None:
    """As JSON Schema 2020-12 has it, which OpenAPI 3.1 uses."""
    whole = {**schema, "components": openapi.document()["components"]}
    OAS31Validator(whole).validate(body)
