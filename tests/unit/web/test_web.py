"""Questions to a real server on loopback: attempts, time, length, redirections, and what is not reached."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web

from ivr.flow.web import MAX_REPLY, Request, WebFailed, WebTimeout
from ivr.reach import Reach
from ivr.web import Web
from tests.unit.web.far_side import Answer, FarSide

LISTED = ip_network("127.0.0.1/32")


@pytest.fixture
async def asker() -> AsyncIterator[Web]:
    web = Web(Reach([LISTED]))
    yield web
    await web.close()


def request(url: str, **fields: Any) -> Request:
    return Request(method="get", url=url, key="c-1:main/ask:1", **fields)


def always(text: str = "{}", status: int = 200, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers)

    return answer


def in_turn(*statuses: int) -> Answer:
    left = iter(statuses)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=next(left))

    return answer


async def test_a_question_and_its_answer(asker: Web) -> None:
    async with FarSide(always('{"a": 1}', 201)) as far:
        asked = request(f"{far.url}/x?y=1", body=b'{"b":2}', headers={"X-A": "b"})
        reply = await asker.fetch(replace(asked, method="post"))
        assert (reply.status, reply.body) == (201, b'{"a": 1}')
        method, path, headers, body = far.asked[0]
        assert (method, path, body) == ("POST", "/x?y=1", '{"b":2}')
        assert headers["X-A"] == "b"
        assert headers["Content-Type"] == "application/json"
        assert headers["Idempotency-Key"] == "c-1:main/ask:1"


@pytest.mark.parametrize(
    ("statuses", "retries", "status", "asked"),
    [
        ((503, 429, 200), 2, 200, 3),
        ((500, 500), 1, 500, 2),
        ((404, 200), 2, 404, 1),
        ((500, 200), 0, 500, 1),
    ],
)
async def test_attempts(asker: Web, statuses: tuple[int, ...], retries: int, status: int, asked: int) -> None:
    async with FarSide(in_turn(*statuses)) as far:
        assert (await asker.fetch(request(far.url, retries=retries))).status == status
        assert len(far.asked) == asked
        assert {headers["Idempotency-Key"] for _, _, headers, _ in far.asked} == {"c-1:main/ask:1"}


async def test_a_server_that_comes_up_meanwhile_is_reached(asker: Web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(WebFailed, match=r"127\.0\.0\.1"):
        await asker.fetch(request(url, retries=1))


async def test_all_attempts_together_have_one_limit_of_time(asker: Web) -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with FarSide(never) as far:
        with pytest.raises(WebTimeout, match=r"no answer within 0\.2 s"):
            await asker.fetch(request(far.url, timeout_s=0.2, retries=5))
        assert len(far.asked) == 1
    async with FarSide(always(status=503)) as far:
        with pytest.raises(WebTimeout):
            await asker.fetch(request(far.url, timeout_s=0.5, retries=9))
        assert 1 < len(far.asked) < 4


async def test_a_long_answer_is_not_read(asker: Web) -> None:
    async with FarSide(always("x" * MAX_REPLY)) as far:
        assert len((await asker.fetch(request(far.url))).body) == MAX_REPLY
    async with FarSide(always("x" * (MAX_REPLY + 1))) as far:
        with pytest.raises(WebFailed, match="longer than 100 kB"):
            await asker.fetch(request(far.url))


@pytest.mark.parametrize("url", ["http://127.0.0.2:{port}", "http://[::1]:{port}", "http://0.0.0.0:{port}"])
async def test_an_address_that_is_not_listed_is_refused(asker: Web, url: str) -> None:
    async with FarSide(always(), "0.0.0.0") as far:  # noqa: S104
        with pytest.raises(WebFailed, match="flows may not reach"):
            await asker.fetch(request(url.format(port=far.port)))
        assert far.asked == []


async def test_nor_is_it_reached_by_a_redirection(asker: Web) -> None:
    async with (
        FarSide(always(), "127.0.0.2") as inner,
        FarSide(always(status=302, Location=inner.url)) as far,
    ):
        with pytest.raises(WebFailed, match=r"flows may not reach 127\.0\.0\.2"):
            await asker.fetch(request(far.url))
        assert (len(far.asked), inner.asked) == (1, [])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Name → what it is said to be each time it is looked up, the last answer for ever."""
    table: dict[str, list[str]] = {}

    async def look_up(_: Any, host: str, port: int, **__: Any) -> list[Any]:
        answers = table[host]
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)
    return table


async def test_a_name_that_changes_its_mind_is_refused(asker: Web, names: dict[str, list[str]]) -> None:
    names["shop.test"] = ["127.0.0.1", "127.0.0.2"]
    async with FarSide(always(Connection="close"), "0.0.0.0") as far:  # noqa: S104
        url = f"http://shop.test:{far.port}"
        assert (await asker.fetch(request(url))).status == 200
        with pytest.raises(WebFailed, match=r"flows may not reach 127\.0\.0\.2"):
            await asker.fetch(request(url))
        assert len(far.asked) == 1


async def test_what_was_meant_for_one_server_is_not_told_to_another(
    asker: Web, names: dict[str, list[str]]
) -> None:
    names["one.test"] = names["two.test"] = ["127.0.0.1"]
    async with FarSide(always()) as two:
        there = f"http://two.test:{two.port}/"
        async with FarSide(always(status=302, Location=there)) as one:
            await asker.fetch(request(f"http://one.test:{one.port}", headers={"Authorization": "secret"}))
            assert one.asked[0][2]["Authorization"] == "secret"
            assert "Authorization" not in two.asked[0][2]
        async with FarSide(always(status=307, Location=there)) as one:
            post = replace(request(f"http://one.test:{one.port}", body=b'{"pin":1}'), method="post")
            with pytest.raises(WebFailed, match="would have data sent on"):
                await asker.fetch(post)
        assert len(two.asked) == 1


@pytest.mark.parametrize("target", ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com"])
async def test_a_redirection_to_something_else_than_http(asker: Web, target: str) -> None:
    async with FarSide(always(status=302, Location=target)) as far:
        with pytest.raises(WebFailed, match="less safe"):
            await asker.fetch(request(far.url))


async def test_a_post_that_is_redirected_becomes_a_get_without_data(asker: Web) -> None:
    async def answer(request: web.Request) -> web.Response:
        there = {"Location": "/there"} if request.path == "/" else {}
        return web.Response(status=303 if there else 200, headers=there)

    async with FarSide(answer) as far:
        await asker.fetch(replace(request(far.url, body=b"1"), method="post"))
        assert [(method, path, body) for method, path, _, body in far.asked] == [
            ("POST", "/", "1"),
            ("GET", "/there", ""),
        ]


async def test_redirections_end(asker: Web) -> None:
    async with FarSide(always(status=302, Location="/again")) as far:
        with pytest.raises(WebFailed, match="redirects more than 3 times"):
            await asker.fetch(request(far.url))
        assert len(far.asked) == 4


async def test_an_error_does_not_tell_the_address(asker: Web) -> None:
    for url in ("http://127.0.0.1:1/4930123456", "http://", "http://[/4930123456", "nonsense 4930123456"):
        with pytest.raises(WebFailed) as caught:
            await asker.fetch(request(url))
        assert "4930123456" not in str(caught.value)


async def test_a_line_end_in_a_header_is_not_sent(asker: Web) -> None:
    async with FarSide(always()) as far:
        with pytest.raises(WebFailed):
            await asker.fetch(request(far.url, headers={"X-A": "b\r\nX-Evil: 1"}))
        assert far.asked == []
