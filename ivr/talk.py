"""Caller and agent talk, until the agent leaves, gives the caller away, or hands him over to somebody.

What the agent wants comes as keys he presses or as REFER from his telephone. The caller's own hangup ends the
call wherever he is.
"""

import asyncio
import logging

from ivr.agent_leg import AgentLeg
from ivr.approach import Approach
from ivr.ari import events as ari
from ivr.caller import Caller, Dialled, Over
from ivr.checkpoint import CallRecord
from ivr.consult import Consult
from ivr.feature_keys import Pressed
from ivr.key_relay import PAUSE_MS, PRESS_MS, KeyRelay
from ivr.policy import NotAllowed
from ivr.settling import dismiss
from ivr.transfers import Errand, Stop, Unknown
from queues.operations import now_ms

log = logging.getLogger(__name__)

BUSY = 17
"""The Q.850 cause of a further call of his telephone that cannot be."""

TOLD_S = 1.0
"""Asterisk tells within milliseconds what we have asked for."""

ELSEWHERE = 1_000_000
"""Numbers outside to whom an agent transfers are told apart from those of flows, and of attempts, by this."""


class Talk:
    """One talk; after a hand-over the next agent's, too."""

    def __init__(self, caller: Caller, leg: AgentLeg, home: str) -> None:
        """`home`: the queue he came from."""
        self._caller = caller
        self._house = caller.house
        self.leg = leg
        self._home = home
        self._keys = self._house.feature_keys(leg)
        self._relay = KeyRelay(lambda keys: self._house.asterisk.press(caller.call, keys, PRESS_MS, PAUSE_MS))
        self.consult = self._consult()
        self._dialled: set[str] = set()
        """Further calls of his telephone that nobody has looked at yet."""
        self._outcome: Errand | None = None
        self._over = False

    def _consult(self) -> Consult:
        music = self._house.queue(self._home).music
        return Consult(self._caller, self.leg, music, self._keys.any)

    def take_over(self, record: CallRecord) -> None:
        """Another worker's talk: know whom the agent asks."""
        if record.consult:
            self.consult.take_over(record)

    async def mend(self, there: set[str], asks: bool) -> None:
        """Make the channels what the record says. Who is gone is told to the mailbox.

        `there`: who is in their bridge. `asks`: the agent was consulting somebody.
        """
        agent, aside = self.leg.channel, self.consult.put_aside
        if asks:
            await self.consult.resume()
        if aside:
            return
        if agent not in there and not await self._house.asterisk.lives(agent):
            self._caller.miss(agent)
        elif not {agent, self._caller.call} <= there:
            await self.consult.rejoin()  # he came from a consult, or was handed over, when his worker died

    async def until_over(self) -> Errand | None:
        """None: the agent has left, and the flow goes on. Else where the caller goes now."""
        while not self._over:
            due = [at for at in (self._keys.until, self._relay.until) if at is not None]
            message = await self._caller.next(min(due, default=None))
            match message:
                case None:
                    await self._wait_over(asyncio.get_running_loop().time())
                case Over(Approach() as approach):
                    await self.consult.reached(approach)
                case ari.ChannelDtmfReceived(digit=digit) if message.channel.id == self.leg.channel:
                    await self._heed(self._keys.press(digit, asyncio.get_running_loop().time()))
                case ari.ChannelTransfer(state="") if self._is_his(message.channel.id):
                    await self._referred(message)
                case Dialled(line, written):
                    await self._ask_by(line, written)
                case ari.ChannelHangupRequest() | ari.ChannelDestroyed():
                    await self._left(message.channel.id, message.at)
        await self._refuse_lines()
        return self._outcome

    def _is_his(self, channel: str) -> bool:
        return channel in (self.leg.channel, self.consult.line)

    async def end(self) -> None:
        """The call is over."""
        await self.consult.give_up()
        await self._refuse_lines()

    def dialled(self, line: str, written: str) -> None:
        """His telephone calls somebody else, on another line."""
        self._dialled.add(line)
        self._house.listen(line, self._caller.mailbox)
        self._caller.mailbox.put(Dialled(line, written))

    async def _refuse_lines(self) -> None:
        for line in self._dialled:
            self._house.forget(line)
            await self._house.asterisk.hang_up(line, BUSY)
        self._dialled.clear()

    def forget(self) -> None:
        self.consult.forget()

    # What the agent wants

    async def _wait_over(self, now: float) -> None:
        self._relay.go_on(now)
        if self._keys.until is not None and now >= self._keys.until:
            await self._heed(self._keys.wait_over())

    async def _heed(self, pressed: Pressed) -> None:
        if pressed.relay and self.consult.leg is None:
            self._relay.press(pressed.relay, asyncio.get_running_loop().time())
        if pressed.word:
            self._relay.forget()
        try:
            match pressed.word:
                case "blind" if self.consult.leg is None:
                    await self._give(self._stop(pressed.target))
                case "consult" if self.consult.leg is None:
                    await self.consult.begin(self._stop(pressed.target))
                case "complete":
                    await self._complete()
                case "back":
                    await self.consult.come_back()
                case "all":
                    await self.consult.all_hear()
                case "end":
                    await self._left(self.leg.channel, now_ms())
        except Unknown as why:
            self._refused(why)

    async def _referred(self, event: ari.ChannelTransfer) -> None:
        """His telephone's own transfer key: to somebody, or (Replaces) to whom he asks by a second call."""
        asterisk, channel, wanted = self._house.asterisk, event.channel.id, event.refer_to
        both = {self.leg.channel, self.consult.line}
        try:
            if wanted.requested_destination.protocol_id:
                other = wanted.destination_channel
                if other is None or {channel, other.id} != both:
                    raise Unknown("that other call is not one by which he asks somebody")
                return await self._complete(refers=channel)
            if self.consult.put_aside or not wanted.requested_destination.destination:
                raise Unknown("he asks somebody by keys")
            return await self._give(self._stop(wanted.requested_destination.destination), refers=channel)
        except Unknown as why:
            self._refused(why)
            return await asterisk.tell_transfer(channel, "channel_declined")

    async def _ask_by(self, line: str, written: str) -> None:
        """By a second call of his telephone."""
        self._dialled.discard(line)
        try:
            if self.consult.leg is not None:
                raise Unknown("he asks somebody already")
            await self.consult.begin(self._stop(written), line)
        except Unknown as why:
            self._refused(why)
            self._house.forget(line)
            await self._house.asterisk.hang_up(line, BUSY)

    def _stop(self, written: str) -> Stop:
        stop = self._house.stop_at(written)
        if stop.agent == self.leg.agent:
            raise Unknown("that is himself")
        if stop.number:
            try:
                self._house.outside(stop.number, self._caller.about)
            except NotAllowed as why:
                raise Unknown(str(why)) from why
        return stop

    def _refused(self, why: Unknown) -> None:
        log.warning("%s does not transfer: %s", self.leg.agent, why, extra={"call": self._caller.call})

    # How it goes on

    async def _give(self, stop: Stop, refers: str = "") -> None:
        """The caller goes there; in vain, back to the agent if he is free, else where he came from.

        `refers`: the channel whose telephone wants it so by REFER, and is told that it is done. Raises
        `Unknown` if the door of a queue stays shut; then nothing is changed.
        """
        handle, leg = self._caller.handle, self.leg
        told = {"how": "blind", **stop.told(), "by": "agent"}
        if stop.number:
            stop, told = Stop(number=stop.number, tag=ELSEWHERE + handle.op + 1), {}
        stops = (stop,) if stop.queue else (stop, Stop(agent=leg.agent), Stop(queue=self._home))
        outcome = Errand(stops)
        given = await self._house.store.give(handle, outcome.write(), 0, self._knock(stop), **told)
        if not given.changed:
            raise Unknown("the door of that queue stays shut")
        self._outcome = outcome
        await self._tell_done(refers, leg.channel)
        asked = self.consult.leg
        await dismiss(self._house, leg, *([asked.bridge] if asked is not None else ()))
        if not self.consult.put_aside:
            self._caller.left_in = leg.bridge
        await self.consult.give_up()
        self._over = True

    def _knock(self, stop: Stop) -> str:
        """For which reasons, by its settings, a queue may keep him out. Raises `Unknown` if it is closed."""
        if not stop.queue:
            return ""
        if self._house.closed(stop.queue):
            raise Unknown("that queue is closed")
        queue = self._house.queue(stop.queue)
        rules = {
            "no_agents": queue.refuse_if,
            "full": queue.max_waiting,
            "ratio": queue.callers_per_agent,
        }
        return ",".join(reason for reason, rule in rules.items() if rule)

    async def _complete(self, refers: str = "") -> None:
        """He hands over, or, while it still rings there, gives away. `refers`: as in `_give`."""
        consult, his = self.consult, self.leg.channel
        if consult.leg is None:
            return None
        if not consult.talking:
            return await self._give(consult.stop, refers=refers)
        stop = consult.stop
        leg = await consult.hand_over()
        if leg is None:
            if refers:
                await self._house.asterisk.tell_transfer(refers, "channel_declined")
            return None
        self.leg, self._keys = leg, self._house.feature_keys(leg)
        await self._tell_done(refers, his)
        await consult.join(leg)
        if not leg.agent:
            self._outcome = Errand((Stop(number=stop.number, tag=stop.tag, connected=True),))
            self._over = True
        self.consult = self._consult()
        return None

    async def _tell_done(self, refers: str, first: str) -> None:
        """Tell the telephone that has sent REFER that it is done; `first`: the channel of its first call.

        Asterisk looks at both of its channels again for that, and does not hold on to the one that Replaces
        has named (22.10: session->channel in res_pjsip_refer.c). If that were ending then, Asterisk itself
        could die: so it is ended before, and the one with the REFER after.
        """
        asterisk, line = self._house.asterisk, self.consult.line
        if not refers:
            return
        other = "" if not line else first if refers == line else line
        if other:
            await asterisk.hang_up(other)
            await self._until_told(ari.ChannelDestroyed, other)
        await asterisk.tell_transfer(refers, "channel_answered")
        await self._until_told(ari.ChannelTransfer, refers)

    async def _until_told(self, kind: type[ari.ChannelDestroyed | ari.ChannelTransfer], channel: str) -> None:
        """Until this is told of a channel, but not for long; what else is told meanwhile stays, in order."""
        mailbox, kept = self._caller.mailbox, []
        until = asyncio.get_running_loop().time() + TOLD_S
        while (message := await mailbox.take(until)) is not None:
            if isinstance(message, kind) and message.channel.id == channel:
                break
            kept.append(message)
        for each in [*kept, *mailbox.empty()]:
            mailbox.put(each)

    async def _left(self, channel: str, at: int) -> None:
        asked = self.consult.leg
        if asked is not None and channel in (asked.channel, self.consult.line):
            return await self.consult.come_back(by="agent")
        if channel != self.leg.channel:
            return None
        if self.consult.put_aside:
            await self._complete()
            if self.leg.channel != channel or self._over:
                return None
        await self._house.store.unbridged(self._caller.handle, ended_by="agent", at=at, wait=False)
        await self.consult.give_up()
        self._caller.left_in = self.leg.bridge
        if self.leg.nailed:
            await dismiss(self._house, self.leg)
        self._over = True
        return None
