"""Queues, agents and their devices as admins write them. Pure: no I/O.

`_s` fields are seconds.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from queues.heard import Announce, Confirm, Heard, Menu
from queues.measured import Measured
from queues.needs import RESERVED, SKILL, Needs
from queues.settings import DAY_S, Name, Settings
from queues.strategies import Strategy

Extension = Annotated[str, Field(pattern=r"^[0-9]{1,8}$")]
"""What agents dial to transfer a caller."""

Key = Annotated[str, Field(pattern=r"^[0-9]{1,4}$")]
"""What an agent dials behind a code to choose from a list: digits."""

Reasons = Annotated[Mapping[Key, Name], Field(max_length=50)]
"""Digits → name."""

MAX_LANES = 64
"""An agent's next caller is looked for in each lane that he serves: this bounds what a match costs."""


Tier = Annotated[int, Field(ge=1, le=9)]


def direct_line(agent: str) -> str:
    """Name of the queue in which callers wait for one agent. Admins' names cannot begin like it."""
    return f"_{agent}"


def is_direct_line(queue: str) -> bool:
    """Whether callers in it wait for one agent by name."""
    return queue.startswith("_")


Absence = Literal["offline", "unreachable", "paused", "talking", "ringing", "wrapup"]
"""States in which an agent may count as not there. Who cools down counts as ringing: it is soon over."""


class Relax(Settings):
    """What callers need of an agent once they have waited for a while."""

    after_s: int = Field(ge=1, le=DAY_S)
    """From so many seconds on."""
    needs: Needs
    """What they need then, instead of what was asked before; `anybody`: nothing."""


class Queue(Measured, extra="forbid"):
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
    level: int = Field(1, ge=1, le=9)
    """1: takes any caller; above: people to whom a flow can escalate."""
    extension: Extension | None = None
    """What agents dial to transfer a caller into this queue, in quotes if it begins with 0."""

    # After a call, and after one that was not taken

    after_no_answer_s: int | None = Field(None, ge=1, le=86_400)
    """`cooldown_s` of an agent who has let it ring; empty: that."""
    after_busy_s: int | None = Field(None, ge=1, le=86_400)
    """`cooldown_s` of an agent whose phone was busy; empty: that."""
    after_rejected_s: int | None = Field(None, ge=1, le=86_400)
    """`cooldown_s` of an agent who has rejected or redirected the call; empty: that."""
    after_unreachable_s: int | None = Field(None, ge=1, le=86_400)
    """When a phone that could not be reached is tried again; empty: after `cooldown_s`."""
    pause_after: int | None = Field(None, ge=1, le=100)
    """After so many calls in a row that he did not take an agent is paused until he is back; empty: never."""
    wrapup_extend_s: int = Field(60, ge=1, le=3600)
    """By so much one request makes a wrap-up longer."""
    wrapup_max_s: int = Field(600, ge=1, le=86_400)
    """Longer than this no request makes it."""
    dispositions: Reasons = Field({})
    """What calls are about: digits that agents dial, and the name in the call log, such as `1: sold`."""
    disposition_required: bool = False
    """Whether the wrap-up goes on until the agent has said what the call was about."""
    disposition_limit_s: int = Field(300, ge=1, le=86_400)
    """Who has not said it so long after the call is free again, and the call log says that it is missing."""

    @model_validator(mode="after")
    def _sayable(self) -> "Queue":
        if self.disposition_required and not self.dispositions:
            raise ValueError("`disposition_required` needs `dispositions` to choose from")
        return self

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
    menu: Menu | None = None
    """A flow that a caller can go through while he keeps his place; None: there is none."""
    connecting: Heard | None = None
    """What the caller hears when an agent has answered, before they are brought together; None: nothing."""
    whisper: Heard | None = None
    """What the agent hears who has answered; it may name title, wait and reason. None: nothing."""
    confirm: Confirm | None = None
    """The agent takes the call by a key; None: only at devices that ask for it, such as mobiles."""

    # Who is next, and who answers

    weight_s: int = Field(0, ge=0, le=DAY_S)
    """Head start of its callers before those of other queues: as if they had come so much earlier."""
    strategy: Strategy = "longest_idle"
    """Which of the ready agents is rung."""
    ring_more_s: int = Field(10, ge=1, le=300)
    """Under the strategy `progressive` one phone more rings after each so many seconds."""
    last_agent_s: int = Field(0, ge=0, le=DAY_S)
    """So long a caller waits for whom he talked to here last, if that agent is at work; 0: not at all."""
    needs: Needs = ""
    """What callers need of an agent's `skills`, such as `spanish >= 3 and not trainee`."""
    relax: Annotated[tuple[Relax, ...], Field(max_length=16)] = ()
    """How `needs` become less with the time waited."""
    tiers: Annotated[Mapping[Tier, Annotated[int, Field(ge=0, le=DAY_S)]], Field(max_length=8)] = {}
    """Tier → seconds of waiting after which its agents are rung, too, if none of a lower tier is ready."""

    @model_validator(mode="after")
    def _two_keys(self) -> "Queue":
        if self.menu is not None and self.menu.key is not None and self.menu.key == self.exit_key:
            raise ValueError("`exit_key` and the key of `menu` are the same: give one of them another key")
        return self

    @model_validator(mode="after")
    def _in_order(self) -> "Queue":
        times = [step.after_s for step in self.relax]
        if times != sorted(set(times)):
            raise ValueError("each `relax` step must begin later than the one before it")
        if 1 in self.tiers:
            raise ValueError("tier 1 is rung from the beginning: leave it out of `tiers`")
        opens = [self.tiers[tier] for tier in sorted(self.tiers)]
        if opens != sorted(opens):
            raise ValueError("a higher tier cannot open before a lower one")
        return self


class Served(Settings):
    """A queue that an agent serves."""

    name: Name
    """The queue."""
    tier: Tier = 1
    """Tier 1 is rung from the beginning, others as `tiers` of the queue says."""
    head_start_s: int = Field(0, ge=0, le=DAY_S)
    """His own order of queues: for him, its callers are as if they had come so much earlier."""
    order: int | None = Field(None, ge=1, le=9999)
    """His place under the strategy `linear`, the lowest is rung first; None: his place in agents.yaml."""
    weight: int = Field(1, ge=1, le=10)
    """Under the strategy `weighted_random` he is rung so many times as often as one with 1."""


def _served(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _skill(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"a skill cannot be called `{name}`: the word has a meaning in `needs`")
    return name


Skill = Annotated[str, Field(pattern=f"^{SKILL}$"), AfterValidator(_skill)]


HEARD = frozenset({"announce", "menu", "connecting", "whisper", "confirm"})
"""Fields of a queue that matter only to those who hear it: Redis need not know them."""


class Agent(Settings):
    """A person of `agents.yaml` who takes calls."""

    name: str = Field("", max_length=200)
    """For people; the id if empty."""
    number: Annotated[str, Field(pattern=r"^[0-9]{1,10}$")] | None = None
    """What he dials to log in at any telephone, before his PIN (`holdfast agent-pin`)."""
    device: Name | None = None
    """The phone he is at unless he logs in at another one."""
    queues: Annotated[
        tuple[Annotated[Served, BeforeValidator(_served)], ...], Field(max_length=MAX_LANES)
    ] = ()
    """Queues he serves, by name or with fields; whose score is lowest over all of them is his next caller."""
    skills: Annotated[Mapping[Skill, Annotated[int, Field(ge=0, le=100)]], Field(max_length=100)] = {}
    """What he can, each from 0 (not at all) to 100: `needs` of queues and flows are compared with it."""
    wrapup_s: int | None = Field(None, ge=0, le=86_400)
    """His own wrap-up time; None: the queue's."""
    wrapup: Mapping[Name, Annotated[int, Field(ge=0, le=86_400)]] = {}
    """His wrap-up time for single queues, such as `sales: 30`; for the others `wrapup_s`."""
    at_start: Literal["offline", "ready"] = "offline"
    """His state when he is published for the first time."""
    extension: Extension | None = None
    """What other agents dial to transfer a caller to him, in quotes if it begins with 0."""

    @model_validator(mode="before")
    @classmethod
    def _no_pin(cls, value: object) -> object:
        if isinstance(value, dict) and "pin" in value:
            raise ValueError("a PIN is not written into this file: give it to `holdfast agent-pin`")
        return value


OUR_PAUSES = ("cooldown", "phone")


class NailedUp(Settings):
    """Agents whose phones stay connected between calls (`*44`)."""

    music: Name | None = None
    """Class of the music that they hear between calls; None: silence."""
    end_key: str | None = Field("*0", pattern=r"^[*#][0-9*#]{0,4}$")
    """Keys by which an agent ends a talk and stays connected; None: only hanging up ends it."""
    tone: bool = True
    """Whether a short tone says to the agent that he is being connected with a caller."""


class Pauses(Settings):
    """What else `agents.yaml` says."""

    pauses: Reasons = Field({})
    """Why agents pause: digits that they dial behind `*46`, and the word for it, such as `1: lunch`."""
    nailed_up: NailedUp = NailedUp()
    """What agents hear whose phones stay connected between calls."""

    @model_validator(mode="after")
    def _asked_for(self) -> "Pauses":
        for reason in OUR_PAUSES:
            if reason in self.pauses.values():
                raise ValueError(f"`{reason}` is a pause that we tell of ourselves: use another word")
        return self


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
