"""Letters arrive at least once: on a real Redis, at a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network

import pytest
from aiohttp import web

from ivr import outbox
from ivr.checkpoint import Kept
from ivr.flow.web import Request
from ivr.outbox import Outbox
from ivr.reach import Reach
from ivr.web import Web
from queues.handle import CallHandle
from tests.queues.desk import Desk, Post
from tests.queues.redis_process import RedisProcess
from tests.unit.web.far_side import FarSide

KEY = "pbx-1.1:main/tell:1"


@pytest.fixture
async def asker() -> AsyncIterator[Web]:
    asker = Web(Reach([ip_network("127.0.0.1/32")]))
    yield asker
    await asker.close()


def letter(url: str) -> Request:
    return Request("post", url, KEY, '{"näme":"Ada"}'.encode(), {"X-Shop": "1"})


async def posted(post: Post, url: str, asker: Web) -> tuple[CallHandle, Outbox]:
    h = await post.arrive("pbx-1.1")
    box = Outbox(post.store, asker)
    box.post(h, letter(url))
    await post.checkpoint.flush(h)
    return h, box


async def until(true: Callable[[], bool], look: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await look()
            await asyncio.sleep(0.01)


def kept(desk: Desk) -> list[str]:
    keys: list[str] = desk.redis.client().keys(f"{{{desk.site}}}:*")  # type: ignore[assignment]
    return [key for key in keys if "letter" in key or "outbox" in key]


def far_side(*statuses: int) -> FarSide:
    """Answers with these, one after the other; the last one for ever."""
    left = list(statuses)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=left.pop(0) if len(left) > 1 else left[0])

    return FarSide(answer)


async def test_a_letter_arrives_and_is_forgotten(desk: Desk, asker: Web) -> None:
    async with far_side(204) as far:
        _, box = await posted(desk.post(), far.url, asker)
        assert kept(desk)
        await until(lambda: not kept(desk), box.look)
        ((method, _, headers, body),) = far.asked
        assert (method, body, headers["X-Shop"]) == ("POST", '{"näme":"Ada"}', "1")
        assert headers["Idempotency-Key"] == KEY
        desk.assert_sound(live=True)


async def test_it_is_tried_again_until_it_arrives(
    desk: Desk, asker: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_S", 0.05)
    async with far_side(500, 404, 200) as far:
        _, box = await posted(desk.post(), far.url, asker)
        await until(lambda: not kept(desk), box.look)
        assert len(far.asked) == 3
        assert {headers["Idempotency-Key"] for _, _, headers, _ in far.asked} == {KEY}


async def test_the_pauses_grow(desk: Desk, asker: Web) -> None:
    async with far_side(503) as far:
        _, box = await posted(desk.post(), far.url, asker)
        await until(lambda: len(far.asked) == 1, box.look)
        await box.look()
        await asyncio.sleep(0.1)
        await box.look()
        assert len(far.asked) == 1, "the second attempt is a second later"


@pytest.mark.parametrize("status", [410, 500])
async def test_it_ends_when_nobody_wants_it(
    desk: Desk, asker: Web, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "GIVEN_UP_S", 0.5)
    async with far_side(status) as far:
        _, box = await posted(desk.post(), far.url, asker)
        await until(lambda: not kept(desk), box.look)
        assert len(far.asked) == 1


async def test_who_took_it_may_die(desk: Desk, asker: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the server had it and before that was written down: another worker sends it again."""
    monkeypatch.setattr(outbox, "LEASE_S", 0.3)
    reached = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        if not reached.is_set():
            reached.set()
            await asyncio.sleep(60)
        return web.Response()

    async with FarSide(answer) as far:
        _, box = await posted(desk.post(), far.url, asker)
        await box.look()
        await reached.wait()
        await box.close()
        other = Outbox(desk.post("hf-2").store, asker)
        await other.look()
        assert len(far.asked) == 1, "it was the first one's for a while"
        await until(lambda: not kept(desk), other.look)
        assert [headers["Idempotency-Key"] for _, _, headers, _ in far.asked] == [KEY, KEY]


async def test_the_same_letter_twice_is_one(desk: Desk, asker: Web) -> None:
    """Posted again while it is on its way, by somebody who does the step once more."""
    reached, answered = asyncio.Event(), asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        reached.set()
        await answered.wait()
        return web.Response()

    async with FarSide(answer) as far:
        post = desk.post()
        h, box = await posted(post, far.url, asker)
        await box.look()
        await reached.wait()
        box.post(h, letter(far.url))
        await post.checkpoint.flush(h)
        await box.look()
        answered.set()
        await until(lambda: not kept(desk), box.look)
        assert len(far.asked) == 1


async def test_it_waits_in_the_journal_while_redis_is_away(
    mortal: RedisProcess, mortal_desk: Desk, asker: Web
) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    box = Outbox(post.store, asker)
    async with far_side(200) as far:
        mortal.kill()
        box.post(h, letter(far.url))
        assert (await post.checkpoint.flush(h)).journaled
        await post.store.close()  # the worker, too, is gone; its journal is not
        mortal.start()
        again = mortal_desk.post()
        await again.store.operations.link.connect()
        await again.store.replay()
        await until(lambda: not kept(mortal_desk), Outbox(again.store, asker).look)
        assert len(far.asked) == 1


async def test_a_letter_and_the_step_after_it_are_written_together(desk: Desk, asker: Web) -> None:
    post = desk.post()
    h = await post.arrive("pbx-1.1")
    Outbox(post.store, asker).post(h, letter("http://127.0.0.1:1"))
    await post.checkpoint.step(h, flow="main", version=1, path="main/after", kept=Kept(), ride=True)
    assert not kept(desk)
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller")
    assert kept(desk)
    record = await post.checkpoint.record("pbx-1.1")
    assert record is not None
    assert record.step == "main/after"
