"""A caller's way through a queue to an agent, as straight-line code.

    join ──► 1. wait ──► 2. ring ──► 3. settle ──► bridge ──► 4. talk ──► the agent has left: `answered`
               │ ▲          │            │
               │ └──────────┴────────────┘ 5. declined, whatever went wrong: he waits on in his place
               └──► 6. the wait was too long: `timeout`

An agent who gives his caller away sends him on an errand (ivr.transfers): 1. anew, at another stop; one where
nobody takes him at once is left for the next.

Who is next and which agent is rung is not decided here but in Redis, from where an `Offer` comes. At any
point he may hang up: then `Hangup` is raised, and `end` takes down what there is.
"""

import asyncio
import logging
import time
from collections.abc import Mapping

from ivr.agent_leg import AgentLeg, bridge_id, legs_rung
from ivr.approach import Approach
from ivr.ari import AriError, Asterisk, NotFound
from ivr.ari import events as ari
from ivr.caller import Caller, Over
from ivr.checkpoint import CallRecord
from ivr.outside import Outside, Wish
from ivr.place import MARK, Place
from ivr.talk import Talk
from ivr.transfers import Errand, Stop
from queues.errors import StoreAway
from queues.head_starts import NO_HEAD_START, HeadStart
from queues.models import direct_line
from queues.operations import now_ms
from queues.store import Offer

log = logging.getLogger(__name__)

GIVEN_AWAY = "given-away"
"""No outcome: an agent has sent him on an errand."""

AT_ONCE_S = 1.0
"""At a stop where nobody's phone rings within this time nobody is free."""

DIRECT = direct_line("")

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
        self._lost: list[AgentLeg] = []
        """Agents who were being rung by a worker that is gone."""
        self._leg: AgentLeg | None = None
        """The agent who is being connected, or talks."""
        self._talk: Talk | None = None
        self._errand = Errand()
        self._home = ""
        """The queue he came from to the agent."""
        self._joined_at = 0
        self._asked = ""
        """The queue of the step, to which its needs belong."""
        self._starts: Mapping[HeadStart, float] = NO_HEAD_START
        self._ladder: str | None = None
        self._outside = Outside(caller)

    @property
    def talking(self) -> bool:
        return (self._leg is not None and self._leg.bridge != "") or self._outside.talking

    def take_over(self, record: CallRecord) -> None:
        """Know leg and bridge of a call that was another worker's; done before anything is awaited."""
        if record.state == "offered":
            self._lost = legs_rung(record)
        elif record.state in ("connecting", "talking"):
            self._leg = AgentLeg.of_record(record)
        for leg in (*self._lost, *([self._leg] if self._leg else ())):
            self._house.listen(leg.channel, self._caller.mailbox)
        if record.state == "talking" and self._leg is not None:
            self._errand = Errand.read(record.errand)
            self._begin_talk(self._leg, record.queue).take_over(record)
        if record.attempt and record.state not in ("offered", "connecting", "talking"):
            self._caller.left_in = bridge_id(self._call, record.attempt)  # perhaps he has not left it yet

    async def look_outside(self, record: CallRecord, moving: bool) -> None:
        """Know how the leg to a number outside is to which an agent gave him; `moving` as in Outside."""
        stops = Errand.read(record.errand).stops
        if stops and stops[0].number:
            self._outside.expect(stops[0].tag)
            await self._outside.take_over(moving)

    async def serve(
        self,
        queue: str,
        max_wait_s: float | None,
        path: str,
        resumed: CallRecord | None = None,
        starts: Mapping[HeadStart, float] = NO_HEAD_START,
        ladder: str | None = None,
    ) -> str:
        """Hold the caller and serve him: `answered` when the agent has left, `timeout` if he waited too long.

        `path`: the step in which he waits. `resumed`: the record of a call that was taken over in this step.
        `starts`, `ladder`: his head starts and needs of his own, see `Store.join`.
        """
        self._home = self._home or queue
        self._asked, self._starts, self._ladder = queue, starts, ladder
        if resumed is None:
            outcome = await self._visit(queue, max_wait_s, path)
        else:
            outcome = await self._go_on(queue, max_wait_s, path, resumed)
        while outcome == GIVEN_AWAY:
            outcome = await self._next_stop(max_wait_s, path, resumed)
            resumed = None
        return outcome

    async def _visit(self, queue: str, max_wait_s: float | None, path: str) -> str:
        self._joined_at = await self._join(queue, path)
        return await self._wait(queue, self._joined_at, max_wait_s)

    async def end(self) -> None:
        """The call is over: so are the agents' legs and their bridge."""
        leg, talk = self._leg, self._talk
        await self._withdraw()
        if talk is not None:
            leg = talk.leg
            await talk.end()
        await self._outside.end()
        for lost in self._lost:
            await _hang_up(self._house.asterisk, lost)
        if leg is not None:
            await _hang_up(self._house.asterisk, leg)
            if leg.bridge:
                await self._house.asterisk.unbridge(leg.bridge)

    def forget(self) -> None:
        """What happens to the agents' legs is of no more interest."""
        for approach in self._approaches.values():
            approach.give_up()
        self._approaches.clear()
        for leg in self._lost:
            self._house.forget(leg.channel)
        self._part()
        self._outside.forget()

    # An agent has given him away

    async def _next_stop(self, max_wait_s: float | None, path: str, resumed: CallRecord | None) -> str:
        stop = self._errand.stops[0]
        if stop.number:
            return await self._outside_stop(stop, resumed)
        if len(self._errand.stops) == 1:
            return await self._visit(stop.queue, max_wait_s, path)
        self._joined_at = await self._join(stop.line, path)
        return await self._wait_here(stop)

    async def _wait_here(self, stop: Stop) -> str:
        """At a stop that is not the last he waits only while somebody's phone rings."""
        outcome = await self._wait(stop.line, now_ms(), AT_ONCE_S, in_vain=self._errand)
        if outcome == "timeout":
            self._errand = self._errand.after()
            return GIVEN_AWAY
        return outcome

    async def _outside_stop(self, stop: Stop, resumed: CallRecord | None) -> str:
        may = self._house.transfers()
        ring_s = may.ring_s if may is not None else 20
        key = f"{self._call}:transfer:{stop.tag}"
        wish = Wish(stop.number, ring_s, key, self._caller.about, by="agent", told=stop.connected)
        if stop.connected and resumed is None:
            outcome = await self._outside.go_on(stop.tag)
        else:
            outcome = await self._outside.serve(stop.tag, wish, resumed)
        if outcome == "done":
            return "answered"
        store, handle = self._house.store, self._handle
        store.note(handle, "transfer_failed", to=stop.number, reason=outcome)
        self._errand = self._errand.after()
        store.send_on(handle, self._errand.write())
        await self._house.checkpoint.flush(handle)
        return GIVEN_AWAY if self._errand.stops else "answered"

    # He waits

    async def _join(self, queue: str, path: str) -> int:
        """Stand in line, music playing; when that was, ms."""
        caller, asterisk = self._caller, self._house.asterisk
        await caller.leave_bridge()
        await asterisk.start_music(self._call, self._house.queue(queue).music)
        place, self._place = self._place, None
        asked_at = place.joined_at if place is not None and place.queue == queue else now_ms()
        while True:
            try:
                ladder = self._ladder if queue == self._asked else None
                joined = await self._house.store.join(self._handle, queue, self._starts, asked_at, ladder)
                break
            except StoreAway:
                # His place counts from now; he hears music until Redis is back.
                await caller.next(asyncio.get_running_loop().time() + 0.5)
        mark = Place(queue, joined.joined_at, path).write()
        await asterisk.mark(self._call, MARK, mark)
        return joined.joined_at

    async def _wait(
        self, queue: str, joined_at: int, max_wait_s: float | None, in_vain: Errand | None = None
    ) -> str:
        """`in_vain`: this is a stop of that errand, and not its last."""
        loop = asyncio.get_running_loop()
        until = None
        if max_wait_s is not None:
            until = loop.time() + max(0.0, joined_at / 1000 + max_wait_s - time.time())
        while True:
            # Whose phone rings is not given up because the time is over.
            match await self._caller.next(None if self._approaches else until):
                case None:
                    if in_vain is not None:
                        self._house.store.send_on(self._handle, in_vain.after().write())
                    await self._house.store.leave(self._handle, reason="timeout")
                    await self._caller.tell(self._house.asterisk.stop_music(self._call))
                    return "timeout"
                case Offer() as offer:
                    self._approaches[offer.attempt] = Approach(self._caller, AgentLeg.of_offer(offer))
                case Over(Approach() as approach):
                    outcome = await self._serve(approach, queue)
                    if outcome:
                        return outcome

    # An agent is rung

    async def _serve(self, approach: Approach, queue: str) -> str:
        """What has come of it: an outcome after the talk, nothing if the caller waits on."""
        leg = approach.leg
        if self._approaches.pop(leg.attempt, None) is None:
            return ""  # somebody else was being connected, and could not be
        self._leg = leg
        reason = approach.why_not() or await self._connect(leg, queue)
        if not reason:
            self._begin_talk(leg, queue)
            return await self._hear_out()
        await self._decline(leg, reason)
        return ""

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

    async def _connect(self, leg: AgentLeg, queue: str) -> str:
        """Settle and bridge; returns why it failed, or nothing once both talk."""
        asterisk, store, caller = self._house.asterisk, self._house.store, self._caller
        if not await self._settle(leg):
            await asterisk.hang_up(leg.channel)
            return "withdrawn"
        await self._withdraw()
        await caller.catch_up()  # that may have taken a while: he may be gone
        leg.bridge = bridge_id(self._call, leg.attempt)
        try:
            keys_of = (leg.channel,) if self._house.with_keys() else ()
            both = (self._call, leg.channel)
            await asterisk.bridge(leg.bridge, both, musical=self._call, keys_of=keys_of)
        except AriError as error:
            log.warning("bridge failed: %s", error, extra={"call": self._call})
            await asterisk.hang_up(leg.channel)
            await asterisk.unbridge(leg.bridge, goes_on=self._call)
            await asterisk.start_music(self._call, self._house.queue(queue).music)
            return "caller_gone" if isinstance(error, NotFound) else "withdrawn"
        await caller.catch_up(connecting=True)
        await store.connected(self._handle, agent=leg.agent, attempt=leg.attempt, at=now_ms(), wait=False)
        return ""

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

    def _begin_talk(self, leg: AgentLeg, queue: str) -> Talk:
        if not queue.startswith(DIRECT):
            self._home = queue
        self._talk = Talk(self._caller, leg, self._home)
        return self._talk

    async def _hear_out(self) -> str:
        """Until the agent has left, or has given the caller away; the caller's own hangup ends the call."""
        talk = self._talk
        assert talk is not None, "it has begun"
        errand = await talk.until_over()
        self._part()
        self._errand = errand or Errand()
        return GIVEN_AWAY if errand is not None else "answered"

    def _part(self) -> None:
        """What happens to the agent is of no more interest."""
        leg, self._leg = self._leg, None
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.forget()
            self._house.forget(talk.leg.channel)
        if leg is not None:
            self._house.forget(leg.channel)

    # Taken over from a worker that died or drains

    async def _go_on(self, queue: str, max_wait_s: float | None, path: str, resumed: CallRecord) -> str:
        self._errand, self._joined_at = Errand.read(resumed.errand), resumed.joined_at
        if resumed.state == "flow":
            if self._errand.stops:
                return GIVEN_AWAY
            # If he had left the queue when his worker died, there is nothing more to do.
            return resumed.left or await self._visit(queue, max_wait_s, path)
        if await self._resume(resumed):
            if self._talk is None:
                assert self._leg is not None, "he talks to somebody"
                self._begin_talk(self._leg, resumed.queue)
            return await self._hear_out()
        if len(self._errand.stops) > 1:
            return await self._wait_here(self._errand.stops[0])
        return await self._wait(resumed.queue, resumed.joined_at, max_wait_s)

    async def _resume(self, record: CallRecord) -> bool:
        """Go on where the record says. True: the caller talks to an agent; False: he waits in his place."""
        asterisk, leg = self._house.asterisk, self._leg
        await self._let_go()
        if leg is None:
            return False
        there = set(await asterisk.bridged(leg.bridge))
        if record.state == "talking":
            await self._mend(leg, there, record.consult != "")
            return True
        if there >= {self._call, leg.channel}:
            await self._house.store.connected(self._handle, agent=leg.agent, attempt=leg.attempt, at=now_ms())
            leg.answered = True
            return True
        await asterisk.hang_up(leg.channel)
        await asterisk.unbridge(leg.bridge, goes_on=self._call)
        await asterisk.start_music(self._call, self._house.queue(record.queue).music)
        await self._decline(leg, "worker_lost")
        return False

    async def _let_go(self) -> None:
        """Whoever was being rung by the worker that died is rung no more: nobody knows how far that was."""
        while self._lost:
            leg = self._lost.pop()
            await self._house.asterisk.hang_up(leg.channel)
            await self._house.asterisk.unbridge(leg.bridge)
            await self._decline(leg, "worker_lost")
            self._house.forget(leg.channel)

    async def _mend(self, leg: AgentLeg, there: set[str], asks: bool) -> None:
        """The channels of a talk as the record says it is. Who is gone is told to the mailbox."""
        asterisk, talk = self._house.asterisk, self._talk
        assert talk is not None, "it was taken over"
        if asks:
            return await talk.consult.resume()
        if leg.channel not in there and not await asterisk.lives(leg.channel):
            self._caller.mailbox.put(ari.ChannelDestroyed(channel=ari.Channel(id=leg.channel)))
        elif not {leg.channel, self._call} <= there:
            await talk.consult.rejoin()  # he came from a consult, or was handed over, when his worker died
        return None


async def _hang_up(asterisk: Asterisk, leg: AgentLeg) -> None:
    """A phone that still rings is told that somebody else has answered: it does not count a missed call."""
    await asterisk.hang_up(leg.channel, 16 if leg.answered else 26)
