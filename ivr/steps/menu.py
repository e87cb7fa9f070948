"""`menu`: ask, and go where the pressed key leads."""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Prompts, Sound, Text
from ivr.flow.step import Step

Seconds = Annotated[float, Field(gt=0, le=60)]


class Menu(Step):
    """Play a prompt and take a key. The outcome is the key if `next:` has it, or `invalid`, or `timeout`."""

    outcomes: ClassVar = ("invalid", "timeout")
    main: ClassVar = "play"
    waits: ClassVar = True

    play: Prompts | None = None
    """Recorded prompts that ask, in this order. Either this or `say`."""
    say: Text | None = None
    """A text that asks. Either this or `play`."""
    digits: Annotated[int, Field(ge=1, le=8)] = 1
    """Keys of one choice at most: 1 for a menu, more for extensions."""
    timeout_s: Seconds = 5.0
    """Seconds without a key, after the prompt has ended, that count as no choice."""
    between_s: Seconds = 3.0
    """Seconds after a key in which the next one is awaited, when `digits` is more than 1."""
    retries: Annotated[int, Field(ge=0, le=9)] = 2
    """How often the caller is asked again after a wrong key or none."""
    invalid: Sound | None = None
    """What he hears after a wrong key, before he is asked again."""
    timeout: Sound | None = None
    """What he hears after no key, before he is asked again."""
    barge_in: bool = True
    """Whether a key stops the prompt. `no`: the prompt is heard to its end; the key counts nevertheless."""
    flush: bool = False
    """`yes`: keys pressed before the menu began do not count."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "Menu":
        if (self.play is None) == (self.say is None):
            raise ValueError("write either `play:` with recorded prompts or `say:` with a text")
        return self

    def possible(self) -> tuple[str, ...]:
        return (*self._choices(), *self.outcomes)

    def prompts(self) -> Iterable[str]:
        return chain.from_iterable(sound.prompts() for sound in self._sounds())

    def texts(self) -> Iterable[str]:
        return [sound.say for sound in self._sounds() if sound.say is not None]

    def _sounds(self) -> list[Sound]:
        """All that a caller can hear in it, the question first."""
        return [sound for sound in (self._question, self.invalid, self.timeout) if sound]

    @property
    def _question(self) -> Sound:
        return Sound(play=self.play, say=self.say)

    def nonsense(self) -> str | None:
        choices = self._choices()
        for one in choices:
            for other in choices:
                if other != one and other.startswith(one):
                    return f"key {one} is also the beginning of {other}: who presses {one} has to wait"
        return None if choices else "`next:` of a menu must name at least one key"

    async def run(self, line: Line) -> str:
        if self.flush:
            line.flush_digits()
        question = self._question
        outcome = await self._ask(line, question)
        for _ in range(self.retries):
            if outcome not in self.outcomes:
                break
            again = self.invalid if outcome == "invalid" else self.timeout
            if again:
                await self._play(line, again)
            outcome = await self._ask(line, question)
        return outcome

    async def _ask(self, line: Line, question: Sound) -> str:
        await self._play(line, question)
        pressed = await self._gather(line)
        if not pressed:
            return "timeout"
        line.note("input", path=line.path, digits=pressed)
        return pressed if pressed in self._choices() else "invalid"

    async def _play(self, line: Line, sound: Sound) -> None:
        try:
            await line.play(await sound.media(line), interrupt=KEYS if self.barge_in else "")
        except MediaFailed:
            return  # a caller who knows the menu can still choose; the line has logged what failed

    async def _gather(self, line: Line) -> str:
        """Keys of one choice; `digits` of them, or fewer if no longer choice begins with them."""
        pressed = ""
        while len(pressed) < self.digits:
            key = await line.digit(self.between_s if pressed else self.timeout_s)
            if key is None:
                break
            pressed += key
            if self._complete(pressed):
                break
        return pressed

    def _complete(self, pressed: str) -> bool:
        choices = self._choices()
        return pressed in choices and not any(c != pressed and c.startswith(pressed) for c in choices)

    def _choices(self) -> list[str]:
        return [c for c in self.next if len(c) <= self.digits and all(key in KEYS for key in c)]
