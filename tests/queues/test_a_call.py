"""One call through a queue, operation by operation."""

from typing import Any

import pytest

from ivr.checkpoint import Kept
from queues.errors import Fenced
from queues.handle import CallHandle
from queues.operations import now_ms
from tests.queues.desk import Desk, settings


async def test_served_call(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    await post.checkpoint.step(
        h, flow="main", version=1, path="main/queue", kept=Kept(variables={"a": "1"}), ride=True
    )
    joined = await post.store.join(h, "sales")
    assert (joined.position, joined.offered) == (1, True)
    (offer,) = post.offers
    assert (offer.agent, offer.device, offer.attempt, offer.ring_s) == ("alice", "alice-phone", 1, 20)
    assert await post.store.settle(h, offer.agent, offer.attempt)
    assert (await post.store.connected(h, offer.agent, offer.attempt)).changed
    await post.store.hold(h, by="agent", started=True)
    await post.store.hold(h, by="agent", started=False)
    await post.store.unbridged(h, ended_by="agent")
    record = await post.checkpoint.record("pbx-1.1")
    assert record is not None
    assert (record.state, record.step, record.kept.variables, record.version) == (
        "flow",
        "main/queue",
        {"a": "1"},
        1,
    )
    ended = await post.checkpoint.ended(h, reason="agent-hangup", ended_by="agent", cause=16)
    assert ended.verdict == "completed"
    assert desk.kinds("pbx-1.1") == [
        *("arrived", "answered", "joined", "hold_started", "offered", "hold_ended", "queue_left", "bridged"),
        *("hold_started", "hold_ended", "unbridged", "ended"),
    ]
    desk.assert_sound()
    assert [agent.state for agent in await post.store.agents()] == ["ready"]


async def test_abandoned_while_ringing(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    await post.store.join(h, "sales")
    ended = await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert ended.verdict == "abandoned"
    assert desk.kinds("pbx-1.1")[-4:] == ["declined", "hold_ended", "queue_left", "ended"]
    desk.assert_sound()
    assert [agent.state for agent in await post.store.agents()] == ["ready"]


async def test_stale_epoch_is_fenced(desk: Desk) -> None:
    first, second = desk.post("hf-1"), desk.post("hf-2")
    h = await first.arrive("pbx-1.1")
    record = await second.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-2")
    assert record is not None
    with pytest.raises(Fenced):
        await first.store.join(h, "sales")
    assert (await second.store.join(CallHandle.of_record(record, "hf-2"), "sales")).position == 1


async def test_offer_reaches_the_owner_at_another_worker(desk: Desk) -> None:
    first, second = desk.post("hf-1"), desk.post("hf-2")
    await first.store.configure(*settings({"alice": ("sales",)}, ready=False), version=1)
    h = await first.arrive("pbx-1.1")
    await first.store.join(h, "sales")
    await second.store.agent("alice", "ready")
    assert (await first.next_offer()).agent == "alice"
    assert second.offers == []


@pytest.mark.parametrize(
    ("whom", "waits", "verdict"),
    [
        ({"how": "blind", "to": "+49301234"}, False, "transferred"),
        ({"how": "attended", "to": "+49301234"}, True, "transferred"),
        ({"how": "blind", "agent": "bob"}, False, "ivr_exit"),
        ({"how": "blind", "agent": "bob"}, True, "overflowed"),
    ],
)
async def test_the_verdict_after_a_transfer(
    desk: Desk, whom: dict[str, Any], waits: bool, verdict: str
) -> None:
    post = desk.post()
    h = await post.arrive("pbx-1.1")
    if waits:
        await post.store.join(h, "sales")
        await post.store.leave(h, "timeout")
    post.store.note(h, "transferred", **whom, by="flow")
    ended = await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert ended.verdict == verdict
    desk.assert_sound()


async def test_calls_outside_are_counted(desk: Desk) -> None:
    store = desk.post().store
    assert [await store.dial(key, 2) for key in ("a", "b", "c")] == [True, True, False]
    assert await store.dial("a", 2), "it is the same call, begun again by another worker"
    assert not await store.dial("c", 2)
    assert await store.dial("c", 3)
    redis = desk.redis.client()
    key = f"{{{desk.site}}}:dialled"
    redis.zadd(key, {"a": now_ms() - 3_600_001})
    assert await store.dial("d", 3), "an hour later there is room"
    assert 0 < int(redis.ttl(key)) <= 3600


async def test_what_happens_once(desk: Desk) -> None:
    store, other = desk.post().store, desk.post("hf-2").store
    assert await store.once("offer", "call-1", 100)
    assert await other.once("offer", "call-1", 100), "the same call, taken over"
    assert not await other.once("offer", "call-2", 100)
    assert await other.once("another", "call-2", 100)
    assert 0 < int(desk.redis.client().ttl(f"{{{desk.site}}}:once:offer")) <= 100
