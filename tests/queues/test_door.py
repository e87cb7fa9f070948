"""Who may join a queue, and who has to leave it: each rule by itself."""

import asyncio
from typing import Any

import pytest

from queues.models import Queue
from tests.queues.desk import Desk, Post, settings

WAYS = ("closed", "no_agents", "full", "ratio")


async def opened(post: Post, ready: bool = True, **rules: Any) -> None:
    """A queue with these rules and two agents; of `tech` it is known that it has none."""
    queues = {"sales": Queue(**rules), "tech": Queue()}
    agents = {"alice": ("sales",), "bob": ("sales", "tech")}
    await post.store.configure(*settings(agents, ready=ready, queues=queues), version=1)


async def knock(post: Post, number: int, ways: tuple[str, ...] = WAYS, closed: bool = False) -> str:
    """Somebody wants to join; why he may not, or nothing."""
    h = await post.arrive(f"pbx-1.{number}")
    return (await post.store.join(h, "sales", ways=ways, closed=closed)).refused


async def test_a_full_queue(desk: Desk) -> None:
    post = desk.post()
    await opened(post, ready=False, max_waiting=2)
    assert [await knock(post, number) for number in range(3)] == ["", "", "full"]
    assert desk.kinds("pbx-1.2") == ["arrived", "answered", "queue_refused"]
    assert await knock(post, 3, ways=("closed",)) == "", "his flow has no way for it"
    await opened(post, ready=False, max_waiting=3)
    assert await knock(post, 4) == "full", "who was let in counts"
    await opened(post, ready=False, max_waiting=5)
    assert await knock(post, 5) == "", "a published change counts at once"
    desk.assert_sound(live=True)


async def test_a_closed_queue(desk: Desk) -> None:
    post = desk.post()
    await opened(post)
    assert await knock(post, 1, closed=True) == "closed"
    assert await knock(post, 2, closed=True, ways=("full",)) == ""


@pytest.mark.parametrize(
    ("state", "act"),
    [("offline", ("offline",)), ("paused", ("pause", "lunch")), ("unreachable", ()), ("talking", ())],
)
async def test_each_state_counts_by_itself(desk: Desk, state: str, act: Any) -> None:
    post = desk.post()
    others = [each for each in ("offline", "paused", "unreachable", "talking") if each != state]
    await opened(post, refuse_if=(state,))
    for number, agent in enumerate(("alice", "bob"), start=10):
        assert await knock(post, number) == "", "somebody is there"
        h_offer = post.offers[-1]
        handle = next(h for h in post.handles if h.call == h_offer.call)
        if state == "talking":
            await post.store.settle(handle, h_offer.agent, h_offer.attempt)
            await post.store.connected(handle, h_offer.agent, h_offer.attempt)
            continue
        await post.checkpoint.ended(handle, reason="caller-hangup", ended_by="caller")
        if act:
            await post.store.agent(agent, *act)
        else:
            await post.store.reach(f"{agent}-phone", reachable=False)
    assert await knock(post, 20) == "no_agents"
    queues = {"sales": Queue.model_validate({"refuse_if": others}), "tech": Queue()}
    agents = {"alice": ("sales",), "bob": ("sales", "tech")}
    await post.store.configure(*settings(agents, queues=queues), version=2)
    assert await knock(post, 21) == "", "another word, and they count as there"


async def test_the_ratio_of_callers_to_agents(desk: Desk) -> None:
    post = desk.post()
    await opened(post, callers_per_agent=1.5)
    assert [await knock(post, number) for number in range(4)] == ["", "", "", "ratio"]
    assert await post.store.doors() == []
    await post.store.agent("alice", "offline")
    await post.store.agent("bob", "offline")
    assert await post.store.doors() == [], "both are being rung: what they want comes afterwards"
    for offer in list(post.offers):
        handle = next(h for h in post.handles if h.call == offer.call)
        await post.store.decline(handle, offer.agent, offer.attempt, "rejected")
    (crowd,) = await post.store.doors()
    assert (crowd.queue, crowd.reason, len(crowd.calls)) == ("sales", "ratio", 3)
    leaving = {h.call: await post.store.exit(h, WAYS) for h in post.handles[:3]}
    assert set(leaving.values()) == {"ratio"}
    assert await post.store.doors() == []
    desk.assert_sound(live=True)


async def test_nobody_is_there_any_more(desk: Desk) -> None:
    one, other = desk.post("hf-1"), desk.post("hf-2")
    await one.checkpoint.enlist("hf-1")
    await other.checkpoint.enlist("hf-2")
    listening = [asyncio.ensure_future(post.store.listen()) for post in (one, other)]
    told = {post.worker: asyncio.Event() for post in (one, other)}
    for post in (one, other):
        post.store.operations.on_doors = told[post.worker].set
        await post.store.operations.link.call("PING")
    await opened(one, leave_if=("offline", "paused"))
    await one.store.agent("bob", "pause", "lunch")
    await one.store.agent("alice", "pause", "lunch")
    assert await knock(one, 1) == "", "only those who wait leave: the door has no such rule"
    await one.store.agent("bob", "ready")
    assert await knock(one, 2) == ""
    assert not any(each.is_set() for each in told.values())
    await one.store.agent("bob", "offline")
    (offer,) = one.offers
    handle = next(h for h in one.handles if h.call == offer.call)
    await one.store.decline(handle, "bob", offer.attempt, "no_answer")
    async with asyncio.timeout(5):
        for event in told.values():
            await event.wait()
    (crowd,) = await other.store.doors()
    assert (crowd.queue, crowd.reason, crowd.calls) == ("sales", "no_agents", frozenset())
    assert await one.store.exit(one.handles[0], ("full",)) == ""
    assert await one.store.exit(one.handles[0], WAYS) == "no_agents"
    assert await one.store.exit(one.handles[0], WAYS) == "", "he has left"
    left = [event for event in desk.calls()["pbx-1.1"] if event.kind == "queue_left"]
    assert [event.reason for event in left] == ["no_agents"]  # type: ignore[union-attr]
    ended = await one.checkpoint.ended(one.handles[0], reason="flow-ended", ended_by="system")
    assert ended.verdict == "overflowed"
    desk.assert_sound(live=True)
    for task in listening:
        task.cancel()


async def test_a_shorter_line_by_publishing(desk: Desk) -> None:
    post = desk.post()
    await opened(post, ready=False, max_waiting=3)
    for number in range(3):
        await knock(post, number)
    await opened(post, ready=False, max_waiting=1)
    (crowd,) = await post.store.doors()
    assert (crowd.reason, {*crowd.calls}) == ("full", {"pbx-1.1", "pbx-1.2"})
    assert [await post.store.exit(h, WAYS) for h in post.handles] == ["", "full", "full"]
    left = [event for event in desk.calls()["pbx-1.2"] if event.kind == "queue_left"]
    assert [event.reason for event in left] == ["overflow"]  # type: ignore[union-attr]


async def test_agents_who_come_and_go_are_counted(desk: Desk) -> None:
    post = desk.post()
    await opened(post, refuse_if=("offline",), leave_if=("offline",))

    def staff(queue: str) -> dict[str, str]:
        counts: dict[str, str] = desk.redis.client().hgetall(f"{{{desk.site}}}:staff")  # type: ignore[assignment]
        of = {name.partition(":")[0::2]: count for name, count in counts.items() if count != "0"}
        return {group: count for (name, group), count in of.items() if name == queue}

    assert staff("sales") == {"ready": "2"}
    await post.store.configure(*settings({"bob": ("sales",)}, queues={"sales": Queue()}), version=2)
    assert staff("sales") == {"ready": "1"}, "who was removed is nobody's"
    agents = {"bob": ("tech",), "alice": ("sales",)}
    await post.store.configure(*settings(agents, queues={"sales": Queue(), "tech": Queue()}), version=3)
    assert staff("sales") == {"ready": "1"}
    assert staff("tech") == {"ready": "1"}
    await post.store.agent("bob", "pause", "lunch")
    assert staff("tech") == {"paused": "1"}
