"""Transfers by agents as admins allow them: `transfers` of policy.yaml, and whom an extension means. Pure."""

import re
from collections.abc import Container, Mapping
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ivr.policy import MAX_WRITTEN
from queues.models import Agent, Queue, direct_line

Kind = Literal["agents", "queues", "outside"]
Word = Literal["", "blind", "consult", "complete", "back", "all", "end"]
"""What an agent can say by keys; empty: nothing."""
Code = Annotated[str, Field(pattern=r"^[*#][0-9*#]{0,4}$")]


class Keys(BaseModel):
    """Keys that an agent presses while he talks; the caller does not hear them. Each begins with * or #."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    blind: Code = "*1"
    """Then an extension or a number and #: the caller goes there, the agent is free."""
    consult: Code = "*2"
    """Then an extension or a number and #: the agent talks to somebody there while the caller hears music."""
    complete: Code = "*3"
    """Whom he consults gets the caller; hanging up does the same."""
    back: Code = "*4"
    """Whom he consults is let go, and the agent has the caller again."""
    all: Code = "*5"
    """Agent, caller and whom he consults all hear each other."""

    @model_validator(mode="after")
    def _apart(self) -> "Keys":
        codes = sorted(self.model_dump().values())
        for code, following in pairwise(codes):
            if following.startswith(code):
                raise ValueError(f"`{code}` begins another one of the keys: nobody could tell them apart")
        return self

    def words(self) -> dict[str, Word]:
        """Code → what it means."""
        return {
            self.blind: "blind",
            self.consult: "consult",
            self.complete: "complete",
            self.back: "back",
            self.all: "all",
        }


class Transfers(BaseModel):
    """Whether and where agents may transfer callers. Without it they cannot."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    to: tuple[Kind, ...] = ("agents", "queues", "outside")
    """Whom they may give callers to. Numbers outside must be allowed under `dial`, too."""
    ring_s: int = Field(20, ge=1, le=120)
    """How long a telephone outside rings; agents' ring as their queues say."""
    keys: Keys | None = None
    """Keys for it; without them an agent transfers by the transfer key of his telephone (REFER)."""


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a caller is to go whom an agent gives away. Personal: `number`."""

    agent: str = ""
    queue: str = ""
    number: str = ""
    """As somebody wrote it, or as it was called."""
    tag: int = 0
    """Of a number outside: tells its channel from the call's other ones."""
    connected: bool = False
    """They were joined when he was given away."""

    @property
    def line(self) -> str:
        """The queue in which he waits there."""
        return direct_line(self.agent) if self.agent else self.queue

    def told(self) -> dict[str, str]:
        """The same as fields of an event."""
        fields = {"to": self.number, "agent": self.agent, "queue": self.queue}
        return {name: value for name, value in fields.items() if value}


class Errand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where he goes, one stop after the other until somebody has him; the last one keeps him."""

    stops: tuple[Stop, ...] = ()

    def write(self) -> str:
        """As the call's record keeps it."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> "Errand":
        return msgspec.json.decode(text, type=cls) if text else cls()

    @property
    def recalls(self) -> bool:
        """The next stop is the agent who has given him away."""
        return len(self.stops) == 2 and self.stops[0].agent != ""

    def after(self) -> "Errand":
        """What is left when the first stop was in vain."""
        return Errand(self.stops[1:])


class Unknown(Exception):  # noqa: N818  (named by what is the matter)
    """Nobody can be reached there, or may be; the text says why, without the number."""


def stop_at(
    written: str, may: Transfers | None, agents: Mapping[str, Agent], queues: Mapping[str, Queue]
) -> Stop:
    """Whom the agent means by an extension, a name or a number. Raises `Unknown`."""
    if may is None:
        raise Unknown("policy.yaml has no `transfers`")
    agent = _meant(written, agents)
    queue = _meant(written, {name: each for name, each in queues.items() if not name.startswith("_")})
    if agent:
        return _allowed(Stop(agent=agent), "agents", may.to)
    if queue:
        return _allowed(Stop(queue=queue), "queues", may.to)
    if not re.fullmatch(r"\+?[0-9]{2,}", written) or len(written) > MAX_WRITTEN:
        raise Unknown("nobody has this extension or name")
    return _allowed(Stop(number=written), "outside", may.to)


def _meant(written: str, named: Mapping[str, Agent] | Mapping[str, Queue]) -> str:
    if written in named:
        return written
    return next((name for name, each in named.items() if written and each.extension == written), "")


def _allowed(stop: Stop, kind: Kind, to: Container[Kind]) -> Stop:
    if kind not in to:
        raise Unknown(f"policy.yaml, `transfers`: agents may not transfer to {kind}")
    return stop
