"""One controller worker, `python -m ivr.worker N`: one process, one application `hf-N`, one event loop.

Workers share nothing but Redis. This is the composition root: it builds the parts and joins them.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvloop

from ivr import agi, readiness
from ivr.adoption import Adoption
from ivr.alarm import Alarm
from ivr.ari import Asterisk, Link
from ivr.ari.errors import AriError, AsteriskAway
from ivr.checkpoint import Checkpoint
from ivr.clearing import CLEAR_S, Clearing
from ivr.door import Door, Turns
from ivr.doors import DOORS_S, Doors
from ivr.flow.check import BrokenCallflows
from ivr.ghosts import Ghosts
from ivr.holder import Cloakroom
from ivr.hung import end_hung
from ivr.lease import Lease
from ivr.outbox import LOOK_S, Outbox
from ivr.phones import Phones
from ivr.places import PLACES_S
from ivr.publish import Published, Versions, Watch
from ivr.reach import Reach
from ivr.recordings import Recordings
from ivr.recovery import Recovery
from ivr.rehearsal import Rehearsal
from ivr.settings import Settings
from ivr.speech import Speech
from ivr.spool import Spool
from ivr.switchboard import Switchboard
from ivr.tasks import Tasks
from ivr.web import Web
from queues.errors import StoreAway
from queues.operations import now_ms
from queues.store import Store

log = logging.getLogger(__name__)

SWEEP_S = 1.0
SPOOL_S = 1.0
PHONES_S = 1.0
GHOSTS_S = 10.0
LEFT_S = 1.0
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
        self.watch = Watch(
            self.versions, settings.callflows, self._on_published, self._on_broken, settings.watch
        )
        self._inc = 0
        self.tasks = Tasks()
        self._stop = asyncio.Event()
        self._settled = asyncio.Lock()
        self.link = Link(
            (settings.secrets / "worker").read_text().strip(),
            lambda event: self.switchboard.on_event(event),
            self._on_connect,
            self._on_disconnect,
            self.lease.may_command,
            Cloakroom(settings.held, self.name),
        )
        self.asterisk = Asterisk(self.link, self.name)
        self.web = Web(Reach(settings.http_networks))
        self.outbox = Outbox(self.store, self.web)
        self.speech = Speech(settings.data / "speech", settings.speech_engine, settings.speech_voices)
        self.recordings = Recordings(settings.data)
        self.switchboard = board = Switchboard(
            self.name,
            asterisk=self.asterisk,
            store=self.store,
            checkpoint=self.checkpoint,
            door=self.door,
            turns=self.turns,
            versions=self.versions,
            web=self.web,
            outbox=self.outbox,
            speech=self.speech,
            recordings=self.recordings,
            tasks=self.tasks,
            secrets=settings.secrets,
        )
        days = settings.recordings_days
        self.clearing = Clearing(self.store, self.versions, self.speech, self.recordings, days)
        self.sessions = board.sessions
        self.agi = agi.Server(
            self.name,
            board.house,
            lambda: board.callflows,
            lambda calls: self.door.admits(len(board.sessions) + calls, self.link.late_s),
            self.tasks,
            most=settings.agi_calls,
            networks=settings.trusted,
        )
        adoption = Adoption(
            self.name,
            self.asterisk,
            self.checkpoint,
            board.sessions,
            board.resume,
            board.arrive_late,
            board.house.forget,
            board.left,
            self.agi.serves,
            self.agi.look_after,
        )
        self.recovery = Recovery(self.name, self.asterisk, adoption, board.nailed, self._tell)
        self.ghosts = Ghosts(self.asterisk, board.routes, board.is_caller, board.on_event, adoption.receive)
        self.store.on_offer = board.on_offer
        self.store.on_due = self._on_due
        self._alarm = Alarm(self._due)
        self.doors = Doors(self.store, board, self.tasks)
        self.phones = Phones(self.asterisk, self.store, lambda name: name in board.callflows.devices)
        self.spool = Spool(settings.data, self.name, self.store, self.checkpoint)

    # Life

    async def serve(self) -> None:
        """Serve until told to stop; then leave every call to the other workers."""
        published = self.versions.start(self.settings.callflows, self.settings.watch)
        self.switchboard.callflows = published.callflows
        if published.broken is not None:
            self._on_broken(published.broken)
        await self._until_available(self._enlist)
        server = await self.link.listen(self.settings.worker_bind, self.port)
        log.info("%s waits for Asterisk on port %d", self.name, self.port)
        if self.settings.agi_port:
            await self.agi.listen(self.settings.agi_bind, self.settings.agi_port)
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stop.set)
        async with self.tasks:
            self._tell_version(published.callflows.version)
            keepers = [
                self.tasks.start(self.lease.keep(self._renew, self._lapsed)),
                self.tasks.start(self.store.listen()),
                self.tasks.keep(SWEEP_S, self._sweep),
                self.tasks.keep(SPOOL_S, self.spool.drain),
                self.tasks.keep(LOOK_S, self.outbox.look),
                self.tasks.keep(CLEAR_S, self.clearing.clear),
                self.tasks.keep(DOORS_S, self.doors.look),
                self.tasks.keep(PLACES_S, self.switchboard.places.look),
                self.tasks.keep(PHONES_S, self._look_at_phones),
                self.tasks.keep(GHOSTS_S, self._look_for_ghosts),
                self.tasks.keep(LEFT_S, self._regain),
                self.tasks.keep(LEFT_S, self._look_after),
                self.tasks.start(self.watch.run()),
                self.tasks.start(self.link.watch()),
                self.tasks.start(self.door.feel_load()),
            ]
            await self._stop.wait()
            server.close()  # Asterisk would come back while we leave, and we would adopt our own calls
            await self._leave()
            self._alarm.stop()
            self.doors.alarm.stop()
            for keeper in keepers:
                keeper.cancel()
            await server.wait_closed()
        await self.outbox.close()
        await self.web.close()
        await self.store.close()

    async def _enlist(self) -> None:
        before = {peer.name: peer for peer in await self.checkpoint.workers()}.get(self.name)
        self._inc = await self.checkpoint.enlist(self.name)
        if before is not None:
            self.recovery.seen_before = before.seen_at
        started = {
            "inc": self._inc,
            "pid": os.getpid(),
        }  # told before the agents who are there from the start
        await self.checkpoint.tell(self.name, self._inc, "worker_started", now_ms(), **started)
        await self.store.replay()
        await self._configure()
        await self._renew()

    async def _configure(self) -> None:
        flows = self.switchboard.callflows
        await self.store.configure(
            flows.queues, flows.agents, flows.version, flows.ladders, flows.vip, flows.devices
        )

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
        await self.agi.leave()
        await self.link.leave(await asyncio.to_thread(readiness.comes_back))
        try:
            notes = (self.checkpoint.flush(session.handle) for session in sessions)
            await asyncio.gather(*notes, return_exceptions=True)  # of a call that others have: theirs to tell
            await self.checkpoint.retire(self.name, self._inc)
        except StoreAway:
            log.warning("Redis is away: the others will notice by the lease")

    # Keepers

    async def _until_available(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await work()
            except StoreAway as error:
                log.warning("waiting for Redis: %s", error)
                await asyncio.sleep(0.2)

    async def _renew(self) -> None:
        grant = await self.checkpoint.lease(self.name, self._inc, self.recovery.done, self.link.connected)
        if grant.draining and not self._stop.is_set():
            log.info("asked to drain")
            self._stop.set()
        self.turns.among(peer.name for peer in grant.peers if peer.alive and not peer.draining)
        if not self.lease.peers_can_be_judged() or not self.link.connected:
            return
        for peer in grant.peers:
            if peer.name != self.name and not peer.alive and (peer.calls or peer.legs):
                end_hung(peer.pid, peer.host, self.settings.worker_module)
                self.tasks.attempt(self.recovery.take_over(peer))

    def _tell(self, kind: str, **fields: object) -> None:
        self.tasks.attempt(self.checkpoint.tell(self.name, self._inc, kind, now_ms(), **fields))

    async def _lapsed(self) -> None:
        """The lease had run out: sessions whose calls others have adopted must not act again."""
        await self.store.replay()  # a call may have begun in the journal
        ours = [(call, session) for call, session in self.sessions.items() if session.begun]
        owned = set(await self.checkpoint.owned(self.name))
        for call, session in ours:
            if call not in owned and session.task is not None and not self.checkpoint.defers(call):
                log.warning("call was taken over", extra={"call": call})
                session.task.cancel()
        if self.link.connected:
            self.tasks.attempt(self._reconcile())

    async def _sweep(self) -> None:
        if self.door.draining:
            return
        found = await self.store.sweep()
        if found.found:
            log.warning("the sweeper found %d: %s", found.found, found.details)
        await self._run_due()

    async def _look_at_phones(self) -> None:
        if self.link.connected and self.turns.first and not self.switchboard.parking:
            await self.phones.look()
        else:
            self.phones.forget()

    async def _look_after(self) -> None:
        if self.link.connected and not self.switchboard.parking:
            with suppress(AsteriskAway):  # it will be asked again
                await self.agi.look(self.recovery.died_at)
                await self.switchboard.nailed.look()

    async def _look_for_ghosts(self) -> None:
        if self.door.draining or self.switchboard.parking or not self.link.connected:
            return self.ghosts.forget()
        async with self._settled:
            return await self.ghosts.look()

    async def _regain(self) -> None:
        """Calls whose sessions have gone without an end are ours again, or somebody else's."""
        if not self.switchboard.left or self.door.draining or self.switchboard.parking:
            return
        if self.link.connected and self.lease.may_command():
            async with self._settled:
                await self.recovery.regain()

    async def _on_published(self, published: Published) -> None:
        """New calls take the new flows; queues and agents change also for callers who wait."""
        self.switchboard.callflows = published.callflows
        self._tell_version(published.callflows.version)
        log.info("callflows version %d is live", published.callflows.version)
        await self._until_available(self._configure)
        self.doors.published()
        self.phones.forget()

    def _tell_version(self, version: int) -> None:
        """Tell the call log of a version that is live, unless another worker has."""
        if self.versions.first_to_tell(version):
            self._tell("flow_published", version=version, by=self.versions.by(version))

    def _on_broken(self, broken: BrokenCallflows) -> None:
        log.error("callflows stay at version %d: %s", self.switchboard.callflows.version, broken)

    def _on_due(self, at_ms: int) -> None:
        self._alarm.set(at_ms / 1000 - self.store.now())

    def _due(self) -> None:
        self.tasks.attempt(self._run_due())

    async def _run_due(self) -> None:
        following = await self.store.due()
        if following is not None:
            self._on_due(following)

    # Asterisk speaks

    def _on_connect(self) -> None:
        self.switchboard.park()
        self._tell("asterisk_connected", asterisk=self.settings.site)
        self.tasks.attempt(self._reconcile())

    def _on_disconnect(self) -> None:
        self.door.close()
        self.recovery.cut(now_ms())
        self._tell("asterisk_lost", asterisk=self.settings.site)

    async def _reconcile(self) -> None:
        async with self._settled:
            await self._subscribe()
            await self._until_available(self.recovery.recover)
            self.phones.forget()
            await self.phones.look()
            self.switchboard.unpark()
            self.door.open()
            readiness.tell()
            log.info("%s serves: %d calls", self.name, len(self.sessions))

    async def _subscribe(self) -> None:
        """Asterisk connects before it has fully booted: it refuses then, or does not answer at all."""
        while True:
            try:
                async with asyncio.timeout(SUBSCRIBE_S):
                    return await self.asterisk.subscribe()
            except (AriError, TimeoutError) as error:
                log.info("Asterisk is not ready yet: %s", error)
                await asyncio.sleep(0.05)


def main() -> None:
    logging.basicConfig(
        level=os.environ.get("HOLDFAST_LOG", "INFO"), format="%(asctime)s %(levelname)s %(message)s"
    )
    number, settings = int(sys.argv[1]), Settings()
    # What lives as long as the process is not looked at again, and what a call leaves behind is freed by its
    # reference counts: looking for cycles after every 700 objects cost a twentieth of the worker.
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    uvloop.run(_main(settings, number))


async def _main(settings: Settings, number: int) -> None:
    await Worker(settings, number).serve()


if __name__ == "__main__":
    main()
