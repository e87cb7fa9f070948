"""`transfer`: give the caller to a number outside, or to one agent."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ivr.flow.expressions import Template
from ivr.flow.line import Line
from ivr.flow.step import Step


class Transfer(Step):
    """Connect the caller with a telephone number outside, or with one agent; he hears music until then."""

    outcomes: ClassVar = ("done", "busy", "no_answer", "refused", "failed")
    otherwise: ClassVar = {"done": None, "busy": "failed", "no_answer": "failed", "refused": "failed"}
    main: ClassVar = "number"
    waits: ClassVar = True
    counted: ClassVar = True
    example: ClassVar[str] = """\
steps:
  partner:
    transfer: {number: "+49 30 901820", ring_s: 25}
    next:
      failed: sorry
  sorry:
    say: Nobody can be reached there now.
    next: end
  end: {hangup: }
"""

    number: Template | None = None
    """The telephone number, as `policy.yaml` allows it. Either this or `agent`."""
    agent: str | None = None
    """An agent of `agents.yaml`. Either this or `number`."""
    ring_s: Annotated[int, Field(ge=1, le=300)] = 30
    """Seconds in which somebody must answer; for an agent, in which he must be free and answer."""

    @model_validator(mode="after")
    def _one_target(self) -> "Transfer":
        if (self.number is None) == (self.agent is None):
            raise ValueError("write either `number:` with a telephone number or `agent:` with an agent")
        return self

    def possible(self) -> tuple[str, ...]:
        return self.outcomes if self.agent is None else ("done", "no_answer")

    @property
    def agent_left(self) -> str | None:
        return "done" if self.agent is not None else None

    def nonsense(self) -> str | None:
        if self.agent is not None and self.next and "no_answer" not in self.next:
            return "outcome `no_answer` leads nowhere"
        return None

    def numbers(self) -> Iterable[str]:
        return () if self.number is None else (self.number.fixed or "",)

    def agents(self) -> Iterable[str]:
        return () if self.agent is None else (self.agent,)

    async def run(self, line: Line) -> str:
        if self.agent is not None:
            return await line.transfer_to_agent(self.agent, self.ring_s)
        assert self.number is not None, "one of both is written"
        return await line.transfer(await self.number.text(line), self.ring_s, self.key(line))
