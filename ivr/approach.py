"""One attempt to reach one agent: his phone is rung beside what the caller hears, and beside others.

    Offer ──► rings ──► told, asked ──► over, he takes it: the caller's mailbox has his channel's news now
                 └──────────┴─────────► over, with the reason why not

An attempt is a task with a mailbox of its own. It never raises the caller's hangup: who waits for him does,
and gives the attempt up.
"""

import asyncio
import logging

from ivr.agent_leg import AgentLeg, playback_of
from ivr.briefing import Briefing
from ivr.caller import Caller, Message, Over
from ivr.mailbox import Mailbox
from ivr.policy import NotAllowed
from ivr.ringing import Callee, ring
from queues.models import Device

log = logging.getLogger(__name__)


class Approach:
    """Begins at once. When it is `Over`, the caller's mailbox is told, unless it was given up."""

    def __init__(self, caller: Caller, leg: AgentLeg, briefing: Briefing | None = None) -> None:
        """`briefing`: what he is told and asked once he has answered; None: nothing."""
        self.leg = leg
        self._briefing = briefing
        self._caller = caller
        self._given_up = False
        self._mailbox: Mailbox[Message] = Mailbox()
        if leg.nailed:
            caller.house.nailed.lend(leg.channel)
        caller.house.listen(leg.channel, self._mailbox)
        self._task = asyncio.create_task(self._reach())
        self._task.add_done_callback(self._over)

    async def _reach(self) -> str:
        caller, device = self._caller, self._caller.house.device(self.leg.endpoint)
        try:
            self._go_outside(device)
        except NotAllowed as error:
            log.error("the number of a device is not called: %s", error, extra={"call": caller.call})
            return "unreachable"
        callee = Callee(caller.house.asterisk, caller.handle, self.leg, self._mailbox.take)
        if self.leg.nailed:
            reason = await caller.house.nailed.fetch(self.leg.channel, self._mailbox.take)
        else:
            reason = await ring(callee)
        if reason or self._briefing is None:
            return reason
        return await self._briefing.give(callee, device)

    def _go_outside(self, device: Device | None) -> None:
        """If his device is a telephone outside: by which trunk, and showing whom. Raises `NotAllowed`."""
        if device is not None and device.number is not None:
            destination = self._caller.house.outside(device.number, self._caller.about)
            self.leg.endpoint, self.leg.shown = destination.endpoint, destination.shown

    def _over(self, task: asyncio.Task[str]) -> None:
        if not task.cancelled():
            task.exception()  # known to whoever asks; if he was given up, it is of no interest
        if self._given_up:
            return
        theirs = self._caller.mailbox
        theirs.put(Over(self))
        self._caller.house.listen(self.leg.channel, theirs)
        for message in self._mailbox.empty():
            theirs.put(message)

    def why_not(self) -> str:
        """Once it is over: why he does not take the call, empty if he does. Raises what went wrong."""
        return self._task.result()

    def give_up(self) -> None:
        """Nothing is done and told any more; his channel is whoever calls this one's to end."""
        self._given_up = True
        self._task.cancel()
        self._caller.house.forget(self.leg.channel)
        if self.leg.nailed:  # he would have to hear it to its end
            for number in (0, 1):
                self._caller.house.asterisk.hush(playback_of(self.leg, self._caller.handle, number))
