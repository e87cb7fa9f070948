"""What a test needs to run a site: workers with their stores, settings, and the log as events."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import AnyEvent, decode
from calllog.grammar import violations
from ivr.checkpoint import Checkpoint
from queues.handle import CallHandle
from queues.models import Agent, Queue
from queues.store import Offer, Store
from tests.queues.redis_process import RedisProcess


class Post:
    """One worker's view: its store, its checkpoint, and the offers and due times it was told."""

    def __init__(self, redis: RedisProcess, site: str, worker: str, folder: Path) -> None:
        self.worker = worker
        self.redis = redis
        self.store = Store(redis.url, site, worker, journal=folder / f"journal-{worker}")
        self.checkpoint = Checkpoint(self.store)
        self.offers: list[Offer] = []
        self.dues: list[int] = []
        self.handles: list[CallHandle] = []
        """Of the calls that have arrived here, in order."""
        self._rung = asyncio.Event()
        self.store.on_offer = self._on_offer
        self.store.on_due = self.dues.append

    def _on_offer(self, offer: Offer) -> None:
        self.offers.append(offer)
        self._rung.set()

    def later(self, ms: int = 20) -> None:
        """The site's clock goes on: what follows is in no millisecond that was before."""
        self.redis.client().incrby(self.store.operations.keys.prefix + "clock", ms)

    async def next_offer(self) -> Offer:
        """The first offer that comes, or has come."""
        async with asyncio.timeout(5):
            await self._rung.wait()
        return self.offers[0]

    async def arrive(self, call: str, answer: bool = True, from_: str = "+4930123") -> CallHandle:
        h = CallHandle(call, self.worker)
        self.handles.append(h)
        await self.checkpoint.arrive(h, from_=from_, to="100", asterisk="pbx")
        if answer:
            self.store.note(h, "answered")
        return h


class Desk:
    """A site with as many workers as a test asks for."""

    def __init__(self, redis: RedisProcess, site: str, folder: Path) -> None:
        self.redis = redis
        self.site = site
        self.folder = folder
        self._posts: list[Post] = []

    def post(self, worker: str = "hf-1") -> Post:
        post = Post(self.redis, self.site, worker, self.folder)
        self._posts.append(post)
        return post

    async def close(self) -> None:
        for post in self._posts:
            await post.store.close()

    def log(self) -> list[AnyEvent]:
        """Every event of the site, in the order of the stream."""
        entries: list[tuple[str, dict[str, str]]] = self.redis.client().xrange(f"{{{self.site}}}:log")  # type: ignore[assignment]
        return [decode(line) for _, entry in entries for line in entry["e"].split("\n")]

    def calls(self) -> Mapping[str, list[AnyCallEvent]]:
        """The log call by call."""
        calls: dict[str, list[AnyCallEvent]] = defaultdict(list)
        for event in self.log():
            if isinstance(event, CallEvent):
                calls[event.call].append(event)
        return calls

    def kinds(self, call: str) -> list[str]:
        return [event.kind for event in self.calls()[call]]

    def assert_sound(self, live: bool = False) -> None:
        """The grammar holds for every call."""
        found = [str(one) for events in self.calls().values() for one in violations(events, live=live)]
        assert not found, found


def settings(
    agents: Mapping[str, tuple[str, ...]], ready: bool = True, queues: Mapping[str, Queue] | None = None
) -> tuple[Mapping[str, Queue], Mapping[str, Agent]]:
    """Queues and agents: agent → queues he serves."""
    names = {name for served in agents.values() for name in served}
    start = "ready" if ready else "offline"
    made = {
        agent: Agent.model_validate({"device": f"{agent}-phone", "queues": served, "at_start": start})
        for agent, served in agents.items()
    }
    return queues or {name: Queue() for name in names}, made
