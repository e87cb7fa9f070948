"""A queue at one moment, as conditions see it, and the counters of shares."""

import asyncio

from queues.results import QueueFigures
from tests.queues.desk import Desk, settings

AGENTS = {"alice": ("sales", "support"), "bob": ("sales",), "carol": ("support",)}


async def test_figures_are_what_is_now(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings(AGENTS), version=1)
    assert await post.store.figures("sales") == QueueFigures(0, 0.0, 2, 2)
    first = await post.arrive("pbx-1.1")
    await post.store.join(first, "sales")
    await post.store.join(await post.arrive("pbx-1.2"), "sales")
    third = await post.arrive("pbx-1.3")
    await post.store.join(third, "sales")
    async with asyncio.timeout(5):
        while (figures := await post.store.figures("sales")).longest_wait_s < 0.03:
            pass
    assert (figures.waiting, figures.ready, figures.staffed) == (3, 0, 2)
    await post.store.agent("bob", "offline")
    await post.store.agent("alice", "pause", what="lunch")
    await post.checkpoint.ended(first, reason="caller-hangup", ended_by="caller", cause=16)
    figures = await post.store.figures("sales")
    assert (figures.waiting, figures.ready) == (2, 0)
    assert (await post.store.figures("support")).staffed >= 1
    assert await post.store.figures("nobody-knows-it") == QueueFigures(0, 0.0, 0, 0)


async def test_who_pauses_or_is_offline_is_not_staffed(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings(AGENTS), version=1)
    await post.store.agent("alice", "pause", what="lunch")
    assert await post.store.figures("sales") == QueueFigures(0, 0.0, 1, 1)
    await post.store.agent("bob", "offline")
    assert await post.store.figures("sales") == QueueFigures(0, 0.0, 0, 0)


async def test_all_workers_count_together(desk: Desk) -> None:
    one, other = desk.post("hf-1"), desk.post("hf-2")
    keys = enumerate((one, other, one))
    counted = [await post.store.count("main/split", f"call-{number}") for number, post in keys]
    assert counted == [1, 2, 3]
    assert await one.store.count("main/other", "call-9") == 1
    assert await other.store.count("main/split", "call-1") == 2, "a take-over asks once more, and is the same"
    assert await other.store.count("main/split", "call-3") == 4
    client = desk.redis.client()
    assert 0 < client.ttl(f"{{{desk.site}}}:counted:call-1") <= 600, "forgotten once nobody can ask again"
