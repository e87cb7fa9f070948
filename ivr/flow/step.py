"""What every step is: a pydantic model of its fields, a closed list of outcomes, and `run`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from ivr.flow.line import Line
from ivr.flow.sound import Text
from queues.models import Queue

ANY = ""
"""Stands for every outcome in `next` of a step whose outcomes another file decides."""


def innermost(path: str) -> str:
    """The last step of a path: `pin/ask` of `main/login>pin/ask`."""
    return path.rpartition(">")[2]


class Step(BaseModel):
    """One step of a flow. A subclass in a file of its own under `ivr/steps/` is a new verb: the file's name.

    The fields of the subclass are what admins may write under the verb; each has a sentence about it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    example: ClassVar[str] = ""
    """A complete little flow with the step, in YAML: docs/steps shows it, tests check and walk it."""
    outcomes: ClassVar[tuple[str, ...]] = ()
    """The closed list of ways in which the step can end."""
    otherwise: ClassVar[Mapping[str, str | None]] = {}
    """Outcomes that `next:` may leave out → the outcome whose way they take; None: the call ends there."""
    main: ClassVar[str | None] = None
    """The field meant when the verb is followed by a plain value instead of fields."""
    only_main: ClassVar[bool] = False
    """Whatever stands under the verb is the main field, names and values of the admin's own, too."""
    waits: ClassVar[bool] = False
    """The step waits for the caller or an agent, so a loop through it may turn for ever without harm."""
    at_once: ClassVar[tuple[str, ...]] = ("failed", "refused")
    """Outcomes that a step that waits can have before it has waited, again and again."""

    while_waiting: ClassVar[bool] = False
    """The step may run in the menu of a queue: it neither leaves the line nor brings the caller to others."""

    counted: ClassVar[bool] = False
    """Each beginning of the step is counted: a step with effects outside the call, which needs `key`."""

    next: Mapping[str, str] = {}
    """Outcome → name of the next step."""

    @property
    def needs_answer(self) -> bool:
        """Whether the call must be answered before the step runs."""
        return True

    def possible(self) -> tuple[str, ...]:
        """The outcomes this step can have with the fields it was given."""
        return self.outcomes

    def learn(self, queues: Mapping[str, Queue]) -> None:
        """Know the settings of the queues, before anything else is asked."""

    def because(self, outcome: str) -> str:  # noqa: ARG002 (a step's own)
        """Why an outcome is possible or is not, if something outside the flow decides that; else empty."""
        return ""

    def target(self, outcome: str) -> str | None:
        """Name of the step that follows `outcome`; None: the call ends here."""
        if outcome in self.next:
            return self.next[outcome]
        if ANY in self.next:
            return self.next[ANY]
        way = self.otherwise.get(outcome)
        return self.next.get(way) if way else None

    def prompts(self) -> Iterable[str]:
        """Names of the recorded prompts the step can play."""
        return ()

    def texts(self) -> Iterable[Text]:
        """The texts the step can speak."""
        return ()

    def queues(self) -> Iterable[str]:
        """Names of the queues the step can put a caller into."""
        return ()

    def ladders(self) -> Iterable[tuple[str, str]]:
        """Queues into which it puts callers with needs of their own, and these (see queues.published)."""
        return ()

    def prefers(self) -> Iterable[str]:
        """Ids of agents for whom the step lets a caller wait first, as far as they are written there."""
        return ()

    def needed(self) -> Iterable[str]:
        """Needs as they are written in it."""
        return ()

    def numbers(self) -> Iterable[str]:
        """Telephone numbers outside that the step can call; an empty one is not known before it runs."""
        return ()

    def agents(self) -> Iterable[str]:
        """Ids of the agents whom the step can ask for by name."""
        return ()

    def escalates(self) -> Iterable[str]:
        """Those of `queues()` that must be of a higher level."""
        return ()

    def schedules(self) -> Iterable[str]:
        """Names of the opening hours the step goes by."""
        return ()

    def sets(self) -> Iterable[str]:
        """Names of the variables the step can set."""
        return ()

    def secrets(self) -> Iterable[str]:
        """Those of `sets()` that go to `line.secrets`."""
        return ()

    def key(self, line: Line) -> str:
        """Names this one run of a `counted` step: the same when it is done again after a take-over."""
        return f"{line.call}:{line.path}:{line.visits.get(line.path, 0)}"

    @property
    def calls(self) -> str | None:
        """Name of the flow whose end is the step's outcome; None: the step has its outcome by itself."""
        return None

    @property
    def beside(self) -> str | None:
        """Name of the flow that can run while the caller waits in it, the menu of his queue; or None."""
        return None

    @property
    def returns(self) -> str | None:
        """The outcome with which the step ends its flow, if another flow has called that; else None."""
        return None

    @property
    def agent_left(self) -> str | None:
        """The outcome that means: an agent has left. Where it leads nowhere, `after_agent:` begins."""
        return None

    def recurring(self) -> Iterable[str]:
        """Outcomes that cannot happen for ever: a loop that takes one of them comes to an end."""
        return ()

    def speaks(self) -> Iterable[str]:
        """Languages to which the step changes the call."""
        return ()

    def invites(self) -> Iterable[str]:
        """Names of the surveys to which the step invites the caller."""
        return ()

    def inquires(self) -> Mapping[str, bool]:
        """Surveys of which the step puts a question → whether only to those who were invited."""
        return {}

    def nonsense(self) -> str | None:
        """What makes the step as a whole senseless though each field is right; None: nothing."""
        return None

    async def run(self, line: Line) -> str:
        """Do it; returns one of `possible()`. Raises `Hangup` when the caller goes."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One flow, read and checked. Immutable: a call keeps the one it started with."""

    name: str
    start: str
    """Name of the first step."""
    steps: Mapping[str, Step]
    version: int = 0
    """Number of the published version of `callflows/` it belongs to."""
    title: str = ""
    after_agent: str | None = None
    """Name of the step that follows when an agent has left and nothing else is said; None: the call ends."""
    flows: Mapping[str, "Flow"] = field(default_factory=dict, repr=False)
    """Every flow of the version, by name: those that its steps call are among them."""
