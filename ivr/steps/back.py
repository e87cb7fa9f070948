"""`back`: end a flow that another flow has called."""

from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.line import Line
from ivr.flow.step import Step

OutcomeName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Back(Step):
    """Go back to the flow that has called this one. If none has, the call ends."""

    main: ClassVar = "outcome"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  ask:
    menu: {say: To agree press 1.}
    next: {1: agreed, invalid: refused, timeout: refused}
  agreed:
    back: agreed
  refused:
    back: refused
"""

    outcome: OutcomeName = "done"
    """The outcome that the calling `flow` step has: a word of your own, which its `next:` must have."""

    @property
    def needs_answer(self) -> bool:
        return False

    @property
    def returns(self) -> str:
        return self.outcome

    async def run(self, line: Line) -> str:  # noqa: ARG002  (it is the interpreter that goes back)
        return self.outcome
