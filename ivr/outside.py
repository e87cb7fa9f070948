"""A caller's way to a number outside, by a trunk, as straight-line code.

    policy, cap ──► music ──► ring ──► is asked ──► bridge ──► `transferred` is written ──► talk ──► `done`
        └──► `refused`          └─────────┴──► `busy`, `no_answer`, `failed`, `declined`: the flow goes on

He is asked if the step has an announcement. A take-over rings anew who has not answered, keeps who has, and
asks anew who was being asked. `transferred` is told once both are in the bridge, by whoever finds them there
first: the call's record says whether it has been.

At any point he may hang up: then `Hangup` is raised, and `end` takes down what there is. Media is Asterisk's:
a talk goes on while its worker is replaced, and the next one finds the leg by its id.
"""

import asyncio
import logging
from typing import NamedTuple

from ivr.agent_leg import Leg, earlier_playbacks, outside_bridge, outside_channel
from ivr.announcing import announce
from ivr.ari import AriError
from ivr.ari import events as ari
from ivr.caller import Caller, Message
from ivr.checkpoint import CallRecord
from ivr.flow.line import About, Announcement
from ivr.policy import Destination, NotAllowed
from ivr.ringing import Callee, ring
from queues.errors import StoreAway

log = logging.getLogger(__name__)

GONE_TIMEOUT_S = 2.0
"""A channel is gone within milliseconds of being hung up; without news of that, the flow goes on."""

MOVE_TIMEOUT_S = 3.0
"""A channel comes within a millisecond of the end of what it plays."""

MUSIC = "default"
"""What he hears while it rings."""

UNTRUSTED = (401, 403, 407)
"""SIP statuses by which the trunk refuses us, and nobody was rung (RFC 3261, 21.4)."""

_OUTCOMES = {"busy": "busy", "no_answer": "no_answer", "rejected": "busy", "unreachable": "failed"}


class Wish(NamedTuple):
    """A call to a number outside, as the flow wants it. Personal: `number`."""

    number: str
    """As somebody wrote it."""
    ring_s: int
    key: str
    """Counts it once."""
    about: About
    """Who is to be connected."""
    announcement: Announcement | None = None
    by: str = "flow"
    """Who wants it; `agent`: one who gives the caller away."""
    told: bool = False
    """That they are connected is in the log."""


class Outside:
    """Gets one caller to numbers outside, one after the other. The leg is its own."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._house = caller.house
        self._call = caller.call
        self._leg: Leg | None = None
        self._bridge = ""
        """Where the leg is joined with the caller, or will be."""
        self._moving = False
        """The leg is on its way from another worker's application."""

    @property
    def talking(self) -> bool:
        return self._leg is not None and self._leg.bridge != ""

    def expect(self, number: int) -> None:
        """A call that was another worker's may have a leg; done before anything is awaited: he may be gone.

        `number`: as in `serve`.
        """
        self._expect(number, "", 0)

    async def take_over(self, moving: bool) -> None:
        """Know how that leg is, or that there is none. `moving`: it is on its way from another worker."""
        leg = self._leg
        if leg is None:
            return
        state = await self._house.asterisk.state(leg.channel)
        leg.answered, self._moving = state == "Up", moving
        if not state:
            self.forget()

    def _expect(self, number: int, endpoint: str, ring_s: int) -> Leg:
        self._bridge = outside_bridge(self._call, number)
        leg = self._leg = Leg(channel=outside_channel(self._call, number), endpoint=endpoint, ring_s=ring_s)
        self._caller.outside = leg.channel
        self._house.listen(leg.channel, self._caller.mailbox)
        return leg

    async def serve(self, number: int, wish: Wish, resumed: CallRecord | None) -> str:
        """Call somebody and let both talk; the step's outcome once the other has left.

        `number` tells this call outside from the caller's others. `resumed`: another worker has begun it.
        """
        bridge = outside_bridge(self._call, number)
        if resumed is not None and await self._stands(bridge):
            return await self._resume(bridge, wish, told=resumed.connected_outside or wish.told)
        answered = self._leg is not None and self._leg.answered
        if not answered:
            await self._clear(bridge)
        try:
            destination = self._house.outside(wish.number, wish.about)
            allowed = await self._house.store.dial(wish.key, destination.per_hour)
        except NotAllowed as error:
            return await self._refused(bridge, str(error))
        except StoreAway:
            return await self._refused(bridge, "Redis is away: nobody can say how many were called")
        if not allowed:
            return await self._refused(bridge, "the cap per hour is reached (`per_hour`)")
        if answered:
            await self._moved()
        else:
            self._expect(number, destination.endpoint, wish.ring_s).shown = destination.shown
        return await self._reach(destination, bridge, wish)

    async def go_on(self, number: int) -> str:
        """Both are joined already, in the bridge of that number; as `serve`."""
        leg = self._expect(number, "", 0)
        leg.bridge, leg.answered = self._bridge, True
        return await self._talk(leg)

    async def end(self) -> None:
        """The call is over: so are the leg and the bridge."""
        leg = self._leg
        if leg is not None:
            await self._house.asterisk.hang_up(leg.channel)
            await self._house.asterisk.unbridge(self._bridge)

    def forget(self) -> None:
        """What happens to the leg is of no more interest."""
        leg, self._leg = self._leg, None
        self._caller.outside = ""
        if leg is not None:
            self._house.forget(leg.channel)

    async def _moved(self) -> None:
        """Stop what he is told by an earlier worker; wait until his channel has come, as `Session` does."""
        leg = self._leg
        assert leg is not None, "he has answered"
        for playback in earlier_playbacks(leg.channel, self._caller.handle.epoch):
            await self._house.asterisk.stop(playback)
        kept: list[Message] = []
        deadline = asyncio.get_running_loop().time() + MOVE_TIMEOUT_S
        while self._moving and (message := await self._caller.next(deadline)) is not None:
            if isinstance(message, ari.StasisStart) and message.channel.id == leg.channel:
                break
            kept.append(message)
        for message in kept:
            if not self._caller.typed(message):
                self._caller.mailbox.put(message)

    async def _refused(self, bridge: str, why: str) -> str:
        await self._clear(bridge)
        log.warning("a number is not called: %s", why, extra={"call": self._call})
        return "refused"

    async def _clear(self, bridge: str) -> None:
        """Take down what there is of the leg, whole: another one may get its id."""
        leg = self._leg
        if leg is None:
            return
        await self._house.asterisk.hang_up(leg.channel)
        await self._house.asterisk.unbridge(bridge, goes_on=self._call)
        deadline = asyncio.get_running_loop().time() + GONE_TIMEOUT_S
        while (message := await self._caller.next(deadline)) is not None:
            if isinstance(message, ari.ChannelDestroyed) and message.channel.id == leg.channel:
                break
        self.forget()

    async def _reach(self, destination: Destination, bridge: str, wish: Wish) -> str:
        caller, asterisk, leg = self._caller, self._house.asterisk, self._leg
        assert leg is not None, "it is known before anything is awaited"
        if not leg.answered:
            await caller.leave_bridge()
            await asterisk.start_music(self._call, MUSIC)
            reason = await ring(self._callee(leg))
            if reason:
                outcome = "failed" if leg.status in UNTRUSTED else _OUTCOMES[reason]
                return await self._in_vain(outcome)
        if wish.announcement is not None:
            outcome = await announce(self._callee(leg), wish.announcement)
            if outcome:
                await asterisk.hang_up(leg.channel)
                return await self._in_vain(outcome)
        await caller.catch_up()
        leg.bridge = bridge
        try:
            await asterisk.bridge(bridge, (self._call, leg.channel), musical=self._call)
        except AriError as error:
            log.warning("bridge failed: %s", error, extra={"call": self._call})
            await self._clear(bridge)
            return "failed"
        if not wish.told:
            await self._tell(destination.number, wish)
        return await self._talk(leg)

    async def _tell(self, number: str, wish: Wish) -> None:
        how = "blind" if wish.announcement is None else "attended"
        self._house.store.note(self._caller.handle, "transferred", how=how, to=number, by=wish.by)
        await self._house.checkpoint.flush(self._caller.handle)

    def _callee(self, leg: Leg) -> Callee:
        return Callee(self._house.asterisk, self._caller.handle, leg, self._caller.next)

    async def _in_vain(self, outcome: str) -> str:
        self.forget()
        await self._caller.tell(self._house.asterisk.stop_music(self._call))
        return outcome

    async def _stands(self, bridge: str) -> bool:
        """Whether both are joined there, or were until the other left."""
        there = await self._house.asterisk.bridged(bridge)
        return self._call in there and (self._leg is None or self._leg.channel in there)

    async def _resume(self, bridge: str, wish: Wish, told: bool) -> str:
        """They talked when the worker before was lost; perhaps the other has left meanwhile."""
        if not told:
            await self._tell(self._dialled(wish), wish)
        if self._leg is None:
            self._caller.left_in = bridge
            return "done"
        self._leg.bridge, self._leg.answered = bridge, True
        return await self._talk(self._leg)

    def _dialled(self, wish: Wish) -> str:
        """The number as it was called; as it was written if the policy has changed since."""
        try:
            return self._house.outside(wish.number, wish.about).number
        except NotAllowed:
            return wish.number

    async def _talk(self, leg: Leg) -> str:
        """Until the other has left; the caller's own hangup ends the call."""
        while True:
            match await self._caller.next():
                case ari.ChannelHangupRequest(channel=left) | ari.ChannelDestroyed(channel=left):
                    if left.id == leg.channel:
                        break
        self._caller.left_in = leg.bridge
        self.forget()
        return "done"
