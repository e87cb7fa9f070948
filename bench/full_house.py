"""A site of 100 queues and 5,000 agents with as many waiting callers as wished, lived in step by step.

Nine tenths of the queues are loaded: everybody who serves them is on a call, so callers wait. The last tenth
is quiet: agents wait for callers there. Time goes on in cycles, in which everything happens that happens on a
site of two workers; each ends with as many callers waiting as before. Steps are taken by `Store` and
`Checkpoint`, as the product takes them, but one after the other, and nothing waits to be written together.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from bench.house_duties import Duties
from ivr.checkpoint import Checkpoint, Kept
from queues.handle import CallHandle
from queues.models import Agent, Queue, Relax, Served
from queues.store import Offer, Store

WORKERS = ("hf-1", "hf-2")
QUIET = 0.1
"""Share of queues and agents where agents wait for callers."""
DECLINED = 0.2
"""Share of offers that nobody answers."""
SERVED = ((0.8, 3), (0.95, 10), (1.0, 38))
"""Up to this share of the agents serves so many queues. 38 of ours have 64 lanes: the most that may be."""
COOLDOWN_S = 1
AT_ONCE = 250
RARELY = 10
"""Every so many cycles, what a worker does once a second or an agent once an hour is done, too."""
KEPT = Kept(language="en", variables={"topic": "claim"})

T = TypeVar("T")


class Watch(Protocol):
    """Who measures: runs a step and books it under its name, and under what came of it."""

    async def time(self, name: str, step: Awaitable[T], kind: Callable[[T], str] = lambda _: "") -> T: ...


class Post:
    """One worker's view of the site."""

    def __init__(self, url: str, site: str, worker: str, folder: Path) -> None:
        self.store = Store(url, site, worker, journal=folder / f"journal-{site}-{worker}")
        self.store.operations.patience_s = {}
        self.checkpoint = Checkpoint(self.store)


class FullHouse:
    """The site. `open`, then `fill` and `cycle` as often as wished, then `close`."""

    def __init__(self, url: str, site: str, folder: Path, watch: Watch, queues: int, agents: int) -> None:
        self.watch = watch
        self.chance = random.Random(f"{queues}/{agents}")
        self.posts = {worker: Post(url, site, worker, folder) for worker in WORKERS}
        for post in self.posts.values():
            post.store.on_offer = self._on_offer
        names = [f"queue{number:03}" for number in range(queues)]
        quiet = max(1, round(queues * QUIET))
        self.loaded, self.quiet = names[quiet:], names[:quiet]
        self.settings = {name: _settings(number) for number, name in enumerate(names)}
        self.agents = self._people(agents)
        self.serving: dict[str, list[str]] = defaultdict(list)
        for name, agent in self.agents.items():
            for queue in agent.queues:
                self.serving[queue.name].append(name)
        self.handles: dict[str, CallHandle] = {}
        self.waiting: dict[str, str] = {}
        """Call → the queue he waits in; those who are being offered are not here."""
        self.talking: dict[str, str] = {}
        """Agent → his call."""
        self.paused: list[str] = []
        self.duties = Duties(self)
        self._offers: list[Offer] = []
        self._in: dict[str, str] = {}
        self._born = self._numbers = 0
        self._cycles = 0

    def _people(self, count: int) -> dict[str, Agent]:
        quiet = round(count * QUIET)
        people = {}
        for number in range(count):
            among = self.quiet if number < quiet else self.loaded
            most = next(served for share, served in SERVED if number % 100 < share * 100)
            queues = self.chance.sample(among, min(most, len(among)))
            tier = 2 if number % 5 == 4 else 1
            served = tuple(
                Served(name=name, tier=tier if self.settings[name].tiers else 1) for name in queues
            )
            name, skills = f"agent{number:04}", {"spanish": number % 6}
            people[name] = Agent(device=f"{name}-phone", queues=served, skills=skills, at_start="ready")
        return people

    async def configure(self, store: Store, version: int) -> None:
        """Publish settings, agents and their devices."""
        devices = [agent.device for agent in self.agents.values() if agent.device]
        await store.configure(self.settings, self.agents, version, devices=devices)

    async def open(self) -> None:
        """Publish the settings, and give every agent of the loaded queues a caller to talk to."""
        for post in self.posts.values():
            await post.store.operations.link.connect()
        await self.configure(self._anyone().store, version=1)
        busy = [agent for agent, people in self.agents.items() if people.queues[0].name not in self.quiet]
        for some in _slices(busy, AT_ONCE):
            await asyncio.gather(*(self._begin(self.agents[agent].queues[0].name) for agent in some))
            await self._barrier()
            await asyncio.gather(*(self._connect(offer) for offer in self._taken()))

    async def fill(self, count: int) -> None:
        """Until so many callers wait."""
        while (missing := count - len(self.waiting)) > 0:
            queues = [self.loaded[number % len(self.loaded)] for number in range(min(missing, AT_ONCE))]
            await asyncio.gather(*map(self._begin, queues))
            await self._barrier()
            await asyncio.gather(*(self._connect(offer) for offer in self._taken()))

    async def close(self) -> None:
        for post in self.posts.values():
            await post.store.close()

    # A cycle

    async def cycle(self) -> None:
        """A caller comes, an agent becomes free and takes another one, somebody gives up, and so on."""
        self._cycles += 1
        level = len(self.waiting)
        await self._free(self.somebody_talking())
        await self._serve()
        await self._abandon()
        await self._quiet_call()
        await self._holds()
        post = self._anyone()
        await self.duties.each_second(post)
        if self._cycles % RARELY == 0:
            await self.duties.rarely(post)
        await self._serve()
        while len(self.waiting) < level:
            await self._come(self.chance.choice(self.loaded))
            await self._serve()

    async def publish(self, times: int) -> None:
        """Publish settings as they are, and with one agent changed, so many times each."""
        for number in range(times):
            store, version = self._anyone().store, self._cycles + number + 2
            await self.duties.publish(store, version)
            name = self.chance.choice([*self.agents])
            person = self.agents[name]
            self.agents[name] = person.model_copy(update={"queues": person.queues[::-1]})
            await self.duties.publish(store, version)
            await self._serve()

    async def _come(self, queue: str) -> str:
        h = self._handle()
        post = self.post(h)
        post.store.note(h, "answered")
        arriving = post.checkpoint.arrive(h, from_="+4930123456", to="100", asterisk="pbx")
        await self.watch.time("arrive", arriving)
        post.store.note(h, "step", flow="main", version=1, path="main/menu", outcome="1", took_ms=1200)
        await self.watch.time("note", self.step(post, h))
        await self.step(post, h, ride=True)
        joined = await self.watch.time(
            "join", post.store.join(h, queue), lambda place: "agent free" if place.offered else "he waits"
        )
        self._in[h.call] = queue
        if not joined.offered:
            self.waiting[h.call] = queue
        return h.call

    async def _free(self, agent: str) -> None:
        """His talk ends; sometimes he has asked for a pause meanwhile, and comes back later."""
        pauses = self._cycles % RARELY == 0
        if pauses:
            await self.watch.time("agent: a wish", self._anyone().store.agent(agent, "pause", "lunch"))
        h = self.handles[self.talking.pop(agent)]
        post = self.post(h)
        await self.watch.time(
            "unbridged", post.store.unbridged(h, "agent"), lambda _: "he pauses" if pauses else "takes next"
        )
        if pauses:
            self.paused.append(agent)
        await self.end(h, "ended: served", "system")
        if self.paused and not pauses and self._cycles % RARELY == 1:
            await self.watch.time("agent: ready", self._anyone().store.agent(self.paused.pop(0), "ready"))

    async def _abandon(self) -> None:
        """Somebody hangs up, and somebody leaves by a rule."""
        if len(self.waiting) < 2:
            return
        for leaves in (False, True):
            call = self.chance.choice([*self.waiting])
            del self.waiting[call]
            h = self.handles[call]
            if leaves:
                await self.watch.time("leave", self.post(h).store.leave(h, "timeout"))
                await self.end(h, "ended: left", "system")
            else:
                await self.end(h, "ended: abandons", "caller")

    async def _quiet_call(self) -> None:
        """A caller where agents wait for callers, from beginning to end."""
        call = await self._come(self.chance.choice(self.quiet))
        await self._serve(declines=False)
        agent = next(agent for agent, on in self.talking.items() if on == call)
        h = self.handles[self.talking.pop(agent)]
        unbridged = self.post(h).store.unbridged(h, "caller")
        await self.watch.time("unbridged", unbridged, lambda _: "nobody waits")
        await self.end(h, "ended: served", "caller")

    async def _holds(self) -> None:
        h = self.handles[self.talking[self.somebody_talking()]]
        for started in (True, False):
            await self.watch.time("hold", self.post(h).store.hold(h, "agent", started))

    # Offers

    async def _serve(self, declines: bool = True) -> None:
        """Every agent who is being rung answers, or does not."""
        await self._barrier()
        while offers := self._taken():
            for offer in offers:
                h, agent, attempt = self.handles[offer.call], offer.agent, offer.attempt
                store = self.post(h).store
                self.waiting.pop(h.call, None)
                if declines and self.chance.random() < DECLINED:
                    self.waiting[h.call] = self._in[h.call]
                    await self.watch.time("decline", store.decline(h, agent, attempt, "no_answer"))
                    continue
                await self.watch.time("settle", store.settle(h, agent, attempt))
                await self.watch.time("connected", store.connected(h, agent, attempt))
                self.talking[agent] = h.call
            await self._barrier()

    async def _barrier(self) -> None:
        """Until both workers have heard of every offer that has been made."""
        for post in self.posts.values():
            await post.store.operations.link.call("PING")

    def _on_offer(self, offer: Offer) -> None:
        self._offers.append(offer)

    def _taken(self) -> list[Offer]:
        offers, self._offers = self._offers, []
        return offers

    # In bulk, not measured

    async def _begin(self, queue: str) -> None:
        h = self._handle()
        post = self.post(h)
        post.store.note(h, "answered")
        await post.checkpoint.arrive(h, from_="+4930123456", to="100", asterisk="pbx")
        await self.step(post, h, ride=True)
        joined = await post.store.join(h, queue)
        self._in[h.call] = queue
        if not joined.offered:
            self.waiting[h.call] = queue

    async def _connect(self, offer: Offer) -> None:
        h = self.handles[offer.call]
        self.waiting.pop(h.call, None)
        store = self.post(h).store
        await store.settle(h, offer.agent, offer.attempt)
        await store.connected(h, offer.agent, offer.attempt)
        self.talking[offer.agent] = h.call

    # Parts

    async def step(self, post: Post, h: CallHandle, ride: bool = False) -> None:
        await post.checkpoint.step(h, flow="main", version=1, path="main/queue", kept=KEPT, ride=ride)

    async def end(self, h: CallHandle, name: str, by: str) -> None:
        ended = self.post(h).checkpoint.ended(h, reason="flow-ended", ended_by=by, cause=16)
        await self.watch.time(name, ended)
        del self.handles[h.call]
        del self._in[h.call]

    def _handle(self) -> CallHandle:
        self._born += 1
        h = CallHandle(f"pbx-{int(time.time())}.{self._born}", WORKERS[self._born % 2])
        self.handles[h.call] = h
        return h

    def post(self, h: CallHandle) -> Post:
        return self.posts[h.worker]

    def _anyone(self) -> Post:
        return self.posts[self.chance.choice(WORKERS)]

    def waited_in(self) -> str:
        return self.waiting[next(iter(self.waiting))] if self.waiting else self.loaded[0]

    def somebody_talking(self) -> str:
        """An agent on a call who serves a queue in which somebody waits."""
        queue = self.chance.choice([*self.waiting.values()]) if self.waiting else self.loaded[0]
        return self.chance.choice([agent for agent in self.serving[queue] if agent in self.talking])

    def somebody_quiet(self) -> str:
        """An agent who serves where agents wait for callers; ready, unless he cools down."""
        return self.chance.choice(self.serving[self.chance.choice(self.quiet)])

    def another_number(self) -> str:
        self._numbers += 1
        return str(self._numbers)


def _settings(number: int) -> Queue:
    """A third of the queues need a skill, which relaxes; a third have a second tier; a third have a limit."""
    if number % 3 == 0:
        relax = (Relax(after_s=30, needs="spanish"),)
        return Queue(cooldown_s=COOLDOWN_S, needs="spanish >= 3", relax=relax)
    if number % 3 == 1:
        return Queue(cooldown_s=COOLDOWN_S, tiers={2: 20})
    return Queue(cooldown_s=COOLDOWN_S, strategy="fewest_calls", weight_s=60, max_waiting=100_000)


def _slices(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
