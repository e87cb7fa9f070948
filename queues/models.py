"""Queues, agents and their devices as admins write them. Pure: no I/O.

`_s` fields are seconds.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from queues.heard import Announce, Confirm, Heard

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""Names of queues, agents, devices, flows: safe in keys, paths, channel names and JSON without quoting."""

MAX_QUEUES_OF_AGENT = 64
"""An agent's next caller is looked for in each of his queues: this bounds what a match costs."""

Absence = Literal["offline", "unreachable", "paused", "talking", "ringing", "wrapup"]
"""States in which an agent may count as not there. Who cools down counts as ringing: it is soon over."""


class Settings(BaseModel):
    """Admins' tables: unknown fields are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Queue(Settings):
    """A queue of `queues.yaml`."""

    title: str = Field("", max_length=200)
    """For people; the name if empty."""
    music: Name = "default"
    """Class of the music that waiting callers hear."""
    ring_s: int = Field(20, ge=1, le=300)
    """How long an agent's phone rings for one offer."""
    cooldown_s: int = Field(5, ge=1, le=3600)
    """After a decline the agent is not offered anything for so long."""
    wrapup_s: int = Field(0, ge=0, le=86_400)
    """After a call the agent has so long for his notes; 0: ready at once."""
    service_level_s: int = Field(20, ge=1, le=86_400)
    """A caller answered within this time counts for the service level."""
    level: int = Field(1, ge=1, le=9)
    """1: takes any caller; above: people to whom a flow can escalate."""
    short_abandon_s: int = Field(5, ge=0, le=3600)
    """Who hangs up within this time is a short abandon, shown apart."""

    # Door and exits
    max_waiting: int | None = Field(None, ge=1, le=100_000)
    """So many callers at most are in line; None: any number."""
    max_wait_s: int | None = Field(None, ge=1, le=86_400)
    """After this time a caller leaves; a shorter one of the flow's step counts before it. None: no limit."""
    hours: Name | None = None
    """Opening hours of `hours.yaml`; outside them nobody joins, and who waits leaves. None: always open."""
    refuse_if: tuple[Absence, ...] = ()
    """Nobody joins if each agent of the queue is in one of these states; empty: that does not matter."""
    leave_if: tuple[Absence, ...] = ()
    """Who waits leaves if each agent of the queue is in one of these states; empty: that does not matter."""
    callers_per_agent: float | None = Field(None, gt=0, le=1000)
    """So many callers at most are in line for each agent at work; None: any number."""
    exit_key: Annotated[str, Field(pattern=r"^[0-9*#]$")] | None = None
    """The key by which a caller leaves; None: there is none."""

    # While waiting
    announce: Announce | None = None
    """What callers are told while they wait; None: nothing."""
    connecting: Heard | None = None
    """What the caller hears when an agent has answered, before they are brought together; None: nothing."""
    whisper: Heard | None = None
    """What the agent hears who has answered; it may name title, wait and reason. None: nothing."""
    confirm: Confirm | None = None
    """The agent takes the call by a key; None: only at devices that ask for it, such as mobiles."""


HEARD = frozenset({"announce", "connecting", "whisper", "confirm"})
"""Fields of a queue that matter only to those who hear it: Redis need not know them."""


class Agent(Settings):
    """A person of `agents.yaml` who takes calls."""

    name: str = Field("", max_length=200)
    """For people; the id if empty."""
    device: Name | None = None
    """The phone he is at unless he logs in at another one."""
    queues: Annotated[tuple[Name, ...], Field(max_length=MAX_QUEUES_OF_AGENT)] = ()
    """Queues he serves; the caller with the lowest score over all of them is his next."""
    wrapup_s: int | None = Field(None, ge=0, le=86_400)
    """His own wrap-up time; None: the queue's."""
    at_start: Literal["offline", "ready"] = "offline"
    """His state when he is published for the first time."""


class Device(Settings):
    """A phone of `agents.yaml` at which agents work."""

    contact: Annotated[str, Field(pattern=r"^sips?:[A-Za-z0-9._~%+!*'()$&=:@\[\]-]{1,200}$")] | None = None
    """Fixed SIP address; None: the phone registers."""
    number: Annotated[str, Field(min_length=2, max_length=40)] | None = None
    """A telephone outside, such as a mobile, in quotes: it is called by the trunk of policy.yaml."""
    confirm: bool | None = None
    """Whether who answers here takes the call by a key; None: at a `number`, and if the queue says so."""

    @model_validator(mode="after")
    def _one_way(self) -> "Device":
        if self.number is not None and self.contact is not None:
            raise ValueError("a device has a `contact` or a `number`, not both")
        return self
