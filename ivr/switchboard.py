"""Where calls come in: what Asterisk tells goes to the call it is about, and what belongs to none begins one.

    CallBroadcast ──► claim, if it is our turn and the door is open
    StasisStart of a channel nobody knows ──► a call arrives · an agent has dialled a code · a stray leg ends
    any other event ──► the mailbox that listens to its channel

Between Asterisk's coming and the end of the adoption nobody can say whose a channel is: events are parked.
"""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from calllog.errors import HoldfastError
from ivr.agent_leg import owner_of
from ivr.ari import AriError, Asterisk, AsteriskAway, Silenced
from ivr.ari import events as ari
from ivr.caller import House, Message, Moved, Vanished
from ivr.callflows import Callflows, Route
from ivr.checkpoint import CallRecord, Checkpoint
from ivr.door import Door, Turns
from ivr.flow.line import About, who
from ivr.flow.step import Flow
from ivr.mailbox import Mailbox
from ivr.nailed import Nailed
from ivr.outbox import Outbox
from ivr.phone_codes import PhoneCodes
from ivr.place import FLOW_MARK, MARK, Place
from ivr.places import Places
from ivr.publish import Versions
from ivr.recordings import Recordings
from ivr.second_calls import CONTEXT, SecondCalls, is_second_call
from ivr.session import Session
from ivr.speech import Speech
from ivr.tasks import Tasks
from ivr.web import Web
from queues.errors import Fenced, StoreAway
from queues.handle import CallHandle
from queues.legs import Legs
from queues.models import Queue
from queues.operations import now_ms
from queues.store import Offer, Store

log = logging.getLogger(__name__)

RETRY_S = 0.2
UNPUBLISHED = Queue()
"""Settings of a queue that callers still wait in."""
FRONT_DOOR = "front-door"
"""The dialplan context from which callers come."""


class Switchboard:
    """The live calls of one worker, and the ways to them."""

    callflows: Callflows
    """What new calls follow."""

    def __init__(
        self,
        name: str,
        *,
        asterisk: Asterisk,
        store: Store,
        checkpoint: Checkpoint,
        door: Door,
        turns: Turns,
        versions: Versions,
        speech: Speech,
        web: Web,
        outbox: Outbox,
        recordings: Recordings,
        tasks: Tasks,
        secrets: Path,
    ) -> None:
        """`name`: the worker's. `tasks`: where calls run. `secrets`: the directory of agents' PINs."""
        self._name = name
        self.asterisk = asterisk
        self.store = store
        self.checkpoint = checkpoint
        self._door = door
        self._turns = turns
        self._versions = versions
        self._tasks = tasks
        self.sessions: dict[str, Session] = {}
        """Live calls."""
        self.routes: dict[str, Mailbox[Message]] = {}
        """Channels, callers' and agents', and where their events go."""
        self.left: set[str] = set()
        """Calls of ours that nobody serves: their sessions have gone without an end. Their routes stay."""
        self._parked: list[ari.ChannelEvent] | None = []
        self.places = Places(store)
        self.legs = Legs(store.operations)
        self.nailed = Nailed(
            asterisk, self.legs, self.routes, lambda: self.callflows.nailed_up, tasks.attempt
        )
        store.operations.before_replay = self.nailed.tell
        self.house = House(
            asterisk=asterisk,
            store=store,
            checkpoint=checkpoint,
            flow=lambda name: self.callflows.flows.get(name),
            queue=lambda name: self.callflows.queues.get(name, UNPUBLISHED),
            agent=lambda name: self.callflows.agents.get(name),
            device=lambda name: self.callflows.devices.get(name),
            prompt=lambda name, language: self.callflows.prompt(name, language),
            say=speech.render,
            transfers=lambda: self.callflows.transfers,
            stop_at=lambda written: self.callflows.stop_at(written),
            outside=lambda written, about: self.callflows.destination(written, about),
            web=web,
            outbox=outbox,
            nailed=self.nailed,
            recordings=recordings,
            listen=self.routes.__setitem__,
            forget=self._forget,
            hours=lambda name: self.callflows.hours.get(name),
            vip=lambda number: self.callflows.vip(number),
            closed=self._closed,
            place=self.places.of,
            now=lambda: datetime.now(self.callflows.timezone),
            leave=self._leave,
        )
        store.operations.on_moved = self.on_moved
        self._seconds = SecondCalls(asterisk, store, self.sessions)
        self.codes = PhoneCodes(self.house, lambda: self.callflows, secrets)

    def is_caller(self, channel: str) -> bool:
        """Whether a call of ours has that channel, served now or left."""
        return channel in self.sessions or channel in self.left

    # Asterisk speaks

    def on_event(self, event: ari.Event) -> None:
        """Take what Asterisk tells to whom it concerns."""
        match event:
            case ari.CallBroadcast() if is_second_call(event.channel):
                self._tasks.attempt(self._seconds.claim(event.channel))
            case ari.CallBroadcast():
                mine = self._turns.mine(event.channel.id)
                admits = self._door.admits(len(self.sessions), self.asterisk.link.late_s)
                if mine and admits and not self.store.away:
                    self._claim(event.channel.id)
            case ari.PlaybackFinished():
                channel = event.playback.id.rpartition("-")[0]
                heard_by = channel if channel in self.routes else owner_of(event.playback.id)
                mailbox = self.routes.get(heard_by)
                if mailbox is not None:
                    mailbox.put(event)
            case ari.RecordingFinished() | ari.RecordingFailed():
                mailbox = self.routes.get(owner_of(event.recording.name))
                if mailbox is not None:
                    mailbox.put(event)
            case _:
                self._route(event)

    def _route(self, event: ari.ChannelEvent) -> None:
        if isinstance(event, ari.ChannelHangupRequest | ari.ChannelDestroyed):
            self.nailed.heard(event)
        mailbox = self.routes.get(event.channel.id)
        if mailbox is not None:
            mailbox.put(event)
        elif self._parked is not None:
            self._parked.append(event)
        elif isinstance(event, ari.StasisStart):
            self._enter(event)

    @property
    def parking(self) -> bool:
        """Nobody can say now whose a channel is."""
        return self._parked is not None

    def park(self) -> None:
        """Asterisk has come: from now on keep what is told of channels that nobody knows."""
        if self._parked is None:
            self._parked = []

    def unpark(self) -> None:
        """Our calls are known: what was parked has no owner, or has one now."""
        parked, self._parked = self._parked or [], None
        for event in parked:
            if isinstance(event, ari.ChannelHangupRequest) and self._is_strange(event.channel):
                self._tasks.attempt(self._came_and_went(event))
            else:
                self._route(event)

    def _is_strange(self, channel: ari.Channel) -> bool:
        """Whether it is a caller's, and no call of ours."""
        return channel.id not in self.routes and channel.dialplan.context == FRONT_DOOR

    async def _came_and_went(self, event: ari.ChannelHangupRequest) -> None:
        """His worker died before it wrote anything down, and he has gone before anybody else knew of him."""
        if await self._record_of(event.channel.id) is None and event.channel.id not in self.routes:
            self._arrive(event.channel, event.channel.created_at, inferred=True)
            self._route(event)

    def _enter(self, event: ari.StasisStart) -> None:
        """A channel nobody knows yet: a call, an agent who dials a code, a tone, a leg whose call is over."""
        match event.args:
            case ["call", flow, *_]:
                self._tasks.attempt(self._go_on(event.channel, event.at, flow, self._hear(event.channel.id)))
            case ["call"]:
                self._arrive(event.channel, event.channel.created_at)
            case ["code", code, device, *digits]:
                dialled = self.codes.obey(code, device, "".join(digits[:1]), event.channel.id)
                self._tasks.attempt(dialled)
            case ["tone"]:
                self._tasks.attempt(self.nailed.sound(event.channel.id))
            case ["line"]:
                self._tasks.attempt(self._seconds.enter(event.channel))
            case _:
                self._tasks.attempt(self.asterisk.hang_up(event.channel.id))

    def _claim(self, channel: str) -> None:
        try:
            self.asterisk.claim(channel)
        except (AriError, AsteriskAway, Silenced) as error:
            log.debug("not ours: %s", error)

    # Calls begin

    async def arrive_late(self, channel: ari.Channel) -> None:
        """A channel of ours without a record: its worker died before `arrived`, or Redis was lost."""
        if channel.dialplan.context == CONTEXT:
            if channel.id not in self.routes and not await self.legs.known(channel.id):
                await self.asterisk.hang_up(channel.id)
            return
        flow = (await self.asterisk.read_mark(channel.id, FLOW_MARK)).removeprefix(":")
        place = Place.read(await self.asterisk.read_mark(channel.id, MARK))
        if not flow:
            self._arrive(channel, channel.created_at, inferred=True, place=place)
        elif channel.id not in self.routes:
            heard = self._hear(channel.id)
            await self._go_on(channel, channel.created_at, flow, heard, inferred=True, place=place)

    def _hear(self, channel: str) -> Mailbox[Message]:
        """Keep what is told of a channel while it is found out which call it is."""
        mailbox: Mailbox[Message] = Mailbox()
        self.routes[channel] = mailbox
        return mailbox

    async def _go_on(
        self,
        channel: ari.Channel,
        at: int,
        flow: str,
        heard: Mailbox[Message],
        inferred: bool = False,
        place: Place | None = None,
    ) -> None:
        """A call from AGI: its record says where it is; without one it begins, on the flow asked for.

        `heard`: where what is told of it meanwhile goes.
        """
        record = await self._record_of(channel.id)
        if record is None:
            self._arrive(channel, at, inferred, place, flow)
        elif record.state == "ended":
            log.error("its call has ended, and the caller is here", extra={"call": channel.id})
            await self.asterisk.fall_back(channel.id)
        else:
            await self._adopt(record)
        session = self.sessions.get(channel.id)
        if session is None:
            self.routes.pop(channel.id, None)
            return
        while len(heard) and (message := await heard.take()) is not None:
            session.mailbox.put(message)
        if not await self.asterisk.holds(channel.id):
            # Who hangs up just before he comes in is let out again, and nobody is told.
            session.mailbox.put(Vanished(at, now_ms()))

    async def _adopt(self, record: CallRecord) -> None:
        adopted = await self.checkpoint.adopt(record.call, record.owner, record.epoch, self._name)
        if adopted is not None:
            self.resume(adopted)

    async def _record_of(self, call: str) -> CallRecord | None:
        while True:
            try:
                return await self.checkpoint.record(call)
            except StoreAway:
                await asyncio.sleep(RETRY_S)

    def _arrive(
        self,
        channel: ari.Channel,
        at: int,
        inferred: bool = False,
        place: Place | None = None,
        flow: str = "",
    ) -> None:
        if channel.id in self.sessions:
            return  # it was told while somebody found out whose it is
        route = self.callflows.route(channel.dialplan.exten)
        handle = CallHandle(channel.id, self._name)
        number, name = who(channel.caller.number, channel.caller.name)
        about = About(number, name, channel.dialplan.exten, route.campaign)
        session = Session(self.house, handle, about, route.language, place)
        self._listen(session)
        begins = self.callflows.flows.get(flow) or self.callflows.flows[route.flow]
        session.task = self._tasks.start(self._live(session, channel, at, route, begins, inferred))

    async def _live(
        self, session: Session, channel: ari.Channel, at: int, route: Route, flow: Flow, inferred: bool
    ) -> None:
        try:
            await self.checkpoint.arrive(
                session.handle,
                at=at,
                from_=session.about.number,
                to=channel.dialplan.exten,
                campaign=route.campaign,
                language=route.language,
                asterisk=channel.id.rpartition("-")[0],
                inferred=inferred,
                wait=inferred,
            )
        except Fenced:
            log.warning("call has a worker already", extra={"call": session.call})
            self.house.forget(session.call)
            return
        session.begun = True
        await session.run(flow)

    def resume(self, record: CallRecord) -> Session:
        """Go on with a call that we have adopted; what was kept for it comes first."""
        handle = CallHandle.of_record(record, self._name)
        route = self.callflows.route(record.to)
        about = About(record.from_, called=record.to, campaign=record.campaign)
        session = Session(self.house, handle, about, route.language)
        session.begun = True
        for told in self.routes[record.call].empty() if record.call in self.left else ():
            if isinstance(told, ari.ChannelEvent | Vanished):
                session.mailbox.put(told)
        self.left.discard(record.call)
        self._listen(session)
        if record.consult_line:
            self.routes[record.consult_line] = session.mailbox
        parked, self._parked = self._parked, None if self._parked is None else []
        for event in parked or ():
            if owner_of(event.channel.id) == record.call or event.channel.id == record.consult_line:
                session.mailbox.put(event)
            elif self._parked is not None:
                self._parked.append(event)
        flow = self._flow_of(record, route.flow)
        session.task = self._tasks.start(session.run(flow, record))
        return session

    def _flow_of(self, record: CallRecord, default: str) -> Flow:
        """The flow a call began on, in the version it began with."""
        if not record.flow:
            return self.callflows.flows[default]  # its worker died before the first step
        try:
            then = (
                self.callflows
                if record.version == self.callflows.version
                else self._versions.load(record.version)
            )
        except HoldfastError as error:
            log.error("%s: the call goes on with today's flow", error, extra={"call": record.call})
            then = self.callflows
        return then.flows.get(record.flow) or self.callflows.flows[default]

    def _listen(self, session: Session) -> None:
        self.sessions[session.call] = session
        self.routes[session.call] = session.mailbox

    def _forget(self, channel: str) -> None:
        if self.nailed.waits(channel):
            return  # its call is over, and it goes back to where it waits
        self.routes.pop(channel, None)
        self.sessions.pop(channel, None)
        self.left.discard(channel)

    def _leave(self, call: str) -> None:
        self.sessions.pop(call, None)
        self.left.add(call)

    def _closed(self, queue: str) -> bool:
        settings = self.callflows.queues.get(queue, UNPUBLISHED)
        return settings.hours is not None and queue in self.callflows.closed(self.house.now())

    def on_moved(self, call: str, queue: str, joined_at: int) -> None:
        """Somebody has put one of our callers who wait into another queue."""
        session = self.sessions.get(call)
        if session is not None:
            session.mailbox.put(Moved(queue, joined_at))

    def on_offer(self, offer: Offer) -> None:
        """Redis has found an agent for one of our callers."""
        session = self.sessions.get(offer.call)
        if session is not None:
            wait = session.wait
            if wait is not None and wait.queue != offer.queue:  # the news of his move may have been lost
                session.mailbox.put(Moved(offer.queue, now_ms()))
            session.mailbox.put(offer)
        else:
            self.store.operations.forget(offer.call)  # it has ended, or will be adopted
