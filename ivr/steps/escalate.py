"""`escalate`: hand the caller to people who can decide more."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.line import Line
from ivr.flow.standing import Standing
from ivr.flow.waiting import Waiting
from queues.settings import DAY_S


class Escalate(Waiting):
    """Put the caller into a queue of a higher level, and write down why."""

    example: ClassVar[str] = """\
steps:
  sales:
    queue: {name: sales, max_wait_s: 300}
    next: {timeout: chief}
  chief:
    escalate: {queue: chiefs, reason: nobody in sales}
"""

    queue: str
    """Name of the queue in `queues.yaml`; its `level:` must be above 1."""
    reason: Annotated[str, Field(pattern=r"^[^\n]{1,200}$")]
    """Why, in words for the call log."""
    head_start_s: Annotated[int, Field(ge=0, le=DAY_S)] = 0
    """He is served there as if he had come so many seconds earlier, beside what he has waited before."""

    def queues(self) -> Iterable[str]:
        return (self.queue,)

    def escalates(self) -> Iterable[str]:
        return (self.queue,)

    async def run(self, line: Line) -> str:
        standing = Standing(self.head_start_s)
        return await line.queue(self.queue, self.max_wait_s, self.reason, standing, self.exits())
