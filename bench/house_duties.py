"""What is done on a site beside its calls: by workers all the time, by supervisors, by who transfers."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from queues.handle import CallHandle
from queues.results import Consult
from queues.snapshots import wall
from queues.store import Store
from queues.wire import Arg

if TYPE_CHECKING:
    from bench.full_house import FullHouse, Post

PLACES = 10
"""So many callers are told their place at once."""
ANOTHER = "hf-3"
"""A worker that begins and ends again and again."""


class Duties:
    """Steps in a house; each function is timed under its name."""

    def __init__(self, house: "FullHouse") -> None:
        self._house = house
        self._watch = house.watch

    async def each_second(self, post: "Post") -> None:
        """What a worker does all the time."""
        house, store = self._house, post.store
        await self._due(post)
        await self._watch.time("figures", store.figures(house.waited_in()))
        await self._watch.time("wall", wall(store.operations, list(house.settings)))
        await self._functions(store, store.sweep)

    async def rarely(self, post: "Post") -> None:
        """What happens less often, and what each worker does only for some calls."""
        house, store, run = self._house, post.store, post.store.operations.run
        phone = house.agents[house.somebody_quiet()].device or ""
        await self._watch.time("reach: gone", store.reach(phone, False))
        await self._watch.time("reach: back", store.reach(phone, True))
        await self._watch.time("ringing", run("ringing", store.operations.worker, "0"))
        await self._watch.time("lease", run("lease", "", 0, 4000, 0))
        await self._watch.time("doors", store.doors())
        callers = [(queue, call) for call, queue in [*house.waiting.items()][:PLACES]]
        await self._watch.time("places", store.places(callers))
        await self._commands(post)
        await self._flows(post)
        await self._adopt()
        await self._workers(post)
        await self._transfers()

    async def _due(self, post: "Post") -> None:
        """As a worker does it: until nothing is due any more."""
        operations, next_due, now = post.store.operations, 0, 0
        due = f"{operations.keys.prefix}due"
        while next_due <= now:
            first = await operations.link.call("ZRANGE", due, 0, 0)

            def kind(reply: Any, first: list[str] = first) -> str:
                if reply[0] != 1:
                    return "several stages" if reply[0] else "nothing"
                return "an agent" if first[0].startswith("agent:") else "a stage"

            step = operations.run("due", operations.worker, heed=lambda reply: operations.tell(reply[-1]))
            _, next_due, now, _ = await self._watch.time("due", step, kind)
            if not next_due:
                return

    async def _commands(self, post: "Post") -> None:
        """What a supervisor asks for."""
        house, store = self._house, post.store
        first, other = (house.chance.choice([*house.waiting]) for _ in range(2))
        await self._watch.time("move: priority", store.move(first, priority_s=30))
        await self._watch.time("move: to the head", store.move(other, position=1))

    async def _flows(self, post: "Post") -> None:
        """What flows ask for beside queues, and what callers and phones bring with them."""
        house, store, run = self._house, post.store, post.store.operations.run
        number = house.another_number()
        await self._watch.time("dial", store.dial(number, per_hour=100_000))
        await self._watch.time("once", store.once("told", number, within_s=60))
        await self._watch.time("count", store.count("split", number))
        await self._watch.time("probe", run("probe"))
        await self._watch.time("tries", store.may_try_pin("alice", f"phone{number}"))
        h = house.handles[house.chance.choice([*house.waiting])]
        owner = house.post(h)
        await self._watch.time("exit", owner.store.exit(h, ("no_agents", "full", "ratio")))
        owner.store.post(h, f"letter{number}", "{}")
        await self._watch.time("note", house.step(owner, h))
        await self._watch.time("outgoing", run("outgoing", 32, 30_000))
        await self._watch.time("sent", run("sent", f"letter{number}", 0))

    async def _workers(self, post: "Post") -> None:
        """A worker begins, tells something and ends."""
        inc = await self._watch.time("enlist", post.checkpoint.enlist(ANOTHER))
        await self._watch.time("system", post.checkpoint.tell(ANOTHER, inc, "worker_started"))
        await self._watch.time("retire", post.checkpoint.retire(ANOTHER, inc))

    async def _adopt(self) -> None:
        """A take-over, of one call."""
        house = self._house
        h = house.handles[house.chance.choice([*house.waiting])]
        other = next(worker for worker in house.posts if worker != h.worker)
        adopting = house.posts[other].checkpoint.adopt(h.call, h.worker, h.epoch, other)
        record = await self._watch.time("adopt", adopting)
        assert record is not None
        house.handles[h.call] = CallHandle.of_record(record, other)

    async def _transfers(self) -> None:
        """An agent asks another one in vain, asks again and hands over; that one gives the caller away."""
        house = self._house
        agent = house.somebody_talking()
        h = house.handles[house.talking[agent]]
        store, asked = house.post(h).store, await self._ask(h)
        await self._watch.time("unconsult", store.unconsult(h, asked[1].attempt))
        other, consult = await self._ask(h)
        assert await self._watch.time("handover", store.hand_over(h, consult.attempt))
        del house.talking[agent]
        await self._watch.time("give", store.give(h, "sales", how="blind", to="+4930123456", by="agent"))
        await house.end(h, "ended: given away", "system")
        assert other not in house.talking

    async def _ask(self, h: CallHandle) -> tuple[str, Consult]:
        """Somebody who is ready and knows what to say."""
        house = self._house
        consult: Consult | str = ""
        store = house.post(h).store
        while isinstance(consult, str):
            other = house.somebody_quiet()
            consult = await self._watch.time(
                "consult",
                store.consult(h, agent=other),
                lambda it: "he is away" if isinstance(it, str) else "",
            )
        assert await self._watch.time("consulted", store.consulted(h, consult.attempt))
        return other, consult

    async def publish(self, store: Store, version: int) -> None:
        """A publication is many functions, each for a queue, an agent or a caller."""
        await self._functions(store, lambda: self._house.configure(store, version))

    async def _functions(self, store: Store, step: Callable[[], Any]) -> None:
        """Time each function of a step by itself, one after the other."""
        run, one_by_one = store.operations.run, asyncio.Lock()

        async def timed(script: str, *argv: Arg, heed: Callable[[Any], None] | None = None) -> Any:
            async with one_by_one:
                return await self._watch.time(script, run(script, *argv, heed=heed))

        store.operations.run = timed  # type: ignore[method-assign]
        try:
            await step()
        finally:
            store.operations.run = run  # type: ignore[method-assign]
