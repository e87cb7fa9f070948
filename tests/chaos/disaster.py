"""A server with callers and agents on it, things that die, and what must be true when it is over."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import pytest

from calllog.audit import Audit
from calllog.call_events import AnyCallEvent, Bridged, CallEvent, Declined, Ended, Offered
from calllog.errors import LogAway
from calllog.events import AnyEvent, AsteriskConnected, WorkerRecovered
from ivr.checkpoint import Checkpoint
from queues.operations import now_ms
from queues.store import Store
from tests.chaos import drill
from tests.chaos.doomed import Hit, Plan
from tests.rig.log_watch import LogWatch
from tests.rig.server import Server, alone_in_network
from tests.rig.sip_view import Leg, parse
from tests.rig.sipp import Caller, Phone, Play

OK = 200
STAMP_MS = 250
"""So much may SIPp's BYE and the log's `ended` differ where workers die and start all the time."""
SETTLED_S = 60.0
"""After the last call all is written, and the agents are ready again, within this time."""


@dataclass(frozen=True)
class Staff:
    """Agents of one queue, all on one SIPp. The names of agents are those of their queue, numbered."""

    scenario: str
    count: int
    keys: Mapping[str, int]


class SteadyWatch(LogWatch):
    """The whole call log, followed through deaths of Redis."""

    async def _follow(self, after: str) -> None:
        seen = self._stream.follow(after)
        while True:
            try:
                entry = await anext(seen)
            except LogAway:
                await asyncio.sleep(0.05)  # nobody tells when Redis is back
                seen = self._stream.follow(after)
                continue
            after = entry.position
            async with self._news:
                if entry.event is None:
                    self.broken.append(entry.broken)
                else:
                    self.events.append(entry.event)
                self._news.notify_all()


@dataclass
class Disaster:
    """`async with Disaster(tmp_path, staff) as disaster`: callers call, things die; then `findings()`."""

    directory: Path
    staff: Mapping[str, Staff]
    plan: Plan = field(default_factory=Plan)
    workers: int = 2
    callers: list[Phone] = field(default_factory=list)
    agents: list[Phone] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        if not alone_in_network():
            pytest.fail("live tests want name spaces of their own: make test")
        self._around = AsyncExitStack()
        self._numbers = iter(range(5_551_000_000, 5_552_000_000))
        doom = self.directory / "doom"
        doom.mkdir(parents=True)
        (doom / "plan.json").write_bytes(msgspec.json.encode(self.plan))
        os.environ["HOLDFAST_DOOM"] = str(doom)
        ports = dict(zip(self.staff, range(6000, 6100), strict=False))
        people = {
            queue: {f"{queue}-{n}": ports[queue] for n in range(staff.count)}
            for queue, staff in self.staff.items()
        }
        callflows = drill.write(self.directory / "callflows", people)
        server = Server(callflows, self.workers, worker_module="tests.chaos.doomed")
        self.server = await self._around.enter_async_context(server)
        settings = server.settings
        watch = SteadyWatch(settings.redis, settings.site, whole=True)
        self.log = await self._around.enter_async_context(watch)
        for queue, staff in self.staff.items():
            play = Play(staff.scenario, staff.keys, port=ports[queue])
            self.agents.append(await self._around.enter_async_context(server.phone(play)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.server.state)
        await self._around.aclose()

    # While it lasts

    async def call(
        self,
        number: str,
        count: int = 1,
        stay_ms: int = 60_000,
        rate: float = 50,
        scenario: str = "caller_waits",
        media_port: int = 0,
        **keys: int,
    ) -> Phone:
        """Callers to a number, each with a number of his own. They hang up themselves, after `stay_ms`."""
        lines = [Caller(str(next(self._numbers)), keys="9") for _ in range(count)]
        play = Play(
            scenario,
            {"stay_ms": stay_ms, **keys},
            lines,
            service=number,
            rate=rate,
            media_port=media_port,
        )
        phone = await self._around.enter_async_context(self.server.phone(play))
        self.callers.append(phone)
        return phone

    def numbers(self, phone: Phone) -> list[str]:
        """Numbers of a phone's callers, in the order of their calls."""
        return [line.number for line in phone.play.lines if isinstance(line, Caller)]

    @property
    def hits(self) -> list[Hit]:
        """The kills so far that were placed by the plan."""
        path = self.directory / "doom" / "hits.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [msgspec.json.decode(line, type=Hit) for line in lines]

    def kill(self, service: str, sign: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a service's process; when, ms since the epoch."""
        pid = self.server.pid(service)
        assert pid, f"{service} does not run"
        os.kill(pid, sign)
        return now_ms()

    async def recovered(self, peer: str, after: int, patience_s: float) -> WorkerRecovered:
        """The news that a worker's calls have been taken over, later than an instant."""

        def wanted(event: AnyEvent) -> bool:
            return isinstance(event, WorkerRecovered) and event.peer == peer and event.at >= after

        found = await self.log.until(wanted, patience_s)
        assert isinstance(found, WorkerRecovered)
        return found

    async def back(self, worker: str, after: int) -> None:
        """A worker that died at that instant has Asterisk again."""

        def wanted(event: AnyEvent) -> bool:
            return isinstance(event, AsteriskConnected) and event.worker == worker and event.at >= after

        await self.log.until(wanted)

    async def taken(self, peer: str, after: int, count: int) -> list[WorkerRecovered]:
        """The news that so many calls of a worker have been taken over, whoever shared them."""
        found: list[WorkerRecovered] = []

        def wanted(event: AnyEvent) -> bool:
            if isinstance(event, WorkerRecovered) and event.peer == peer and event.at >= after:
                found.append(event)
            return sum(news.adopted for news in found) >= count

        await self.log.until(wanted)
        return found

    async def owned(self, worker: str) -> list[str]:
        """Live calls of a worker."""
        store = Store(self.server.settings.redis, self.server.settings.site)
        try:
            return await Checkpoint(store).owned(worker)
        finally:
            await store.close()

    async def lines(self) -> dict[str, list[tuple[str, float]]]:
        """Who stands in each queue's line, and with which score, first to last."""
        store = Store(self.server.settings.redis, self.server.settings.site)
        try:
            queues = await store.waiting(1000)
        finally:
            await store.close()
        return {q.queue: [(caller.call, caller.score) for caller in q.callers] for q in queues}

    # When it is over

    async def over(self) -> None:
        """Wait until every caller has hung up, every call has ended in the log, every agent is ready.

        What does not come about within a while is for `findings` to tell.
        """
        for phone in self.callers:
            await phone.done()
        numbers = [number for phone in self.callers for number in self.numbers(phone)]
        agents = [f"{queue}-{n}" for queue, staff in self.staff.items() for n in range(staff.count)]
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_S):
                for number in numbers:
                    await self.log.whole(number)
                for agent in agents:
                    await self.log.state(agent, "ready")

    async def findings(self) -> list[str]:
        """Everything that is not as it must be, after `over`."""
        return [
            *self._dropped(),
            *self._told(),
            *self._rung(),
            *self._audited(),
            *await self._swept(),
        ]

    def calls(self) -> Iterator[tuple[str, Leg, list[AnyCallEvent]]]:
        """Number, SIPp's view and the log of each call, once all are over."""
        by_number: dict[str, list[AnyCallEvent]] = {}
        log = self.log
        for call in log.calls():
            events = log.of_call(call)
            by_number.setdefault(getattr(events[0], "from_", ""), []).extend(events)
        for phone in self.callers:
            numbers = self.numbers(phone)
            for leg in phone.legs:
                number = numbers[leg.number - 1]
                yield number, leg, by_number.get(number, [])

    def _dropped(self) -> Iterator[str]:
        """A caller whose call did not last until he himself hung up."""
        for phone in self.callers:
            if len(phone.legs) != len(phone.play.lines):
                yield f"{len(phone.legs)} calls of {len(phone.play.lines)} were placed"
        for number, leg, events in self.calls():
            if leg.status != 200 or leg.ended_by != "us":
                by = leg.ended_by or "nobody"
                yield f"{number} dropped: status {leg.status}, ended by {by}\n{_table(events)}"

    def _told(self) -> Iterator[str]:
        """One log for each call, with one end, at the instant of the BYE."""
        heard = self._heard()
        for number, leg, events in self.calls():
            ends = [event for event in events if isinstance(event, Ended)]
            if len({event.call for event in events}) != 1 or len(ends) != 1:
                logs = len({event.call for event in events})
                yield f"{number}: {len(ends)} ends in {logs} logs\n{_table(events)}"
                continue
            late = ends[0].at - leg.ended_at
            if late > 0:  # than Asterisk heard of it
                late = max(0, ends[0].at - heard.get(leg.call_id, leg.ended_at))
            if ends[0].source == "inferred":
                if not self.bounded(ends[0], leg.ended_at):
                    yield f"{number} ended {late} ms from the BYE, beyond its bounds\n{_table(events)}"
            elif abs(late) > STAMP_MS:
                yield f"{number} ended {late} ms after the BYE by the log\n{_table(events)}"
            if ends[0].verdict in ("failed", "lost", "rejected"):
                yield f"{number} ended as {ends[0].verdict}: {ends[0].reason}\n{_table(events)}"

    def _heard(self) -> dict[str, int]:
        """When the BYE of each of the callers' calls was answered, ms since the epoch, by Call-ID."""
        traces = [phone.directory / "messages.csv" for phone in self.callers]
        messages = [message for trace in traces for message in parse(trace.read_text().splitlines())]
        return {
            message.call_id: message.at
            for message in messages
            if message.method == "BYE" and message.status == OK and message.way == "received"
        }

    @staticmethod
    def bounded(end: Ended, instant: int) -> bool:
        """Whether an inferred end says truly between which instants it was."""
        if end.not_before is None or end.not_after is None:
            return False
        return end.not_before - STAMP_MS <= instant <= end.not_after + STAMP_MS

    def _rung(self) -> Iterator[str]:
        """No phone rings without an offer, or twice for one; no phone is left alone with the line open."""
        offers = self._offers()
        for phone in self.agents:
            for leg in phone.legs:
                agent = leg.to_uri.removeprefix("sip:").partition("@")[0]
                mine = [offer for offer in offers if offer.agent == agent and offer.around(leg.invited_at)]
                if not mine:
                    yield f"{agent} was rung at {leg.invited_at} without an offer, or again"
                    continue
                mine[0].legs += 1
                offers.remove(mine[0])
                if not (leg.ended_at or leg.cancelled_at or leg.status >= 300):
                    yield f"{agent}'s phone, rung at {leg.invited_at}, was never let go"
                if leg.answered_at and leg.ended_by == "us":
                    yield f"{agent} had to hang up himself"

    def _offers(self) -> list["_Offer"]:
        found: list[_Offer] = []
        open_: dict[str, _Offer] = {}
        for event in self.log.events:
            if isinstance(event, Offered):
                open_[event.call] = _Offer(event.agent, event.at)
                found.append(open_[event.call])
            elif isinstance(event, Declined | Bridged) and event.call in open_:
                open_.pop(event.call).closed_at = event.logged_at
        return found

    def _audited(self) -> Iterator[str]:
        audit = Audit()
        for event in self.log.events:
            audit.add(event)
        for violation in audit.finish().violations:
            events = [e for e in self.log.events if isinstance(e, CallEvent)]
            yield f"audit: {violation}\n" + _table([e for e in events if e.call == violation.call])
        for broken in self.log.broken:
            yield f"broken entry: {broken}"

    async def _swept(self) -> list[str]:
        store = Store(self.server.settings.redis, self.server.settings.site)
        try:
            swept = await store.sweep()
            agents = await store.agents()
        finally:
            await store.close()
        stuck = [f"{agent.agent} is {agent.state}" for agent in agents if agent.state != "ready"]
        return [*(f"sweeper: {detail}" for detail in swept.details), *stuck]


@dataclass
class _Offer:
    """One offer to an agent in the log, and how often his phone rang for it."""

    agent: str
    at: int
    closed_at: int = 1 << 62
    legs: int = 0

    def around(self, instant: int) -> bool:
        return self.at - STAMP_MS <= instant <= self.closed_at + STAMP_MS


def _table(events: Sequence[AnyCallEvent]) -> str:
    """A call's log, for a failed test to show."""
    return "\n".join(f"    {event.at} {msgspec.json.encode(event).decode()}" for event in events)
