"""`offer`: offer something for sale, when it is the moment for it."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ivr.flow.expressions import Expression
from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Prompts, Sound, Text
from ivr.flow.step import Step, innermost
from queues.settings import Name

DAY_S = 86_400


class Offer(Step):
    """Offer something for sale: only if `when` holds, and not again to a caller who was asked lately.

    The call log has what was offered, and what was accepted. `skipped`: this was not the moment.
    """

    outcomes: ClassVar = ("accepted", "declined", "skipped")
    otherwise: ClassVar = {"skipped": "declined"}
    counted: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  insurance:
    offer:
      name: insurance
      say: Would you like us to insure your parcel for two euros? Then press 1.
      when: queue.sales.waiting < 3 and queue.sales.longest_wait_s < 30
    next: {accepted: sales, declined: sales}
  sales:
    queue: sales
"""

    name: Name
    """What is offered: the name by which the call log has it."""
    when: Expression
    """When it may be offered, such as `queue.sales.waiting < 3`. What is not known does not hold."""
    play: Prompts | None = None
    """Recorded prompts that offer it. Either this or `say`."""
    say: Text | None = None
    """A text that offers it. Either this or `play`."""
    accept: Annotated[str, Field(pattern=r"^[0-9*#]$")] = "1"
    """The key by which he accepts; any other, or none, declines."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds without a key, after the offer has been heard, that decline it."""
    again_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """For so many days the same number is not asked again, whatever it has answered. 0: it always is."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "Offer":
        if (self.play is None) == (self.say is None):
            raise ValueError("write either `play:` with recorded prompts or `say:` with a text")
        return self

    @property
    def needs_answer(self) -> bool:
        return False

    def prompts(self) -> Iterable[str]:
        return self._sound.prompts()

    def texts(self) -> Iterable[Text]:
        return self._sound.texts()

    @property
    def _sound(self) -> Sound:
        return Sound(play=self.play, say=self.say)

    async def run(self, line: Line) -> str:
        if not await self.when.holds(line) or not await self._first(line):
            return "skipped"
        await line.answer()
        line.flush_digits()  # what was pressed before was no answer to this
        try:
            await line.play(await self._sound.media(line), interrupt=KEYS)
        except MediaFailed:
            return "skipped"
        line.note("offer_made", path=innermost(line.path), offer=self.name)
        key = await line.digit(self.timeout_s)
        if key is not None:
            line.note("input", path=innermost(line.path), digits=key)
        if key != self.accept:
            return "declined"
        line.note("offer_accepted", path=innermost(line.path), offer=self.name)
        return "accepted"

    async def _first(self, line: Line) -> bool:
        """Whether he has not been asked lately; who hides his number cannot be recognised."""
        if not self.again_days or not line.about.number:
            return True
        return await line.first(f"offer {self.name}", self.key(line), self.again_days * DAY_S)
