"""What is written when a worker comes back: ends nobody was told of, and the news of it."""

from calllog.call_events import Ended, Unbridged
from calllog.events import WorkerRecovered, WorkerStarted
from queues.handle import CallHandle
from queues.operations import now_ms
from tests.queues.desk import Desk, settings


async def test_an_end_nobody_was_told_of_is_inferred_between_its_bounds(desk: Desk) -> None:
    dead, heir = desk.post("hf-1"), desk.post("hf-2")
    await dead.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await dead.arrive("pbx-1.1")
    await dead.store.join(h, "sales")
    (offer,) = dead.offers
    await dead.store.settle(h, offer.agent, offer.attempt)
    await dead.store.connected(h, offer.agent, offer.attempt)
    record = await heir.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-2")
    assert record is not None
    last_seen = record.bridged_at + 1
    taken = CallHandle.of_record(record, "hf-2")
    between = (last_seen - 500, now_ms() + 1000)
    await heir.checkpoint.ended(
        taken, reason="caller-hangup", ended_by="caller", at=last_seen, between=between
    )
    events = desk.calls()["pbx-1.1"]
    for kind in (Unbridged, Ended):
        (event,) = [event for event in events if isinstance(event, kind)]
        assert event.source == "inferred"
        assert event.at == last_seen
        assert (event.not_before, event.not_after) == between
    assert {event.source for event in events if not isinstance(event, Unbridged | Ended)} == {"observed"}
    after = await dead.arrive("pbx-1.2")
    await dead.checkpoint.ended(after, reason="caller-hangup", ended_by="caller")
    assert {event.source for event in desk.calls()["pbx-1.2"]} == {"observed"}
    desk.assert_sound()


async def test_a_workers_news_are_written_once_each(desk: Desk) -> None:
    post = desk.post()
    inc = await post.checkpoint.enlist("hf-1")
    await post.checkpoint.tell("hf-1", inc, "worker_started", inc=inc, pid=7)
    await post.checkpoint.tell("hf-1", inc, "worker_recovered", peer="hf-2", gap_ms=4100, adopted=3, lost=1)
    for number in (1, 2):  # their replies were lost, and they are sent again
        await post.store.operations.run("system", "hf-1", inc, number, '{"kind":"worker_started"}', 0)
    started, recovered = desk.log()
    assert isinstance(started, WorkerStarted)
    assert (started.worker, started.inc, started.pid) == ("hf-1", inc, 7)
    assert isinstance(recovered, WorkerRecovered)
    assert (recovered.worker, recovered.peer, recovered.gap_ms) == ("hf-1", "hf-2", 4100)
    assert (recovered.adopted, recovered.lost) == (3, 1)


async def test_a_worker_is_seen_only_while_it_has_its_calls(desk: Desk) -> None:
    post = desk.post()
    inc = await post.checkpoint.enlist("hf-1")
    await post.checkpoint.lease("hf-1", inc, serves=False)
    (peer,) = await post.checkpoint.workers()
    assert (peer.alive, peer.seen_at) == (True, 0)
    await post.checkpoint.lease("hf-1", inc)
    (peer,) = await post.checkpoint.workers()
    assert peer.seen_at >= peer.started_at
    await post.checkpoint.enlist("hf-1")
    (again,) = await post.checkpoint.workers()
    assert again.seen_at == peer.seen_at
