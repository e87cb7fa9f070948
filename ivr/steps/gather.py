"""`gather`: ask for several digits, such as a customer number, and keep them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.flow.asking import CORRECTED, Asking
from ivr.flow.expressions import VariableName
from ivr.flow.line import Line, MediaFailed
from ivr.flow.pattern import Patterns, fits
from ivr.flow.sound import Sound
from ivr.flow.spoken import digits_apart
from ivr.flow.step import innermost

MOST = 40
"""More digits than any number that people know by heart or read from a card."""
YES = "1"
"""The key that says that what was read back is right."""


class Gather(Asking):
    """Ask for digits and keep them in a variable. A key stops the question; who knows it can press ahead."""

    outcomes: ClassVar = ("done", "invalid", "timeout")
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  ask:
    gather:
      say: Please enter your customer number, six digits.
      into: customer
      min_digits: 6
      max_digits: 6
      pattern: "[1-8]XXXXX"
      invalid: {say: This is no customer number.}
      confirm: {say: "If this is right, press 1. If not, press 2."}
    next: {done: thanks, invalid: reception, timeout: reception}
  thanks:
    say: Thank you.
    next: reception
  reception: {hangup: }
"""

    into: VariableName
    """Name of the variable that keeps the digits."""
    min_digits: Annotated[int, Field(ge=0, le=MOST)] = 1
    """Fewer digits are `invalid`. 0: the end key alone is an answer, too."""
    max_digits: Annotated[int, Field(ge=1, le=MOST)] = 20
    """After so many digits nothing more is awaited."""
    end_key: Literal["#", "*", "none"] = "#"
    """The key that ends the digits and is not one of them; `none`: there is no such key."""
    pattern: Patterns | None = None
    """What the digits must look like: `X` any digit, `Z` 1-9, `N` 2-9, `[13-5]` one of these, `.` at the end:
    whatever follows, and digits themselves. Of several patterns one must fit."""
    confirm: Sound | None = None
    """Heard after the digits were read back one by one: 1 takes them, any other key corrects them."""
    sensitive: bool = False
    """`yes`: the digits are never written down or spoken, and are forgotten after the step that uses them.
    Digits too many are dropped: the next step would write them down."""

    def sounds(self) -> list[Sound]:
        return [*super().sounds(), *([self.confirm] if self.confirm else [])]

    def sets(self) -> tuple[str, ...]:
        return (self.into,)

    def secrets(self) -> tuple[str, ...]:
        return (self.into,) if self.sensitive else ()

    def nonsense(self) -> str | None:
        if self.min_digits > self.max_digits:
            return f"`min_digits` is {self.min_digits} and `max_digits` {self.max_digits}: no number has both"
        if self.sensitive and self.confirm:
            return "what is `sensitive` is not spoken: leave out `confirm`"
        return None

    async def run(self, line: Line) -> str:
        outcome = await self.ask(line, self._enter)
        if self.sensitive:
            line.flush_digits()
        return outcome

    async def _enter(self, line: Line) -> str:
        pressed = await self.keys(line, self._whole)
        if not pressed:
            return "timeout"
        digits = pressed.removesuffix(self.end_key)
        if digits == pressed and len(digits) == self.max_digits and self.end_key != "none":
            line.ignore_key(self.end_key, self.between_s)
        shown: dict[str, object] = {"length": len(digits)} if self.sensitive else {"digits": digits}
        line.note("input", path=innermost(line.path), **shown)
        if len(digits) < self.min_digits or (self.pattern and not fits(digits, self.pattern)):
            return "invalid"
        if self.confirm and not await self._confirmed(line, digits, self.confirm):
            return CORRECTED
        kept = line.secrets if self.sensitive else line.variables
        kept[self.into] = digits
        return "done"

    def _whole(self, pressed: str) -> bool:
        return pressed.endswith(self.end_key) or len(pressed) >= self.max_digits

    async def _confirmed(self, line: Line, digits: str, question: Sound) -> bool:
        try:
            await self.hear_media(line, [await line.say(digits_apart(digits, line.language), passing=True)])
        except MediaFailed:
            return False  # nobody may confirm what he has not heard
        await self.hear(line, question)
        key = await line.digit(self.timeout_s)
        if key is not None:
            line.note("input", path=innermost(line.path), digits=key)
        return key == YES
