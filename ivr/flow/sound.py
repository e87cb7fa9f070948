"""What a caller is to hear: recorded prompts in order, or a text that is spoken."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from ivr.flow.expressions import Misnamed, Slot, Template
from ivr.flow.line import Line, MediaFailed
from ivr.flow.naming import LANGUAGE
from ivr.flow.spoken import form_problem, spoken
from ivr.flow.values import Value, as_text

MAX_TEXT = 1000
ANY = ""
"""Stands for every language."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


PromptName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Prompts = Annotated[tuple[PromptName, ...], BeforeValidator(_listed), Field(min_length=1, max_length=20)]
"""Recorded prompts, played in this order; one may be written without a list."""


class Utterance(Template):
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


class Text(Mapping[str, Utterance]):
    """What is spoken: one text for every language (its key is empty), or language → text."""

    def __init__(self, written: str | Mapping[str, str]) -> None:
        """Raises `Misnamed`, a ValueError."""
        by_language = {ANY: written} if isinstance(written, str) else written
        for language in by_language:
            if isinstance(written, Mapping) and not LANGUAGE.fullmatch(language):
                raise Misnamed(f"`{language[:20]}` is no language", "use its code, such as `en` or `pt-br`")
        if not by_language:
            raise Misnamed("there is no text")
        self._utterances = {language: Utterance(text) for language, text in by_language.items()}

    def __getitem__(self, language: str) -> Utterance:
        return self._utterances[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._utterances)

    def __len__(self) -> int:
        return len(self._utterances)

    def __hash__(self) -> int:
        return hash(tuple(self._utterances.items()))

    def __str__(self) -> str:
        """Its first text, to name it by."""
        return next(iter(self._utterances.values())).written

    def spoken_in(self, language: str) -> Utterance | None:
        """The text for a language, else for its family (`pt` of `pt-br`), else for all, else None."""
        keys = (language, language.partition("-")[0], ANY)
        return next((self[key] for key in keys if key in self), None)

    async def media(self, line: Line) -> str:
        """Media URI of it. Raises `MediaFailed`."""
        utterance = self.spoken_in(line.language)
        if utterance is None:
            raise MediaFailed(f"a text is not there in `{line.language}`")
        return await utterance.media(line)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object, as_string: Callable[[object], str]) -> Text:
            if isinstance(value, Mapping) and not isinstance(value, cls):
                return cls({str(language): as_string(text) for language, text in value.items()})
            return value if isinstance(value, cls) else cls(as_string(value))

        return core_schema.no_info_wrap_validator_function(read, core_schema.str_schema(min_length=1))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        text = handler(schema)
        return {"anyOf": [text, {"type": "object", "minProperties": 1, "additionalProperties": text}]}


class Sound(BaseModel):
    """Recorded prompts (`play`) or a text (`say`), never both."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    play: Prompts | None = None
    """Recorded prompts, in this order."""
    say: Text | None = None
    """A text that is spoken in the call's language, or one for each: `{en: …, es: …}`."""

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

    def texts(self) -> Iterable[Text]:
        """What is spoken in it."""
        return () if self.say is None else (self.say,)

    async def media(self, line: Line) -> list[str]:
        """Media URIs in the call's language. Raises `MediaFailed`."""
        if self.say is not None:
            return [await self.say.media(line)]
        return [line.prompt(name) for name in self.play or ()]
