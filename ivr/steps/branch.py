"""`branch`: go where a condition leads."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from ivr.flow.expressions import Expression
from ivr.flow.line import Line
from ivr.flow.step import Step

Case = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


def _cases(value: object) -> object:
    return {"yes": value} if isinstance(value, str) else value


class Branch(Step):
    """Go where the first condition leads that holds. One condition alone has the outcomes `yes` and `no`."""

    main: ClassVar = "cases"
    only_main: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  crowded:
    branch: queue.sales.waiting > 20
    next: {yes: sorry, no: who}
  who:
    branch:
      spanish: language == "es"
      partner: caller.number in ["4930123456", "4930123457"]
    next:
      spanish: sorry
      partner: sales
      default: sales
  sales:
    queue: sales
  sorry:
    hangup:
"""

    cases: Annotated[Mapping[Case, Expression], BeforeValidator(_cases), Field(min_length=1, max_length=50)]
    """One condition, or outcomes of your own with a condition each; if none holds it is `default`."""

    @property
    def needs_answer(self) -> bool:
        return False

    def nonsense(self) -> str | None:
        clash = "default" in self.cases
        return "`default` is what happens if no condition holds: it has none of its own" if clash else None

    def possible(self) -> tuple[str, ...]:
        return (*self.cases, self._otherwise)

    @property
    def _otherwise(self) -> str:
        return "no" if self.cases.keys() == {"yes"} else "default"

    async def run(self, line: Line) -> str:
        for outcome, condition in self.cases.items():
            if await condition.holds(line):
                return outcome
        return self._otherwise
