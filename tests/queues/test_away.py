"""Redis is killed, hangs, forgets its scripts or may not write: nothing is lost, and it ends by itself."""

import asyncio
from pathlib import Path

import pytest

from calllog.call_events import Ended, Unbridged
from calllog.errors import JournalFull
from calllog.journal import Journal
from queues.errors import Fenced, StoreAway
from queues.handle import CallHandle
from queues.operations import now_ms
from tests.queues.desk import Desk, Post, settings
from tests.queues.redis_process import RedisProcess


async def back(post: Post) -> None:
    """Until Redis is back for this worker and its journal is empty."""
    async with asyncio.timeout(20):
        await post.store.operations.link.connect()
        await post.store.replay()
    assert not post.store.away


async def test_a_talk_ends_while_redis_is_away(mortal: RedisProcess, mortal_desk: Desk) -> None:
    post = mortal_desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    joined = await post.store.join(h, "sales")
    assert joined.offered
    assert await post.store.settle(h, "alice", 1)
    mortal.kill()
    connected = await post.store.connected(h, "alice", 1, at=now_ms())
    assert connected.journaled
    assert post.store.away
    assert (await post.store.hold(h, "agent", True)).journaled
    parted_at = now_ms()
    assert (await post.store.unbridged(h, "agent", at=parted_at)).journaled
    post.store.note(h, "step", flow="main", version=1, path="main/queue", outcome="answered", took_ms=1)
    ended = await post.checkpoint.ended(h, reason="flow-ended", ended_by="system", cause=16, at=parted_at)
    assert ended.journaled
    mortal.start()
    await back(post)
    mortal_desk.assert_sound()
    events = mortal_desk.calls()["pbx-1.1"]
    assert [event.kind for event in events][-8:] == [
        *("hold_ended", "queue_left", "bridged", "hold_started", "hold_ended", "unbridged", "step", "ended")
    ]
    (parted,) = [event for event in events if isinstance(event, Unbridged)]
    (end,) = [event for event in events if isinstance(event, Ended)]
    assert (parted.at, end.at, end.verdict) == (parted_at, parted_at, "completed")
    assert parted.logged_at > parted_at
    assert [agent.state for agent in await post.store.agents()] == ["ready"]


async def test_what_cannot_wait_is_refused_and_can_be_repeated(
    mortal: RedisProcess, mortal_desk: Desk
) -> None:
    post = mortal_desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    mortal.kill()
    with pytest.raises(StoreAway):
        await post.store.join(h, "sales")
    with pytest.raises(StoreAway):
        await post.store.agent("alice", "pause", "lunch")
    mortal.start()
    await back(post)
    assert (await post.store.join(h, "sales")).offered
    assert mortal_desk.kinds("pbx-1.1") == ["arrived", "answered", "joined", "hold_started", "offered"]


async def test_a_call_keeps_its_order_while_the_journal_is_replayed(
    mortal: RedisProcess, mortal_desk: Desk
) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.kill()
    for number in range(200):
        await post.store.hold(h, "caller", number % 2 == 0)
    mortal.start()
    await post.store.operations.link.connect()
    assert (await post.store.hold(h, "caller", True)).journaled
    with pytest.raises(StoreAway):
        await post.store.join(h, "sales")
    await back(post)
    assert (await post.store.join(h, "sales")).position == 1
    mortal_desk.assert_sound(live=True)
    assert len(mortal_desk.kinds("pbx-1.1")) == 2 + 201 + 2


async def test_the_journal_outlives_its_worker(mortal: RedisProcess, mortal_desk: Desk) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.kill()
    ended = await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert ended.journaled
    await post.store.close()
    mortal.start()
    again = mortal_desk.post()
    assert await again.store.replay() == 1
    assert await again.store.replay() == 0
    mortal_desk.assert_sound()
    assert mortal_desk.kinds("pbx-1.1")[-1] == "ended"


async def test_replaying_twice_changes_nothing(
    mortal: RedisProcess, mortal_desk: Desk, tmp_path: Path
) -> None:
    """The process may die between the last operation and the emptying of the journal."""
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.kill()
    await post.store.hold(h, "caller", True)
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    kept = [entry.record for entry in post.store.operations.deferral._journal.entries()]  # type: ignore[union-attr]
    mortal.start()
    await back(post)
    once = mortal_desk.log()
    await post.store.close()
    journal = Journal(tmp_path / "journal-hf-1")
    for record in kept:
        await journal.append(record)
    await journal.close()
    await mortal_desk.post().store.replay()
    assert mortal_desk.log() == once


async def test_what_redis_refuses_for_good_is_set_aside(
    mortal: RedisProcess, mortal_desk: Desk, tmp_path: Path
) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.kill()
    with pytest.raises(StoreAway):
        await post.store.operations.link.call("PING")
    post.store.operations.deferral.append("unheard-of", ["pbx-1.9", "hf-1", 1, 1, 0, 0], lambda: None)
    assert (await post.checkpoint.ended(h, reason="flow-ended", ended_by="system")).journaled
    mortal.start()
    await back(post)
    assert [event.kind for event in mortal_desk.calls()["pbx-1.1"]][-1] == "ended"
    (aside,) = tmp_path.glob("*.refused")
    assert "pbx-1.9" in aside.read_text()
    assert len(aside.read_text().splitlines()) == 1


async def test_a_redis_that_hangs_applies_late_what_it_had_received(
    mortal: RedisProcess, mortal_desk: Desk
) -> None:
    post = mortal_desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}, ready=False), version=1)
    h, other = await post.arrive("pbx-1.1"), await post.arrive("pbx-1.2")
    await post.store.join(h, "sales")
    mortal.freeze()
    with pytest.raises(StoreAway):
        await post.store.join(other, "sales")
    assert (await post.store.leave(h, "timeout")).journaled
    mortal.thaw()
    await back(post)
    await post.store.join(other, "sales")
    await post.checkpoint.ended(h, reason="flow-ended", ended_by="system")
    await post.checkpoint.ended(other, reason="caller-hangup", ended_by="caller")
    mortal_desk.assert_sound()
    assert [event.kind for event in mortal_desk.calls()["pbx-1.2"]].count("joined") == 1


async def test_forgotten_functions_are_loaded_again_in_order(desk: Desk) -> None:
    post = desk.post()
    h = await post.arrive("pbx-1.1")
    desk.redis.client().function_flush()
    many = [post.store.hold(h, "caller", number % 2 == 0) for number in range(50)]
    await asyncio.gather(*many, post.store.join(h, "sales"))
    kinds = desk.kinds("pbx-1.1")
    assert len(kinds) == 2 + 50 + 2
    assert kinds[-2:] == ["joined", "hold_started"]
    desk.assert_sound(live=True)


REFUSALS = {
    "OOM": ({"maxmemory": "1"}, {"maxmemory": "0"}),
    "NOREPLICAS": ({"min-replicas-to-write": "1"}, {"min-replicas-to-write": "0"}),
    "NOAUTH": ({"requirepass": "secret"}, {"requirepass": ""}),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_redis_that_may_not_write_is_away(
    refusal: str, mortal: RedisProcess, mortal_desk: Desk
) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    forbid, allow = REFUSALS[refusal]
    admin = mortal.client()
    for name, value in forbid.items():
        admin.config_set(name, value)
    if refusal == "NOAUTH":
        assert post.store.operations.link._pipe is not None
        post.store.operations.link._pipe.abort()
    with pytest.raises(StoreAway, match="Redis"):
        await post.store.join(h, "sales")
    assert (await post.store.hold(h, "caller", True)).journaled
    assert post.store.away
    for name, value in allow.items():
        admin.config_set(name, value)
    await back(post)
    assert (await post.store.join(h, "sales")).position == 1
    mortal_desk.assert_sound(live=True)
    admin.close()


async def test_a_refusal_does_not_shift_the_answers_behind_it(
    mortal: RedisProcess, mortal_desk: Desk
) -> None:
    """Several requests of one write, the first refused: each gets its own answer, or is put off."""
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.client().config_set("maxmemory", "1")
    held = asyncio.ensure_future(post.store.hold(h, "caller", True))
    record = asyncio.ensure_future(post.checkpoint.record("pbx-1.1"))
    ended = asyncio.ensure_future(post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller"))
    done, late = await asyncio.wait([held, record, ended], timeout=10)
    assert not late
    assert [task.exception() for task in done if isinstance(task.exception(), TypeError)] == []
    assert held.result().journaled
    assert ended.result().journaled
    mortal.client().config_set("maxmemory", "0")
    await back(post)
    mortal_desk.assert_sound()


async def test_a_replica_is_away_until_it_is_promoted(mortal: RedisProcess, mortal_desk: Desk) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.client().replicaof("127.0.0.1", "1")
    with pytest.raises(StoreAway, match="READONLY"):
        await post.store.join(h, "sales")
    mortal.client().replicaof("NO", "ONE")
    await back(post)
    assert (await post.store.join(h, "sales")).position == 1


async def test_a_full_disk_keeps_the_call_alive(
    mortal: RedisProcess, mortal_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = mortal_desk.post()
    h = await post.arrive("pbx-1.1")
    mortal.kill()

    async def full(*_: object) -> None:
        raise JournalFull("no space left")

    monkeypatch.setattr(Journal, "append", full)
    assert (await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller")).journaled
    mortal.start()
    await back(post)
    mortal_desk.assert_sound()


async def test_no_redis_from_the_beginning(tmp_path: Path) -> None:
    absent = RedisProcess(tmp_path)
    post = Post(absent, "main", "hf-1", tmp_path)
    with pytest.raises(StoreAway):
        await post.checkpoint.enlist("hf-1")
    await post.store.close()


async def test_closing_leaves_nothing_behind(desk: Desk) -> None:
    """What nobody waited for is in Redis, not in the journal, when the worker has ended."""
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    await post.store.join(h, "sales")
    await post.store.settle(h, "alice", 1)
    await post.store.connected(h, "alice", 1, wait=False)
    await post.store.unbridged(h, "agent", wait=False)
    await post.store.close()
    assert desk.kinds("pbx-1.1")[-3:] == ["queue_left", "bridged", "unbridged"]
    assert len(post.store.operations.deferral) == 0


async def test_what_nobody_waits_for_goes_with_the_next(desk: Desk) -> None:
    post = desk.post()
    h = CallHandle("pbx-1.1", "hf-1")
    await post.checkpoint.arrive(h, from_="1", to="100", wait=False)
    await post.store.hold(h, "caller", True, wait=False)
    assert (await post.store.join(h, "sales")).position == 1
    assert desk.kinds("pbx-1.1") == ["arrived", "hold_started", "joined", "hold_started"]


async def test_a_fenced_operation_nobody_waits_for(desk: Desk) -> None:
    first, second = desk.post("hf-1"), desk.post("hf-2")
    h = await first.arrive("pbx-1.1")
    await second.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-2")
    await first.store.hold(h, "caller", True, wait=False)
    with pytest.raises(Fenced):
        await first.store.join(h, "sales")
    assert desk.kinds("pbx-1.1") == ["arrived"]
