"""How long a caller can be in one step at most, in seconds, if he plays for time wherever he is asked."""

from collections.abc import Iterable
from contextlib import suppress
from math import inf

from ivr.flow.asking import Asking
from ivr.flow.line import Hangup, MediaFailed, Recorded, Recording
from ivr.flow.script import Script
from ivr.flow.simulation import CHARACTERS_PER_S, PATIENCE_S, SPEECH_BEGINS_S, Company, CompanyLine
from ivr.flow.sound import Sound, Utterance
from ivr.flow.spoken import digits_apart
from ivr.flow.step import Step
from ivr.flow.virtual_time import run
from ivr.flow.web import Reply, Request, WebTimeout
from ivr.steps.gather import Gather
from ivr.steps.menu import Menu
from ivr.steps.offer import Offer
from ivr.steps.say import Say

AGAIN = "2"
"""He lets his recording be thrown away."""
VALUE_S = 2.0
"""What a value in a text counts: nobody knows it before the call."""


def is_human(step: Step) -> bool:
    """Whether the step asks for people: it puts the caller in line for them, or a phone rings for him."""
    return any(True for found in (step.queues(), step.agents(), step.numbers()) for _ in found)


def longest_s(company: Company, step: Step, language: str) -> float:
    """How long the slowest caller is in the step, in seconds; a server that is asked does not answer.

    A step that asks for people, or calls another flow, is 0 s.
    """
    if is_human(step) or step.calls is not None:
        return 0.0
    return run(_Slowest(company, language).in_step(step))


class SlowLine(CompanyLine):
    """A line on which everything takes as long as it may. The caller presses a key in the last moment."""

    spoken_s = 0.0
    """How long he speaks when he is recorded: a sound that he may hear again."""

    async def digit(self, timeout_s: float) -> str | None:
        await super().digit(timeout_s)
        return AGAIN

    async def record(self, name: str, wish: Recording) -> Recorded:
        self.spoken_s = wish.max_s
        return await super().record(name, wish)

    async def ask(self, request: Request) -> Reply:
        await self._wait(request.timeout_s, "")
        raise WebTimeout("no answer")

    def _seconds(self, media: str) -> float:
        return self.spoken_s if media.startswith("recording:") else super()._seconds(media)


class _Slowest:
    """Works out one step: what asks for keys by its fields, everything else on a slow line."""

    def __init__(self, company: Company, language: str) -> None:
        self._company = company
        self._language = language

    async def in_step(self, step: Step) -> float:
        line = SlowLine(self._company, Script(gone_at=PATIENCE_S, speaks_s=inf), self._language)
        match step:
            case Say():
                return await self._sound(line, Sound(say=step.text))
            case Offer():  # whether it is offered is known only in the call
                return await self._sound(line, Sound(play=step.play, say=step.say)) + step.timeout_s
            case Asking():
                return await self._asking(line, step)
        line.visits[line.path] = 1  # as the interpreter counts it
        with suppress(Hangup):
            await step.run(line)
        return line.now_s

    async def _asking(self, line: SlowLine, step: Asking) -> float:
        """Something wrong each time, or nothing, whichever takes longer; at last what he likes."""
        question = await self._sound(line, Sound(play=step.play, say=step.say))
        most = step.digits if isinstance(step, Menu) else step.max_digits if isinstance(step, Gather) else 1
        entry = step.timeout_s + step.between_s * (most - 1)
        confirm = await self._confirm(line, step) if isinstance(step, Gather) else 0.0
        wrong = max(entry + await self._sound(line, step.invalid), entry + confirm)
        none = step.timeout_s + await self._sound(line, step.timeout)
        return step.retries * (question + max(wrong, none)) + question + entry + confirm

    async def _confirm(self, line: SlowLine, step: Gather) -> float:
        """Until he has said whether what was read back is right."""
        if step.confirm is None:
            return 0.0
        with suppress(MediaFailed):
            digits = digits_apart("0" * step.max_digits, self._language)
            return _spoken_s(digits) + await self._sound(line, step.confirm) + step.timeout_s
        return 0.0

    async def _sound(self, line: SlowLine, sound: Sound | None) -> float:
        """How long a sound is; what cannot be played is not heard."""
        if sound is None:
            return 0.0
        if sound.say is not None:
            utterance = sound.say.spoken_in(self._language)
            return _utterance_s(utterance) if utterance is not None else 0.0
        began = line.now_s
        with suppress(MediaFailed):
            await line.play([line.prompt(name) for name in sound.prompts()])
        return line.now_s - began


def _utterance_s(utterance: Utterance) -> float:
    parts: Iterable[object] = utterance.parts
    return SPEECH_BEGINS_S + sum(
        len(part) / CHARACTERS_PER_S if isinstance(part, str) else VALUE_S for part in parts
    )


def _spoken_s(text: str) -> float:
    return SPEECH_BEGINS_S + len(text) / CHARACTERS_PER_S
