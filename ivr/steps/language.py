"""`language`: change the language of the call."""

from typing import ClassVar

from ivr.callflows import Language as Code
from ivr.flow.line import Line
from ivr.flow.step import Step


class Language(Step):
    """From here on prompts and speech are in another language, for the whole rest of the call."""

    outcomes: ClassVar = ("done",)
    main: ClassVar = "code"
    example: ClassVar = """\
steps:
  ask:
    menu: {say: For English press 1. For Spanish press 2.}
    next: {1: sales, 2: spanish, invalid: sales, timeout: sales}
  spanish:
    language: es
    next: sales
  sales:
    queue: sales
"""

    code: Code
    """The language, for example `en` or `pt-br`."""

    @property
    def needs_answer(self) -> bool:
        return False

    def speaks(self) -> tuple[str, ...]:
        return (self.code,)

    async def run(self, line: Line) -> str:
        line.language = self.code
        return "done"
