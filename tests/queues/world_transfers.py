"""What agents who transfer do, as further steps of a world."""

from queues.handle import CallHandle
from tests.queues.post import AGENTS
from tests.queues.reference_transfers import TransferReference
from tests.queues.world import DECLINES, World


class TransferWorld(World):
    """A site on which agents ask others and give callers away."""

    reference = TransferReference
    ref: TransferReference

    def _ride(self, h: CallHandle) -> TransferReference:
        super()._ride(h)
        return self.ref

    async def consult(self) -> None:
        h = self._pick_call("talking", "talking", "waiting")
        if h:
            agent, at = self.pick((*AGENTS, "")), self._some_past(h)
            line = self.pick(("", "pbx-9.9"))
            got = await self._at(h).store.consult(h, agent, "" if agent else "+4930", line, at)
            attempt = self._ride(h).consult(h.call, agent, 1_000_000 + h.op, line, at)
            c = self.ref.callers[h.call]
            known = c.asked_attempt if c.consult == "offered" and c.asked == agent else 0
            assert (attempt or known) == (0 if isinstance(got, str) else got.attempt)

    async def consulted(self) -> None:
        h = self._pick_consult("offered")
        if h:
            attempt, at = self._asked(h), self._some_past(h)
            talks = await self._at(h).store.consulted(h, attempt, at)
            self._ride(h).consulted(h.call, attempt, at)
            c = self.ref.callers[h.call]
            assert talks == ((c.consult, c.asked_attempt) == ("talking", attempt))

    async def unconsult(self) -> None:
        h = self._pick_consult("offered", "talking")
        if h:
            attempt, reason, at = self._asked(h), self.pick(DECLINES), self._some_past(h)
            by = self.pick(("agent", "system"))
            done = await self._at(h).store.unconsult(h, attempt, reason, ended_by=by, at=at)
            self._same(done, self._ride(h).unconsult(h.call, attempt, reason, by, at))

    async def hand_over(self) -> None:
        h = self._pick_consult("talking", "offered")
        if h:
            attempt, at = self._asked(h), self._some_past(h)
            errand = "" if self.ref.callers[h.call].asked else "[]"
            given = await self._at(h).store.hand_over(h, attempt, errand, at)
            assert given == self._ride(h).hand_over(h.call, attempt, at)

    async def give(self) -> None:
        h = self._pick_call("talking", "talking", "waiting")
        if h:
            queue, at = self.pick(("sales", "tech")), self._some_past(h)
            fields = {"how": "blind", "queue": queue, "by": "agent"}
            done = await self._at(h).store.give(h, "[]", at, **fields)
            self._same(done, self._ride(h).give(h.call, queue, at))

    def _pick_consult(self, *states: str) -> CallHandle | None:
        calls = [call for call in self.handles if self.ref.callers[call].consult in states]
        return self.handles[self.pick(sorted(calls))] if calls else None

    def _asked(self, h: CallHandle) -> int:
        """Mostly the true attempt."""
        true = self.ref.callers[h.call].asked_attempt
        return self.pick([true] * 6 + [true + 1])  # type: ignore[no-any-return]
