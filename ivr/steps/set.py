"""`set`: give values to variables."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.expressions import Template, VariableName
from ivr.flow.line import Line
from ivr.flow.step import Step


class Set(Step):
    """Give values to variables, which later steps can read. All are worked out before the first is set."""

    outcomes: ClassVar = ("done",)
    main: ClassVar = "values"
    only_main: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  prepare:
    set:
      price: 12.5
      total: "{price * 2}"
      greeting: Hello {caller.name}
    next: told
  told:
    say: "{greeting}"
    next: end
  end:
    hangup:
"""

    values: Annotated[Mapping[VariableName, Template], Field(min_length=1, max_length=50)]
    """Names and their values. `{…}` is worked out; a number, `yes` or `no` is one; all else is a text."""

    @property
    def needs_answer(self) -> bool:
        return False

    def sets(self) -> tuple[str, ...]:
        return tuple(self.values)

    async def run(self, line: Line) -> str:
        worked_out = {name: await value.value(line) for name, value in self.values.items()}
        line.variables.update(worked_out)
        return "done"
