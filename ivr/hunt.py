"""A caller's way through a queue to an agent, as straight-line code.

    join ──► 1. wait ──► 2. ring ──► 3. settle ──► bridge ──► 4. talk ──► the agent has left: `answered`
               │ ▲          │            │
               │ └──────────┴────────────┘ 5. declined, whatever went wrong: he waits on in his place
               └──► 6. a rule of the queue or his key: `timeout`, `full`, `closed`, … `exit`

An agent who gives his caller away sends him on an errand (ivr.transfers): 1. anew, at another stop; one where
nobody takes him at once is left for the next.

Who is next and which agent is rung is not decided here but in Redis, from where an `Offer` comes. At any
point he may hang up: then `Hangup` is raised, and `end` takes down what there is.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from ivr.agent_leg import AgentLeg, bridge_id, legs_rung
from ivr.approach import Approach
from ivr.ari import AriError, NotFound
from ivr.ari import events as ari
from ivr.beside import Beside
from ivr.briefing import Briefing
from ivr.caller import Caller, Look, Moved, Over
from ivr.checkpoint import CallRecord
from ivr.connecting import tell
from ivr.flow.line import Line
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.step import innermost
from ivr.joining import Claim, join
from ivr.moving import move
from ivr.outside import Outside, Wish
from ivr.place import Place
from ivr.settling import dismiss, let_go, listen, settle
from ivr.talk import Talk
from ivr.transfers import Errand, Stop
from ivr.wait import Wait, outcome_of
from queues.head_starts import NO_HEAD_START, HeadStart
from queues.models import direct_line
from queues.operations import now_ms
from queues.store import Offer

log = logging.getLogger(__name__)

GIVEN_AWAY = "given-away"
"""No outcome: an agent has sent him on an errand."""

AT_ONCE_S = 1.0
"""At a stop where nobody's phone rings within this time nobody is free."""


class Hunt:
    """Gets one caller to agents, one queue after the other. The agent's leg is its own."""

    def __init__(self, caller: Caller, line: Line, place: Place | None = None) -> None:
        """`line`: his. `place`: where he waited, if his channel is all that is left of the call."""
        self._caller = caller
        self._line = line
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
        self.talk: Talk | None = None
        """His talk with an agent."""
        self._errand = Errand()
        self._home = ""
        """The queue he came from to the agent."""
        self.wait: Wait | None = None
        """The queue in which he waits; None: in none."""
        self._beside: Beside | None = None
        """What he is told in it."""
        self._asked = ""
        """The queue of the step, to which its needs belong."""
        self._starts: Mapping[HeadStart, float] = NO_HEAD_START
        self._own = ORDINARY.own
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
            listen(self._caller, leg)
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
        wait: Wait,
        resumed: CallRecord | None = None,
        starts: Mapping[HeadStart, float] = NO_HEAD_START,
        standing: Standing = ORDINARY,
    ) -> str:
        """Hold the caller and serve him: `answered` when the agent has left, or the exit by which he left.

        `resumed`: the record of a call that was taken over in this step. `starts`: his head starts, see
        `Store.join`. `standing`: what he brings besides.
        """
        self._home = self._home or wait.queue
        self._asked, self._starts, self._own = wait.queue, starts, standing.own
        if resumed is None:
            outcome = await self._visit(wait)
        else:
            outcome = await self._go_on(wait, resumed)
        while outcome == GIVEN_AWAY:
            outcome = await self._next_stop(wait, resumed)
            resumed = None
        return outcome

    async def _visit(self, wait: Wait) -> str:
        return await self._join(wait) or await self._wait(wait)

    async def end(self) -> None:
        """The call is over: so are the agents' legs and their bridge."""
        leg, talk = self._leg, self.talk
        await self._withdraw()
        if talk is not None:
            leg = talk.leg
            await talk.end()
        await self._outside.end()
        for lost in self._lost:
            await dismiss(self._house, lost)
        if leg is not None:
            await dismiss(self._house, leg)
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

    async def _next_stop(self, wait: Wait, resumed: CallRecord | None) -> str:
        stop = self._errand.stops[0]
        if stop.number:
            return await self._outside_stop(stop, resumed)
        if len(self._errand.stops) == 1:
            return await self._visit(wait.at(stop.queue))
        return await self._join(wait.at(stop.line)) or await self._wait_here(wait, stop)

    async def _wait_here(self, wait: Wait, stop: Stop) -> str:
        """At a stop that is not the last he waits only while somebody's phone rings."""
        here = replace(wait.at(stop.line), max_wait_s=AT_ONCE_S, exits=frozenset())
        here.begin(now_ms())
        outcome = await self._wait(here, in_vain=self._errand)
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

    async def _join(self, wait: Wait) -> str:
        """Stand in line; why the door stayed shut, or nothing. Who was given away need not knock."""
        place, self._place = self._place, None
        before = place.joined_at if place is not None and place.queue == wait.queue else 0
        own, errand = wait.queue == self._asked, self._errand
        brings = self._own if own else ORDINARY.own
        knocks = own and not before and not errand.stops
        return await join(self._caller, wait, Claim(self._starts, *brings, before, knocks, errand.recalls))

    async def _music(self, queue: str) -> None:
        await self._house.asterisk.start_music(self._call, self._house.queue(queue).music)

    async def _wait(self, wait: Wait, in_vain: Errand | None = None, taken_over: bool = False) -> str:
        """Until an agent has served him, or he leaves. `in_vain`: a stop of that errand, and not its last."""
        self.wait = wait
        beside = self._beside = Beside(self._caller, wait, self._line)
        try:
            await beside.begin(taken_over)
            return await self._hold_on(wait, beside, in_vain)
        finally:
            self.wait = None
            beside.give_up()

    async def _hold_on(self, wait: Wait, beside: Beside, in_vain: Errand | None) -> str:
        while True:
            queue = self._house.queue(wait.queue)  # as published now; no time runs out while a phone rings
            match await self._caller.next(None if self._approaches else wait.until(queue)):
                case None:
                    if in_vain is not None:
                        self._house.store.send_on(self._handle, in_vain.after().write())
                    return await self._leave("timeout")
                case Moved() as moved if moved.queue != wait.queue:
                    await self._withdraw()
                    await move(self._caller, wait, beside, moved)
                case Offer() if in_vain is None and wait.is_over(queue):
                    return await self._leave("timeout")  # no other phone is rung after his time
                case Offer() as offer:
                    briefing = Briefing(queue, wait, self._line)
                    self._approaches[offer.attempt] = Approach(
                        self._caller, AgentLeg.of_offer(offer), briefing
                    )
                case Over(Approach() as approach):
                    if outcome := await self._serve(approach, wait.queue, beside):
                        return outcome
                    if wait.looks_later:
                        wait.looks_later = False
                        self._caller.mailbox.put(Look())
                case Look() as look:
                    beside.published()
                    if reason := await wait.objection(self._caller, look, bool(self._approaches)):
                        return await self._left(reason)
                case ari.PlaybackFinished() | ari.ChannelDtmfReceived() as told if beside.hears(told):
                    pass
                case ari.ChannelDtmfReceived() as pressed if wait.is_exit(queue, pressed, self._caller):
                    self._line.note("input", path=innermost(self._line.path), digits=pressed.digit)
                    return await self._leave("exit_key")
                case Over(Beside() as ended) if ended is beside:
                    return await self._leave("exit_key")

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

    async def _serve(self, approach: Approach, queue: str, beside: Beside) -> str:
        """What has come of it: an outcome after the talk, nothing if the caller waits on."""
        leg = approach.leg
        if self._approaches.pop(leg.attempt, None) is None:
            return ""  # somebody else was being connected, and could not be
        self._leg = leg
        reason = approach.why_not() or await self._connect(leg, queue, beside)
        if not reason:
            self._begin_talk(leg, queue)
            return await self._hear_out()
        await self._decline(leg, reason)
        return ""

    async def _withdraw(self) -> None:
        """Nobody else is to be reached any more."""
        for approach in self._approaches.values():
            approach.give_up()
            await dismiss(self._house, approach.leg)
        self._approaches.clear()

    async def _decline(self, leg: AgentLeg, reason: str) -> None:
        """The attempt has come to nothing: he waits on in his place."""
        self._part()
        await self._house.store.decline(
            self._handle, agent=leg.agent, attempt=leg.attempt, reason=reason, ring_ms=leg.ring_ms()
        )

    async def _connect(self, leg: AgentLeg, queue: str, beside: Beside) -> str:
        """Settle and bridge; returns why it failed, or nothing once both talk."""
        asterisk, store, caller = self._house.asterisk, self._house.store, self._caller
        if not await settle(caller, leg):
            await dismiss(self._house, leg)
            return "withdrawn"
        await self._withdraw()
        await beside.hush()
        await caller.catch_up()  # that may have taken a while: he may be gone
        if not await tell(caller, leg.channel, self._house.queue(queue).connecting, self._line):
            await beside.go_on()
            return "rejected"
        leg.bridge = bridge_id(self._call, leg.attempt)
        try:
            keys_of = (leg.channel,) if self._house.feature_keys(leg).any else ()
            await asterisk.bridge(leg.bridge, (self._call, leg.channel), musical=self._call, keys_of=keys_of)
        except AriError as error:
            log.warning("bridge failed: %s", error, extra={"call": self._call})
            await dismiss(self._house, leg)
            await asterisk.unbridge(leg.bridge, goes_on=self._call)
            await beside.go_on()
            return "caller_gone" if isinstance(error, NotFound) else "withdrawn"
        self._house.nailed.announce(leg, self._call)
        await caller.catch_up(connecting=True)
        if self._house.queue(queue).menu is not None:
            caller.keys.clear()  # what he was typing when the agent came
        await store.connected(self._handle, agent=leg.agent, attempt=leg.attempt, at=now_ms(), wait=False)
        return ""

    # They talk

    def _begin_talk(self, leg: AgentLeg, queue: str) -> Talk:
        self.wait = None
        if not queue.startswith(direct_line("")):
            self._home = queue
        self.talk = Talk(self._caller, leg, self._home)
        return self.talk

    async def _hear_out(self) -> str:
        """Until the agent has left, or has given the caller away; the caller's own hangup ends the call."""
        talk = self.talk
        assert talk is not None, "it has begun"
        errand = await talk.until_over()
        self._part()
        self._errand = errand or Errand()
        return GIVEN_AWAY if errand is not None else "answered"

    def _part(self) -> None:
        """What happens to the agent is of no more interest."""
        leg, self._leg = self._leg, None
        talk, self.talk = self.talk, None
        if talk is not None:
            talk.forget()
            self._house.forget(talk.leg.channel)
        if leg is not None:
            self._house.forget(leg.channel)

    # Taken over from a worker that died or drains

    async def _go_on(self, wait: Wait, resumed: CallRecord) -> str:
        self._errand = Errand.read(resumed.errand)
        if resumed.state == "flow":
            if self._errand.stops:
                return GIVEN_AWAY
            # If he had left the queue when his worker died, there is nothing more to do.
            return outcome_of(resumed.left) or await self._visit(wait)
        if await self._resume(resumed):
            if self.talk is None:
                assert self._leg is not None, "he talks to somebody"
                self._begin_talk(self._leg, resumed.queue)
            return await self._hear_out()
        if len(self._errand.stops) > 1:
            return await self._wait_here(wait, self._errand.stops[0])
        here = wait.at(resumed.queue)
        here.begin(resumed.joined_at)
        return await self._wait(here, taken_over=True)

    async def _resume(self, record: CallRecord) -> bool:
        """Go on where the record says. True: the caller talks to an agent; False: he waits in his place."""
        asterisk, leg = self._house.asterisk, self._leg
        await let_go(self._caller, self._lost)
        if leg is None:
            return False
        there = set(await asterisk.bridged(leg.bridge))
        if record.state == "talking":
            assert self.talk is not None, "it was taken over"
            await self.talk.mend(there, asks=record.consult != "")
            return True
        if there >= {self._call, leg.channel}:
            await self._house.store.connected(self._handle, agent=leg.agent, attempt=leg.attempt, at=now_ms())
            leg.answered = True
            return True
        await dismiss(self._house, leg)
        await asterisk.unbridge(leg.bridge, goes_on=self._call)
        await self._music(record.queue)
        await self._decline(leg, "worker_lost")
        return False
