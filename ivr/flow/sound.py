"""What a caller is to hear: recorded prompts in order, or a text that is spoken."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ivr.flow.expressions import Misnamed, Slot, Template
from ivr.flow.line import Line
from ivr.flow.spoken import form_problem, spoken
from ivr.flow.values import Value, as_text

MAX_TEXT = 1000


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


PromptName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Prompts = Annotated[tuple[PromptName, ...], BeforeValidator(_listed), Field(min_length=1, max_length=20)]
"""Recorded prompts, played in this order; one may be written without a list."""


class Text(Template):
    """A text to be spoken; `{amount:money EUR}` in it is a value in words of the call's language."""

    def __init__(self, written: str) -> None:
        """Raises `Misnamed`, a ValueError."""
        if not written.strip() or len(written) > MAX_TEXT:
            raise Misnamed(f"a text to be spoken has 1 to {MAX_TEXT} characters")
        super().__init__(written)
        for part in self.parts:
            problem = form_problem(part.format) if isinstance(part, Slot) and part.format else None
            if problem:
                raise Misnamed(problem)

    async def media(self, line: Line) -> str:
        """Media URI of it. Raises `MediaFailed`, also for a value that is not what its format needs."""
        if self.fixed is not None:
            return await line.say(self.fixed)

        def show(value: Value, form: str) -> str:
            return spoken(value, form, line.language) if form else as_text(value)

        return await line.say(await self.text(line, show), passing=True)


class Sound(BaseModel):
    """Recorded prompts (`play`) or a text (`say`), never both."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    play: Prompts | None = None
    """Recorded prompts, in this order."""
    say: Text | None = None
    """A text that is spoken in the call's language."""

    @model_validator(mode="before")
    @classmethod
    def _prompts_alone(cls, value: object) -> object:
        return {"play": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> "Sound":
        if (self.play is None) == (self.say is None):
            raise ValueError("write either `play:` with recorded prompts or `say:` with a text")
        return self

    def prompts(self) -> Iterable[str]:
        """Names of the recorded prompts in it."""
        return self.play or ()

    async def media(self, line: Line) -> list[str]:
        """Media URIs in the call's language. Raises `MediaFailed`."""
        if self.say is not None:
            return [await self.say.media(line)]
        return [line.prompt(name) for name in self.play or ()]
