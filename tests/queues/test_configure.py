"""What admins publish meets the live state: states are kept, and people who wait profit at once."""

import pytest

from queues.errors import UnknownDevice
from queues.models import Agent, Queue
from tests.queues.desk import Desk, Post, settings


async def states(post: Post) -> dict[str, str]:
    return {agent.agent: agent.state for agent in await post.store.agents()}


async def test_publishing_again_changes_nothing(desk: Desk) -> None:
    post = desk.post()
    published = settings({"alice": ("sales",), "bob": ("sales", "tech")})
    await post.store.configure(*published, version=1)
    await post.store.agent("bob", "pause", "lunch")
    before = desk.log()
    await post.store.configure(*published, version=2)
    assert desk.log() == before
    assert await states(post) == {"alice": "ready", "bob": "paused"}


async def test_a_queue_more_brings_its_callers(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("tech",)}), version=1)
    await post.store.agent("bob", "offline")
    await post.store.join(await post.arrive("pbx-1.1"), "tech")
    assert post.offers == []
    await post.store.configure(*settings({"alice": ("sales", "tech"), "bob": ("tech",)}), version=2)
    assert [(offer.call, offer.agent) for offer in post.offers] == [("pbx-1.1", "alice")]
    desk.assert_sound(live=True)


async def test_a_removed_agent_finishes_his_call(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    await post.store.join(h, "sales")
    (offer,) = post.offers
    other = "bob" if offer.agent == "alice" else "alice"
    await post.store.configure(*settings({other: ("sales",)}), version=2)
    assert await post.store.settle(h, offer.agent, 1)
    await post.store.connected(h, offer.agent, 1)
    await post.store.unbridged(h, "agent")
    assert await states(post) == {other: "ready"}
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("sales",)}), version=3)
    assert await states(post) == {"alice": "ready", "bob": "ready"}
    desk.assert_sound(live=True)


async def test_nobody_sits_at_a_device_that_is_not_published(desk: Desk) -> None:
    post = desk.post()
    published = settings({"alice": ("sales",)})
    await post.store.configure(*published, version=1, devices=["alice-phone", "desk-2"])
    before = desk.log()
    for action in ("ready", "pause", "offline"):
        with pytest.raises(UnknownDevice, match="desk-22"):
            await post.store.agent("alice", action, "lunch" if action == "pause" else "", device="desk-22")
    assert desk.log() == before, "he stays where he is"
    await post.store.agent("alice", "ready", device="desk-2")
    devices = [f"{number}-phone" for number in range(250)]
    await post.store.configure(*published, version=2, devices=["alice-phone", *devices])
    with pytest.raises(UnknownDevice):
        await post.store.agent("alice", "ready", device="desk-2")
    for device in ("249-phone", "alice-phone"):
        await post.store.agent("alice", "ready", device=device)
    desk.assert_sound(live=True)


async def test_an_agent_at_another_phone(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("tech",)}), version=1)
    await post.store.agent("alice", "ready", device="bob-phone")
    assert await states(post) == {"alice": "ready", "bob": "offline"}
    assert await post.store.agent_at_device("bob-phone") == "alice"
    assert await post.store.agent_at_device("alice-phone") is None
    await post.store.reach("alice-phone", reachable=False)
    assert await states(post) == {"alice": "ready", "bob": "offline"}
    await post.store.reach("bob-phone", reachable=False)
    assert await states(post) == {"alice": "unreachable", "bob": "offline"}
    await post.store.agent("alice", "ready", device="alice-phone")
    assert await states(post) == {"alice": "unreachable", "bob": "offline"}
    await post.store.reach("alice-phone", reachable=True)
    assert (await post.store.agent("bob", "ready")).state == "unreachable"
    assert await states(post) == {"alice": "ready", "bob": "unreachable"}


async def test_a_phone_that_was_never_there(desk: Desk) -> None:
    """Asterisk tells of phones before agents are published."""
    post = desk.post()
    await post.store.reach("alice-phone", reachable=False)
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    assert await states(post) == {"alice": "unreachable"}
    await post.store.join(await post.arrive("pbx-1.1"), "sales")
    await post.store.reach("alice-phone", reachable=True)
    assert [offer.device for offer in post.offers] == ["alice-phone"]


async def test_his_own_wrap_up_counts_before_the_queues(desk: Desk) -> None:
    post = desk.post()
    queues = {"sales": Queue(wrapup_s=600)}
    agents = {"alice": Agent(device="a", queues=("sales",), wrapup_s=0, at_start="ready")}
    agents["bob"] = Agent(device="b", queues=("sales",), at_start="ready")
    await post.store.configure(queues, agents, version=1)
    for number, agent in enumerate(("alice", "bob")):
        h = await post.arrive(f"pbx-1.{number}")
        await post.store.join(h, "sales")
        offer = post.offers[-1]
        await post.store.settle(h, offer.agent, 1)
        await post.store.connected(h, offer.agent, 1)
        await post.store.agent("bob" if offer.agent == "alice" else "alice", "pause", "no")
        await post.store.unbridged(h, "agent")
        assert agent == offer.agent or number
        expected = "ready" if offer.agent == "alice" else "wrapup"
        assert (await states(post))[offer.agent] == expected
        await post.store.agent("alice", "pause", "no")
        await post.store.agent("bob", "ready")
    assert len(post.dues) == 1
