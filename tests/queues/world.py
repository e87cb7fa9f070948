"""A site lived through step by step, on the real scripts and on the reference at once, with faults.

After every step both must agree: on every call and agent, on every line and idle list, and on every event.
Time is the site's own: its clock key lies years ahead of Redis' clock, and scripts never run back.

A step is chosen by `pick`, which takes one of a sequence: hypothesis' draw or a seeded random choice.
"""

import asyncio
from pathlib import Path

from ivr.checkpoint import Kept
from queues.errors import Fenced
from queues.handle import CallHandle
from queues.head_starts import HeadStart
from queues.operations import REPEATED
from queues.results import Done
from tests.queues.admin import SALES, STEP_NEEDS, move, people, publish
from tests.queues.agent_steps import AgentSteps, Pick
from tests.queues.eye import Eye
from tests.queues.post import QUEUES, WORKERS, Post
from tests.queues.redis_process import RedisProcess
from tests.queues.reference import IN_LINE, Reference
from tests.queues.reference_doors import WAYS

DECLINES = ("no_answer", "busy", "rejected", "unreachable", "not_confirmed", "withdrawn", "worker_lost")
BEGINS_AT = 4_000_000_000_000
"""Years ahead, and the same for each walk of a seed."""
HEAD_STARTS: tuple[dict[HeadStart, float], ...] = ({}, {}, {}, {"priority": 5}, {"vip": 60, "escalated": 2.5})
LIVE = (2, 3, 9)
"""So many calls live at most in a world: in some, agents wait for callers; in some, callers for agents."""


class World(AgentSteps):
    """One site, its two workers, and the reference."""

    reference: type[Reference] = Reference

    def __init__(self, redis: RedisProcess, site: str, folder: Path, pick: Pick) -> None:
        self._redis, self.site, self._folder, self.pick = redis, site, folder, pick
        self.ref = self.reference(BEGINS_AT, dict(QUEUES), people({}, {}))
        self.posts = {name: self._post(name) for name in WORKERS}
        self.handles: dict[str, CallHandle] = {}
        self.stale: list[CallHandle] = []
        self.steps = 0
        self._riding: dict[str, list[tuple[str, int]]] = {}
        self._noted: dict[str, int] = {}
        self._born = self._published = 0
        self._max_live, self._calm = 0, False
        self._taste = SALES
        self._lossy, self._waited = False, True
        self._eye = Eye(redis, site)

    def _post(self, name: str) -> Post:
        return Post(self._redis, self.site, name, self._folder)

    async def open(self) -> None:
        """Publish the settings and see that both sides start alike."""
        self._max_live, self._calm = self.pick(LIVE), self.pick((True, False))
        self._taste = (self.pick(SALES),) if self.pick((True, True, False)) else SALES
        await self._set_clock()
        await self.publish()
        await self.compare()

    async def publish(self) -> None:
        """An admin takes other settings live; who waits is served by them."""
        self._published += 1
        await publish(self._anyone().store, self.ref, self._published, self.pick, self._taste)

    async def move(self) -> None:
        """Somebody at the desk moves a caller, or gives him another priority."""
        h = self._pick_call()
        if h:
            await move(self._anyone().store, self.ref, h.call, self.pick)

    async def close(self) -> None:
        """Both workers end; what was said of calls that live must be sound too."""
        await self._eye.close()
        for post in self.posts.values():
            await post.store.close()
        for name in WORKERS:
            (self._folder / f"{self.site}-{name}").unlink()
        self._eye.check_open_logs()

    async def compare(self) -> None:
        """Redis and the reference say the same, and what must never be is not."""
        for post in self.posts.values():
            await post.barrier()
        seen = await self._eye.look(list(self.ref.callers))
        seen.check()
        seen.equals(self.ref)
        self._eye.hear(self.ref)
        for call, h in self.handles.items():
            c = self.ref.callers[call]
            if c.state == "offered":
                told = self.posts[h.worker].told.get(call, 0)
                assert told >= c.attempt, f"{call}: nobody was told to ring"
        for call in [c.call for c in self.ref.callers.values() if c.state == "ended"]:
            del self.ref.callers[call]

    # Steps

    async def step(self, name: str) -> None:
        """One step by name (see `walk`), if the world allows it now; then compare."""
        self.steps += 1
        await getattr(self, name)()
        await self.compare()

    async def arrive(self) -> None:
        if len(self.handles) >= self._max_live:
            return
        self._born += 1
        call = f"pbx-1.{self._born}"
        h = CallHandle(call, self.pick(WORKERS))
        at = self._some_past()
        await self._at(h).checkpoint.arrive(h, from_='"x"\n', to="100", asterisk="pbx", at=at)
        self.ref.arrive(call, at)
        self.handles[call] = h
        if self.pick((True, True, False)):
            self._note(h, "answered")

    async def note(self) -> None:
        h = self._pick_call()
        if h and self._is_answered(h):
            self._note(h, "input", path="main/menu")
        elif h:
            self._note(h, "answered")

    def _note(self, h: CallHandle, kind: str, **fields: object) -> None:
        at = self.ref.now - self.pick((0, 0, 1))
        self._at(h).store.note(h, kind, at, **fields)
        self._riding.setdefault(h.call, []).append((kind, at))
        self._noted[h.call] = at

    def _is_answered(self, h: CallHandle) -> bool:
        riding = self._riding.get(h.call, ())
        return self.ref.callers[h.call].answered or any(kind == "answered" for kind, _ in riding)

    def _ride(self, h: CallHandle) -> Reference:
        """The reference, after what rides with the operation that comes now."""
        for kind, at in self._riding.pop(h.call, ()):
            if kind == "=":
                self.ref.checkpoint(h.call)
            else:
                self.ref.note(h.call, kind, at)
        return self.ref

    async def checkpoint(self) -> None:
        h = self._pick_call()
        if h:
            ride = self.pick((True, False))
            await self._at(h).checkpoint.step(
                h, flow="m", version=1, path="m/q", kept=Kept(variables={"a\n": "1"}), ride=ride
            )
            self._riding.setdefault(h.call, []).append(("=", 0))
            if not ride:
                self._ride(h)

    async def join(self) -> None:
        h = self._pick_call("flow")
        if h and self._is_answered(h):
            queue, starts = self.pick(("sales", "sales", "tech", "gold")), self.pick(HEAD_STARTS)
            at, ladder = self._some_past(h), self.pick(STEP_NEEDS)
            prefer = self.pick((("", 0), ("", 0), ("ann", 5), ("cat", 2), ("nobody", 9)))
            written = "|".join(f"{after_s}:{need}" for after_s, need in ladder)
            ways = self.pick(((), (), WAYS, ("full", "closed")))
            closed = self.pick((True, False, False, False))
            joined = await self._at(h).store.join(h, queue, starts, at, written or None, ways, closed, prefer)
            refused = self._ride(h).join(h.call, queue, starts, at, ladder, ways, closed, prefer)
            assert joined.refused == refused
            c = self.ref.callers[h.call]
            assert refused or (joined.position, joined.score) == (c.position0, c.score)

    async def join_again(self) -> None:
        h = self._pick_call(*IN_LINE)
        if h:
            c = self.ref.callers[h.call]
            joined = await self._at(h).store.join(h, c.queue)
            self._ride(h)
            place = [o.call for o in self.ref.line(c.queue)].index(h.call) + 1
            assert (joined.position, joined.score) == (place, c.score)

    async def settle(self) -> None:
        h = self._pick_call("offered", "connecting", "waiting")
        if h:
            agent, attempt = self._pair(h)
            won = await self._at(h).store.settle(h, agent, attempt)
            self._ride(h).settle(h.call, agent, attempt)
            c = self.ref.callers[h.call]
            assert won == ((c.state, c.agent, c.attempt) == ("connecting", agent, attempt))

    async def connected(self) -> None:
        h = self._pick_call("connecting", "connecting", "offered")
        if h:
            agent, attempt = self._pair(h)
            at = self._some_past(h)
            done = await self._at(h).store.connected(h, agent, attempt, at, wait=self._waits())
            self._same(done, self._ride(h).connected(h.call, agent, attempt, at))

    async def decline(self) -> None:
        h = self._pick_call("offered", "connecting")
        if h:
            agent, attempt = self._pair(h)
            reason, at = self.pick(DECLINES), self._some_past(h)
            done = await self._at(h).store.decline(h, agent, attempt, reason, at=at)
            self._same(done, self._ride(h).decline(h.call, agent, attempt, reason, at))

    async def nobody_answers(self) -> None:
        """Phone after phone rings in vain; who has cooled down meanwhile is free again."""
        h = self._pick_call("offered")
        for _ in range(self.pick((2, 3, 4)) if h else 0):
            assert h is not None
            c = self.ref.callers[h.call]
            if c.state == "offered":
                done = await self._at(h).store.decline(h, c.agent, c.attempt, "no_answer")
                self._same(done, self._ride(h).decline(h.call, c.agent, c.attempt, "no_answer"))
            if self.pick((True, False)):
                self.ref.now += 1500
                await self._set_clock()
                await self.due()
                await self.agent()

    async def leave(self) -> None:
        h = self._pick_call()
        if h:
            reason, at = self.pick(("timeout", "exit_key", "system_error")), self._some_past(h)
            done = await self._at(h).store.leave(h, reason, at)
            self._same(done, self._ride(h).leave(h.call, reason, at))

    async def hold(self) -> None:
        h = self._pick_call("talking") if self.pick((True, True, False)) else self._pick_call()
        if h:
            by, started = self.pick(("agent", "caller")), self.pick((True, False))
            at = self._some_past(h)
            done = await self._at(h).store.hold(h, by, started, at, wait=self._waits())
            self._same(done, self._ride(h).hold(h.call, by, started, at))

    async def unbridged(self) -> None:
        h = self._pick_call("talking", "talking", "flow")
        if h:
            by, at = self.pick(("agent", "system")), self._some_past(h)
            done = await self._at(h).store.unbridged(h, by, at, wait=self._waits())
            self._same(done, self._ride(h).unbridged(h.call, by, at))

    async def ended(self) -> None:
        h = self._pick_call()
        if h:
            by, verdict = self.pick((("caller", ""), ("caller", ""), ("agent", ""), ("system", "failed")))
            if by == "agent" and self.ref.callers[h.call].state != "talking":
                by = "system"
            await self._end(h, by, verdict, self._some_past(h))

    async def _end(self, h: CallHandle, by: str, verdict: str, at: int) -> None:
        ended = await self._at(h).checkpoint.ended(
            h, verdict=verdict, reason="x", ended_by=by, cause=16, at=at
        )
        said = self._ride(h).ended(h.call, by, verdict, at)
        assert ended.verdict == said, (ended, said)
        del self.handles[h.call]
        self.stale.append(h)

    async def time_passes(self) -> None:
        self.ref.now += self.pick((0, 1, 7, 900, 2500, 6000))
        await self._set_clock()
        if self.pick((True, True, False)):
            await self.due()

    async def _set_clock(self) -> None:
        await self._eye.link.call("SET", f"{{{self.site}}}:clock", self.ref.now)

    async def due(self) -> None:
        """A few at a time, until nothing is due any more."""
        more = True
        while more:
            next_due = await self._anyone().store.due() or 0
            self.ref.due()
            assert next_due == self.ref.next_due()
            more = 0 < next_due <= self.ref.now

    async def sweep(self) -> None:
        """Nothing is ever found: what crashes leave is mended by the scripts themselves."""
        overdue = self.ref.now - 2000
        if not 0 < self.ref.next_due() <= overdue:
            found = await self._anyone().store.sweep()
            assert found.found == 0, found.details

    # Faults

    async def reply_lost(self) -> None:
        """The connection breaks before an answer arrives; the operation is applied once all the same."""
        h = self._pick_call()
        if h:
            link = self._at(h).store.operations.link
            if link._pipe is not None:
                asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, link._pipe.abort)
            self._lossy = True
            await self.pick((World.ended, World.leave, World.hold, World.decline, World.join))(self)
            self._lossy = False

    async def duplicate(self) -> None:
        """An operation of before comes once more, late: it changes nothing."""
        h = self._pick_call()
        if h:
            own, script = self.pick(
                (
                    (("x",), "leave"),
                    (("caller", "1"), "hold"),
                    (("system",), "unbridged"),
                    (("gold", 0), "join"),
                )
            )
            argv = [h.call, h.worker, h.epoch, self.pick(range(h.op + 1)), 0, 0, *own]
            raw = await self._at(h).store.operations.run(script, *argv)
            assert raw[0] == REPEATED

    async def stale_owner(self) -> None:
        """Somebody who has lost the call, or whose call is over, acts on: he is refused."""
        if self.stale:
            h = self.pick(self.stale[-5:])
            over = h.call not in self.handles
            store = self._at(h).store
            try:
                if self.pick((True, False)):
                    done = await store.leave(h, "timeout")
                else:
                    done = await store.hold(h, "caller", True)
                assert over
                assert not done.changed
            except Fenced:
                pass

    async def worker_dies(self) -> None:
        """kill -9: its notes are lost; its calls are adopted, by it once started again or by the other."""
        name = self.pick(WORKERS)
        await self.posts[name].store.close()
        self.posts[name] = self._post(name)
        by = self.posts[self.pick(WORKERS)]
        owned = await by.checkpoint.owned(name)
        assert owned == sorted(call for call, h in self.handles.items() if h.worker == name)
        for call in owned:
            await self._adopt(by, self.handles[call])

    async def _adopt(self, by: Post, old: CallHandle) -> None:
        c = self.ref.callers[old.call]
        self._riding.pop(old.call, None)  # what only rode along had not been said when the worker died
        record, loser = await asyncio.gather(
            by.checkpoint.adopt(old.call, old.worker, old.epoch, by.name),
            self.posts["hf-1" if by.name == "hf-2" else "hf-2"].checkpoint.adopt(
                old.call, old.worker, old.epoch, "hf-3"
            ),
        )
        assert (record is None) != (loser is None)
        if record is None:
            record = await by.checkpoint.adopt(old.call, "hf-3", old.epoch + 1, by.name)
        assert record is not None
        assert (record.state, record.agent, record.attempt) == (c.state, c.agent, c.attempt), (record, c)
        self.stale.append(old)
        self.handles[old.call] = CallHandle.of_record(record, by.name)
        by.told[old.call] = record.attempt

    # Choosing

    def _pick_call(self, *states: str) -> CallHandle | None:
        calls = [call for call in self.handles if not states or self.ref.callers[call].state in states]
        return self.handles[self.pick(sorted(calls))] if calls else None

    def _same(self, done: Done, changed: bool) -> None:
        """After a lost reply nobody knows whether it changed anything: then it is said to have."""
        assert done.changed == changed or ((self._lossy or not self._waited) and done.changed)
        self._waited = True

    def _waits(self) -> bool:
        """Sometimes nobody waits for an answer."""
        self._waited = self.pick((True, True, False))
        return self._waited

    def _pair(self, h: CallHandle) -> tuple[str, int]:
        """Mostly the true agent and attempt."""
        c = self.ref.callers[h.call]
        wrong = [("dan", c.attempt), (c.agent or "ann", c.attempt - 1)]
        right = c.offers or [(c.agent or "ann", c.attempt)]
        return self.pick((right * 6)[:6] + wrong)  # type: ignore[no-any-return]

    def _some_past(self, h: CallHandle | None = None) -> int:
        """An instant as workers give it: mostly none, sometimes late, sometimes from a wrong clock.

        Never before what the same worker has noted itself.
        """
        ago = self.pick((None, None, None, 0, 3, 4000, -5))
        noted_at = self._noted.get(h.call, 0) if h else 0
        return 0 if ago is None else max(self.ref.now - ago, noted_at)

    def _anyone(self) -> Post:
        return self.posts[self.pick(WORKERS)]

    def _at(self, h: CallHandle) -> Post:
        return self.posts[h.worker] if h.worker in self.posts else self.posts["hf-1"]
