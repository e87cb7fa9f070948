"""HTTP for flows: one question, a few attempts, a bounded answer."""

import asyncio
import logging

import aiohttp
from yarl import URL

from ivr.flow.web import MAX_REPLY, Reply, Request, WebFailed, WebTimeout
from ivr.reach import Reach

log = logging.getLogger(__name__)

MAX_REDIRECTS = 3
FIRST_PAUSE_S = 0.2
"""Before the second attempt; each pause is twice the one before."""

REDIRECTIONS = (301, 302, 303, 307, 308)


class Web:
    """Asks other people's servers. One for a worker; its connections are kept for the next question."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def fetch(self, request: Request) -> Reply:
        """Ask, and again if the answer is none or a passing one. Raises `WebFailed`, `WebTimeout`."""
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._attempts(request)
        except TimeoutError:
            raise WebTimeout(f"{_server(request.url)}: no answer within {request.timeout_s:g} s") from None

    async def _attempts(self, request: Request) -> Reply:
        for attempt in range(request.retries):
            try:
                reply = await self._attempt(request)
                if not reply.passing:
                    return reply
                log.info("%s: status %d, attempt %d", _server(request.url), reply.status, attempt + 1)
            except WebFailed as error:
                log.info("%s, attempt %d", error, attempt + 1)
            await asyncio.sleep(FIRST_PAUSE_S * 2**attempt)
        return await self._attempt(request)

    async def _attempt(self, request: Request) -> Reply:
        try:
            return await self._follow(request)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # aiohttp's texts can hold the address with all that was put into it
            why = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else type(error).__name__
            raise WebFailed(f"{_server(request.url)}: {why}") from None

    async def _follow(self, request: Request) -> Reply:
        """One attempt. What was meant for one server is not told to another that it points to."""
        method, url, body, headers = request.method.upper(), URL(request.url), request.body, request.headers
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask(method, url, body, {**headers, "Idempotency-Key": request.key})
            if isinstance(answer, Reply):
                return answer
            status, target = answer
            if (url.scheme == "https" and target.scheme != "https") or target.scheme not in ("http", "https"):
                raise WebFailed(f"{url.host}: redirects to an address that is less safe")
            if status == 303 or (status in (301, 302) and method == "POST"):
                method, body = "GET", b""
            if target.origin() != url.origin():
                headers = {}
                if body:
                    raise WebFailed(f"{url.host}: would have data sent on to another server")
            url = target
        raise WebFailed(f"{url.host}: redirects more than {MAX_REDIRECTS} times")

    async def _ask(
        self, method: str, url: URL, body: bytes, headers: dict[str, str]
    ) -> Reply | tuple[int, URL]:
        """One request: the answer, or the status and target of a redirection."""
        if body:
            headers.setdefault("Content-Type", "application/json")
        client = self._client = self._client or self._open()
        async with client.request(
            method, url, data=body or None, headers=headers, allow_redirects=False
        ) as response:
            target = response.headers.get("Location")
            if response.status in REDIRECTIONS and target:
                return response.status, url.join(URL(target))
            read = bytearray()
            async for chunk in response.content.iter_any():
                read += chunk
                if len(read) > MAX_REPLY:
                    raise WebFailed(f"{url.host}: the answer is longer than {MAX_REPLY // 1000} kB")
            return Reply(response.status, bytes(read))

    def _open(self) -> aiohttp.ClientSession:
        """No cookies, no proxies from the environment, nothing to unpack: an answer is as long as it is."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                socket_factory=self._reach.socket, use_dns_cache=False, limit=0, limit_per_host=32
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "Holdfast"},
            timeout=aiohttp.ClientTimeout(total=None),
        )


def _server(url: str) -> str:
    try:
        return URL(url).host or "no server"
    except ValueError:
        return "no server"
