"""Each strategy by itself: whom a caller gets when several are ready."""

import re
from collections import Counter
from typing import Any, get_args

import pytest

from calllog.call_events import Declined, Offered
from ivr.agent_leg import legs_rung
from queues import scripts
from queues.handle import CallHandle
from queues.models import Agent, Queue
from queues.strategies import SENTENCES, Strategy
from tests.queues.desk import Desk, Post

PEOPLE = ("ann", "bob", "cat")


async def site(desk: Desk, strategy: str, **served: dict[str, Any]) -> Post:
    """Everybody serves `sales` and has been ready in the order of the alphabet, none as long as another."""
    post = desk.post()
    queue = Queue.model_validate({"strategy": strategy, "cooldown_s": 1})
    agents = {
        name: Agent.model_validate(
            {"device": f"{name}-phone", "queues": [{"name": "sales", **served.get(name, {})}]}
        )
        for name in PEOPLE
    }
    post.store.operations.patience_s = {}
    await post.store.configure({"sales": queue}, agents, version=1)
    for name in PEOPLE:
        post.later()
        await post.store.agent(name, "ready")
    return post


async def served(post: Post, count: int, first: int = 1) -> list[str]:
    """Who gets so many callers, one after the other; each talk is over before the next call comes."""
    for number in range(first, first + count):
        post.later()
        h = await post.arrive(f"pbx-1.{number}")
        await post.store.join(h, "sales")
        offer = post.offers[-1]
        assert await post.store.settle(h, offer.agent, offer.attempt)
        await post.store.connected(h, offer.agent, offer.attempt)
        await post.store.unbridged(h, "agent")
        await post.checkpoint.ended(h, reason="x", ended_by="system")
    return [offer.agent for offer in post.offers[-count:]]


async def test_longest_idle(desk: Desk) -> None:
    assert await served(await site(desk, "longest_idle"), 4) == ["ann", "bob", "cat", "ann"]


async def test_fewest_calls_since_he_logged_in(desk: Desk) -> None:
    post = await site(desk, "fewest_calls")
    await post.store.agent("cat", "pause", "lunch")
    assert await served(post, 4) == ["ann", "bob", "ann", "bob"]
    await post.store.agent("cat", "ready")
    assert await served(post, 3, 5) == ["cat", "cat", "ann"]
    await post.store.agent("bob", "offline")
    await post.store.agent("bob", "ready")
    assert await served(post, 2, 8) == ["bob", "bob"]


async def test_least_talk_counts_seconds(desk: Desk) -> None:
    post = await site(desk, "least_talk")
    key = f"{{{desk.site}}}:agent:"
    for name, talk_ms in (("ann", 9_000), ("bob", 4_999), ("cat", 4_001)):
        await post.store.agent(name, "pause", "x")
        desk.redis.client().hset(key + name, "shift_talk_ms", talk_ms)
        await post.store.agent(name, "ready")
    assert await served(post, 1) == ["bob"], "of 4 s both, he has been ready longer"
    await post.store.agent("ann", "offline")
    await post.store.agent("ann", "ready")
    assert await served(post, 1, 2) == ["ann"]


async def test_round_robin_goes_on_although_somebody_does_not_answer(desk: Desk) -> None:
    post = await site(desk, "round_robin")
    assert await served(post, 2) == ["ann", "bob"]
    h = await post.arrive("pbx-2.1")
    await post.store.join(h, "sales")
    await post.store.decline(h, "cat", 1, "no_answer")
    await post.store.leave(h, "timeout")
    await post.store.agent("cat", "ready")
    await post.store.agent("ann", "pause", "x")
    await post.store.agent("ann", "ready")
    assert [offer.agent for offer in post.offers[-2:]] == ["cat", "ann"]
    assert await served(post, 3, 3) == ["ann", "bob", "cat"], "the caller left: ann keeps her turn"


async def test_linear_by_the_file_and_by_order(desk: Desk) -> None:
    assert await served(await site(desk, "linear"), 3) == ["ann", "ann", "ann"]


async def test_an_order_of_his_own_counts_before_the_file(desk: Desk) -> None:
    assert await served(await site(desk, "linear", cat={"order": 1}, ann={"order": 9}), 2) == ["cat", "cat"]


async def test_random_asks_everybody_and_can_be_replayed(desk: Desk) -> None:
    first = await served(await site(desk, "random"), 60)
    counts = Counter(first)
    assert set(counts) == {*PEOPLE}
    assert max(counts.values()) < 40


async def test_weights_are_shares(desk: Desk) -> None:
    post = await site(desk, "weighted_random", bob={"weight": 10}, cat={"weight": 5})
    counts = Counter(await served(post, 160))
    assert 75 <= counts["bob"] <= 125, counts
    assert 30 <= counts["cat"] <= 75, counts
    assert 2 <= counts["ann"] <= 25, counts


@pytest.mark.parametrize("strategy", get_args(Strategy))
async def test_the_log_names_it(desk: Desk, strategy: Strategy) -> None:
    await served(await site(desk, strategy), 1)
    offered = [event for event in desk.log() if event.kind == "offered"]
    assert {event.why for event in offered} == {strategy}  # type: ignore[union-attr]


def test_each_is_one_unit_and_has_a_sentence() -> None:
    units = re.findall(r"^  ([a-z_]+) = \{", scripts.read()["strategies"], re.MULTILINE)
    assert sorted(units) == sorted(get_args(Strategy)) == sorted(SENTENCES)


async def ringing(post: Post, queue: dict[str, Any]) -> CallHandle:
    """A caller for whom several phones may ring; dan is not at work yet."""
    agents = {
        name: Agent.model_validate({"device": f"{name}-phone", "queues": ["sales"]})
        for name in (*PEOPLE, "dan")
    }
    await post.store.configure({"sales": Queue.model_validate(queue)}, agents, version=1)
    for name in PEOPLE:
        await post.store.agent(name, "ready")
    h = await post.arrive("pbx-1.1")
    await post.store.join(h, "sales")
    return h


async def states(post: Post) -> dict[str, str]:
    return {view.agent: view.state for view in await post.store.agents()}


async def test_ring_all_the_first_to_answer_has_him_and_nobody_is_punished(desk: Desk) -> None:
    post = desk.post()
    h = await ringing(post, {"strategy": "ring_all"})
    assert [(offer.agent, offer.attempt) for offer in post.offers] == [("ann", 1), ("bob", 2), ("cat", 3)]
    await post.store.agent("dan", "ready")
    assert post.offers[-1][1:4] == ("dan", "dan-phone", 4), "who becomes ready is rung, too"
    await post.store.decline(h, "ann", 1, "no_answer")
    assert await states(post) == {"ann": "paused", "bob": "offered", "cat": "offered", "dan": "offered"}
    record = await post.checkpoint.record(h.call)
    assert record is not None
    assert record.rung == (("bob", 2), ("cat", 3), ("dan", 4))
    assert await post.store.settle(h, "bob", 2)
    assert not await post.store.settle(h, "cat", 3)
    assert await states(post) == {"ann": "paused", "bob": "connecting", "cat": "ready", "dan": "ready"}
    await post.store.connected(h, "bob", 2)
    reasons = [(e.agent, e.reason) for e in desk.calls()[h.call] if isinstance(e, Declined)]
    assert reasons == [("ann", "no_answer"), ("cat", "answered_elsewhere"), ("dan", "answered_elsewhere")]
    await post.store.join(await post.arrive("pbx-1.2"), "sales")
    assert post.offers[-2].agent == "cat", "he is idle as long as before"
    desk.assert_sound(live=True)
    assert (await post.store.sweep()).found == 0


async def test_who_is_connected_and_lost_again_is_rung_for_anew(desk: Desk) -> None:
    post = desk.post()
    h = await ringing(post, {"strategy": "ring_all"})
    assert await post.store.settle(h, "cat", 3)
    await post.store.decline(h, "cat", 3, "withdrawn")
    assert sorted(offer.agent for offer in post.offers[3:]) == ["ann", "bob", "cat"]
    assert [offer.attempt for offer in post.offers[3:]] == [4, 5, 6]
    await post.checkpoint.ended(h, reason="x", ended_by="caller")
    assert set((await states(post)).values()) == {"ready", "offline"}
    desk.assert_sound()


async def test_progressive_rings_one_more_every_few_seconds(desk: Desk) -> None:
    post = desk.post()
    h = await ringing(post, {"strategy": "progressive", "ring_more_s": 5, "cooldown_s": 60})
    assert [offer.agent for offer in post.offers] == ["ann"]
    assert await post.store.due() == post.dues[-1], "the worker wakes when one more may ring"
    post.later(4_500)
    await post.store.due()
    assert len(post.offers) == 1
    post.later(500)
    await post.store.due()
    assert [offer.agent for offer in post.offers] == ["ann", "bob"]
    await post.store.decline(h, "ann", 1, "busy")
    assert [offer.agent for offer in post.offers] == ["ann", "bob", "cat"], "two may ring by now"
    post.later(2_500)
    await post.store.agent("dan", "ready")
    assert len(post.offers) == 3, "not yet"
    post.later(2_500)
    await post.store.due()
    assert post.offers[-1].agent == "dan"
    assert await post.store.settle(h, "cat", 3)
    assert {e.why for e in desk.calls()[h.call] if isinstance(e, Offered)} == {"progressive"}
    desk.assert_sound(live=True)


async def test_twenty_phones_are_the_most(desk: Desk) -> None:
    post = desk.post()
    agents = {
        f"a{n:02}": Agent.model_validate({"device": f"p{n}", "queues": ["sales"], "at_start": "ready"})
        for n in range(25)
    }
    await post.store.configure({"sales": Queue(strategy="ring_all")}, agents, version=1)
    for number in (1, 2):
        await post.store.join(await post.arrive(f"pbx-1.{number}"), "sales")
    assert Counter(offer.call for offer in post.offers) == {"pbx-1.1": 20, "pbx-1.2": 5}


async def test_a_take_over_knows_who_is_being_rung(desk: Desk) -> None:
    post, other = desk.post("hf-1"), desk.post("hf-2")
    h = await ringing(post, {"strategy": "ring_all"})
    record = await other.checkpoint.adopt(h.call, "hf-1", 1, "hf-2")
    assert record is not None
    assert [(leg.agent, leg.channel) for leg in legs_rung(record)] == [
        ("ann", "pbx-1.1-a1"),
        ("bob", "pbx-1.1-a2"),
        ("cat", "pbx-1.1-a3"),
    ]
    await other.store.sweep()
    assert other.offers == [], "they are the take-over's to end, not to ring"
