"""The channel to an agent's phone: its ids, and what an ending before the answer means."""

import re
import time
from dataclasses import dataclass, field

from ivr.checkpoint import CallRecord
from queues.store import Offer

BUSY, NO_USER, NO_ANSWER, REJECTED, REDIRECTED = 17, 18, 19, 21, 23
"""Q.850 causes by which Asterisk tells a phone's refusal apart."""

_SUFFIXES = re.compile(r"(-[abpr][0-9]+)+$")


@dataclass
class AgentLeg:
    """One attempt to reach one agent. Its ids follow from call and attempt, so that any worker knows them."""

    call: str
    agent: str
    device: str
    attempt: int
    ring_s: int
    answered: bool = False
    bridge: str = ""
    rung_at: float = field(default_factory=time.monotonic)

    @classmethod
    def of_offer(cls, offer: Offer) -> "AgentLeg":
        return cls(offer.call, offer.agent, offer.device, offer.attempt, offer.ring_s)

    @classmethod
    def of_record(cls, record: CallRecord) -> "AgentLeg":
        """The leg of a call that was taken over, which may exist or not, and be bridged or not."""
        leg = cls(record.call, record.agent, "", record.attempt, 0, answered=record.state == "talking")
        leg.bridge = bridge_id(record.call, record.attempt)
        return leg

    @property
    def channel(self) -> str:
        return leg_channel(self.call, self.attempt)

    def ring_ms(self) -> int:
        """How long the phone has been rung, ms."""
        return round((time.monotonic() - self.rung_at) * 1000)


def leg_channel(call: str, attempt: int) -> str:
    """Channel id of the nth attempt to reach an agent for a call."""
    return f"{call}-a{attempt}"


def bridge_id(call: str, attempt: int) -> str:
    """Id of the bridge in which the nth attempt joins caller and agent."""
    return f"{call}-b{attempt}"


def owner_of(channel: str) -> str:
    """The call to which what we have named belongs: channel, bridge, playback, recording.

    A caller's channel id is the call's id.
    """
    return _SUFFIXES.sub("", channel)


def decline_reason(cause: int, ring_ms: int, ring_s: int) -> str:
    """Why a phone was not answered, by the Q.850 cause with which its channel ended."""
    if cause == BUSY:
        return "busy"
    if cause in (REJECTED, REDIRECTED):
        return "rejected"
    if cause in (NO_USER, NO_ANSWER) or ring_ms >= ring_s * 1000 - 500:
        return "no_answer"
    return "unreachable"
