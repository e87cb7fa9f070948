"""A real HTTP server on loopback that answers as its script says, and remembers what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FarSide:
    """`async with FarSide(answer) as far`: `asked` is method, path, headers, body of each request."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1", port: int = 0) -> None:
        """`port` 0: any that is free."""
        self._answer = answer
        self._host = host
        self.port = port
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.url = ""
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://{self._host}:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def until(self, count: int, within_s: float = 5.0) -> None:
        """Until it was asked so often. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while len(self.asked) < count:
                self._news.clear()
                await self._news.wait()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append((request.method, request.path_qs, dict(request.headers), body))
        self._news.set()
        return await self._answer(request)
