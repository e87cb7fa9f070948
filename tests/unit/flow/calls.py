"""Whole calls through flows written in a test: on the simulator's line, which here is stricter than usual."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.flow.document import Problem, parse_document
from ivr.flow.line import Hangup, Held, MediaFailed
from ivr.flow.reading import Draft, read_flow
from ivr.flow.run import run_flow
from ivr.flow.script import Agents
from ivr.flow.script import Script as SimulatorScript
from ivr.flow.simulator import SimulatedLine
from ivr.flow.step import Flow
from ivr.flow.virtual_time import run
from ivr.steps import verbs

__all__ = ["Agents", "Script", "ScriptedLine", "call", "draft_of", "flow_of", "run"]


@dataclass(frozen=True)
class Script(SimulatorScript):
    """What the world does, and at which await point the caller goes."""

    dies_at_call: int = -1
    """The caller hangs up during this call of the line's methods, counted from 0."""


class ScriptedLine(SimulatedLine):
    """The line. It counts its awaited methods; the prompt `not-there` and the text `unspeakable` fail."""

    def __init__(self, script: Script, language: str = "en") -> None:
        super().__init__(script, language)
        self.calls = 0
        self.passing: list[str] = []
        """What was spoken and must not be kept."""
        self.held: list[Held | None] = []
        self.awaiting = False
        self._dies_at_call = script.dies_at_call

    @property
    def has_keys(self) -> bool:
        """Whether keys are left that nobody has taken."""
        return bool(self._keys)

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        assert (flow, version) == (path.partition("/")[0], 7), "a checkpoint names flow and version"
        self.held.append(held)
        assert len(self.held) < 20_000, "it turned without the caller"
        await super().checkpoint(flow, version, path, held)

    def prompt(self, name: str) -> str:
        if name == "not-there":
            raise MediaFailed("no such prompt")
        return super().prompt(name)

    async def say(self, text: str, passing: bool = False) -> str:
        media = await super().say(text, passing)
        self.passing += [text] * passing
        if text == "unspeakable":
            raise MediaFailed("the engine failed")
        return media

    def _still_there(self) -> None:
        if self.awaiting:
            self.awaiting = False
            self._gone = self._gone or self.calls == self._dies_at_call
            self.calls += 1
        super()._still_there()

    async def _await(self) -> None:
        self.awaiting = True
        await super()._await()


def draft_of(text: str, name: str = "main") -> tuple[Draft | None, list[Problem]]:
    """A flow from its YAML text, and what is wrong in it."""
    document = parse_document(text, f"flows/{name}.yaml")
    problems = list(document.problems)
    return read_flow(name, document, verbs(), problems), problems


def flow_of(text: str, others: Mapping[str, str] | None = None) -> Flow:
    """A flow from the YAML text of a file, which must be right; `others`: the flows it may call, by name."""
    flows: dict[str, Flow] = {}
    for name, written in {"main": text, **(others or {})}.items():
        draft, problems = draft_of(written, name)
        assert draft, problems
        assert not problems, problems
        flows[name] = draft.flow(7, flows)
    return flows["main"]


def call(
    text: str,
    script: Script | None = None,
    start: str | None = None,
    language: str = "en",
    others: Mapping[str, str] | None = None,
    visits: Mapping[str, int] | None = None,
) -> ScriptedLine:
    """Run a whole call through a flow, to its hangup; the line tells what happened."""

    async def whole() -> ScriptedLine:
        line = ScriptedLine(script or Script(), language)
        line.visits.update(visits or {})
        try:
            await run_flow(line, flow_of(text, others), start)
        except Hangup as end:
            line.told.append((asyncio.get_running_loop().time(), f"over by {end.by}"))
        return line

    return run(whole())
