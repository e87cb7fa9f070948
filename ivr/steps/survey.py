"""`survey`: ask callers how it was, those who have agreed to be asked."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ivr.flow.asking import Seconds
from ivr.flow.line import KEYS, Line, MediaFailed
from ivr.flow.sound import Sound, Text
from ivr.flow.step import Step, innermost
from queues.settings import Name

Digit = Annotated[int, Field(ge=0, le=9)]


class Survey(Step):
    """Invite the caller to a survey (`invite`), before he waits; or put its question (`ask`), afterwards.

    Only those are asked who have accepted the invitation; for the others the question is `skipped`. Keys
    pressed before do not count. The call log has who was asked, and each answer.
    """

    outcomes: ClassVar = ("accepted", "declined", "done", "invalid", "timeout", "skipped")
    otherwise: ClassVar = {"invalid": "done", "timeout": "done", "skipped": "done"}
    example: ClassVar[str] = """\
steps:
  invite:
    survey:
      name: csat
      invite: {say: "To tell us afterwards how we were, press 1."}
    next: {accepted: sales, declined: sales}
  sales:
    queue: sales
after_agent:
  rate:
    survey:
      name: csat
      ask: {say: "How satisfied are you, from 1, not at all, to 5, very much?"}
      invalid: {say: Please press a key from 1 to 5.}
    next: end
  end: {hangup: }
"""

    name: Name
    """The survey's name: question and invitation of one name belong together."""
    invite: Sound | None = None
    """What invites him; key 1 accepts, anything else declines. Either this or `ask`."""
    ask: Sound | None = None
    """The question. Either this or `invite`."""
    lowest: Digit = 1
    """The lowest answer: a key from 0 to 9."""
    highest: Digit = 5
    """The highest answer: a key from 0 to 9."""
    timeout_s: Seconds = 5.0
    """Seconds without a key, after what he has heard, that count as no answer."""
    retries: Digit = 2
    """How often the question is put again after a wrong answer or none."""
    invalid: Sound | None = None
    """What he hears after a wrong answer, before he is asked again."""
    uninvited: bool = False
    """`yes`: also those are asked whom no step has invited; nobody who has declined."""

    @model_validator(mode="after")
    def _one_form(self) -> "Survey":
        if (self.invite is None) == (self.ask is None):
            raise ValueError("write either `invite:`, before the talk, or `ask:`, after it")
        return self

    def possible(self) -> tuple[str, ...]:
        return self.outcomes[:2] if self.invite else self.outcomes[2:]

    def nonsense(self) -> str | None:
        asking = {"lowest", "highest", "retries", "invalid", "uninvited"} & self.model_fields_set
        if self.invite and asking:
            return f"`{min(asking)}` belongs to the question: write it where `ask:` is"
        if self.lowest >= self.highest:
            return f"no answer is on a scale from {self.lowest} to {self.highest}"
        return None

    def sounds(self) -> list[Sound]:
        """All that a caller can hear in it."""
        return [sound for sound in (self.invite, self.ask, self.invalid) if sound]

    def prompts(self) -> Iterable[str]:
        return [name for sound in self.sounds() for name in sound.prompts()]

    def texts(self) -> Iterable[Text]:
        return [text for sound in self.sounds() for text in sound.texts()]

    def invites(self) -> Iterable[str]:
        return (self.name,) if self.invite else ()

    def inquires(self) -> Mapping[str, bool]:
        return {self.name: not self.uninvited} if self.ask else {}

    async def run(self, line: Line) -> str:
        line.flush_digits()  # what was pressed before was no answer to this
        return await (self._invite(line, self.invite) if self.invite else self._ask(line))

    @property
    def _consent(self) -> str:
        """The variable that has his answer to the invitation; no admin's can have a blank in its name."""
        return f"survey {self.name}"

    async def _invite(self, line: Line, invitation: Sound) -> str:
        line.variables.pop(self._consent, None)
        try:
            await line.play(await invitation.media(line), interrupt=KEYS)
        except MediaFailed:
            return "declined"  # nobody agrees to what he has not heard
        key = await line.digit(self.timeout_s)
        if key is not None:
            line.note("input", path=innermost(line.path), digits=key)
        outcome = "accepted" if key == "1" else "declined"
        line.variables[self._consent] = outcome
        return outcome

    async def _ask(self, line: Line) -> str:
        assert self.ask is not None, "the check has seen to it"
        consent = line.variables.get(self._consent)
        if consent != "accepted" and not (self.uninvited and consent is None):
            return "skipped"
        try:
            question = await self.ask.media(line)
        except MediaFailed:
            return "skipped"
        line.note("survey_offered", path=innermost(line.path), survey=self.name)
        outcome = "timeout"
        for left in reversed(range(self.retries + 1)):
            outcome = await self._answer(line, question)
            if not left or outcome == "done":
                break
            if outcome == "invalid" and self.invalid:
                await self._hear(line, self.invalid)
        return outcome

    async def _answer(self, line: Line, question: list[str]) -> str:
        try:
            await line.play(question, interrupt=KEYS)
        except MediaFailed:
            return "timeout"
        key = await line.digit(self.timeout_s)
        if key is None:
            return "timeout"
        line.note("input", path=innermost(line.path), digits=key)
        if not key.isdigit() or not self.lowest <= int(key) <= self.highest:
            return "invalid"
        scale = {"lowest": self.lowest, "highest": self.highest}
        line.note("survey_answered", path=innermost(line.path), survey=self.name, score=int(key), **scale)
        return "done"

    async def _hear(self, line: Line, sound: Sound) -> None:
        try:
            await line.play(await sound.media(line), interrupt=KEYS)
        except MediaFailed:
            return  # the line has logged what failed
