"""`voicemail`: take a message."""

from typing import ClassVar

from pydantic import model_validator

from ivr.flow.keeping import Keeping, recording_name
from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.requests import Address, request_of
from ivr.flow.sound import Prompts, Sound, Text
from queues.settings import Name


class Voicemail(Keeping):
    """Take a message: a greeting, a tone, and what the caller says, which is kept in a box.

    A key during the greeting takes him to the tone. Who hangs up while he speaks has left what he has said.
    `holdfast messages` shows what is in the boxes.
    """

    example: ClassVar[str] = """\
steps:
  closed:
    voicemail:
      box: office
      say: Our office is closed. Please leave a message after the tone.
      max_s: 120
    next: {done: thanks, empty: bye}
  thanks:
    say: Thank you. We will call you back.
    next: bye
  bye: {hangup: }
"""

    box: Name
    """The box the message is for: any name. The first message makes it."""
    play: Prompts | None = None
    """Recorded prompts that greet. Either this or `say`."""
    say: Text | None = None
    """A text that greets. Either this or `play`."""
    notify: Address | None = None
    """An address that is told of each message, at least once, as by `webhook`: `box`, `message` (its name),
    `call`, `caller`, `called`, `length_s`."""

    @model_validator(mode="after")
    def _one_greeting(self) -> "Voicemail":
        if (self.play is None) == (self.say is None):
            raise ValueError("write either `play:` with recorded prompts or `say:` with a text")
        return self

    def sounds(self) -> list[Sound]:
        return [self._greeting, *super().sounds()]

    @property
    def _greeting(self) -> Sound:
        return Sound(play=self.play, say=self.say)

    async def run(self, line: Line) -> str:
        name, address = recording_name(line), ""
        if self.notify is not None:
            address = (await request_of(line, self.key(line), "post", self.notify, {}, {})).url
        if not line.interrupted(name):
            await self._greet(line)
        return await self.take(line, name, self.box, address)

    async def _greet(self, line: Line) -> None:
        """What cannot be played is left out: the tone tells him, too."""
        try:
            await line.play(await self._greeting.media(line), interrupt=KEYS)
        except MediaFailed:
            return  # the line has logged what failed
