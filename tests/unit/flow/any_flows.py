"""Generated companies: three flows of the steps of all examples, rewired at random, and a world of any kind.

The steps are read from the registry: a verb that is new is among them with its example. With a `flaw` the
flows have something that the check must refuse: a check that forgets a rule lets through what goes wrong.
"""

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as some

from ivr.flow.check import callflows_of, check_callflows
from ivr.flow.folder import Folder
from ivr.flow.line import Figures, Held, MediaFailed, Recorded, Recording
from ivr.flow.opening import Hours
from ivr.flow.script import Agents, Party, Script
from ivr.flow.simulation import Company, CompanyLine, Outcome, simulate, sounds_of
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.step import innermost
from ivr.flow.web import Reply, WebFailed, WebTimeout
from ivr.steps import verbs
from tests.unit.flow.small_company import build, edit, record, write

NAMES = ("a", "b", "c", "d", "e")
FLOWS = ("example", "consent", "third")
"""The first is the one that calls begin in; the second is what the examples call."""
OUTCOMES = ("agreed", "refused")

Steps = dict[str, Any]


NAMED = {
    "queue": ("sales", "sails"),
    "hours": ("office", "offise"),
    "prompt": ("main-menu", "mane-menu"),
    "number": ("+49 30 901820", "+49 900 1234567"),
}


def _flawed(step: Any, flaw: str) -> Any:
    """With a name in it that is nothing."""
    match step:
        case dict():
            return {key: _flawed(value, flaw) for key, value in step.items()}
        case list():
            return [_flawed(value, flaw) for value in step]
    known, unknown = NAMED.get(flaw, ("", ""))
    return unknown if step == known and known else step or None


def example(verb: str) -> dict[str, Any]:
    """The example of a verb; every value is a text, as in our reading of YAML, or nothing."""
    whole: dict[str, Any] = _flawed(yaml.load(verbs()[verb].example, yaml.BaseLoader), "")  # noqa: S506
    return whole


def _examples() -> dict[str, list[Steps]]:
    """Verb → its steps in all examples, without `next:` of a step that ends the call."""
    found: dict[str, list[Steps]] = {verb: [] for verb in verbs()}
    for verb in verbs():
        for part in ("steps", "after_agent"):
            for step in (example(verb).get(part) or {}).values():
                found[next(key for key in step if key != "next")].append(step)
    return found


EXAMPLES = _examples()
ENDS: Steps = {"talk": {"queue": "sales"}, "end": {"hangup": None}}
HASTY = tuple(verb for verb, kind in verbs().items() if not kind.waits)
"""Verbs that do not wait: of them endless loops are made."""
HARMLESS = ("is never reached", "leads nowhere", "no step sets", "no way leads to an end", "is sensitive")
"""What the check says of flows that run nevertheless: an outcome without a way ends the call."""
VERBS = (*sorted(EXAMPLES), "flow", "flow", "loop", "branch")
MOSTLY_AHEAD, SOMETIMES_BACK, OFTEN_BACK = 12, 3, 2


@dataclass(frozen=True)
class World:
    """What happens in a call, whatever the flow is."""

    script: Script
    records: bool
    """Whether anything can be recorded."""


@some.composite
def flows(draw: some.DrawFn, flaw: str = "", of: tuple[str, ...] = ()) -> dict[str, Steps]:
    """Three flows of a few steps each.

    `flaw`: what the check must find in them. `of`: only steps of these verbs, and many ways back.
    """
    return {flow: {"steps": _steps(draw, flow, flaw, of)} for flow in FLOWS}


def _steps(draw: some.DrawFn, flow: str, flaw: str, of: tuple[str, ...]) -> Steps:
    verbs = draw(some.lists(some.sampled_from(of or VERBS), min_size=2, max_size=len(NAMES)))
    names = NAMES[: len(verbs)]
    ends = ENDS if flow == FLOWS[0] else {outcome: {"back": outcome} for outcome in OUTCOMES}
    steps: Steps = {}
    for number, (name, verb) in enumerate(zip(names, verbs, strict=True)):
        seldom = OFTEN_BACK if of else MOSTLY_AHEAD if verb in HASTY else SOMETIMES_BACK
        target = _targets([*names[number + 1 :], *ends], names, seldom, flaw)
        step = _flawed(draw(some.sampled_from(EXAMPLES[verb])), flaw)
        steps[name] = _called(draw, flow, flaw) if verb == "flow" else step
        if "back" in step:
            steps[name] = {"back": draw(some.sampled_from(OUTCOMES))}
        elif isinstance(following := steps[name].get("next"), str):
            steps[name] = {**steps[name], "next": draw(target)}
        elif following:
            steps[name] = {**steps[name], "next": {outcome: draw(target) for outcome in following}}
    return steps | ends


@some.composite
def _targets(draw: some.DrawFn, ahead: list[str], names: Sequence[str], seldom: int, flaw: str) -> str:
    """Mostly a step further on; one of `seldom` is any step."""
    if flaw == "step" and draw(some.booleans()):
        return "nowhere"
    return draw(some.sampled_from(names if draw(some.integers(1, seldom)) == seldom else ahead))


def _called(draw: some.DrawFn, flow: str, flaw: str) -> Steps:
    called = FLOWS[1:] if flaw == "circle" else FLOWS[FLOWS.index(flow) + 1 :] or FLOWS[2:]
    name = "nobody" if flaw == "flow" else draw(some.sampled_from(called))
    if name == flow and flaw != "circle":
        return {"tag": "topic", "next": "end"}
    return {"flow": name, "next": dict.fromkeys(OUTCOMES, "end")}


class Anybody(dict[str, Party]):
    """Whoever is called, the same happens."""

    def __init__(self, party: Party) -> None:
        super().__init__()
        self._party = party

    def get(self, key: str, default: Party | None = None) -> Party | None:  # type: ignore[override]
        del key, default
        return self._party


keys = some.dictionaries(some.floats(0, 100), some.text("0123456789*#", min_size=1, max_size=4), max_size=5)
parties = some.builds(
    Party,
    some.sampled_from(("done", "busy", "no_answer", "failed", "refused")),
    some.sampled_from((0.0, 5.0)),
    some.just(1.0),
)
replies = some.sampled_from(
    [
        Reply(200),
        Reply(200, b'{"a": [1], "customer": {"name": "Ada"}}'),
        Reply(404),
        Reply(503),
        Reply(200, b"{"),
    ]
)
failures = some.sampled_from([WebTimeout("late"), WebFailed("away")])


@some.composite
def worlds(draw: some.DrawFn) -> World:
    agents = Agents(draw(some.sampled_from((0.1, 30.0))), talk_s=1.0)
    figures = draw(
        some.none() | some.builds(Figures, some.integers(0, 50), some.just(9.0), some.integers(0, 2))
    )
    script = Script(
        keys=draw(keys),
        agents={"sales": agents, "chiefs": agents, "alice": agents},
        figures={"sales": figures} if figures else {},
        outside=Anybody(draw(parties)),
        replies=draw(some.lists(replies | failures, max_size=3)),
        gone_at=draw(some.sampled_from((None, None, 25.0, 0.0))),
        sounds={"en/welcome": -1.0} if draw(some.booleans()) else {},
    )
    return World(script, records=draw(some.booleans()))


MOST_ROUNDS = 300
"""So often a step may begin without anybody having been waited for: loops of loops count no further here."""


class StrictLine(CompanyLine):
    """A line on which there is nothing that was not checked, and no turning without caller or agent."""

    company: Company
    records = True

    def __init__(self, company: Company, script: Script, language: str) -> None:
        super().__init__(company, script, language)
        self._begun: Counter[str] = Counter()

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        await super().checkpoint(flow, version, path, held)
        self._begun[innermost(path)] += 1
        assert self._begun[innermost(path)] < MOST_ROUNDS, "it turns without the caller"

    async def digit(self, timeout_s: float) -> str | None:
        with self._waiting():
            return await super().digit(timeout_s)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Somebody is waited for, if time passes or a key was there."""
        began_s, keys = self.now_s, len(self._keys)
        yield
        if self.now_s > began_s or len(self._keys) < keys:
            self._begun.clear()

    def prompt(self, name: str) -> str:
        assert name in self.company.callflows.prompts.get(self.language, {}), f"no prompt {name}"
        return super().prompt(name)

    def hours(self, name: str) -> Hours | None:
        assert name in self.company.callflows.hours, f"no opening hours {name}"
        return super().hours(name)

    async def queue(
        self,
        name: str,
        max_wait_s: float | None,
        reason: str = "",
        standing: Standing = ORDINARY,
        exits: Collection[str] = ("timeout",),
    ) -> str:
        assert name in self.company.callflows.queues, f"no queue {name}"
        with self._waiting():
            return await super().queue(name, max_wait_s, reason, standing, exits)

    async def transfer(self, number: str, *given: Any, **named: Any) -> str:
        policy = self.company.callflows.policy
        assert policy
        assert policy.number(number)
        with self._waiting():
            return await super().transfer(number, *given, **named)

    async def transfer_to_agent(self, agent: str, within_s: int) -> str:
        assert agent in self.company.callflows.agents, f"no agent {agent}"
        with self._waiting():
            return await super().transfer_to_agent(agent, within_s)

    async def record(self, name: str, wish: Recording) -> Recorded:
        if not self.records:
            await self._await()
            raise MediaFailed("the disk is full")
        with self._waiting():
            return await super().record(name, wish)


@contextmanager
def company(written: Mapping[str, Steps]) -> Iterator[Folder]:
    """A company that has everything which the examples speak of, and these flows."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = build(Path(scratch))
        edit(directory, "queues.yaml", "queues:\n", "queues:\n  chiefs: {level: 2}\n")
        write(directory, "hours.yaml", "hours: {office: {week: {monday-friday: 9:00-17:00}}}\n")
        (directory / "flows/main.yaml").unlink()
        write(directory, "numbers.yaml", "default: {flow: example}\n")
        for prompt in PROMPTS:
            for language in ("en", "es"):
                record(directory / f"prompts/{language}/{prompt}.wav", samples=8000)
        for name, flow in written.items():
            write(directory, f"flows/{name}.yaml", yaml.safe_dump(flow, sort_keys=False))
        yield check_callflows(directory)


def _prompts() -> set[str]:
    texts = (yaml.safe_dump(step) for steps in EXAMPLES.values() for step in steps)
    words = {word.strip("[],{}'") for text in texts for word in text.split()}
    kinds = (
        kind.model_validate(_fields(verb, step)) for verb, kind in verbs().items() for step in EXAMPLES[verb]
    )
    return {prompt for step in kinds for prompt in step.prompts()} & words


def _fields(verb: str, step: Steps) -> Steps:
    kind, written = verbs()[verb], step[verb]
    if isinstance(written, dict) and not kind.only_main:
        return written
    return {} if written in (None, "") else {str(kind.main): written}


PROMPTS = _prompts()


def serious(folder: Folder) -> list[str]:
    """What is wrong with a company and not harmless."""
    texts = [problem.text for problem in folder.problems]
    return [text for text in texts if not any(each in text for each in HARMLESS)]


def loaded(folder: Folder) -> Company:
    """The company, as far as its problems are harmless."""
    callflows = callflows_of(folder, folder.directory / "prompts")
    return Company(callflows, sounds_of(callflows, folder.directory))


def called(company: Company, world: World) -> Outcome:
    """One call."""

    def line(company: Company, script: Script, language: str) -> StrictLine:
        made = StrictLine(company, script, language)
        made.company, made.records = company, world.records
        return made

    return simulate(company, FLOWS[0], "en", world.script, line)
