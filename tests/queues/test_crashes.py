"""Redis is killed again and again under a busy site: every caller gets through, and the log is sound."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from calllog.agents import AgentCheck
from calllog.call_events import CallEvent
from calllog.events import AgentEvent
from calllog.grammar import violations
from queues.errors import StoreAway
from queues.handle import CallHandle
from queues.models import Queue
from queues.store import Offer
from tests.queues.desk import Desk, Post, settings
from tests.queues.redis_process import RedisProcess

T = TypeVar("T")

CALLERS, AGENTS, KILLS = 120, 6, 6
AT_ONCE = 24


class Floor:
    """The sessions of one worker, as bare as they can be: what rings and talks takes a few milliseconds."""

    def __init__(self, post: Post, chance: random.Random) -> None:
        self.post, self.store, self.chance = post, post.store, chance
        self._offers: dict[str, asyncio.Queue[Offer]] = defaultdict(asyncio.Queue)
        self._tasks: set[asyncio.Task[None]] = set()
        self.found = self.journaled = 0
        post.store.on_offer = lambda offer: self._offers[offer.call].put_nowait(offer)
        post.store.on_due = self._start_due

    async def live(self, call: str) -> None:
        """One caller, from arrival to end."""
        h = CallHandle(call, self.post.worker)
        self._offers[call] = asyncio.Queue()
        await self.post.checkpoint.arrive(h, from_="1", to="100")
        self.store.note(h, "answered")
        await self._until_here(lambda: self.store.join(h, "sales"))
        served = False
        while not served and self.chance.random() > 0.1:
            served = await self._serve(h, await self._offers[call].get())
        by = "system" if served else "caller"
        ended = await self.post.checkpoint.ended(h, reason="done", ended_by=by, cause=16)
        self.journaled += ended.journaled

    async def _serve(self, h: CallHandle, offer: Offer) -> bool:
        await self._a_moment()
        pair = (offer.agent, offer.attempt)
        if self.chance.random() < 0.2:
            await self.store.decline(h, *pair, reason="no_answer")
            return False
        won = await self._until_here(lambda: self.store.settle(h, *pair))
        if not won:
            return False
        await self.store.connected(h, *pair)
        for started in (True, False):
            await self._a_moment()
            self.journaled += (await self.store.hold(h, "agent", started)).journaled
        self.journaled += (await self.store.unbridged(h, "agent")).journaled
        return True

    async def _until_here(self, work: Callable[[], Awaitable[T]]) -> T:
        """What cannot be put off is done once Redis is back and the journal is replayed."""
        while True:
            try:
                return await work()
            except StoreAway:
                await self.here()

    async def here(self) -> None:
        """Until Redis is there and nothing waits."""
        while True:
            try:
                await self.store.operations.link.connect()
                await self.store.replay()
                return
            except StoreAway:
                continue

    async def _a_moment(self) -> None:
        await asyncio.sleep(self.chance.random() * 0.02)

    def _start_due(self, at: int) -> None:
        task = asyncio.get_running_loop().create_task(self._run_due(at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_due(self, at: int) -> None:
        await asyncio.sleep(max(0.0, at / 1000 - self.store.now()))
        await self._until_here(self.store.due)

    async def keep_sweeping(self) -> None:
        """As workers do, more often."""
        while True:
            await asyncio.sleep(0.1)
            self.found += (await self._until_here(self.store.sweep)).found

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def kill_and_start(redis: RedisProcess, chance: random.Random) -> None:
    """kill -9, and a supervisor that starts it again."""
    for _ in range(KILLS):
        await asyncio.sleep(0.2 + chance.random() * 0.5)
        redis.kill()
        await asyncio.sleep(chance.random() * 0.3)
        redis.begin()
    await asyncio.to_thread(redis.wait)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_is_lost_when_redis_is_killed(
    seed: int, mortal: RedisProcess, mortal_desk: Desk
) -> None:
    chance = random.Random(seed)
    floors = [Floor(mortal_desk.post(f"hf-{number}"), chance) for number in (1, 2)]
    queues = {"sales": Queue(cooldown_s=1)}
    await floors[0].store.configure(
        *settings({f"a{n}": ("sales",) for n in range(AGENTS)}, queues=queues), version=1
    )
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await floors[number % 2].live(f"pbx-1.{number}")

    sweeps = [asyncio.create_task(floor.keep_sweeping()) for floor in floors]
    killer = asyncio.create_task(kill_and_start(mortal, chance))
    served = 0
    while not killer.done() or served < CALLERS:
        await asyncio.gather(*(one(number) for number in range(served, served + CALLERS)))
        served += CALLERS
    for floor in floors:
        await floor.here()
    for sweep in sweeps:
        sweep.cancel()
    await asyncio.gather(*sweeps, return_exceptions=True)
    for floor in floors:
        await floor.close()
    check(mortal_desk, served)
    assert [view.waiting for view in await floors[0].store.waiting()] == [0]
    assert sum(floor.found for floor in floors) == 0
    assert sum(floor.journaled for floor in floors) >= KILLS, "the kills met nothing"
    assert {agent.state for agent in await floors[0].store.agents()} <= {"ready", "paused"}


def check(desk: Desk, callers: int) -> None:
    """Every call's log is sound and ended, and no agent was ever in two places."""
    calls = desk.calls()
    assert len(calls) == callers
    wrong = [str(one) for events in calls.values() for one in violations(events)]
    assert not wrong, wrong[:10]
    agents = AgentCheck()
    for event in desk.log():
        if isinstance(event, AgentEvent):
            wrong += map(str, agents.add(event))
        elif isinstance(event, CallEvent):
            wrong += map(str, agents.call(event))
    assert not wrong, wrong[:10]
