"""`hangup`: end the call."""

from typing import ClassVar, Literal

from ivr.flow.line import Line
from ivr.flow.step import Step


class Hangup(Step):
    """End the call. Before it was answered the cause decides what the caller's side is told."""

    main: ClassVar = "cause"
    example: ClassVar[str] = """\
steps:
  full:
    hangup: busy
"""

    cause: Literal["normal", "busy", "congestion", "rejected", "unavailable", "unallocated"] = "normal"
    """Why: `normal`, or, before the call was answered, `busy` (SIP 486), `congestion` (503),
    `rejected` (603), `unavailable` (480), `unallocated` (no such number, 404)."""

    @property
    def needs_answer(self) -> bool:
        return False

    async def run(self, line: Line) -> str:
        await line.hangup(self.cause)
