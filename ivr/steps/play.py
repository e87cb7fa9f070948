"""`play`: recorded prompts, one after the other."""

from collections.abc import Iterable
from typing import ClassVar

from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Prompts
from ivr.flow.step import Step


class Play(Step):
    """Play recorded prompts to the caller."""

    outcomes: ClassVar = ("done", "failed")
    otherwise: ClassVar = {"failed": "done"}
    main: ClassVar = "files"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  welcome:
    play:
      files: [welcome, main-menu]
      interrupt: no
    next: {done: end, failed: end}
  end: {hangup: }
"""

    files: Prompts
    """Names of the prompts, played in this order."""
    interrupt: bool = True
    """Whether a key stops the sound. The key is kept for the next menu."""
    answer: bool = True
    """`no`: play before the call is answered (early media), free of charge for the caller."""

    @property
    def needs_answer(self) -> bool:
        return self.answer

    def prompts(self) -> Iterable[str]:
        return self.files

    async def run(self, line: Line) -> str:
        try:
            media = [line.prompt(name) for name in self.files]
            await line.play(media, interrupt=KEYS if self.interrupt else "")
        except MediaFailed:
            return "failed"
        return "done"
