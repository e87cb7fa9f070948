"""One controller worker, `python -m ivr.worker N`: one process, one application `hf-N`, one event loop.

Workers share nothing but Redis. This is the composition root: it builds the parts and joins them.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvloop
from aiohttp import web

from calllog.errors import HoldfastError
from ivr import readiness
from ivr.adoption import Adoption, Recovered, created_at
from ivr.agent_leg import owner_of
from ivr.alarm import Alarm
from ivr.ari import Asterisk, AsteriskAway, Link, Silenced
from ivr.ari import events as ari
from ivr.ari.errors import AriError
from ivr.callflows import Callflows
from ivr.checkpoint import CallRecord, Checkpoint, Peer, host_id
from ivr.clearing import CLEAR_S, Clearing
from ivr.door import Door, Turns
from ivr.flow.check import BrokenCallflows
from ivr.flow.step import Flow
from ivr.lease import Lease
from ivr.phone_codes import obey
from ivr.phones import Phones
from ivr.place import MARK, Place
from ivr.publish import Published, Versions, Watch
from ivr.rehearsal import Rehearsal
from ivr.session import House, Session
from ivr.settings import Settings
from ivr.speech import Speech
from ivr.spool import Spool
from queues.errors import Fenced, StoreAway
from queues.handle import CallHandle
from queues.operations import now_ms
from queues.store import Offer, Store

log = logging.getLogger(__name__)

SWEEP_S = 1.0
SPOOL_S = 1.0
PHONES_S = 1.0
SUBSCRIBE_S = 0.1
"""A reply to a settled Asterisk takes a millisecond; one that is still booting may give none."""
DRAIN_S = 3.0
"""How long a stopping worker waits for talking calls before it leaves them to the others."""


class Worker:
    """The parts of one worker and the paths between them."""

    def __init__(self, settings: Settings, number: int) -> None:
        self.settings = settings
        self.name = f"hf-{number}"
        self.port = settings.worker_port + number
        self.store = Store(
            settings.redis, settings.site, self.name, journal=settings.data / "journal" / self.name
        )
        self.checkpoint = Checkpoint(self.store)
        self.lease = Lease()
        self.door = Door(settings.max_calls)
        self.turns = Turns(self.name)
        self.versions = Versions(settings.data, Rehearsal.of(settings))
        self.watch = Watch(self.versions, settings.callflows, self._on_published, self._on_broken)
        self.speech = Speech(settings.data / "speech", settings.speech_engine, settings.speech_voices)
        self.sessions: dict[str, Session] = {}
        self._routes: dict[str, Session] = {}
        self._parked: list[ari.ChannelEvent] | None = []
        self._inc = 0
        self._seen_before = 0
        """When this name's last process was seen alive, ms; 0 once its calls are taken over."""
        self._recovered_calls = False
        """The calls of this name's last process have been adopted."""
        self._lost_at = 0
        """When Asterisk went away, ms."""
        self._tasks = asyncio.TaskGroup()
        self._stop = asyncio.Event()
        self._settled = asyncio.Lock()
        password = (settings.secrets / "worker").read_text().strip()
        self.link = Link(
            password, self._on_event, self._on_connect, self._on_disconnect, self.lease.may_command
        )
        self.asterisk = Asterisk(self.link, self.name)
        self.house = House(
            asterisk=self.asterisk,
            store=self.store,
            checkpoint=self.checkpoint,
            music_of=self._music_of,
            prompt=self._prompt,
            say=self.speech.render,
            listen=self._routes.__setitem__,
            forget=self._forget,
            park=self._park,
        )
        self.adoption = Adoption(
            self.name, self.asterisk, self.checkpoint, self.sessions, self._resume, self._arrive_late
        )
        self.store.on_offer = self._on_offer
        self.store.on_due = self._on_due
        self._alarm = Alarm(self._due)
        self.phones = Phones(self.asterisk, self.store)
        self.spool = Spool(settings.data, self.name, self.store, self.checkpoint)

    # Life

    async def serve(self) -> None:
        """Serve until told to stop; then leave every call to the other workers."""
        published = self.versions.start(self.settings.callflows)
        self.callflows: Callflows = published.callflows
        if published.broken is not None:
            self._on_broken(published.broken)
        await self._until_available(self._enlist)
        server = web.Application()
        server.router.add_get("/asterisk", self.link.accept)
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, self.settings.worker_bind, self.port).start()
        log.info("%s waits for Asterisk on port %d", self.name, self.port)
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stop.set)
        async with self._tasks:
            self._tell("worker_started", inc=self._inc, pid=os.getpid())
            if published.fresh:
                self._tell("flow_published", version=self.callflows.version, by="start")
            keepers = [
                self._start(self.lease.keep(self._renew, self._lapsed)),
                self._start(self.store.listen()),
                self._start(self._every(SWEEP_S, self._sweep)),
                self._start(self._every(SPOOL_S, self.spool.drain)),
                self._start(self._every(CLEAR_S, Clearing(self.store, self.versions).clear)),
                self._start(self._every(PHONES_S, self._look_at_phones)),
                self._start(self.watch.run()),
                self._start(self.link.watch()),
                self._start(self.door.feel_load()),
            ]
            await self._stop.wait()
            await self._leave()
            self._alarm.stop()
            for keeper in keepers:
                keeper.cancel()
            await runner.cleanup()
        await self.store.close()

    async def _enlist(self) -> None:
        before = {peer.name: peer for peer in await self.checkpoint.workers()}.get(self.name)
        self._inc = await self.checkpoint.enlist(self.name)
        if before is not None:
            self._seen_before = before.seen_at
        await self.store.replay()
        await self._configure()
        await self._renew()

    async def _configure(self) -> None:
        flows = self.callflows
        await self.store.configure(flows.queues, flows.agents, version=flows.version)

    async def _leave(self) -> None:
        """Stop claiming, let talks finish for a moment, then hand what is left to the others."""
        self.door.drain()
        log.info("draining: %d calls", len(self.sessions))
        talks = [s.task for s in self.sessions.values() if s.talking and s.task is not None]
        if talks:
            await asyncio.wait(talks, timeout=DRAIN_S)
        sessions = list(self.sessions.values())
        for session in sessions:
            if session.task is not None:
                session.task.cancel()
        await self.link.close()
        try:
            notes = (self.checkpoint.flush(session.handle) for session in sessions)
            await asyncio.gather(*notes, return_exceptions=True)  # of a call that others have: theirs to tell
            await self.checkpoint.retire(self.name, self._inc)
        except StoreAway:
            log.warning("Redis is away: the others will notice by the lease")

    # Keepers

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._tasks.create_task(work)

    async def _every(self, period_s: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(period_s)
            try:
                await work()
            except StoreAway:
                log.debug("Redis is away")
            except Fenced:
                raise
            except HoldfastError as error:
                log.error("%s: %s", getattr(work, "__name__", "keeper"), error)

    async def _until_available(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await work()
            except StoreAway as error:
                log.warning("waiting for Redis: %s", error)
                await asyncio.sleep(0.2)

    async def _renew(self) -> None:
        grant = await self.checkpoint.lease(self.name, self._inc, self._recovered_calls)
        if grant.draining and not self._stop.is_set():
            log.info("asked to drain")
            self._stop.set()
        self.turns.among(peer.name for peer in grant.peers if peer.alive and not peer.draining)
        if not self.lease.peers_can_be_judged() or not self.link.connected:
            return
        for peer in grant.peers:
            if peer.name != self.name and not peer.alive and peer.calls:
                self._end_process(peer.pid, peer.host)
                self._start(self._guarded(self._take_over(peer)))

    async def _take_over(self, peer: Peer) -> None:
        self._recovered(peer.name, peer.seen_at, await self.adoption.take_over(peer))

    def _recovered(self, peer: str, seen_at: int, recovered: Recovered) -> None:
        if recovered.adopted:
            gap_ms = max(0, now_ms() - seen_at) if seen_at else 0
            log.warning("took %d calls over from %s, %d ms on", recovered.adopted, peer, gap_ms)
            self._tell(
                "worker_recovered", peer=peer, gap_ms=gap_ms, adopted=recovered.adopted, lost=recovered.lost
            )

    def _tell(self, kind: str, **fields: object) -> None:
        self._start(self._guarded(self.checkpoint.tell(self.name, self._inc, kind, now_ms(), **fields)))

    def _end_process(self, pid: int, host: str) -> None:
        """A worker that hangs must not wake up and act: on our own host it is ended."""
        if pid and host == host_id() and pid != os.getpid() and is_worker(pid, self.settings.worker_module):
            log.warning("ending hung worker, pid %d", pid)
            os.kill(pid, signal.SIGKILL)

    async def _lapsed(self) -> None:
        """The lease had run out: sessions whose calls others have adopted must not act again."""
        owned = set(await self.checkpoint.owned(self.name))
        for call, session in list(self.sessions.items()):
            if call not in owned and session.begun and session.task is not None:
                log.warning("call was taken over", extra={"call": call})
                session.task.cancel()
        await self.store.replay()
        if self.link.connected:
            self._start(self._guarded(self._reconcile()))

    async def _sweep(self) -> None:
        if self.door.draining:
            return
        found = await self.store.sweep()
        if found.found:
            log.warning("the sweeper found %d: %s", found.found, found.details)
        await self._run_due()

    async def _look_at_phones(self) -> None:
        if self.link.connected and self.turns.first:
            await self.phones.look()
        else:
            self.phones.forget()

    async def _on_published(self, published: Published) -> None:
        """New calls take the new flows; queues and agents change also for callers who wait."""
        self.callflows = published.callflows
        if published.fresh:
            self._tell("flow_published", version=self.callflows.version, by="watch")
        log.info("callflows version %d is live", self.callflows.version)
        await self._until_available(self._configure)
        self.phones.forget()

    def _on_broken(self, broken: BrokenCallflows) -> None:
        log.error("callflows stay at version %d: %s", self.callflows.version, broken)

    def _on_due(self, at_ms: int) -> None:
        self._alarm.set(at_ms / 1000 - self.store.now())

    def _due(self) -> None:
        self._start(self._guarded(self._run_due()))

    async def _run_due(self) -> None:
        following = await self.store.due()
        if following is not None:
            self._on_due(following)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (StoreAway, AsteriskAway) as error:
            log.warning("put off: %s", error)
        except HoldfastError as error:
            log.error("%s", error)

    # Asterisk speaks

    def _on_connect(self) -> None:
        self._parked = [] if self._parked is None else self._parked
        self._tell("asterisk_connected", asterisk=self.settings.site)
        self._start(self._guarded(self._reconcile()))

    def _on_disconnect(self) -> None:
        self.door.close()
        self._lost_at = now_ms()
        self._tell("asterisk_lost", asterisk=self.settings.site)

    async def _reconcile(self) -> None:
        async with self._settled:
            await self._subscribe()
            await self._until_available(self._recover)
            self.phones.forget()
            await self.phones.look()
            parked, self._parked = self._parked or [], None
            for event in parked:
                self._route(event)
            self.door.open()
            readiness.tell()
            log.info("%s serves: %d calls", self.name, len(self.sessions))

    async def _recover(self) -> None:
        seen_at = self._seen_before
        recovered = await self.adoption.reconcile(seen_at, self._lost_at)
        self._seen_before, self._recovered_calls = 0, True
        self._recovered(self.name, seen_at, recovered)

    async def _subscribe(self) -> None:
        """Asterisk connects before it has fully booted: it refuses then, or does not answer at all."""
        while True:
            try:
                async with asyncio.timeout(SUBSCRIBE_S):
                    return await self.asterisk.subscribe()
            except (AriError, TimeoutError) as error:
                log.info("Asterisk is not ready yet: %s", error)
                await asyncio.sleep(0.05)

    def _on_event(self, event: ari.Event) -> None:
        match event:
            case ari.CallBroadcast():
                admits = self.door.admits(len(self.sessions)) and not self.store.away
                if admits and self.turns.mine(event.channel.id):
                    self._start(self._claim(event.channel.id))
            case ari.PlaybackFinished():
                session = self._routes.get(owner_of(event.playback.id))
                if session is not None:
                    session.mailbox.put(event)
            case _:
                self._route(event)

    def _route(self, event: ari.ChannelEvent) -> None:
        channel = event.channel.id
        session = self._routes.get(channel)
        if session is not None:
            session.mailbox.put(event)
        elif self._parked is not None:
            self._parked.append(event)
        elif isinstance(event, ari.StasisStart):
            self._enter(event)

    def _park(self, event: ari.ChannelEvent) -> None:
        """Keep an event until it is known whose it is; that is found out when Asterisk connects."""
        if self._parked is None and not self.link.connected:
            self._parked = []
        if self._parked is not None:
            self._parked.append(event)

    def _enter(self, event: ari.StasisStart) -> None:
        """A channel nobody knows yet: a new call, an agent who dials a code, or a leg whose call is over."""
        match event.args:
            case ["call", *_]:
                self._arrive(event.channel, event.at)
            case ["code", code, device]:
                self._start(self._guarded(obey(code, device, event.channel.id, self.asterisk, self.store)))
            case _:
                self._start(self._guarded(self.asterisk.hang_up(event.channel.id)))

    async def _claim(self, channel: str) -> None:
        try:
            await self.asterisk.claim(channel)
        except (AriError, AsteriskAway, Silenced) as error:
            log.debug("not ours: %s", error)

    # Calls begin

    async def _arrive_late(self, channel: ari.Channel) -> None:
        """A channel of ours without a record: its worker died before `arrived`, or Redis was lost."""
        if channel.dialplan.context == "agents":
            await self.asterisk.hang_up(channel.id)
        else:
            place = Place.read(await self.asterisk.read_mark(channel.id, MARK))
            self._arrive(channel, created_at(channel), inferred=True, place=place)

    def _arrive(
        self, channel: ari.Channel, at: int, inferred: bool = False, place: Place | None = None
    ) -> None:
        route = self.callflows.route(channel.dialplan.exten)
        handle = CallHandle(channel.id, self.name)
        session = Session(self.house, handle, route.language, place)
        self._listen(session)
        flow = self.callflows.flows[route.flow]
        session.task = self._start(self._live(session, channel, at, route.campaign, flow, inferred))

    async def _live(
        self, session: Session, channel: ari.Channel, at: int, campaign: str, flow: Flow, inferred: bool
    ) -> None:
        try:
            await self.checkpoint.arrive(
                session.handle,
                at=at,
                from_=channel.caller.number,
                to=channel.dialplan.exten,
                campaign=campaign,
                asterisk=channel.id.rpartition("-")[0],
                inferred=inferred,
            )
        except Fenced:
            log.warning("call has a worker already", extra={"call": session.call})
            self.house.forget(session.call)
            return
        session.begun = True
        await session.run(flow)

    def _resume(self, record: CallRecord) -> Session:
        handle = CallHandle.of_record(record, self.name)
        route = self.callflows.route(record.to)
        session = Session(self.house, handle, route.language)
        session.begun = True
        self._listen(session)
        for event in self._parked or ():
            if owner_of(event.channel.id) == record.call:
                session.mailbox.put(event)
        if self._parked is not None:
            self._parked = [e for e in self._parked if owner_of(e.channel.id) != record.call]
        flow = self._flow_of(record, route.flow)
        session.task = self._start(session.run(flow, record))
        return session

    def _flow_of(self, record: CallRecord, default: str) -> Flow:
        """The flow a call began on, in the version it began with."""
        if not record.flow:
            return self.callflows.flows[default]  # its worker died before the first step
        try:
            then = (
                self.callflows
                if record.version == self.callflows.version
                else self.versions.load(record.version)
            )
        except HoldfastError as error:
            log.error("%s: the call goes on with today's flow", error, extra={"call": record.call})
            then = self.callflows
        return then.flows.get(record.flow) or self.callflows.flows[default]

    def _listen(self, session: Session) -> None:
        self.sessions[session.call] = session
        self._routes[session.call] = session

    def _forget(self, channel: str) -> None:
        self._routes.pop(channel, None)
        self.sessions.pop(channel, None)

    def _prompt(self, name: str, language: str) -> str:
        return self.callflows.prompt(name, language)

    def _music_of(self, queue: str) -> str:
        known = self.callflows.queues.get(queue)
        return known.music if known is not None else "default"

    def _on_offer(self, offer: Offer) -> None:
        session = self.sessions.get(offer.call)
        if session is not None:
            session.mailbox.put(offer)
        else:
            self.store.operations.forget(offer.call)  # it has ended, or will be adopted


def is_worker(pid: int, module: str) -> bool:
    """Whether that process is a worker of ours, not a stranger who got the number."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return module.encode() in file.read().split(b"\0")
    except OSError:
        return False


def main() -> None:
    logging.basicConfig(
        level=os.environ.get("HOLDFAST_LOG", "INFO"), format="%(asctime)s %(levelname)s %(message)s"
    )
    number = int(sys.argv[1])
    settings = Settings()
    uvloop.run(_main(settings, number))


async def _main(settings: Settings, number: int) -> None:
    await Worker(settings, number).serve()


if __name__ == "__main__":
    main()
