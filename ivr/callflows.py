"""Everything admins write, as one immutable value: what a worker works by until the next version is live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ivr.flow.line import MediaFailed
from ivr.flow.opening import Hours
from ivr.flow.step import Flow
from queues.models import Agent, Device, Queue


def _network(value: object) -> object:
    return ip_network(value) if isinstance(value, str) else value


Tag = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]{0,39})?$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[a-z0-9]{2,8})?$")]


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


class Trunk(BaseModel):
    """A line from the telephone company, known by the addresses its calls come from."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    match: Annotated[tuple[Network, ...], Field(min_length=1, max_length=100)]
    """Addresses or networks, such as `192.0.2.7` or `192.0.2.0/24`, from which calls are taken."""


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
    trunks: Mapping[str, Trunk]
    hours: Mapping[str, Hours]
    timezone: tzinfo
    """Where the company is."""
    numbers: Mapping[str, Route]
    default: Route
    prompts: Mapping[str, Mapping[str, str]]
    """Language → prompt → SHA-256 of its sound file."""
    prompts_at: Path
    """Directory that holds the sound of each prompt as `<sha256>.wav`."""

    def route(self, called: str) -> Route:
        """Where a call to the number `called` goes; one that nobody wrote down goes to the default."""
        return self.numbers.get(called, self.default)

    def prompt(self, name: str, language: str) -> str:
        """Media URI of a prompt. Raises `MediaFailed` if this version has no such prompt in this language."""
        sha = self.prompts.get(language, {}).get(name)
        if sha is None:
            raise MediaFailed(f"no prompt {name!r} in language {language!r}")
        return f"sound:{self.prompts_at}/{sha}"
