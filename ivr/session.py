"""One call, from the claim to its last log line, as straight-line code.

A session reads its mailbox in one place, `_next`: there the caller's hangup is raised, whatever was waited
for, holds are logged, digits go into the type-ahead buffer. Flow code sees results, a hangup or a timeout.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from calllog.errors import HoldfastError
from ivr.agent_leg import AgentLeg, bridge_id, decline_reason
from ivr.ari import AriError, Asterisk, AsteriskAway, Conflict, NotFound, Silenced
from ivr.ari import events as ari
from ivr.checkpoint import CallRecord, Checkpoint
from ivr.flow.line import Hangup, MediaFailed
from ivr.flow.run import run_flow
from ivr.flow.step import Flow
from ivr.mailbox import Mailbox
from ivr.place import MARK, Place
from queues.errors import Fenced, StoreAway
from queues.handle import CallHandle
from queues.store import Offer, Store

log = logging.getLogger(__name__)


class Vanished(NamedTuple):
    """The caller's channel is gone, and whoever was told when is dead: between these instants (ms)."""

    not_before: int
    not_after: int
    lost: bool = False
    """It was Asterisk that died."""


class AsteriskDied(HoldfastError):  # noqa: N818  (named by what is the matter)
    """Asterisk has restarted; the call was in the old one."""

    verdict = "lost"
    reason = "asterisk-died"


Message = ari.ChannelEvent | ari.PlaybackFinished | Offer | Vanished

CAUSES = {"normal": 16, "busy": 17, "congestion": 42, "rejected": 21, "unavailable": 20, "unallocated": 1}
"""Names for `hangup cause`, by Q.850; Asterisk maps them to a SIP final response before the answer."""

_REASONS = {"caller": "caller-hangup", "agent": "agent-hangup", "system": "flow-ended"}

GENERATIONS = 3
"""So many owners back a sound may play on that a take-over must stop: some die before they could."""

MOVE_TIMEOUT_S = 3.0
"""A channel comes within a millisecond of the end of what it plays."""

GONE_TIMEOUT_S = 5.0
"""After a command met a dead channel, its hangup event is this late at most; then the end is inferred."""

ONE_MOMENT_S = 3.0
"""How long an agent who has answered is kept while Redis is away."""


@dataclass(frozen=True)
class House:
    """What every session of a worker shares."""

    asterisk: Asterisk
    store: Store
    checkpoint: Checkpoint
    music_of: Callable[[str], str]
    """Music class of a queue."""
    prompt: Callable[[str, str], str]
    """Media URI of a prompt by name and language; raises `MediaFailed`."""
    say: Callable[[str, str], Awaitable[str]]
    """Media URI of a text in a language; raises `MediaFailed`."""
    listen: Callable[[str, "Session"], None]
    """Send a channel's events to a session from now on."""
    forget: Callable[[str], None]
    """The channel's events are of no more interest."""
    park: Callable[[ari.ChannelEvent], None]
    """Keep an event for whoever adopts the call when Asterisk is back."""


class Session:
    """A live call. It is the flow's `Line`, and it rings, connects and leaves agents."""

    def __init__(self, house: House, handle: CallHandle, language: str, place: Place | None = None) -> None:
        """`place`: where he waited, if his channel is all that is left of the call."""
        self.house = house
        self.handle = handle
        self.call = handle.call
        self.language = language
        self.variables: dict[str, str] = {}
        self.path = ""
        self._place = place
        self._bridge = ""
        """Where the caller was left alone by his agent; he leaves it when he is to hear something."""
        self.begun = False
        """Its record is in Redis."""
        self.moving = False
        """Its channel is on its way from another worker's application."""
        self.task: asyncio.Task[None] | None = None
        self.mailbox: Mailbox[Message] = Mailbox()
        self._answered = False
        self._to_flush = False
        self._digits: deque[str] = deque()
        self._plays = 0
        self._leg: AgentLeg | None = None
        self._resumed: CallRecord | None = None
        self._gone_at = 0
        self._gone_between: tuple[int, int] | None = None

    @property
    def talking(self) -> bool:
        return self._leg is not None and self._leg.bridge != ""

    # The life of the call

    async def run(self, flow: Flow, resumed: CallRecord | None = None) -> None:
        """Run the flow and write the call's end, whatever happens. `resumed`: taken over, at this point."""
        try:
            try:
                await self._flow(flow, resumed)
            except Hangup as end:
                await self._end("", _REASONS[end.by], end.by, end.cause)
        except (Fenced, Silenced):
            log.warning("call left to its new owner", extra={"call": self.call})
        except AsteriskAway as error:
            log.warning("call waits for Asterisk: %s", error, extra={"call": self.call})
            await self._leave()
        except HoldfastError as error:
            log.error("call failed: %s", error, extra={"call": self.call})
            await self._fail(error.verdict, error.reason)
        except Exception:
            log.exception("call failed", extra={"call": self.call})
            await self._fail("failed", "internal-error")
        finally:
            self._forget()

    async def _flow(self, flow: Flow, resumed: CallRecord | None) -> NoReturn:
        if resumed is None:
            await run_flow(self, flow, self._place.path if self._place else None)
        self._resumed = resumed
        self.variables = dict(resumed.vars)
        self._answered = resumed.answered_at > 0
        if resumed.state in ("offered", "connecting", "talking"):
            self._leg = AgentLeg.of_record(resumed)
            self.house.listen(self._leg.channel, self)
        elif resumed.attempt:
            self._bridge = bridge_id(self.call, resumed.attempt)  # perhaps he has not left it yet
        # The caller may have gone while nobody owned the call: then that is all there is to tell.
        await self._catch_up()
        if resumed.state == "flow":
            for epoch in range(max(1, self.handle.epoch - GENERATIONS), self.handle.epoch):
                for number in (0, 1):
                    await self.house.asterisk.stop(playback_id(self.call, epoch, number))
            if self.moving:
                await self._moved()
        await run_flow(self, flow, resumed.step)

    async def _leave(self) -> None:
        """Asterisk went under a command: the call is adopted when it is back, as after a restart of ours."""
        self._forget()
        while len(self.mailbox):
            message = await self.mailbox.take()
            if isinstance(message, ari.ChannelEvent):
                self.house.park(message)
        try:
            await self.house.checkpoint.flush(self.handle)
        except HoldfastError as error:
            log.warning("call left as it was: %s", error, extra={"call": self.call})

    async def _moved(self) -> None:
        """Wait for the channel: a sound begun before it has left would be played in the old application.

        Asterisk carries out what is queued for a channel before the move, and tells the old one its hangup.
        """
        kept: list[Message] = []
        deadline = asyncio.get_running_loop().time() + MOVE_TIMEOUT_S
        while (message := await self._next(deadline)) is not None:
            if isinstance(message, ari.StasisStart) and message.channel.id == self.call:
                break
            kept.append(message)
        for message in kept:
            if not isinstance(message, ari.ChannelDtmfReceived):  # a key is in the type-ahead buffer
                self.mailbox.put(message)

    async def _fail(self, word: str, reason: str) -> None:
        """An error of ours: the caller goes back to the dialplan's fallback rather than into silence."""
        try:
            await self.house.asterisk.fall_back(self.call)
            await self._end(word, reason, "system", 0, hang_up=False)
        except (HoldfastError, OSError):
            log.exception("the end of a failed call could not be written", extra={"call": self.call})

    async def _end(self, verdict: str, reason: str, by: str, cause: int, hang_up: bool = True) -> None:
        asterisk, leg = self.house.asterisk, self._leg
        try:
            if leg is not None:
                await asterisk.hang_up(leg.channel, 26 if not leg.answered else 16)
            if hang_up and by == "system":
                await asterisk.hang_up(self.call, cause)
            if bridge := leg.bridge if leg is not None else self._bridge:
                await asterisk.unbridge(bridge)
        except AsteriskAway:
            log.warning("Asterisk is away: its channels end without us", extra={"call": self.call})
        await self.house.checkpoint.ended(
            self.handle,
            at=self._gone_at,
            verdict=verdict,
            reason=reason,
            ended_by=by,
            cause=cause,
            between=self._gone_between,
        )

    def _forget(self) -> None:
        self.house.forget(self.call)
        if self._leg is not None:
            self.house.forget(self._leg.channel)

    async def _leave_bridge(self) -> None:
        if self._bridge:
            bridge, self._bridge = self._bridge, ""
            await self.house.asterisk.unbridge(bridge, goes_on=self.call)

    # Waiting: the one place where messages are read

    async def _next(self, until: float | None = None) -> Message | None:
        """The next message that somebody may wait for; None at the loop time `until`."""
        while True:
            message = await self.mailbox.take(until)
            if message is None or not await self._absorb(message):
                return message

    async def _catch_up(self, connecting: bool = False) -> None:
        """Absorb what has come already; the rest stays, in order. Raises `Hangup` if the caller is gone.

        `connecting`: a hold is of the talk that is about to begin, and waits for it.
        """
        for _ in range(len(self.mailbox)):
            message = await self.mailbox.take()
            if connecting and isinstance(message, ari.ChannelHold | ari.ChannelUnhold):
                self.mailbox.put(message)
                continue
            if message is None or await self._absorb(message) or isinstance(message, ari.ChannelDtmfReceived):
                continue  # a key is in the type-ahead buffer now
            self.mailbox.put(message)

    async def _absorb(self, message: Message) -> bool:
        """What means the same wherever the call is. Raises `Hangup` if the caller is gone."""
        if isinstance(message, Vanished):
            self._vanished(message)
        if not isinstance(message, ari.ChannelEvent):
            return False
        from_caller = message.channel.id == self.call
        match message:
            case ari.ChannelHangupRequest() | ari.ChannelDestroyed() if from_caller:
                self._gone_at = message.at
                raise Hangup("caller", message.cause)
            case ari.ChannelDtmfReceived() if from_caller:
                self._digits.append(message.digit)
                return False
            case ari.ChannelHold() | ari.ChannelUnhold():
                by = "caller" if from_caller else "agent"
                started = isinstance(message, ari.ChannelHold)
                await self.house.store.hold(self.handle, by=by, started=started, at=message.at)
                return True
        return False

    def _vanished(self, message: Vanished) -> NoReturn:
        self._gone_at = message.not_before
        self._gone_between = (message.not_before, message.not_after)
        if message.lost:
            raise AsteriskDied("the call was in the Asterisk that died")
        raise Hangup("caller")

    async def _tell(self, command: Awaitable[None]) -> None:
        """Give a command for the caller's channel; if that is dead, wait for the news of the hangup."""
        try:
            await command
        except (NotFound, Conflict):
            deadline = asyncio.get_running_loop().time() + GONE_TIMEOUT_S
            while await self._next(deadline) is not None:
                pass
            raise Hangup("caller") from None

    # The line as flows see it

    async def checkpoint(self, flow: str, version: int, path: str) -> None:
        self.path = path
        resumed = self._resumed
        if resumed is not None and path == resumed.step:
            if resumed.state != "flow":
                return  # the call is further than this checkpoint: in a queue or with an agent
        elif resumed is not None:
            self._resumed = None
            if resumed.state != "flow":  # the flow no longer has the step in which he waited
                await self.house.store.leave(self.handle, reason="system_error")
        await self.house.checkpoint.step(
            self.handle, flow=flow, version=version, path=path, vars=self.variables, ride=True
        )
        self._to_flush = True

    async def _flush(self) -> None:
        """Make the step's checkpoint durable before the step does anything that must not be done twice.

        A `queue` or `hangup` step begins with a write of its own: there the checkpoint rides.
        """
        if self._to_flush:
            self._to_flush = False
            await self.house.checkpoint.flush(self.handle)

    async def answer(self) -> None:
        if self._answered:
            return
        await self._tell(self.house.asterisk.answer(self.call))
        self._answered = True
        self.note("answered")

    def prompt(self, name: str) -> str:
        return self.house.prompt(name, self.language)

    async def say(self, text: str) -> str:
        return await self.house.say(text, self.language)

    def flush_digits(self) -> None:
        self._digits.clear()

    async def digit(self, timeout_s: float) -> str | None:
        await self._flush()
        until = asyncio.get_running_loop().time() + timeout_s
        while not self._digits:
            if await self._next(until) is None:
                return None
        return self._digits.popleft()

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        if self._digits and self._digits[0] in interrupt:
            return self._digits[0]
        await self._flush()
        await self._leave_bridge()
        self._plays += 1
        playback = playback_id(self.call, self.handle.epoch, self._plays)
        await self._tell(self.house.asterisk.play(self.call, playback, media))
        while True:
            match await self._next():
                case ari.PlaybackFinished(playback=played) if played.id == playback:
                    if played.state != "done":
                        raise MediaFailed(f"playback ended as {played.state!r}: {', '.join(media)}")
                    return None
                case ari.ChannelDtmfReceived(digit=digit) if digit in interrupt and digit in self._digits:
                    await self.house.asterisk.stop(playback)
                    return digit

    def note(self, kind: str, **fields: object) -> None:
        self.house.store.note(self.handle, kind, 0, **fields)

    async def hangup(self, cause: str) -> NoReturn:
        raise Hangup("system", CAUSES[cause])

    async def queue(self, name: str, max_wait_s: float | None) -> str:
        """Hold the caller, serve him, and return when the agent has left or the wait was too long."""
        resumed, self._resumed = self._resumed, None
        self._to_flush = False
        if resumed is not None and resumed.state == "flow" and resumed.left:
            return resumed.left  # he had left the queue when his worker died
        if resumed is not None and resumed.state != "flow":
            joined_at = resumed.joined_at
            talking = await self._resume(resumed)
            if talking:
                await self._talk()
                return "answered"
        else:
            joined_at = await self._join(name)
        return await self._wait(name, joined_at, max_wait_s)

    # In the queue

    async def _join(self, name: str) -> int:
        await self._leave_bridge()
        await self.house.asterisk.start_music(self.call, self.house.music_of(name))
        place, self._place = self._place, None
        asked_at = place.joined_at if place is not None and place.queue == name else _now_ms()
        while True:
            try:
                joined = await self.house.store.join(self.handle, queue=name, at=asked_at)
                break
            except StoreAway:
                # His place counts from now; he hears music until Redis is back.
                await self._next(asyncio.get_running_loop().time() + 0.5)
        mark = Place(name, joined.joined_at, self.path).write()
        await self._tell(self.house.asterisk.mark(self.call, MARK, mark))
        return joined.joined_at

    async def _wait(self, name: str, joined_at: int, max_wait_s: float | None) -> str:
        loop = asyncio.get_running_loop()
        until = None
        if max_wait_s is not None:
            until = loop.time() + max(0.0, joined_at / 1000 + max_wait_s - time.time())
        while True:
            message = await self._next(until)
            if message is None:
                await self.house.store.leave(self.handle, reason="timeout")
                await self._tell(self.house.asterisk.stop_music(self.call))
                return "timeout"
            if isinstance(message, Offer) and await self._serve(message, name):
                return "answered"

    async def _serve(self, offer: Offer, queue: str) -> bool:
        """Ring the offered agent; True after a talk that the agent has left, False if the caller waits on."""
        leg = self._leg = AgentLeg.of_offer(offer)
        self.house.listen(leg.channel, self)
        reason = await self._ring(leg)
        if not reason:
            reason = await self._connect(leg, queue)
        if not reason:
            await self._talk()
            return True
        self._leg = None
        self.house.forget(leg.channel)
        await self.house.store.decline(
            self.handle, agent=leg.agent, attempt=leg.attempt, reason=reason, ring_ms=leg.ring_ms()
        )
        return False

    async def _ring(self, leg: AgentLeg) -> str:
        """Ring the phone while the caller keeps music and place; returns why not answered, or nothing."""
        asterisk, dialled = self.house.asterisk, False
        try:
            await asterisk.create(leg.device, leg.channel)
            while True:
                message = await self._next()
                if not isinstance(message, ari.ChannelEvent) or message.channel.id != leg.channel:
                    continue
                match message:
                    case ari.StasisStart() if not dialled:
                        dialled = True
                        await asterisk.dial(leg.channel, leg.ring_s, self.call)
                    case ari.ChannelStateChange() if message.channel.state == "Up":
                        leg.answered = True
                        return ""
                    case ari.ChannelDestroyed(cause=cause):
                        return decline_reason(cause, leg.ring_ms(), leg.ring_s)
        except AriError as error:
            log.warning("phone cannot be rung: %s", error, extra={"call": self.call, "agent": leg.agent})
            await asterisk.hang_up(leg.channel)
            return "unreachable"

    async def _connect(self, leg: AgentLeg, queue: str) -> str:
        """Settle and bridge; returns why it failed, or nothing once both talk."""
        asterisk, store = self.house.asterisk, self.house.store
        if not await self._settle(leg):
            await asterisk.hang_up(leg.channel)
            return "withdrawn"
        await self._catch_up()  # that may have taken a while: he may be gone
        leg.bridge = bridge_id(self.call, leg.attempt)
        try:
            await asterisk.bridge(leg.bridge, (self.call, leg.channel), musical=self.call)
        except AriError as error:
            log.warning("bridge failed: %s", error, extra={"call": self.call})
            await asterisk.hang_up(leg.channel)
            await asterisk.unbridge(leg.bridge, goes_on=self.call)
            await self._tell(asterisk.start_music(self.call, self.house.music_of(queue)))
            return "caller_gone" if isinstance(error, NotFound) else "withdrawn"
        await self._catch_up(connecting=True)
        await store.connected(self.handle, agent=leg.agent, attempt=leg.attempt, at=_now_ms(), wait=False)
        return ""

    async def _settle(self, leg: AgentLeg) -> bool:
        """Win the pair. While Redis is away the agent hears "one moment", for a short while at most."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ONE_MOMENT_S
        playback, told = f"{leg.channel}-p0", False
        while True:
            try:
                won = await self.house.store.settle(self.handle, agent=leg.agent, attempt=leg.attempt)
                break
            except StoreAway:
                if not told:
                    told = True
                    await self.house.asterisk.play(leg.channel, playback, ["sound:one-moment-please"])
                if loop.time() >= deadline:
                    return False
                await self._next(loop.time() + 0.1)
        if told:  # Asterisk bridges nobody before he has heard what he is played
            await self.house.asterisk.stop(playback)
        return won

    async def _talk(self) -> None:
        """Both talk. Returns when the agent has left; the caller's own hangup ends the call."""
        leg = self._leg
        assert leg is not None
        while True:
            message = await self._next()
            match message:
                case ari.ChannelHangupRequest() | ari.ChannelDestroyed() if message.channel.id == leg.channel:
                    break
        await self.house.store.unbridged(self.handle, ended_by="agent", at=message.at, wait=False)
        self._bridge = leg.bridge
        self.house.forget(leg.channel)
        self._leg = None

    # Taken over from a worker that died or drains

    async def _resume(self, record: CallRecord) -> bool:
        """Go on where the record says. True: the caller talks to an agent; False: he waits in his place."""
        asterisk, store = self.house.asterisk, self.house.store
        leg = self._leg
        if leg is None:
            return False
        if record.state == "talking":
            if leg.channel not in await asterisk.bridged(leg.bridge):
                self.mailbox.put(ari.ChannelDestroyed(channel=ari.Channel(id=leg.channel)))
            return True
        if record.state == "connecting" and set(await asterisk.bridged(leg.bridge)) >= {
            self.call,
            leg.channel,
        }:
            await store.connected(self.handle, agent=leg.agent, attempt=leg.attempt, at=_now_ms())
            leg.answered = True
            return True
        await asterisk.hang_up(leg.channel)
        await asterisk.unbridge(leg.bridge, goes_on=self.call if record.state == "connecting" else "")
        if record.state == "connecting":
            await self._tell(asterisk.start_music(self.call, self.house.music_of(record.queue)))
        self.house.forget(leg.channel)
        self._leg = None
        await store.decline(
            self.handle, agent=leg.agent, attempt=leg.attempt, reason="worker_lost", ring_ms=leg.ring_ms()
        )
        return False


def playback_id(call: str, epoch: int, number: int) -> str:
    """Two names in turn for each owner: a take-over can stop what plays without having been told its number.

    The next owner has two others, so that the end of what it stopped is not taken for that of what it plays.
    """
    return f"{call}-p{2 * epoch + number % 2}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
