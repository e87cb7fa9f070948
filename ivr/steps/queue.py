"""`queue`: wait for an agent, and talk to him."""

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.expressions import Template
from ivr.flow.line import Line
from ivr.flow.standing import Standing
from ivr.flow.waiting import Waiting
from queues.models import Relax
from queues.needs import Needs
from queues.published import ladder_of
from queues.settings import DAY_S, NAME


class Queue(Waiting):
    """Put the caller into a queue; music plays until an agent answers."""

    main: ClassVar = "name"
    example: ClassVar[str] = """\
steps:
  sales:
    queue:
      name: sales
      max_wait_s: 600
    next:
      answered: end
      timeout: sorry
  sorry:
    say: All our people are still in calls.
    next: end
  end: {hangup: }
"""

    name: str
    """Name of the queue in `queues.yaml`; its settings there say how else a caller can leave it."""
    head_start_s: Annotated[int, Field(ge=0, le=DAY_S)] = 0
    """Priority: he is served as if he had come so many seconds earlier."""
    needs: Needs | None = None
    """What he needs of an agent, such as `spanish >= 3`, instead of what the queue says (and its `relax`)."""
    relax: Annotated[tuple[Relax, ...], Field(max_length=16)] = ()
    """How `needs` become less with the time waited."""

    agent: Template | None = None
    """An agent of `agents.yaml` for whom he waits first, perhaps as a value: `{crm.agent}`."""
    agent_s: Annotated[int, Field(ge=1, le=3600)] = 30
    """For so many seconds; not at all if that agent is not at work, pauses or is not known."""

    def nonsense(self) -> str | None:
        if self.agent is None and "agent_s" in self.model_fields_set:
            return "`agent_s` is for `agent`: write for whom he waits"
        if self.relax and self.needs is None:
            return "`relax` is for `needs`: write what he needs first"
        times = [step.after_s for step in self.relax]
        if times != sorted(set(times)):
            return "each `relax` step must begin later than the one before it"
        return None

    def ladders(self) -> Iterable[tuple[str, str]]:
        return () if self.needs is None else ((self.name, ladder_of(self.needs, self.relax)),)

    def prefers(self) -> Iterable[str]:
        return () if self.agent is None or self.agent.fixed is None else (self.agent.fixed,)

    def needed(self) -> Iterable[str]:
        return () if self.needs is None else (self.needs, *(step.needs for step in self.relax))

    def queues(self) -> Iterable[str]:
        return (self.name,)

    async def run(self, line: Line) -> str:
        ladder = next((ladder for _, ladder in self.ladders()), None)
        agent = "" if self.agent is None else await self.agent.text(line)
        known = agent if re.fullmatch(NAME, agent) else ""
        standing = Standing(self.head_start_s, ladder, known, float(self.agent_s) if known else 0.0)
        return await line.queue(self.name, self.max_wait_s, "", standing, self.exits())
