"""`say`: a text, spoken in the call's language."""

from collections.abc import Iterable
from typing import ClassVar

from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Text
from ivr.flow.step import Step


class Say(Step):
    """Speak a text. It is rendered once and kept; the second caller hears it without delay."""

    outcomes: ClassVar = ("done", "failed")
    otherwise: ClassVar = {"failed": "done"}
    main: ClassVar = "text"
    example: ClassVar[str] = """\
steps:
  closed:
    say:
      text: We are closed today.
      answer: no
    next: end
  end: {hangup: busy}
"""

    text: Text
    """What is spoken, at most 1000 characters."""
    interrupt: bool = True
    """Whether a key stops the speech. The key is kept for the next menu."""
    answer: bool = True
    """`no`: speak before the call is answered (early media), free of charge for the caller."""

    @property
    def needs_answer(self) -> bool:
        return self.answer

    def texts(self) -> Iterable[str]:
        return (self.text,)

    async def run(self, line: Line) -> str:
        try:
            media = await line.say(self.text)
            await line.play([media], interrupt=KEYS if self.interrupt else "")
        except MediaFailed:
            return "failed"
        return "done"
