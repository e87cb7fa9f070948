"""`hangup`: end the call."""

from typing import ClassVar, Literal

from ivr.flow.line import Line
from ivr.flow.step import Step

Cause = Literal["normal", "busy", "congestion", "rejected", "unavailable", "unallocated", "changed"]


class Hangup(Step):
    """End the call. Before it was answered the cause decides what the caller's side is told."""

    main: ClassVar = "cause"
    example: ClassVar[str] = """\
steps:
  full:
    branch: queue.sales.waiting > 50
    next: {yes: refuse, no: sales}
  sales:
    queue: sales
  refuse:
    hangup: busy
"""

    cause: Cause = "normal"
    """`normal` or, before the answer, `busy` (SIP 486), `congestion` (503), `rejected` (403),
    `unavailable` (480), `unallocated` (no such number, 404), `changed` (it is another one now, 410)."""

    @property
    def needs_answer(self) -> bool:
        return False

    async def run(self, line: Line) -> str:
        await line.hangup(self.cause)
