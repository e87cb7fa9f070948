"""`queue`: wait for an agent, and talk to him."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.line import Line
from ivr.flow.step import Step


class Queue(Step):
    """Put the caller into a queue; music plays until an agent answers."""

    outcomes: ClassVar = ("answered", "timeout")
    otherwise: ClassVar = {"answered": None}
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
    waits: ClassVar = True

    name: str
    """Name of the queue in `queues.yaml`."""
    max_wait_s: Annotated[float, Field(gt=0, le=86400)] | None = None
    """Seconds after which the caller leaves the queue with outcome `timeout`; not written: no limit."""

    def possible(self) -> tuple[str, ...]:
        return self.outcomes if self.max_wait_s is not None else ("answered",)

    @property
    def agent_left(self) -> str:
        return "answered"

    def queues(self) -> Iterable[str]:
        return (self.name,)

    async def run(self, line: Line) -> str:
        return await line.queue(self.name, self.max_wait_s)
