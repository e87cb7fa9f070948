"""What the world does in a simulated call: the caller, agents, people outside, servers. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ivr.flow.line import About, Figures
from ivr.flow.opening import Hours
from ivr.flow.values import Value
from ivr.flow.web import Reply, WebFailed

MONDAY = datetime(2026, 11, 23, 9, 30)
CALLER = About("030123456", "Ada", "100", "web")


@dataclass(frozen=True)
class Agents:
    """A queue's agents: the caller is answered after `after_s` (inf: never) and talks for `talk_s`."""

    after_s: float = 10.0
    talk_s: float = 60.0


@dataclass(frozen=True)
class Exit:
    """How a queue's own rules end a wait: with this outcome, after so many seconds; 0: at the door."""

    outcome: str
    after_s: float = 0.0


@dataclass(frozen=True)
class Party:
    """Somebody outside: after `after_s` he answers and talks for `talk_s`, or that is the `outcome`."""

    outcome: str = "done"
    after_s: float = 5.0
    talk_s: float = 60.0


@dataclass(frozen=True)
class Script:
    """What the world does. Times in seconds since the call came."""

    keys: Mapping[float, str] = field(default_factory=dict)
    """When → keys pressed then."""
    turns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Step → what he presses there each time he is asked; an empty text, or none left: nothing."""
    speaks_s: float = 5.0
    """How long he speaks when he is recorded."""
    gone_at: float | None = None
    """When the caller hangs up."""
    gone_in: Mapping[str, float] = field(default_factory=dict)
    """Step → he hangs up so many seconds after it began."""
    sounds: Mapping[str, float] = field(default_factory=dict)
    """Media → seconds; -1: cannot be played."""
    agents: Mapping[str, Agents] = field(default_factory=dict)
    exits: Mapping[str, Exit] = field(default_factory=dict)
    """Queue → how its rules end the wait, if no agent is quicker."""
    about: About = CALLER
    came_at: datetime = MONDAY
    """When the call came; without a time zone: on the clock where the company is."""
    figures: Mapping[str, Figures] = field(default_factory=dict)
    """Queue → its figures, as long as the call lasts; one that is not here cannot be known."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Counter, or its step alone → how far calls before this one have counted."""
    hours: Mapping[str, Hours] = field(default_factory=dict)
    """Opening hours by name."""
    variables: Mapping[str, Value] = field(default_factory=dict)
    """Variables that are set already."""
    known: Collection[str] = ()
    """What the caller was told before, such as `offer insurance`."""
    outside: Mapping[str, Party] = field(default_factory=dict)
    """Telephone number → who is called there; without it, somebody who answers."""
    replies: Sequence[Reply | WebFailed] = ()
    """What other servers answer, one attempt after the other, each after `REPLY_S`; a further attempt of the
    same question is answered like the one before. `WebTimeout`: nothing comes until the step gives up."""
