"""A caller's way through a queue to an agent, as straight-line code.

    join ──► 1. wait ──► 2. ring ──► 3. settle ──► bridge ──► 4. talk ──► the agent has left: `answered`
               │ ▲          │            │
               │ └──────────┴────────────┘ 5. declined, whatever went wrong: he waits on in his place
               └──► 6. a rule of the queue or his key: `timeout`, `full`, `closed`, … `exit`

Who is next and which agent is rung is not decided here but in Redis, from where an `Offer` comes. At any
point he may hang up: then `Hangup` is raised, and `end` takes down what there is.
"""

import asyncio
import logging

from ivr.agent_leg import AgentLeg, bridge_id
from ivr.approach import Approach
from ivr.ari import AriError, Asterisk, NotFound
from ivr.ari import events as ari
from ivr.beside import Beside
from ivr.briefing import Briefing
from ivr.caller import Caller, Look, Over
from ivr.checkpoint import CallRecord
from ivr.connecting import tell
from ivr.flow.line import Line
from ivr.place import MARK, Place
from ivr.wait import Wait, outcome_of
from queues.errors import StoreAway
from queues.operations import now_ms
from queues.store import Offer

log = logging.getLogger(__name__)

ONE_MOMENT_S = 3.0
"""How long an agent who has answered is kept while Redis is away."""


class Hunt:
    """Gets one caller to agents, one queue after the other. The agent's leg is its own."""

    def __init__(self, caller: Caller, place: Place | None = None) -> None:
        """`place`: where he waited, if his channel is all that is left of the call."""
        self._caller = caller
        self._house = caller.house
        self._handle = caller.handle
        self._call = caller.call
        self._place = place
        self._approaches: dict[int, Approach] = {}
        """Agents who are being reached, by attempt."""
        self._leg: AgentLeg | None = None
        """The agent who is being connected, or talks."""
        self.wait: Wait | None = None
        """The queue in which he is; None: in none."""
        self._beside: Beside | None = None
        """What he is told in it."""

    @property
    def talking(self) -> bool:
        return self._leg is not None and self._leg.bridge != ""

    def take_over(self, record: CallRecord) -> None:
        """Know leg and bridge of a call that was another worker's; done before anything is awaited."""
        if record.state in ("offered", "connecting", "talking"):
            self._leg = AgentLeg.of_record(record)
            self._house.listen(self._leg.channel, self._caller.mailbox)
        elif record.attempt:
            self._caller.left_in = bridge_id(self._call, record.attempt)  # perhaps he has not left it yet

    async def serve(self, wait: Wait, line: Line, resumed: CallRecord | None = None) -> str:
        """Hold the caller and serve him: `answered` when the agent has left, or the exit by which he left.

        `line`: his. `resumed`: the record of a call that was taken over in this step.
        """
        if resumed is not None and resumed.state == "flow" and resumed.left:
            return outcome_of(resumed.left)  # he had left the queue when his worker died
        self.wait = wait
        self._beside = Beside(self._caller, wait, line)
        try:
            if resumed is not None and resumed.state != "flow":
                wait.begin(resumed.joined_at)
                talking = await self._resume(resumed)
                if talking:
                    await self._talk()
                    return "answered"
                await self._beside.resume()
            elif refused := await self._join(wait):
                return refused
            return await self._wait(wait, line)
        finally:
            self.wait = None
            self._beside.give_up()

    async def end(self) -> None:
        """The call is over: so are the agents' legs and their bridge."""
        leg = self._leg
        await self._withdraw()
        if leg is not None:
            await _hang_up(self._house.asterisk, leg)
            if leg.bridge:
                await self._house.asterisk.unbridge(leg.bridge)

    def forget(self) -> None:
        """What happens to the agents' legs is of no more interest."""
        for approach in self._approaches.values():
            approach.give_up()
        self._approaches.clear()
        self._part()

    # He waits

    async def _join(self, wait: Wait) -> str:
        """Stand in line; why the door stayed shut, or nothing."""
        caller, queue = self._caller, self._house.queue(wait.queue)
        await caller.leave_bridge()
        place, self._place = self._place, None
        knocks = place is None or place.queue != wait.queue
        asked_at = now_ms() if knocks or place is None else place.joined_at
        ways, closed = wait.ways(queue) if knocks else (), self._house.closed(wait.queue)
        if queue.exit_key:
            caller.keys.clear()  # what he has pressed before is not meant for it
        if not ways:
            await self._music(wait.queue)
        while True:
            try:
                joined = await self._house.store.join(
                    self._handle, queue=wait.queue, at=asked_at, ways=ways, closed=closed
                )
                break
            except StoreAway:
                # His place counts from now; he hears music until Redis is back, and is let in then.
                if ways:
                    ways = ()
                    await self._music(wait.queue)
                await caller.next(asyncio.get_running_loop().time() + 0.5)
        if joined.refused:
            return joined.refused
        if ways:
            await self._music(wait.queue)
        wait.begin(joined.joined_at)
        await self._house.asterisk.mark(
            self._call, MARK, Place(wait.queue, joined.joined_at, wait.path).write()
        )
        return ""

    async def _music(self, queue: str) -> None:
        await self._house.asterisk.start_music(self._call, self._house.queue(queue).music)

    async def _wait(self, wait: Wait, line: Line) -> str:
        """Until an agent has served him, or he leaves."""
        beside = self._beside
        assert beside is not None
        beside.begin()
        while True:
            queue = self._house.queue(wait.queue)  # as it is published now
            # Whose phone rings is not given up because the time is over.
            match await self._caller.next(None if self._approaches else wait.until(queue)):
                case None:
                    return await self._leave("timeout")
                case Offer() as offer:
                    briefing = Briefing(queue, wait, line)
                    approach = Approach(self._caller, AgentLeg.of_offer(offer), briefing)
                    self._approaches[offer.attempt] = approach
                case Over(Approach() as approach) if await self._serve(approach, wait.queue, line):
                    return "answered"
                case Look() if self._approaches:
                    beside.published()
                    wait.looks_later = True
                case Look("closed") if "closed" in wait.exits:
                    return await self._leave("closed")
                case Look() if reason := await self._objection(wait):
                    return await self._left(reason)
                case ari.ChannelDtmfReceived() as pressed if wait.is_exit(queue, pressed, self._caller):
                    return await self._leave("exit_key")
                case Look(""):
                    beside.published()
                case ari.PlaybackFinished() as message:
                    beside.hear(message)

    async def _objection(self, wait: Wait) -> str:
        """Why he had to leave, and has; empty: he may stay. While Redis is away nobody has to."""
        ways = wait.ways(self._house.queue(wait.queue))
        try:
            return await self._house.store.exit(self._handle, ways) if ways else ""
        except StoreAway:
            return ""

    async def _leave(self, reason: str) -> str:
        """Out of the line, whoever's phone rings for him; the outcome of the wait."""
        await self._house.store.leave(self._handle, reason=reason)
        await self._withdraw()
        return await self._left(reason)

    async def _left(self, reason: str) -> str:
        if reason == "exit_key":
            self._caller.keys.clear()
        if self._beside is not None:
            await self._beside.hush()
        await self._caller.tell(self._house.asterisk.stop_music(self._call))
        return outcome_of(reason)

    # An agent is rung

    async def _serve(self, approach: Approach, queue: str, line: Line) -> bool:
        """What has come of it: True after a talk that the agent has left, False if the caller waits on."""
        leg = approach.leg
        if self._approaches.pop(leg.attempt, None) is None:
            return False  # somebody else was being connected, and could not be
        self._leg = leg
        reason = approach.why_not() or await self._connect(leg, queue, line)
        if not reason:
            await self._talk()
            return True
        await self._decline(leg, reason)
        if self.wait is not None and self.wait.looks_later:
            self.wait.looks_later = False
            self._caller.mailbox.put(Look())
        return False

    async def _withdraw(self) -> None:
        """Nobody else is to be reached any more."""
        for approach in self._approaches.values():
            approach.give_up()
            await _hang_up(self._house.asterisk, approach.leg)
        self._approaches.clear()

    async def _decline(self, leg: AgentLeg, reason: str) -> None:
        """The attempt has come to nothing: he waits on in his place."""
        self._part()
        await self._house.store.decline(
            self._handle, agent=leg.agent, attempt=leg.attempt, reason=reason, ring_ms=leg.ring_ms()
        )

    async def _connect(self, leg: AgentLeg, queue: str, line: Line) -> str:
        """Settle and bridge; returns why it failed, or nothing once both talk."""
        asterisk, store, caller = self._house.asterisk, self._house.store, self._caller
        if not await self._settle(leg):
            await asterisk.hang_up(leg.channel)
            return "withdrawn"
        await self._withdraw()
        if self._beside is not None:
            await self._beside.hush()
        await caller.catch_up()  # that may have taken a while: he may be gone
        connecting = self._house.queue(queue).connecting
        if connecting is not None and not await tell(caller, leg.channel, connecting, line):
            await self._again(queue)
            return "rejected"
        leg.bridge = bridge_id(self._call, leg.attempt)
        try:
            await asterisk.bridge(leg.bridge, (self._call, leg.channel), musical=self._call)
        except AriError as error:
            log.warning("bridge failed: %s", error, extra={"call": self._call})
            await asterisk.hang_up(leg.channel)
            await asterisk.unbridge(leg.bridge, goes_on=self._call)
            await self._again(queue)
            return "caller_gone" if isinstance(error, NotFound) else "withdrawn"
        await caller.catch_up(connecting=True)
        await store.connected(self._handle, agent=leg.agent, attempt=leg.attempt, at=now_ms(), wait=False)
        return ""

    async def _again(self, queue: str) -> None:
        """He waits on: with music, and told what is due."""
        await self._music(queue)
        if self._beside is not None:
            self._beside.begin()

    async def _settle(self, leg: AgentLeg) -> bool:
        """Win the pair. While Redis is away the agent hears "one moment", for a short while at most."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ONE_MOMENT_S
        playback, told = f"{leg.channel}-p0", False
        while True:
            try:
                won = await self._house.store.settle(self._handle, agent=leg.agent, attempt=leg.attempt)
                break
            except StoreAway:
                if not told:
                    told = True
                    await self._house.asterisk.play(leg.channel, playback, ["sound:one-moment-please"])
                if loop.time() >= deadline:
                    return False
                await asyncio.sleep(0.1)
                await self._caller.catch_up()
        if told:  # Asterisk bridges nobody before he has heard what he is played
            await self._house.asterisk.stop(playback)
        return won

    # They talk

    async def _talk(self) -> None:
        """Both talk. Returns when the agent has left; the caller's own hangup ends the call."""
        self.wait, leg = None, self._leg
        assert leg is not None
        while True:
            message = await self._caller.next()
            match message:
                case ari.ChannelHangupRequest() | ari.ChannelDestroyed() if message.channel.id == leg.channel:
                    break
        await self._house.store.unbridged(self._handle, ended_by="agent", at=message.at, wait=False)
        self._caller.left_in = leg.bridge
        self._part()

    def _part(self) -> None:
        """What happens to the agent is of no more interest."""
        leg, self._leg = self._leg, None
        if leg is not None:
            self._house.forget(leg.channel)

    # Taken over from a worker that died or drains

    async def _resume(self, record: CallRecord) -> bool:
        """Go on where the record says. True: the caller talks to an agent; False: he waits in his place."""
        asterisk, leg = self._house.asterisk, self._leg
        if leg is None:
            return False
        connecting = record.state == "connecting"
        there = set() if record.state == "offered" else set(await asterisk.bridged(leg.bridge))
        if record.state == "talking":
            if leg.channel not in there:
                self._caller.mailbox.put(ari.ChannelDestroyed(channel=ari.Channel(id=leg.channel)))
            return True
        if connecting and there >= {self._call, leg.channel}:
            await self._house.store.connected(self._handle, agent=leg.agent, attempt=leg.attempt, at=now_ms())
            leg.answered = True
            return True
        await asterisk.hang_up(leg.channel)
        await asterisk.unbridge(leg.bridge, goes_on=self._call if connecting else "")
        if connecting:
            await self._music(record.queue)
        await self._decline(leg, "worker_lost")
        return False


async def _hang_up(asterisk: Asterisk, leg: AgentLeg) -> None:
    """A phone that still rings is told that somebody else has answered: it does not count a missed call."""
    await asterisk.hang_up(leg.channel, 16 if leg.answered else 26)
