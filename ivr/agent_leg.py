"""The channels to telephones, agents' and others: their ids, and what an ending before the answer means."""

import re
import time
from dataclasses import dataclass, field, replace
from zlib import crc32

from ivr.checkpoint import CallRecord
from queues.handle import CallHandle
from queues.store import Offer

BUSY, NO_USER, NO_ANSWER, REJECTED, REDIRECTED = 17, 18, 19, 21, 23
"""Q.850 causes by which Asterisk tells a phone's refusal apart."""

GENERATIONS = 3
"""So many owners back a sound may play on that a take-over must stop: some die before they could."""

_SUFFIXES = re.compile(r"(-[aboprt][0-9]+)+$")
_OUTSIDE = re.compile(r"-o[0-9]+$")


@dataclass(kw_only=True)
class Leg:
    """A channel of ours to a telephone, by an id of our making."""

    channel: str
    endpoint: str
    """A device, or a trunk with an address, as Asterisk names them: `carrier/sip:+49…@192.0.2.7`."""
    ring_s: int
    shown: str | None = None
    """The number that is shown there; empty: none. None: that of the caller."""
    answered: bool = False
    status: int = 0
    """The SIP status with which it was refused; 0: it was not."""
    bridge: str = ""
    """Where it is joined with the caller; empty: it is not."""
    rung_at: float = field(default_factory=time.monotonic)

    def ring_ms(self) -> int:
        """How long the phone has been rung, ms."""
        return round((time.monotonic() - self.rung_at) * 1000)


@dataclass(kw_only=True)
class AgentLeg(Leg):
    """One attempt to reach one agent. Its ids follow from call and attempt, so that any worker knows them."""

    agent: str
    attempt: int
    nailed: bool = False
    """It was connected before, by an id of Asterisk's, and stays so when this is over (ivr.nailed)."""

    @classmethod
    def of_offer(cls, offer: Offer) -> "AgentLeg":
        return cls(
            channel=offer.leg or leg_channel(offer.call, offer.attempt),
            endpoint=offer.device,
            ring_s=offer.ring_s,
            answered=offer.leg != "",
            agent=offer.agent,
            attempt=offer.attempt,
            nailed=offer.leg != "",
        )

    @classmethod
    def of_record(cls, record: CallRecord) -> "AgentLeg":
        """The leg of a call that was taken over, which may exist or not, and be bridged or not."""
        return cls(
            channel=record.leg or leg_channel(record.call, record.attempt),
            endpoint="",
            ring_s=0,
            answered=record.state == "talking",
            bridge=bridge_id(record.call, record.attempt),
            agent=record.agent,
            attempt=record.attempt,
            nailed=record.leg != "",
        )


def legs_rung(record: CallRecord) -> list[AgentLeg]:
    """The legs of all agents who were being rung for a call that was taken over; without legs that stay."""
    rung = record.rung or ((record.agent, record.attempt),)
    before = replace(record, leg="")
    return [AgentLeg.of_record(replace(before, agent=agent, attempt=attempt)) for agent, attempt in rung]


def leg_channel(call: str, attempt: int) -> str:
    """Channel id of the nth attempt to reach an agent for a call."""
    return f"{call}-a{attempt}"


def outside_channel(call: str, number: int) -> str:
    """Channel id of a call to a number outside; `number` tells it from the caller's other ones."""
    return f"{call}-o{number}"


def outside_bridge(call: str, number: int) -> str:
    """Id of the bridge in which such a call is joined with the caller."""
    return f"{call}-t{number}"


def asked_channel(call: str, agent: str, attempt: int) -> str:
    """Channel id of whom an agent asks about his caller: another agent; `agent` empty: a number outside."""
    return leg_channel(call, attempt) if agent else outside_channel(call, attempt)


def asked_bridge(call: str, agent: str, attempt: int) -> str:
    """Id of the bridge in which the two speak, and, after a hand-over, the caller and whom was asked."""
    return bridge_id(call, attempt) if agent else outside_bridge(call, attempt)


def playback_id(channel: str, epoch: int, number: int) -> str:
    """Two names in turn for each owner: a take-over can stop what plays without having been told its number.

    The next owner has two others, so that the end of what it stopped is not taken for that of what it plays.
    """
    return f"{channel}-p{2 * epoch + number % 2}"


def playback_of(leg: Leg, handle: CallHandle, number: int) -> str:
    """The same for somebody who was called. On a leg that stays the names of each call are others."""
    if not isinstance(leg, AgentLeg) or not leg.nailed:
        return playback_id(leg.channel, handle.epoch, number)
    told = f"{handle.call} {leg.attempt} {handle.epoch} {number % 2}"
    return f"{leg.channel}-p{crc32(told.encode())}"


def earlier_playbacks(channel: str, epoch: int) -> list[str]:
    """What owners before this one may be playing to a channel."""
    epochs = range(max(1, epoch - GENERATIONS), epoch)
    return [playback_id(channel, each, number) for each in epochs for number in (0, 1)]


def is_ours(channel: str) -> bool:
    """Whether we have made and named that channel: a leg to a phone."""
    return owner_of(channel) != channel


def is_outside(channel: str) -> bool:
    """Whether that is the id of a call to a number outside."""
    return bool(_OUTSIDE.search(channel))


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
