"""A call through checked call flows, without Asterisk: what is heard, which steps are passed, how it ends."""

import wave
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path

from ivr.callflows import Callflows, heard_in
from ivr.flow.check import load_callflows
from ivr.flow.line import Hangup, MediaFailed
from ivr.flow.opening import Hours
from ivr.flow.run import run_flow
from ivr.flow.script import Script
from ivr.flow.simulator import ENDLESS, SimulatedLine
from ivr.flow.step import Flow
from ivr.flow.virtual_time import run
from queues.models import Queue

SPEECH_BEGINS_S = 0.4
CHARACTERS_PER_S = 14.0
"""How fast a text is spoken: espeak-ng at its usual 175 words a minute."""

PATIENCE_S = 3600.0
"""A caller whose script does not say when he goes hangs up after this time: every simulated call ends."""


@dataclass(frozen=True, slots=True)
class Company:
    """A checked directory of call flows, and how long each of its sounds is."""

    callflows: Callflows
    sounds: Mapping[str, float]
    """`language/prompt` → seconds."""

    @classmethod
    def load(cls, directory: Path) -> "Company":
        """Raises `BrokenCallflows`."""
        callflows = load_callflows(directory, directory / "prompts")
        return cls(callflows, sounds_of(callflows, directory))


def sounds_of(callflows: Callflows, directory: Path) -> dict[str, float]:
    """How long each recorded prompt is, in seconds."""
    return {
        f"{language}/{name}": _length_s(directory / "prompts" / language / f"{name}.wav")
        for language, names in callflows.prompts.items()
        for name in names
    }


def _length_s(path: Path) -> float:
    with closing(wave.open(str(path), "rb")) as sound:
        return sound.getnframes() / sound.getframerate()


class CompanyLine(SimulatedLine):
    """A line on which only what is recorded can be played, each sound as long as it is."""

    def __init__(self, company: Company, script: Script, language: str) -> None:
        super().__init__(replace(script, sounds={**company.sounds, **script.sounds}), language)
        self._prompts = company.callflows.prompts
        self._hours = company.callflows.hours
        self._queues = company.callflows.queues
        self._flows = company.callflows.flows
        self._timezone = company.callflows.timezone

    def prompt(self, name: str) -> str:
        code = heard_in(self._prompts, name, self.language)
        if code is None:
            raise MediaFailed(f"no prompt {name!r} in language {self.language!r}")
        return f"{code}/{name}"

    def hours(self, name: str) -> Hours | None:
        return self._hours.get(name)

    def flow_named(self, name: str) -> Flow | None:
        return self._flows.get(name)

    def settings_of(self, queue: str) -> Queue:
        return self._queues.get(queue, Queue())

    @property
    def _zone(self) -> tzinfo:
        return self._timezone

    def _seconds(self, media: str) -> float:
        if media.startswith("say:") and media not in self._script.sounds:
            return SPEECH_BEGINS_S + (len(media) - len("say:")) / CHARACTERS_PER_S
        return super()._seconds(media)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated call that is over."""

    line: SimulatedLine
    ended_by: str
    """caller or system (the flow)."""
    lasted_s: float

    @property
    def verdict(self) -> str:
        """The verdict that the call log would have."""
        if not self.line.answered and self.line.story[-1:] != [ENDLESS] and self.ended_by != "caller":
            return "rejected"
        story = self.line.story
        if story and story[-1] == ENDLESS:
            return "failed"
        talks = [_before(story, at) for at, what in enumerate(story) if what == "talk"]
        if not all(before.startswith("call ") for before in talks):
            return "completed"
        if talks:
            return "transferred"
        waits = [at for at, what in enumerate(story) if what.startswith("wait in ")]
        if self.line.in_line and self.ended_by == "caller":
            return "abandoned"
        if waits:
            return "overflowed"
        return "ivr_exit" if self.ended_by == "caller" else "self_served"


def _before(story: list[str], at: int) -> str:
    """What led to a talk: a wait for an agent, or the call of a number outside."""
    return next((what for what in reversed(story[:at]) if what.startswith(("wait ", "call "))), "")


MakeLine = Callable[[Company, Script, str], SimulatedLine]


def simulate(
    company: Company, flow: str, language: str, script: Script, line: MakeLine = CompanyLine
) -> Outcome:
    """Run one call through a flow, in virtual time. The thread must have no event loop that runs."""
    if script.gone_at is None:
        script = replace(script, gone_at=PATIENCE_S)

    async def whole() -> Outcome:
        simulated = line(company, script, language)
        try:
            await run_flow(simulated, company.callflows.flows[flow])
        except Hangup as end:
            return Outcome(simulated, end.by, simulated.now_s)

    return run(whole())
