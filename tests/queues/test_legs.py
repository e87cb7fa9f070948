"""Legs that stay connected, in Redis: whose they are, who has them, what an agent is who loses his."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from calllog.events import AgentStateChanged
from ivr.ari import Asterisk
from ivr.ari import events as ari
from ivr.mailbox import Mailbox
from ivr.nailed import Nailed
from queues.handle import CallHandle
from queues.legs import Leg, Legs
from queues.models import Agent, NailedUp, Queue
from tests.queues.desk import Desk, Post, settings
from tests.queues.redis_process import RedisProcess
from tests.queues.test_away import back

LEG = "pbx-1.7"


class Place:
    """Two workers, Alice who serves `sales`, and her leg, at the first one's."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.one, self.two = desk.post("hf-1"), desk.post("hf-2")
        self.legs, self.others = Legs(self.one.store.operations), Legs(self.two.store.operations)
        self.inc = 0

    async def open(self, wrapup_s: int = 0) -> None:
        _, agents = settings({"alice": ("sales",)}, ready=False)
        await self.one.store.configure({"sales": Queue(wrapup_s=wrapup_s)}, agents, version=1)
        self.inc = await self.one.checkpoint.enlist("hf-1")
        await self.two.checkpoint.enlist("hf-2")
        await self.nail()

    async def nail(self, channel: str = LEG) -> None:
        await self.one.store.agent("alice", "nail", channel, "alice-phone")

    async def call(self, post: Post, call: str) -> CallHandle:
        h = await post.arrive(call)
        await post.store.join(h, "sales")
        return h

    async def talk(self, post: Post, call: str) -> CallHandle:
        h = await self.call(post, call)
        offer = post.offers[-1]
        assert await post.store.settle(h, "alice", offer.attempt, leg=offer.leg)
        await post.store.connected(h, "alice", offer.attempt)
        return h

    async def state(self) -> tuple[str, str]:
        (view,) = await self.one.store.agents()
        return view.state, view.reason

    def states(self) -> list[str]:
        return [event.to for event in self.desk.log() if isinstance(event, AgentStateChanged)]


@pytest.fixture
async def place(desk: Desk) -> Place:
    made = Place(desk)
    await made.open()
    return made


async def test_it_goes_to_the_worker_whose_caller_she_gets(place: Place) -> None:
    assert await place.legs.mine() == [Leg(LEG, "alice", False)]
    h = await place.talk(place.two, "pbx-1.1")
    assert place.two.offers[0].leg == LEG
    assert (await place.legs.mine(), await place.others.mine()) == ([], [Leg(LEG, "alice", True)])
    await place.two.store.unbridged(h, "caller")
    assert await place.others.mine() == [Leg(LEG, "alice", False)], "and stays there"


async def test_a_message_of_an_offer_says_which_leg(place: Place) -> None:
    await place.one.store.agent("alice", "pause", "lunch")
    await place.call(place.two, "pbx-1.1")
    await place.one.store.agent("alice", "ready")
    assert (await place.two.next_offer()).leg == LEG


async def test_her_phone_need_not_be_reachable(place: Place) -> None:
    await place.one.store.reach("alice-phone", reachable=False)
    assert await place.state() == ("ready", "")


async def test_who_hangs_up_while_she_waits_is_offline(place: Place) -> None:
    await place.legs.gone(LEG, "hung_up")
    assert await place.state() == ("offline", "hung_up")
    assert not await place.legs.known(LEG)
    await place.one.store.agent("alice", "ready")
    await place.call(place.one, "pbx-1.1")
    assert place.one.offers[0].leg == "", "she is rung, as anybody"


@pytest.mark.parametrize("wrapup_s", [0, 30])
async def test_who_hangs_up_while_she_talks_is_offline_when_all_is_over(desk: Desk, wrapup_s: int) -> None:
    place = Place(desk)
    await place.open(wrapup_s)
    h = await place.talk(place.one, "pbx-1.1")
    await place.legs.gone(LEG, "hung_up")
    assert await place.state() == ("talking", "")
    await place.one.store.unbridged(h, "agent")
    if wrapup_s:
        assert await place.state() == ("wrapup", "")
        return
    assert await place.state() == ("offline", "hung_up")


async def test_who_comes_back_during_wrap_up_is_ready(desk: Desk) -> None:
    place = Place(desk)
    await place.open(30)
    h = await place.talk(place.one, "pbx-1.1")
    await place.legs.gone(LEG, "hung_up")
    await place.one.store.unbridged(h, "agent")
    await place.nail("pbx-1.8")
    assert await place.state() == ("ready", "")
    assert await place.legs.mine() == [Leg("pbx-1.8", "alice", False)]


async def test_whose_leg_is_lost_under_an_offer_is_offered_nothing_more(place: Place) -> None:
    h = await place.call(place.one, "pbx-1.1")
    await place.legs.gone(LEG, "leg_lost")
    await place.one.store.decline(h, "alice", 1, "unreachable")
    assert await place.state() == ("offline", "leg_lost")


@pytest.mark.parametrize("how", ["offline", "elsewhere", "again", "removed"])
async def test_a_leg_that_is_nobodys_any_more_is_told_until_it_is_gone(place: Place, how: str) -> None:
    store, left = place.one.store, [Leg(LEG, "", False)]
    if how == "offline":
        await store.agent("alice", "offline", by="boss")
    elif how == "elsewhere":
        await store.agent("alice", "ready", device="desk-phone")
    elif how == "again":
        await place.nail("pbx-1.8")
        left.append(Leg("pbx-1.8", "alice", False))
    else:
        await store.configure({"sales": Queue()}, {"bob": Agent(queues=("sales",))}, version=2)
    assert sorted(await place.legs.mine()) == left
    await place.legs.gone(LEG, "leg_lost")
    assert await place.legs.mine() == left[1:]
    assert (await place.state())[0] == ("ready" if how in ("elsewhere", "again") else "offline")


async def test_legs_of_a_worker_that_lives_cannot_be_taken(place: Place) -> None:
    assert await place.others.adopt("hf-1") == []
    await place.one.checkpoint.retire("hf-1", place.inc)
    (peer,) = [peer for peer in await place.two.checkpoint.workers() if peer.name == "hf-1"]
    assert (peer.alive, peer.legs) == (False, 1)
    assert await place.others.adopt("hf-1") == [Leg(LEG, "alice", False)]
    assert await place.others.adopt("hf-1") == [], "once"
    assert (await place.legs.mine(), await place.others.mine()) == ([], [Leg(LEG, "alice", False)])


async def test_a_leg_in_a_call_comes_with_the_call(place: Place) -> None:
    await place.talk(place.one, "pbx-1.1")
    await place.one.checkpoint.retire("hf-1", place.inc)
    assert await place.others.adopt("hf-1") == []
    record = await place.two.checkpoint.adopt("pbx-1.1", "hf-1", 1, "hf-2")
    assert record is not None
    assert record.leg == LEG
    assert await place.others.mine() == [Leg(LEG, "alice", True)]


async def test_whom_an_agent_asks_may_have_a_leg_and_gets_the_caller_on_it(desk: Desk) -> None:
    place = Place(desk)
    await place.open()
    _, agents = settings({"alice": (), "bob": ("sales",)})
    await place.one.store.configure({"sales": Queue()}, agents, version=2)
    h = await place.call(place.two, "pbx-1.1")
    await place.two.store.settle(h, "bob", 1)
    await place.two.store.connected(h, "bob", 1)
    got = await place.two.store.consult(h, agent="alice")
    assert not isinstance(got, str)
    assert (got.leg, await place.others.mine()) == (LEG, [Leg(LEG, "alice", True)])
    assert await place.two.store.consulted(h, got.attempt, leg=got.leg)
    record = await place.two.checkpoint.record("pbx-1.1")
    assert record is not None
    assert (record.leg, record.consult_leg) == ("", LEG)
    assert await place.two.store.hand_over(h, got.attempt)
    record = await place.two.checkpoint.record("pbx-1.1")
    assert record is not None
    assert record.leg == LEG


async def test_the_sweeper_misses_a_leg_that_no_worker_has(place: Place) -> None:
    await place.one.store.operations.link.call("DEL", f"{{{place.desk.site}}}:legs")
    found = await place.one.store.sweep()
    assert found.details == ["leg-without-worker:alice"]
    assert await place.state() == ("offline", "leg_lost")


class Talk:
    """Alice talks at the first worker, and here is what Asterisk tells of her leg."""

    def __init__(self, place: Place, handle: CallHandle) -> None:
        self._place, self._handle = place, handle
        self._mailbox: Mailbox[Any] = Mailbox()
        self._told: list[asyncio.Future[None]] = []
        self.nailed = Nailed(
            cast(Asterisk, SimpleNamespace()), place.legs, {}, lambda: NailedUp(), self._attempt
        )
        self.nailed.lend(LEG)
        place.one.store.operations.before_replay = self.nailed.tell

    def _attempt(self, work: Coroutine[Any, Any, None]) -> None:
        self._told.append(asyncio.ensure_future(work))

    def tell(self, event: ari.ChannelEvent) -> None:
        if isinstance(event, ari.ChannelHangupRequest):
            self.nailed.heard(event)
        self._mailbox.put(event)

    async def until_over(self) -> None:
        while not isinstance(await self._mailbox.take(), ari.ChannelHangupRequest):
            pass
        await self._place.one.store.unbridged(self._handle, "agent", wait=False)

    async def end(self, *events: ari.ChannelEvent) -> None:
        """Tell these in one turn of the loop, and wait until the talk is over and her leg is told of."""
        talking = asyncio.ensure_future(self.until_over())
        await asyncio.sleep(0)
        for event in events:
            self.tell(event)
        await talking
        await asyncio.gather(*self._told, return_exceptions=True)


HANGUP = ari.ChannelHangupRequest(channel=ari.Channel(LEG), cause=16)
KEY = ari.ChannelDtmfReceived(channel=ari.Channel(LEG), digit="5")


@pytest.mark.parametrize("events", [(HANGUP,), (KEY, HANGUP)])
async def test_who_hangs_up_is_never_ready_though_her_call_is_awake_already(
    place: Place, events: tuple[ari.ChannelEvent, ...]
) -> None:
    talk = Talk(place, await place.talk(place.one, "pbx-1.1"))
    await place.call(place.one, "pbx-1.2")
    await talk.end(*events)
    assert await place.state() == ("offline", "hung_up")
    assert place.states()[-2:] == ["talking", "offline"]
    assert len(place.one.offers) == 1, "the next caller waits for somebody who is there"


async def test_who_hangs_up_while_redis_is_away_is_never_ready(
    mortal: RedisProcess, mortal_desk: Desk
) -> None:
    place = Place(mortal_desk)
    await place.open()
    talk = Talk(place, await place.talk(place.one, "pbx-1.1"))
    await place.call(place.one, "pbx-1.2")
    mortal.kill()
    await talk.end(KEY, HANGUP)
    mortal.start()
    await back(place.one)
    assert place.states()[-2:] == ["talking", "offline"]
    assert await place.state() == ("offline", "hung_up")
