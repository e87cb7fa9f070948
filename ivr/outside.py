"""A caller's way to a number outside, by a trunk, as straight-line code.

    policy, cap ──► music ──► ring ──► answered: `transferred` is written ──► bridge ──► talk ──► `done`
        └──► `refused`            └──► `busy`, `no_answer`, `failed`: music ends, the flow goes on

At any point he may hang up: then `Hangup` is raised, and `end` takes down what there is. Media is Asterisk's:
a talk goes on while its worker is replaced, and the next one finds the leg by its id.
"""

import asyncio
import logging

from ivr.agent_leg import Leg, outside_bridge, outside_channel
from ivr.ari import AriError
from ivr.ari import events as ari
from ivr.caller import Caller
from ivr.policy import Destination, NotAllowed
from ivr.ringing import ring
from queues.errors import StoreAway

log = logging.getLogger(__name__)

GONE_TIMEOUT_S = 2.0
"""A channel is gone within milliseconds of being hung up; without news of that, the flow goes on."""

MUSIC = "default"
"""What he hears while it rings."""

_OUTCOMES = {"busy": "busy", "no_answer": "no_answer", "rejected": "busy", "unreachable": "failed"}


class Outside:
    """Gets one caller to numbers outside, one after the other. The leg is its own."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._house = caller.house
        self._call = caller.call
        self._leg: Leg | None = None

    @property
    def talking(self) -> bool:
        return self._leg is not None and self._leg.bridge != ""

    async def take_over(self, number: int) -> None:
        """Know the leg of a call that was another worker's, if it has one. `number`: as in `serve`."""
        leg = self._expect(number, "", 0)
        if not await self._house.asterisk.lives(leg.channel):
            self.forget()

    def _expect(self, number: int, endpoint: str, ring_s: int) -> Leg:
        leg = self._leg = Leg(channel=outside_channel(self._call, number), endpoint=endpoint, ring_s=ring_s)
        self._caller.outside = leg.channel
        self._house.listen(leg.channel, self._caller.mailbox)
        return leg

    async def serve(self, number: int, written: str, ring_s: int, key: str, resumed: bool) -> str:
        """Call the number `written` and let both talk; the step's outcome once the other has left.

        `number` tells this call outside from the caller's others, `key` counts it once. `resumed`: another
        worker has begun it.
        """
        bridge = outside_bridge(self._call, number)
        if resumed and self._call in await self._house.asterisk.bridged(bridge):
            return await self._resume(bridge)
        await self._clear(bridge)
        try:
            destination = self._house.outside(written)
            allowed = await self._house.store.dial(key, destination.per_hour)
        except NotAllowed as error:
            return self._refused(str(error))
        except StoreAway:
            return self._refused("Redis is away: nobody can say how many were called")
        if not allowed:
            return self._refused("the cap per hour is reached (`per_hour`)")
        return await self._reach(self._expect(number, destination.endpoint, ring_s), destination, bridge)

    async def end(self) -> None:
        """The call is over: so are the leg and the bridge."""
        leg = self._leg
        if leg is not None:
            await self._house.asterisk.hang_up(leg.channel)
            if leg.bridge:
                await self._house.asterisk.unbridge(leg.bridge)

    def forget(self) -> None:
        """What happens to the leg is of no more interest."""
        leg, self._leg = self._leg, None
        self._caller.outside = ""
        if leg is not None:
            self._house.forget(leg.channel)

    def _refused(self, why: str) -> str:
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

    async def _reach(self, leg: Leg, destination: Destination, bridge: str) -> str:
        caller, asterisk = self._caller, self._house.asterisk
        await caller.leave_bridge()
        await asterisk.start_music(self._call, MUSIC)
        reason = await ring(caller, leg)
        if reason:
            self.forget()
            await caller.tell(asterisk.stop_music(self._call))
            return _OUTCOMES[reason]
        self._house.store.note(caller.handle, "transferred", how="blind", to=destination.number, by="flow")
        await self._house.checkpoint.flush(caller.handle)
        await caller.catch_up()
        leg.bridge = bridge
        try:
            await asterisk.bridge(bridge, (self._call, leg.channel), musical=self._call)
        except AriError as error:
            log.warning("bridge failed: %s", error, extra={"call": self._call})
            await self._clear(bridge)
            return "failed"
        return await self._talk(leg)

    async def _resume(self, bridge: str) -> str:
        """They talked when the worker before was lost; perhaps the other has left meanwhile."""
        if self._leg is None:
            self._caller.left_in = bridge
            return "done"
        self._leg.bridge, self._leg.answered = bridge, True
        return await self._talk(self._leg)

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
