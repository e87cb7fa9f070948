"""Legs of agents that stay connected: an agent who has one is handed callers without ringing.

    *44 dialled ──► 1. waits, in silence or with music ──► 2. lent to a call ──► told, asked, bridged, parted
                        ▲   │          ▲                                                          │
    4. its worker has   │   │          └────────────────── 3. back ◄──────────────────────────────┘
       died: another ───┘   └──► 5. hung up, or lost: nobody is reached by it any more
       one takes it

Which worker has a leg is in Redis (`queues.legs`): it comes to a worker with an offer, in one script. Its
channel follows: whoever has it moves it into his application. What is told of a leg that waits is read here;
of one that is lent, by its call.

A leg in silence has nothing playing to it (Asterisk sends its phone a sign of life now and then): so a late
command of a worker that had it cannot drown a talk that has begun at another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

from ivr.agent_leg import AgentLeg
from ivr.ari import AriError, Asterisk, AsteriskAway, Silenced
from ivr.ari import events as ari
from ivr.mailbox import Mailbox
from queues.legs import Leg, Legs
from queues.models import NailedUp

log = logging.getLogger(__name__)

TONE = 0
SELDOM = 10
"""Who has no legs asks Redis at every tenth look: one may have come with a message that was lost."""
MOVE_TIMEOUT_S = 3.0
"""A channel comes within a millisecond of the end of what it plays."""

Why = Literal["hung_up", "leg_lost"]


class _Ear(Mailbox[Any]):
    """Where nobody waits: what is put into it is heard at once."""

    def __init__(self, told: Callable[[object], None]) -> None:
        super().__init__()
        self._told = told

    def put(self, message: Any) -> None:
        self._told(message)


class Nailed:
    """The legs of one worker."""

    def __init__(
        self,
        asterisk: Asterisk,
        legs: Legs,
        routes: dict[str, Mailbox[Any]],
        settings: Callable[[], NailedUp],
        attempt: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`routes`: channels, and where their events go. `attempt`: does something beside everything else."""
        self._asterisk = asterisk
        self._legs = legs
        self._routes = routes
        self._settings = settings
        self._attempt = attempt
        self._mailbox = _Ear(self._told)
        self._waiting: set[str] = set()
        """Channels of legs that wait here."""
        self._lent: dict[str, bool] = {}
        """Channels of legs in calls of ours → at the last look Redis said that their agents have none."""
        self._gone: dict[str, Why] = {}
        """Those that are not connected any more, until Redis knows."""
        self._musical: set[str] = set()
        """Those to which we have begun to play music."""
        self._looks = 0

    @property
    def end_key(self) -> str:
        """By which agents end talks and stay connected; empty: by none."""
        return self._settings().end_key or ""

    def waits(self, channel: str) -> bool:
        """Whether that is a leg that waits here: its events are ours to read."""
        return channel in self._waiting

    def has(self, channel: str) -> bool:
        """Whether it is a leg that stays, waiting or in a call of ours."""
        return channel in self._waiting or channel in self._lent

    def _told(self, message: object) -> None:
        """Of a leg that waits, or of a tone. Hangups that Asterisk has told have come by `heard` before."""
        match message:
            case ari.PlaybackFinished(playback=played):
                whisperer = played.id.rpartition("-")[0]
                self._routes.pop(whisperer, None)
                self._attempt(self._asterisk.hang_up(whisperer))
            case ari.ChannelDestroyed(channel=left):
                self.gone(left.id, "leg_lost")

    def heard(self, event: ari.ChannelHangupRequest | ari.ChannelDestroyed) -> None:
        """Some channel has ended: perhaps it is a leg that stays, in a call or not."""
        channel = event.channel.id
        if self.has(channel):
            bye = isinstance(event, ari.ChannelHangupRequest) and not event.soft
            self.gone(channel, "hung_up" if bye else "leg_lost")

    # One leg

    def keep(self, channel: str) -> None:
        """Let it wait here."""
        self._lent.pop(channel, None)
        self._waiting.add(channel)
        self._routes[channel] = self._mailbox

    def begin(self, channel: str) -> None:
        """A leg has been told to Redis, and may have been lent at once."""
        if channel not in self._lent:
            self.keep(channel)

    def lend(self, channel: str) -> None:
        """A call of ours has it, and reads what is told of it, from now on."""
        self._waiting.discard(channel)
        self._musical.discard(channel)
        self._lent[channel] = False

    async def fetch(self, channel: str, hear: Callable[[float], Awaitable[Any]]) -> str:
        """Have a leg that is lent in our application, where it hears nothing; why that cannot be, or nothing.

        `hear`: the next that is told of it, None at the loop time given.
        """
        until = asyncio.get_running_loop().time() + MOVE_TIMEOUT_S
        try:
            await self._asterisk.take(channel)
            while (message := await hear(until)) is not None:
                match message:
                    case ari.StasisStart(channel=come) if come.id == channel:
                        self._asterisk.end_music(channel)
                        return ""
                    case ari.ChannelHangupRequest(channel=left) | ari.ChannelDestroyed(channel=left):
                        if left.id == channel:
                            return "unreachable"
        except AriError as error:
            log.info("a leg that stays is gone: %s", error, extra={"channel": channel})
        await self._asterisk.hang_up(channel)
        self.gone(channel, "leg_lost")
        return "unreachable"

    def announce(self, leg: AgentLeg, call: str) -> None:
        """Tell whoever is nailed up by a tone that he has a caller, who neither hears it nor waits for it."""
        if leg.nailed and self._settings().tone:
            self._asterisk.whisper(leg.channel, f"{call}-a{leg.attempt}-t{TONE}")

    async def sound(self, whisperer: str) -> None:
        """The channel for the tone is there; it ends with it."""
        self._routes[whisperer] = self._mailbox
        await self._asterisk.play(whisperer, f"{whisperer}-p0", ["sound:beep"])

    def back(self, leg: AgentLeg, *bridges: str) -> None:
        """Its call does not need it any more. `bridges`: where it may be, besides that of the talk."""
        if leg.channel not in self._lent:
            return  # it is gone, or has gone to another worker with its call
        for bridge in (leg.bridge, *bridges):
            if bridge:
                self._asterisk.leave(bridge, leg.channel)
        self.keep(leg.channel)

    def gone(self, channel: str, why: Why) -> None:
        """It is not connected any more.

        Redis is told before its call can tell that the talk is over: between the two the agent would be
        ready, and could get the next caller.
        """
        self._forget(channel)
        why = self._gone.setdefault(channel, why)
        self._attempt(self._told_of(channel, self._legs.gone(channel, why)))

    async def _told_of(self, channel: str, told: Awaitable[object]) -> None:
        await told
        self._gone.pop(channel, None)

    async def tell(self) -> None:
        """Tell Redis what it could not be told, because it was away. Raises `StoreAway`."""
        for channel, why in list(self._gone.items()):
            await self._told_of(channel, self._legs.gone(channel, why))

    def _forget(self, channel: str) -> None:
        self._lent.pop(channel, None)
        if channel in self._waiting:
            self._waiting.discard(channel)
            self._routes.pop(channel, None)

    # All of them

    async def recover(self) -> None:
        """Asterisk may be another one, or we: look after each leg that waits anew."""
        for channel in list(self._waiting):
            self._forget(channel)
        self._looks = 0
        await self.look()

    async def look(self) -> None:
        """Hold what we have against what Redis says. Without legs Redis is asked only now and then."""
        self._looks += 1
        if self._looks % SELDOM != 1 and not (self._waiting or self._lent or self._gone):
            return
        await self.tell()
        mine = {leg.channel: leg for leg in await self._legs.mine()}
        for channel in [each for each in (*self._waiting, *self._lent) if each not in mine]:
            self._forget(channel)  # another worker has it
        for leg in mine.values():
            if leg.channel not in self._gone:
                await self._look_at(leg)
        await self._play()

    async def _play(self) -> None:
        """Music for those who wait. Only here: begun behind a call, it could meet the leg in the next one."""
        for channel in self._musical - self._waiting:
            self._asterisk.end_music(channel)  # another worker has got it just then
        self._musical &= self._waiting
        music = self._settings().music
        if music is None:
            return
        for channel in self._waiting - self._musical:
            await self._asterisk.start_music(channel, music)
            self._musical.add(channel)

    async def _look_at(self, leg: Leg) -> None:
        missed = self._lent.get(leg.channel)
        if leg.lent:
            if missed:
                self._lent[leg.channel] = False
        elif missed is False:
            self._lent[leg.channel] = True  # the news of the end may be on its way
        elif not leg.agent:
            await self._take_in(leg)
        elif missed:
            log.warning("a leg that stays had not come back", extra={"channel": leg.channel})
            self.keep(leg.channel)
        elif leg.channel not in self._waiting:
            await self._take_in(leg)

    async def adopt(self, peer: str, count: int) -> None:
        """Take over the legs of a worker that is gone. `count`: how many it had."""
        legs = await self._legs.adopt(peer) if count else []
        if legs:
            log.warning("took %d legs over from %s", len(legs), peer)
        for leg in legs:
            await self._take_in(leg)

    async def _take_in(self, leg: Leg) -> None:
        """Have it in our application, in no bridge, or end it if it is nobody's. Else a next look does."""
        channel = leg.channel
        self._routes[channel] = self._mailbox
        self._waiting.add(channel)
        try:
            if not leg.agent:
                await self._asterisk.hang_up(channel)
                self.gone(channel, "leg_lost")
                return
            await self._asterisk.take(channel)
            for bridge in await self._asterisk.bridges_of(channel):
                if self.waits(channel):  # else it has got a caller meanwhile
                    self._asterisk.leave(bridge, channel)
        except AriError as error:
            log.info("a leg that stays is gone: %s", error, extra={"channel": channel})
            self.gone(channel, "leg_lost")
        except (AsteriskAway, Silenced):
            self._forget(channel)
            raise
