"""What every step does that asks the caller for keys: question, patience, words after a failure, retries."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Prompts, Sound, Text
from ivr.flow.step import Step

Seconds = Annotated[float, Field(gt=0, le=60)]

CORRECTED = "corrected"
"""The caller has taken back what he had entered: he is asked again, without reproach."""


class Asking(Step):
    """Ask, take keys, and ask again if they were wrong or none came."""

    outcomes: ClassVar[tuple[str, ...]] = ("invalid", "timeout")
    waits: ClassVar = True

    play: Prompts | None = None
    """Recorded prompts that ask, in this order. Either this or `say`."""
    say: Text | None = None
    """A text that asks, or one for each language. Either this or `play`."""
    timeout_s: Seconds = 5.0
    """Seconds without a key, after the prompt has ended, that count as no answer."""
    between_s: Seconds = 3.0
    """Seconds after a key in which the next one is awaited, where there can be a next one."""
    retries: Annotated[int, Field(ge=0, le=9)] = 2
    """How often the caller is asked again after a wrong answer or none."""
    invalid: Sound | None = None
    """What he hears after a wrong answer, before he is asked again."""
    timeout: Sound | None = None
    """What he hears after none, before he is asked again."""
    barge_in: bool = True
    """Whether a key stops the prompt. `no`: the prompt is heard to its end; the key counts nevertheless."""
    flush: bool = False
    """`yes`: keys pressed before the step began do not count."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "Asking":
        if (self.play is None) == (self.say is None):
            raise ValueError("write either `play:` with recorded prompts or `say:` with a text")
        return self

    def prompts(self) -> Iterable[str]:
        return chain.from_iterable(sound.prompts() for sound in self.sounds())

    def texts(self) -> Iterable[Text]:
        return chain.from_iterable(sound.texts() for sound in self.sounds())

    def sounds(self) -> list[Sound]:
        """All that a caller can hear in it, the question first."""
        return [sound for sound in (self._question, self.invalid, self.timeout) if sound]

    @property
    def _question(self) -> Sound:
        return Sound(play=self.play, say=self.say)

    async def ask(self, line: Line, taken: Callable[[Line], Awaitable[str]]) -> str:
        """Ask until `taken` ends otherwise than in `invalid`, `timeout` or `CORRECTED`, or it was enough."""
        if self.flush:
            line.flush_digits()
        for left in reversed(range(self.retries + 1)):
            await self.hear(line, self._question)
            outcome = await taken(line)
            if not left or outcome not in (*Asking.outcomes, CORRECTED):
                break
            again = {"invalid": self.invalid, "timeout": self.timeout}.get(outcome)
            if again:
                await self.hear(line, again)
        return "invalid" if outcome == CORRECTED else outcome

    async def hear(self, line: Line, sound: Sound) -> None:
        """Let the caller hear it; what cannot be played is left out: who knows the way can still choose."""
        try:
            await self.hear_media(line, await sound.media(line))
        except MediaFailed:
            return  # the line has logged what failed

    async def hear_media(self, line: Line, media: Sequence[str]) -> None:
        """The same with media URIs. Raises `MediaFailed`."""
        await line.play(media, interrupt=KEYS if self.barge_in else "")

    async def keys(self, line: Line, enough: Callable[[str], bool]) -> str:
        """Keys in time until there are `enough` of them; empty: none came."""
        pressed = ""
        while (key := await line.digit(self.between_s if pressed else self.timeout_s)) is not None:
            pressed += key
            if enough(pressed):
                break
        return pressed
