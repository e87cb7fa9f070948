"""What a worker is told of its calls: a move to another queue, and every phone that is to ring, once."""

import asyncio

from queues.models import Queue
from queues.operations import Attempts
from tests.queues.desk import Desk, settings


async def test_the_owner_is_told_that_a_caller_was_moved(desk: Desk) -> None:
    one, other = desk.post("hf-1"), desk.post("hf-2")
    told: asyncio.Queue[tuple[str, str, int]] = asyncio.Queue()
    one.store.operations.on_moved = lambda *moved: told.put_nowait(moved)
    await one.store.operations.link.call("PING")
    await one.store.configure(*settings({"bob": ("sales", "gold")}, ready=False), version=1)
    h = await one.arrive("pbx-1.1")
    joined = await one.store.join(h, "sales")
    await other.store.move(h.call, position=1, by="eve")
    await other.store.move(h.call, "gold", by="eve")
    async with asyncio.timeout(5):
        call, queue, joined_at = await told.get()
    assert (call, queue) == (h.call, "gold")
    assert joined_at >= joined.joined_at
    record = await one.checkpoint.record(h.call)
    assert record is not None
    assert (record.queue, record.joined_at) == ("gold", joined_at)
    assert told.empty(), "a place in his own queue changes nothing that he hears"


async def test_an_older_attempt_whose_message_was_lost_is_rung_by_the_sweeper(desk: Desk) -> None:
    one, other = desk.post("hf-1"), desk.post("hf-2")
    queues = {"sales": Queue(strategy="ring_all")}
    await one.store.configure(*settings({"ann": ("sales",), "bob": ("sales",)}, False, queues), version=1)
    h = await one.arrive("pbx-1.1")
    await one.store.join(h, "sales")
    link = one.store.operations.link
    heard, link.on_push = link.on_push, lambda _: None
    await other.store.agent("ann", "ready")
    await link.call("PING")  # the message has come, and was lost
    link.on_push = heard
    await one.store.agent("bob", "ready")
    assert [(each.agent, each.attempt) for each in one.offers] == [("bob", 2)]
    for _ in range(20):
        await one.store.sweep()
    assert [(each.agent, each.attempt) for each in one.offers] == [("bob", 2), ("ann", 1)]
    assert await one.store.settle(h, agent="ann", attempt=1)


def test_each_attempt_is_told_once_in_any_order() -> None:
    attempts = Attempts()
    assert [attempts.new(number) for number in (1, 3, 3, 2, 2, 1, 4, 4)] == [
        True, True, False, True, False, False, True, False,
    ]  # fmt: skip
    attempts.up_to(9)
    assert [attempts.new(number) for number in (7, 9, 10, 10)] == [False, False, True, False]
