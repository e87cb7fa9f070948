"""Workers' names, leases and the calls they take over from each other."""

import asyncio

import pytest

from ivr.checkpoint import Kept, host_id
from queues.errors import Fenced
from queues.handle import CallHandle
from tests.queues.desk import Desk, settings


async def test_a_newer_incarnation_takes_the_name(desk: Desk) -> None:
    old, new = desk.post(), desk.post("hf-2")
    first = await old.checkpoint.enlist("hf-1")
    second = await new.checkpoint.enlist("hf-1")
    assert second == first + 1
    with pytest.raises(Fenced):
        await old.checkpoint.lease("hf-1", first)
    assert not (await new.checkpoint.lease("hf-1", second)).draining


async def test_what_a_lease_tells_of_the_others(desk: Desk) -> None:
    first, second = desk.post("hf-1"), desk.post("hf-2")
    one, two = await first.checkpoint.enlist("hf-1"), await second.checkpoint.enlist("hf-2")
    await first.arrive("pbx-1.1")
    await second.checkpoint.drain("hf-1")
    grant = await second.checkpoint.lease("hf-2", two)
    (peer,) = [peer for peer in grant.peers if peer.name == "hf-1"]
    assert (peer.alive, peer.inc, peer.host, peer.calls, peer.draining) == (True, one, host_id(), 1, True)
    await first.checkpoint.retire("hf-1", one)
    (peer,) = [peer for peer in await second.checkpoint.workers() if peer.name == "hf-1"]
    assert (peer.alive, peer.calls) == (False, 1)
    await first.checkpoint.enlist("hf-1")
    (peer,) = [peer for peer in await second.checkpoint.workers() if peer.name == "hf-1"]
    assert (peer.alive, peer.draining) == (True, False)


async def test_one_winner_of_many(desk: Desk) -> None:
    posts = [desk.post(f"hf-{number}") for number in range(1, 6)]
    await posts[0].arrive("pbx-1.1")
    tries = [post.checkpoint.adopt("pbx-1.1", "hf-1", 1, post.worker) for post in posts]
    records = [record for record in await asyncio.gather(*tries) if record is not None]
    assert len(records) == 1
    assert records[0].epoch == 2
    owners = [post.worker for post in posts if await post.checkpoint.owned(post.worker) == ["pbx-1.1"]]
    assert owners == [records[0].owner]


async def test_a_text_that_is_no_utf_8_is_kept_as_far_as_it_can_be(desk: Desk) -> None:
    post = desk.post("hf-1")
    h = await post.arrive("pbx-1.1")
    kept = Kept(name="Ad\ud800a", language="es", variables={"answer": "\udfff", "tries": 2, "vip": True})
    await post.checkpoint.step(h, flow="main", version=7, path="main/a", kept=kept)
    record = await post.checkpoint.record("pbx-1.1")
    assert record is not None
    assert record.kept == Kept(name="Ad?a", language="es", variables={"answer": "?", "tries": 2, "vip": True})


async def test_what_a_record_tells(desk: Desk) -> None:
    post, other = desk.post("hf-1"), desk.post("hf-2")
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    await post.checkpoint.step(
        h, flow="main", version=7, path="main/queue", kept=Kept(variables={"name": 'a"\nb'})
    )
    await post.store.join(h, "sales", head_starts={"priority": 5})
    record = await other.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-2")
    assert record is not None
    assert (record.state, record.queue, record.agent, record.attempt) == ("offered", "sales", "alice", 1)
    assert (record.flow, record.version, record.step, record.kept.variables) == (
        "main",
        7,
        "main/queue",
        {"name": 'a"\nb'},
    )
    assert record.score == record.joined_at - 5000
    handle = CallHandle.of_record(record, "hf-2")
    assert await other.store.settle(handle, "alice", 1)
    assert other.offers == []
    with pytest.raises(Fenced):
        await post.store.decline(h, "alice", 1, "no_answer")


async def test_an_ended_call_is_not_adopted(desk: Desk) -> None:
    post = desk.post()
    h = await post.arrive("pbx-1.1")
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller")
    assert await post.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-2") is None
    assert await post.checkpoint.owned("hf-1") == []


async def test_a_call_on_agi_is_by_ari_once_it_is_adopted(desk: Desk) -> None:
    post = desk.post()
    h = CallHandle("pbx-1.1", "hf-1")
    await post.checkpoint.arrive(h, from_="4930", to="100", agi=True)
    kept = await post.checkpoint.record("pbx-1.1")
    assert kept is not None
    assert kept.agi
    adopted = await post.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-1")
    assert adopted is not None
    assert (adopted.agi, adopted.owner, adopted.epoch) == (False, "hf-1", 2)
    with pytest.raises(Fenced):
        await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller")
    await post.arrive("pbx-1.2")
    other = await post.checkpoint.record("pbx-1.2")
    assert other is not None
    assert not other.agi


async def test_hostile_text_travels_unharmed(desk: Desk) -> None:
    post = desk.post()
    h = CallHandle("pbx-1.1", "hf-1")
    number = "a\"b'\\\r\n${x}&é\ud800" + "4" * 4000
    await post.checkpoint.arrive(h, from_=number, to=number)
    record = await post.checkpoint.record("pbx-1.1")
    assert record is not None
    assert record.from_ == record.to == number.replace("\ud800", "?")
    assert desk.kinds("pbx-1.1") == ["arrived"]
