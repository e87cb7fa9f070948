"""An agent asks somebody about his caller, who hears music meanwhile.

    asks ──► 1. rings ──► 2. they talk ──► hand-over: the other one has the caller, the agent is free
                 │             │  └─► all three ──► hand-over
                 └─────────────┴──► come back: the other one is let go, the agent has his caller again

What is so is in Redis first, in one script each; the channels follow. So whoever takes the call over knows
what was to be, and `resume` makes the channels so.

He asks by keys, and leaves his caller for it; or by a second call of his telephone (its `line`): then both
stay in the bridge of their talk, and putting his caller on hold is his telephone's business.
"""

import asyncio
import logging

from ivr.agent_leg import AgentLeg, asked_bridge, asked_channel
from ivr.approach import Approach
from ivr.ari import AriError
from ivr.caller import Caller
from ivr.checkpoint import CallRecord
from ivr.policy import NotAllowed
from ivr.settling import dismiss, listen
from ivr.transfers import Errand, Stop, Unknown
from queues.errors import StoreAway
from queues.results import Consult as Reserved

log = logging.getLogger(__name__)

AWAY_S = 0.2

_CAUSES = {"busy": 17, "rejected": 21, "no_answer": 19, "unreachable": 34}
"""Why whom he asked was not reached → the Q.850 cause that his second call ends with."""


class Consult:
    """One agent asks one other person. `asker`: the agent's leg; its bridge is that of the talk."""

    def __init__(self, caller: Caller, asker: AgentLeg, music: str, with_keys: bool) -> None:
        self._caller = caller
        self._house = caller.house
        self._call = caller.call
        self._asker = asker
        self._music = music
        self._with_keys = with_keys
        self._approach: Approach | None = None
        self.stop = Stop()
        self.leg: AgentLeg | None = None
        """Whom he asks; None: nobody."""
        self.line = ""
        """The channel of a second call of his telephone by which he asks; empty: he asks on his first."""
        self.talking = False
        self._all = False
        """All three hear each other."""

    @property
    def _speaker(self) -> str:
        """The channel on which he asks."""
        return self.line or self._asker.channel

    @property
    def put_aside(self) -> bool:
        """Whether the caller has left the bridge of their talk."""
        return self.leg is not None and not self.line

    async def begin(self, stop: Stop, line: str = "") -> None:
        """Reserve him, and ring him. Raises `Unknown` if that cannot be. `line`: he asks by that call."""
        try:
            leg = await self._reserve(stop, line)
        except (NotAllowed, StoreAway) as error:
            raise Unknown(str(error)) from error
        self.leg, self.stop, self.line = leg, self._stop_of(leg, stop), line
        self._caller.apart = frozenset((leg.channel, self._speaker))
        asterisk = self._house.asterisk
        if not line:
            await asterisk.unbridge(self._asker.bridge, goes_on=self._call)
            await asterisk.start_music(self._call, self._music)
        await asterisk.sound_ringing(self._speaker)
        self._approach = Approach(self._caller, leg)

    async def _reserve(self, stop: Stop, line: str) -> AgentLeg:
        store, handle = self._house.store, self._caller.handle
        if stop.number:
            destination = self._house.outside(stop.number, self._caller.about)
            key = f"{self._call}:consult:{handle.op}"
            if not await store.dial(key, destination.per_hour):
                raise Unknown("the cap per hour is reached (`per_hour`)")
            got = await store.consult(handle, number=destination.number, line=line)
            assert isinstance(got, Reserved), "a number outside is always free"
            leg = self._leg("", got.attempt)
            leg.endpoint, leg.shown, leg.ring_s = destination.endpoint, destination.shown, self._ring_s
            return leg
        for agent in [stop.agent] if stop.agent else await self._free(stop.queue):
            got = await store.consult(handle, agent=agent, line=line)
            if isinstance(got, Reserved):
                leg = self._leg(agent, got.attempt, got.leg)
                leg.endpoint, leg.ring_s = got.device, got.ring_s
                return leg
        raise Unknown("whom he asks is not free")

    @property
    def _ring_s(self) -> int:
        may = self._house.transfers()
        return may.ring_s if may is not None else 20

    async def _free(self, queue: str) -> list[str]:
        """Who serves the queue and is ready, longest idle first."""
        agents = await self._house.store.agents()
        ready = [each for each in agents if each.state == "ready" and queue in each.queues]
        return [each.agent for each in sorted(ready, key=lambda each: each.since_at)]

    def _leg(self, agent: str, attempt: int, stays: str = "") -> AgentLeg:
        """Its ids follow from the attempt: any worker knows them. `stays`: his leg that is there already."""
        return AgentLeg(
            channel=stays or asked_channel(self._call, agent, attempt),
            endpoint="",
            ring_s=0,
            answered=stays != "",
            agent=agent,
            attempt=attempt,
            bridge=asked_bridge(self._call, agent, attempt),
            nailed=stays != "",
        )

    def _stop_of(self, leg: AgentLeg, stop: Stop) -> Stop:
        if leg.agent:
            return Stop(agent=leg.agent)
        return Stop(number=stop.number, tag=leg.attempt)

    async def reached(self, approach: Approach) -> None:
        """What has come of the ringing."""
        leg = self.leg
        if approach is not self._approach or leg is None:
            return None
        self._approach = None
        why = approach.why_not()
        try:
            stays = leg.channel if leg.nailed else ""
            consulted = self._house.store.consulted
            answered = not why and await consulted(self._caller.handle, leg.attempt, leg=stays)
        except StoreAway:
            answered = False
        if not answered:
            return await self.come_back(why or "withdrawn")
        self.talking = True
        return await self._meet()

    async def _meet(self) -> None:
        """Agent and whom he asks hear each other."""
        leg, asterisk = self.leg, self._house.asterisk
        assert leg is not None, "he has answered"
        both = (self._speaker, leg.channel)
        keys_of = [each for each in both if each != self.line] if self._with_keys else []
        if not keys_of and self._house.feature_keys(leg).any:
            keys_of = [leg.channel]  # it is his talk, if he gets the caller
        try:
            if self.line:
                await asterisk.answer(self.line)
            else:
                await asterisk.stop_ringing(self._speaker)
            await asterisk.bridge(leg.bridge, both, musical="", keys_of=keys_of)
        except AriError as error:
            log.warning("who is asked cannot be heard: %s", error, extra={"call": self._call})
            if await asterisk.lives(self._speaker):
                await self.come_back("withdrawn", by="system")

    async def all_hear(self) -> None:
        """The caller hears both of them from now on, and they him."""
        leg = self.leg
        if leg is None or not self.talking or self._all or self.line:
            return
        await self._caller.tell(self._house.asterisk.bridge(leg.bridge, (self._call,), musical=self._call))
        self._all = True
        await self._house.store.hold(self._caller.handle, by="agent", started=False, wait=False)

    async def come_back(self, reason: str = "withdrawn", by: str = "agent") -> None:
        """The agent has his caller again. `reason`: why whom he asked was not reached; `by`: who has left."""
        leg, asterisk, handle = self.leg, self._house.asterisk, self._caller.handle
        if leg is None:
            return
        await self._house.store.unconsult(
            handle, leg.attempt, reason, leg.ring_ms(), "system" if by == "system" else "agent"
        )
        aside = self.put_aside
        await self._let_go(_CAUSES.get(reason, 16))
        await asterisk.unbridge(leg.bridge, goes_on=self._call if self._all else "")
        self._all = False
        if aside:
            await asterisk.stop_ringing(self._asker.channel)
            await self.rejoin()

    async def rejoin(self) -> None:
        """Agent and caller hear each other in the bridge of their talk."""
        asker, asterisk = self._asker, self._house.asterisk
        both = (self._call, asker.channel)
        try:
            keys_of = (asker.channel,) if self._with_keys else ()
            await asterisk.bridge(asker.bridge, both, musical=self._call, keys_of=keys_of)
        except AriError as error:  # one of them is gone: that will be told
            log.info("they do not come together again: %s", error, extra={"call": self._call})

    async def hand_over(self) -> AgentLeg | None:
        """Whom he asks gets the caller; his leg from now on. None: it could not be. `join` follows."""
        leg = self.leg
        if leg is None or not self.talking:
            return None
        errand = "" if leg.agent else Errand((self._outside_stop(),)).write()
        while True:
            try:
                given = await self._house.store.hand_over(self._caller.handle, leg.attempt, errand)
                break
            except StoreAway:  # whoever has hung up need not be heard any more; the others wait a moment
                await asyncio.sleep(AWAY_S)
                await self._caller.catch_up()
        if not given:
            return None
        self.leg, self._caller.apart = None, frozenset()
        leg.answered = True
        return leg

    async def join(self, leg: AgentLeg) -> None:
        """After the hand-over: the agent goes, and the two who stay hear each other."""
        asterisk, line = self._house.asterisk, self.line
        await dismiss(self._house, self._asker, leg.bridge)
        self._house.forget(self._asker.channel)
        await self._end_line()
        await self._caller.catch_up()
        if self._all:
            return
        try:
            if line:
                await asterisk.unbridge(self._asker.bridge, goes_on=self._call)
            await asterisk.bridge(leg.bridge, (self._call,), musical=self._call)
        except AriError as error:  # one of them is gone: that will be told
            log.info("hand-over: %s", error, extra={"call": self._call})

    def _outside_stop(self) -> Stop:
        return Stop(number=self.stop.number, tag=self.stop.tag, connected=True)

    async def give_up(self) -> None:
        """The caller is gone, or goes elsewhere: whom the agent asks is let go."""
        leg = self.leg
        if leg is not None:
            if self._asker.nailed and not self.talking and not self.line:
                await self._house.asterisk.stop_ringing(self._asker.channel)
            await self._let_go()
            await self._house.asterisk.unbridge(leg.bridge)

    async def _end_line(self, cause: int = 16) -> None:
        line, self.line = self.line, ""
        if line:
            await self._house.asterisk.hang_up(line, cause)
            self._house.forget(line)

    async def _let_go(self, cause: int = 16) -> None:
        """`cause`: with which a second call of his telephone ends."""
        leg, self.leg = self.leg, None
        self._caller.apart = frozenset()
        self.talking = False
        if self._approach is not None:
            self._approach.give_up()
            self._approach = None
        if leg is not None:
            await dismiss(self._house, leg)
            self._house.forget(leg.channel)
        await self._end_line(cause)

    def forget(self) -> None:
        """What happens to whom he asks is of no more interest."""
        if self._approach is not None:
            self._approach.give_up()
        if self.leg is not None:
            self._house.forget(self.leg.channel)
        if self.line:
            self._house.forget(self.line)

    # Taken over from a worker that died or drains

    def take_over(self, record: CallRecord) -> None:
        """Know whom he asks; done before anything is awaited."""
        leg = self.leg = self._leg(record.consult_agent, record.consult_attempt, record.consult_leg)
        self.talking = leg.answered = record.consult == "talking"
        self.stop = self._stop_of(leg, Stop(number=record.consult_to))
        self.line = record.consult_line
        self._caller.apart = frozenset((leg.channel, self._speaker))
        listen(self._caller, leg)
        self._house.listen(self._speaker, self._caller.mailbox)

    async def resume(self) -> None:
        """Make the channels as the record says. Who is gone is told to the mailbox."""
        leg, asterisk, speaker = self.leg, self._house.asterisk, self._speaker
        assert leg is not None, "a consult was taken over"
        asker_lives, lives = await asterisk.lives(speaker), await asterisk.lives(leg.channel)
        if not asker_lives:
            self._caller.miss(speaker)
        elif not self.talking:
            await self.come_back("worker_lost", by="system")
        there = set(await asterisk.bridged(leg.bridge)) if self.talking else set()
        self._all = self._call in there
        if self.talking and not lives:
            self._caller.miss(leg.channel)
        elif self.talking and asker_lives and not {speaker, leg.channel} <= there:
            await self._meet()
