"""`loop`: so many times, and then on."""

from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.line import Line
from ivr.flow.step import Step


class Loop(Step):
    """Count how often the call comes here: `again` so many times, then `done`, and it begins anew."""

    outcomes: ClassVar = ("again", "done")
    main: ClassVar = "times"
    counted: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  tries:
    loop: 3
    next: {again: ask, done: end}
  ask:
    menu: {say: Please press 1., retries: 0}
    next: {1: end, invalid: tries, timeout: tries}
  end:
    hangup:
"""

    times: Annotated[int, Field(ge=1, le=20)]
    """How many times the outcome is `again`."""

    @property
    def needs_answer(self) -> bool:
        return False

    def recurring(self) -> tuple[str, ...]:
        return ("again",)

    async def run(self, line: Line) -> str:
        if line.visits[line.path] <= self.times:
            return "again"
        line.visits[line.path] = 0
        return "done"
