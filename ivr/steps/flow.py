"""`flow`: run another flow, and come back."""

from collections.abc import Mapping
from typing import ClassVar

from ivr.flow.expressions import Template, VariableName
from ivr.flow.line import Line
from ivr.flow.step import Step


class Call(Step):
    """Run another flow. The outcome is what its `back` step names; if none is reached the call ends there."""

    main: ClassVar = "name"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  agree:
    flow: {name: consent, give: {topic: the recording}}
    next: {agreed: sales, refused: end}
  sales:
    queue: sales
  end:
    hangup:
"""

    name: str
    """Name of the flow: a file in `flows/` without `.yaml`."""
    give: Mapping[VariableName, Template] = {}
    """Variables that are set before it begins: name and value, which may have names in braces in it."""

    @property
    def needs_answer(self) -> bool:
        return False

    @property
    def calls(self) -> str:
        return self.name

    def possible(self) -> tuple[str, ...]:
        return tuple(self.next)

    def sets(self) -> tuple[str, ...]:
        return tuple(self.give)

    async def run(self, line: Line) -> str:
        given = {name: await value.value(line) for name, value in self.give.items()}
        line.variables.update(given)
        return ""
