"""`say`: a text, spoken in the call's language."""

from collections.abc import Iterable
from typing import ClassVar

from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Text
from ivr.flow.step import Step


class Say(Step):
    """Speak a text. What is the same for everybody is rendered once and kept.

    `{NAME}` in it is the value of a variable; a format says how it is spoken: `{NAME:digits}` one by one,
    `number`, `ordinal`, `money EUR`, `date`, `time`, `duration` (of seconds). A value that does not fit its
    format, such as a word as money, is a `failed` step.
    """

    outcomes: ClassVar = ("done", "failed")
    otherwise: ClassVar = {"failed": "done"}
    main: ClassVar = "text"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  look-up:
    set: {balance: 12.50, due: "2026-12-24"}
    next: tell
  tell:
    say: Your balance is {balance:money EUR}. It is due on {due:date}.
    next: {done: end, failed: sorry}
  sorry:
    say: I cannot tell you your balance now.
    next: end
  end: {hangup: }
"""

    text: Text
    """What is spoken, at most 1000 characters; or one text for each language: `{en: …, es: …}`."""
    interrupt: bool = True
    """Whether a key stops the speech. The key is kept for the next menu."""
    answer: bool = True
    """`no`: speak before the call is answered (early media), free of charge for the caller."""

    @property
    def needs_answer(self) -> bool:
        return self.answer

    def texts(self) -> Iterable[Text]:
        return (self.text,)

    async def run(self, line: Line) -> str:
        try:
            await line.play([await self.text.media(line)], interrupt=KEYS if self.interrupt else "")
        except MediaFailed:
            return "failed"
        return "done"
