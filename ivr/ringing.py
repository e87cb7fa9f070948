"""Ringing a telephone, an agent's or one outside, while the caller hears what he hears."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ivr.agent_leg import Leg, decline_reason
from ivr.ari import AriError, Asterisk
from ivr.ari import events as ari
from ivr.caller import Message
from queues.handle import CallHandle

log = logging.getLogger(__name__)

RING_GRACE_S = 10.0
"""Asterisk ends the ringing by itself; so long after it should have, its news is not waited for any more."""


class Callee(NamedTuple):
    """Somebody who is called for a caller."""

    asterisk: Asterisk
    handle: CallHandle
    """The caller's call."""
    leg: Leg
    hear: Callable[[float], Awaitable[Message | None]]
    """The next that is told, of this leg or not; None at the loop time given."""

    @property
    def call(self) -> str:
        return self.handle.call


async def ring(callee: Callee) -> str:
    """Ring his telephone; why it was not answered, or nothing."""
    asterisk, leg, dialled = callee.asterisk, callee.leg, False
    until = asyncio.get_running_loop().time() + leg.ring_s + RING_GRACE_S
    told = {"call": callee.call, "channel": leg.channel}
    try:
        await asterisk.create(leg.endpoint, leg.channel)
        while (message := await callee.hear(until)) is not None:
            if not isinstance(message, ari.ChannelEvent) or message.channel.id != leg.channel:
                continue
            match message:
                case ari.StasisStart() if not dialled:
                    dialled = True
                    if leg.shown:
                        await asterisk.show(leg.channel, leg.shown)
                    await asterisk.dial(leg.channel, leg.ring_s, callee.call if leg.shown is None else "")
                case ari.ChannelStateChange() if message.channel.state == "Up":
                    leg.answered = True
                    return ""
                case ari.ChannelDestroyed(cause=cause, tech_cause=status):
                    leg.status = status
                    return decline_reason(cause, leg.ring_ms(), leg.ring_s)
        log.warning("nothing is told of a phone", extra=told)
        await asterisk.hang_up(leg.channel)
        return "no_answer" if dialled else "unreachable"
    except AriError as error:
        log.warning("phone cannot be rung: %s", error, extra=told)
        await asterisk.hang_up(leg.channel)
        return "unreachable"
