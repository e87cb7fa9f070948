"""Everything admins write, as one immutable value: what a worker works by until the next version is live."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ivr.flow.line import About, MediaFailed
from ivr.flow.naming import LANGUAGE
from ivr.flow.opening import Hours
from ivr.flow.step import Flow
from ivr.numbering import Numbers
from ivr.policy import OWN, Country, Destination, DialPolicy, NotAllowed, Shown
from ivr.transfers import Stop, Transfers, stop_at
from queues.models import Agent, Device, NailedUp, Queue, Served, direct_line
from queues.settings import DAY_S


def _address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,100}(:[0-9]{1,5})?", text):
        raise ValueError(f"`{text[:60]}` is no address of a trunk: write a host, or host:port")
    return text


def _network(value: object) -> object:
    return ip_network(value) if isinstance(value, str) else value


Tag = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]{0,39})?$")]
Language = Annotated[str, Field(pattern=f"^{LANGUAGE.pattern}$")]


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class Route(BaseModel):
    """What a number that callers dial leads to."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    flow: str
    """Name of the flow: a file in `flows/` without `.yaml`."""
    language: Language = "en"
    """Language of prompts and speech, for example `en`."""
    campaign: Tag = ""
    """A tag in the call log that says which advertisement the number stands in."""
    shown: Shown | None = None
    """The number that people outside see whom a flow calls for this caller; else what the trunk says."""
    title: Annotated[str, Field(max_length=100)] = ""
    """What people call the number, such as `Flyer of spring`."""


class Abroad(BaseModel):
    """What else `numbers.yaml` says."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    country: Country | None = None
    """Two letters, such as `DE`: how numbers without + are read, written ones and those that are called."""


class Vips(BaseModel):
    """What else `queues.yaml` says."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    vips: Annotated[Mapping[str, Annotated[int, Field(ge=1, le=DAY_S)]], Field(max_length=10_000)] = {}
    """Callers served earlier: a number, range or pattern, as in numbers.yaml, and a head start in seconds."""


class Trunk(BaseModel):
    """A line from the telephone company, known by the addresses its calls come from."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    address: Annotated[str, AfterValidator(_address)] | None = None
    """Where calls go out to, if policy.yaml names the trunk: a host, with a port if it is not 5060."""
    match: Annotated[tuple[Network, ...], Field(min_length=1, max_length=100)]
    """Addresses or networks, such as `192.0.2.7` or `192.0.2.0/24`, from which calls are taken."""
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+~*=@-]{1,64}$")] | None = None
    """Our name there, if calls out need a password; `holdfast trunk-password` asks for that."""
    registers: bool = False
    """Whether we register there with `user` and password, so that calls come to us."""
    shown: Shown = OWN
    """The number that people outside see: yours, in quotes, or `caller`: his own, unless he hides it."""

    @model_validator(mode="before")
    @classmethod
    def _no_password(cls, value: object) -> object:
        if isinstance(value, dict) and "password" in value:
            raise ValueError("a password is not written into this file: give it to `holdfast trunk-password`")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Trunk":
        if self.user is not None and self.address is None:
            raise ValueError("`user` is for calls out: they need an `address`")
        if self.registers and self.user is None:
            raise ValueError("who `registers` needs a `user`")
        return self


@dataclass(frozen=True, slots=True)
class Callflows:
    """One version of the directory `callflows/`, read and checked."""

    version: int
    """Number of the published version; 0: read, but not published."""
    content: str
    """SHA-256 of all that was read, in hex."""
    flows: Mapping[str, Flow]
    queues: Mapping[str, Queue]
    agents: Mapping[str, Agent]
    devices: Mapping[str, Device]
    pauses: Mapping[str, str]
    """Digits that agents dial → why they pause."""
    nailed_up: NailedUp
    trunks: Mapping[str, Trunk]
    hours: Mapping[str, Hours]
    timezone: tzinfo
    """Where the company is."""
    numbers: Numbers[Route]
    default: Route
    policy: DialPolicy | None
    """Which numbers outside may be called; None: none."""
    vips: Numbers[int]
    """Callers with a head start, in seconds."""
    ladders: Mapping[str, frozenset[str]]
    """Queue → needs that flows bring beside the queue's own (`queues.published.ladder_of`)."""
    transfers: Transfers | None
    """Where agents may transfer callers; None: nowhere."""
    prompts: Mapping[str, Mapping[str, str]]
    """Language → prompt → SHA-256 of its sound file."""
    prompts_at: Path
    """Directory that holds the sound of each prompt as `<sha256>.wav`."""

    def route(self, called: str) -> Route:
        """Where a call to the number `called` goes: the narrowest that fits, or the default."""
        return self.numbers.find(called) or self.default

    def phones(self) -> dict[str, str | None]:
        """Devices that are telephones of ours → fixed contact, or None if they register."""
        return {name: device.contact for name, device in self.devices.items() if device.number is None}

    def music(self) -> set[str]:
        """Classes of music that somebody hears."""
        classes = {queue.music for queue in self.queues.values()}
        return classes | ({self.nailed_up.music} if self.nailed_up.music else set())

    def vip(self, number: str) -> int:
        """Head start of whoever calls from this number, in seconds."""
        return (self.vips.find(number) or 0) if number else 0

    def closed(self, now: datetime) -> frozenset[str]:
        """Queues whose opening hours are over at an instant."""
        asked = {queue.hours for queue in self.queues.values() if queue.hours is not None}
        shut = {name for name in asked & self.hours.keys() if self.hours[name].state(now) != "open"}
        return frozenset(name for name, queue in self.queues.items() if queue.hours in shut)

    def destination(self, written: str, about: About) -> Destination:
        """Where to call a number outside, as somebody wrote it, for this caller. Raises `NotAllowed`."""
        trunk = self.trunks[self.policy.trunk] if self.policy is not None else None
        if self.policy is None or trunk is None or trunk.address is None:
            raise NotAllowed("policy.yaml does not say by which trunk")
        shown: str | None = self.route(about.called).shown or trunk.shown
        if shown == OWN:
            shown = None if about.number else ""
        return self.policy.destination(written, trunk.address, shown)

    def stop_at(self, written: str) -> Stop:
        """Whom an agent means who transfers a caller there. Raises `Unknown`."""
        return stop_at(written, self.transfers, self.agents, self.queues)

    def prompt(self, name: str, language: str) -> str:
        """Media URI of a prompt. Raises `MediaFailed` if this version has no such prompt in this language."""
        code = heard_in(self.prompts, name, language)
        if code is None:
            raise MediaFailed(f"no prompt {name!r} in language {language!r}")
        return f"sound:{self.prompts_at}/{self.prompts[code][name]}"


def heard_in(prompts: Mapping[str, Container[str]], name: str, language: str) -> str | None:
    """In which language a call hears a prompt: its own; `pt-br` what it has not in `pt`. None: in none."""
    codes = (language, language.partition("-")[0])
    return next((code for code in codes if name in prompts.get(code, ())), None)


def with_direct_lines(
    asked_for: Iterable[str], queues: Mapping[str, Queue], agents: Mapping[str, Agent]
) -> tuple[dict[str, Queue], dict[str, Agent]]:
    """Queues and agents, and a queue of his own for each agent whom a flow asks for by name."""
    lines, people = dict(queues), dict(agents)
    for name in sorted(set(asked_for) & agents.keys()):
        agent = agents[name]
        lines[direct_line(name)] = Queue(title=f"{agent.name or name}, by name")
        people[name] = agent.model_copy(
            update={"queues": (*agent.queues, Served.model_construct(name=direct_line(name)))}
        )
    return lines, people
