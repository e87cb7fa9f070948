"""One call, from the claim to its last log line, as straight-line code.

Its life is here, and the line on which its flow runs. What is told about it is read in `Caller`; `Hunt` gets
the caller to agents. They know nothing of the session.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NoReturn

from calllog.errors import HoldfastError
from ivr.agent_leg import GENERATIONS, earlier_playbacks
from ivr.ari import AsteriskAway, NotFound, Silenced
from ivr.ari import events as ari
from ivr.call_line import CallLine, reason_of
from ivr.caller import AsteriskDied, AsteriskStopped, Caller, House, Message
from ivr.checkpoint import CallRecord
from ivr.flow.line import About, Announcement, Hangup, Held, Recorded, Recording
from ivr.flow.run import run_flow
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.step import Flow, innermost
from ivr.flow.web import Reply, Request
from ivr.hearing import hear_out
from ivr.hunt import Hunt
from ivr.outside import Outside, Wish
from ivr.place import Place
from ivr.talk import Talk
from ivr.tape import ChannelTape
from ivr.wait import Wait
from queues.handle import CallHandle
from queues.head_starts import HeadStart
from queues.models import direct_line

log = logging.getLogger(__name__)


MOVE_TIMEOUT_S = 3.0
"""A channel comes within a millisecond of the end of what it plays."""


class Session(CallLine):
    """A live call, and the flow's `Line`."""

    def __init__(
        self, house: House, handle: CallHandle, about: About, language: str, place: Place | None = None
    ) -> None:
        """`place`: where he waited, if his channel is all that is left of the call."""
        self._caller = Caller(house, handle)
        self._caller.about = about
        super().__init__(house, handle, about, language, ChannelTape(self._caller))
        self._place = place
        self._hunt = Hunt(self._caller, self, place)
        self._outside = Outside(self._caller)
        self.mailbox = self._caller.mailbox
        """Where all that is told about the call goes."""
        self.begun = False
        """Its record is in Redis."""
        self.moving = False
        """Its channel is on its way from another worker's application."""
        self.task: asyncio.Task[None] | None = None
        self._over = False
        """Its end is in the log, or in the journal."""
        self._answered = False
        self._resumed: CallRecord | None = None

    @property
    def talking(self) -> bool:
        return self._hunt.talking or self._outside.talking

    @property
    def talk(self) -> Talk | None:
        """His talk with an agent."""
        return self._hunt.talk

    @property
    def wait(self) -> Wait | None:
        """The queue in which he is, and how he may leave it."""
        return self._hunt.wait

    # The life of the call

    async def run(self, flow: Flow, resumed: CallRecord | None = None) -> None:
        """Run the flow and write the call's end, whatever happens. `resumed`: taken over, at this point.

        Without an end the call is left: it is adopted again, with what is told of it meanwhile.
        """
        try:
            await self._through(self._life(flow, resumed))
        finally:
            self._hunt.forget()
            self._outside.forget()
            if self._over:
                self.house.forget(self.call)
            else:
                self._leave()

    async def _life(self, flow: Flow, resumed: CallRecord | None) -> None:
        try:
            try:
                await self._flow(flow, resumed)
            except Hangup as end:
                await self._end("", reason_of(end), end.by, end.cause)
            except (AsteriskDied, AsteriskStopped) as end:
                log.error("call failed: %s", end, extra={"call": self.call})
                # The dialplan cannot have him; and Asterisk may be away already: that is no reason to wait.
                await self._end(end.verdict, end.reason, "system", 0, hang_up=False)
        except (AsteriskAway, Silenced) as error:
            log.warning("call is left for now: %s", error, extra={"call": self.call})
            await self._flush_notes()

    async def _flow(self, flow: Flow, resumed: CallRecord | None) -> NoReturn:
        if resumed is None:
            await run_flow(self, flow, self._place.path if self._place else None)
        self._resumed = resumed
        self.restore(resumed.kept)
        self._answered = resumed.answered_at > 0
        self._hunt.take_over(resumed)
        if resumed.state == "flow" and self.visits:
            self._outside.expect(self._effects)
        # The caller may have gone while nobody owned the call: then that is all there is to tell.
        await self._caller.catch_up()
        if resumed.state == "flow":
            await self._outside.take_over(self.moving)
            await self._hunt.look_outside(resumed, self.moving)
            await self._recorder.stop(max(1, self.handle.epoch - GENERATIONS))
            for playback in earlier_playbacks(self.call, self.handle.epoch):
                await self.house.asterisk.stop(playback)
            if self.moving:
                await self._moved()
        await run_flow(self, flow, resumed.step)

    def _leave(self) -> None:
        """Nobody serves the call any more, as after a death of ours; that he is gone is not forgotten."""
        if self._caller.parting is not None:
            self.mailbox.put(self._caller.parting)
        self.house.leave(self.call)

    async def _flush_notes(self) -> None:
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
        while (message := await self._caller.next(deadline)) is not None:
            if isinstance(message, ari.StasisStart) and message.channel.id == self.call:
                break
            kept.append(message)
        for message in kept:
            if not self._caller.typed(message):
                self.mailbox.put(message)

    async def _fall_back(self, verdict: str, reason: str) -> None:
        with suppress(NotFound):  # he has hung up just now
            await self.house.asterisk.fall_back(self.call)
        await self._end(verdict, reason, "system", 0, hang_up=False)

    async def _end(self, verdict: str, reason: str, by: str, cause: int, hang_up: bool = True) -> None:
        asterisk, caller = self.house.asterisk, self._caller
        try:
            await self._hunt.end()
            await self._outside.end()
            if hang_up and by == "system":
                await asterisk.hang_up(self.call, cause)
            if caller.left_in:
                await asterisk.unbridge(caller.left_in)
        except AsteriskAway:
            log.warning("Asterisk is away: its channels end without us", extra={"call": self.call})
        await self._recorder.end(self.about, caller.gone_at)
        await self.house.checkpoint.ended(
            self.handle,
            at=caller.gone_at,
            verdict=verdict,
            reason=reason,
            ended_by=by,
            cause=cause,
            between=caller.gone_between,
        )
        self._over = True

    # The line as flows see it

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        self.path = path
        resumed = self._resumed
        if resumed is not None and path == resumed.step:
            if resumed.state != "flow" or resumed.connected_outside or resumed.errand:
                return  # the call is further than this checkpoint: in a queue, with an agent or with somebody
        elif resumed is not None:
            self._resumed = None
            if resumed.state != "flow":  # the flow no longer has the step in which he waited
                await self.house.store.leave(self.handle, reason="system_error")
        await super().checkpoint(flow, version, path, held)

    async def answer(self) -> None:
        if self._answered:
            return
        await self._caller.tell(self.house.asterisk.answer(self.call))
        self._answered = True
        self.note("answered")

    def flush_digits(self) -> None:
        self._caller.keys.clear()

    def ignore_key(self, key: str, within_s: float) -> None:
        self._caller.keys.ignore(key, within_s)

    async def digit(self, timeout_s: float) -> str | None:
        await self._flush()
        until = asyncio.get_running_loop().time() + timeout_s
        while not self._caller.keys:
            if await self._caller.next(until) is None:
                return None
        return self._caller.keys.popleft()

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        if self._caller.keys and self._caller.keys[0] in interrupt:
            return self._caller.keys[0]
        await self._flush()
        await self._caller.leave_bridge()
        playback = self._caller.name_playback()
        await self._caller.tell(self.house.asterisk.play(self.call, playback, media))
        return await hear_out(self._caller, self._caller.next, playback, media, interrupt)

    async def hangup(self, cause: str) -> NoReturn:
        await self._caller.catch_up()  # if he has hung up meanwhile, it was he who ended the call, and then
        await super().hangup(cause)

    async def record(self, name: str, wish: Recording) -> Recorded:
        await self._caller.leave_bridge()
        return await super().record(name, wish)

    @property
    def _effects(self) -> int:
        """Steps with effects outside the call that have begun: a number for each, kept in a take-over."""
        return sum(self.visits.values())

    async def transfer(
        self, number: str, ring_s: int, key: str, announcement: Announcement | None = None
    ) -> str:
        resumed, self._resumed = self._resumed, None
        await self._flush()
        wish = Wish(number, ring_s, key, self.about, announcement)
        return await self._outside.serve(self._effects, wish, resumed)

    async def transfer_to_agent(self, agent: str, within_s: int) -> str:
        if not _has_waited(self._resumed):
            self.note("transferred", how="blind", agent=agent, by="flow")
        outcome = await self.queue(direct_line(agent), within_s)
        return "done" if outcome == "answered" else "no_answer"

    async def ask(self, request: Request) -> Reply:
        await self._flush()
        return await self._caller.during(self.house.web.fetch(request))

    async def queue(
        self,
        name: str,
        max_wait_s: float | None,
        reason: str = "",
        standing: Standing = ORDINARY,
        exits: Collection[str] = ("timeout",),
    ) -> str:
        resumed, self._resumed = self._resumed, None
        if reason and not _has_waited(resumed):
            self.note("escalated", path=innermost(self.path), queue=name, reason=reason)
        self._to_flush = False
        starts: dict[HeadStart, float] = {"escalated" if reason else "priority": standing.head_start_s}
        starts["vip"] = self.house.vip(self.about.number)
        wait = Wait(name, self.path, max_wait_s, frozenset(exits), reason)
        return await self._hunt.serve(wait, resumed, starts, standing)


def _has_waited(resumed: CallRecord | None) -> bool:
    """Whether a call that was taken over has joined the queue of its step: that and why is told then."""
    return resumed is not None and (resumed.state != "flow" or resumed.left != "")
