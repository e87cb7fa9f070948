"""The worker is killed at every point of a call at which it waits, in every verb: another one goes on.

A new verb is among them by its example. What it needs besides stands in `FLOWS` and `WORLD`.
"""

from collections import deque
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import pytest

from ivr.flow.line import About, Announcement, Hangup, Held, Recorded, Recording
from ivr.flow.run import run_flow
from ivr.flow.script import Script
from ivr.flow.simulation import Company, CompanyLine
from ivr.flow.values import Value
from ivr.flow.virtual_time import run
from ivr.flow.web import Reply, Request, WebFailed
from ivr.steps import verbs
from tests.unit.flow.small_company import write
from tests.unit.flow.test_reference import with_example

FLOWS = {
    "a secret and its use": """
steps:
  prepare:
    set: {before: 1}
    next: ask
  ask:
    gather: {say: Your code please., into: code, sensitive: yes}
    next: {done: split, invalid: end, timeout: end}
  split:
    split: {a: 1, b: 1}
    next: {a: check, b: check}
  check:
    http: {url: "https://shop.example.com/", method: post, send: {code: "{code}"}, save: {ok: ok}}
    next: {done: thanks, failed: end}
  thanks:
    say: "{ok}"
    next: end
  end: {hangup: }
""",
    "a step that comes again": """
steps:
  again:
    loop: 3
    next: {again: tell, done: sales}
  tell:
    webhook: {url: "https://shop.example.com/calls", send: {caller: "{caller.number}"}}
    next: out
  out:
    transfer: 030 901820
    next: {done: again, failed: end}
  sales:
    queue: sales
  end: {hangup: }
after_agent:
  thanks:
    say: Thank you.
    next: end
""",
}
"""Further flows that a kill must not disturb."""

WORLD = {"replies": [Reply(200, b'{"ok": "yes", "name": "Ada"}')] * 9}
KEYS = ("1", "123456#", "")


class Killed(BaseException):
    """The worker is gone."""


class Kept(NamedTuple):
    """What Redis has of the call, and how far the world was then."""

    path: str
    visits: Mapping[str, int]
    variables: Mapping[str, Value]
    about: About
    language: str
    answered: bool


class World(NamedTuple):
    """What the caller will press and others will answer from one step on, and how many steps were passed."""

    turns: Mapping[str, deque[str]]
    replies: deque[Reply | WebFailed]
    passed: int


class MortalLine(CompanyLine):
    """A line whose worker is killed when it waits for the nth time; it notes effects and their keys."""

    def __init__(self, company: Company, script: Script, dies_at: int = 0) -> None:
        super().__init__(company, script, "en")
        self.awaits = 0
        self.effects: set[tuple[str, str]] = set()
        self.kept: Kept | None = None
        self.worlds: dict[str, World] = {}
        self._dies_at = dies_at

    async def _await(self) -> None:
        self.awaits += 1
        if self.awaits == self._dies_at:
            raise Killed
        await super()._await()

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        await super().checkpoint(flow, version, path, held)
        self.worlds[path] = World(deepcopy(self._turns), deepcopy(self._replies), len(self.passed))
        place = held or Held(path, self.visits)
        self.kept = Kept(
            place.path,
            dict(place.visits),
            dict(self.variables),
            self.about,
            self.language,
            self.answered,
        )

    def go_on(self, dead: "MortalLine", kept: Kept) -> int:
        """Be the next worker's line: the world is where it was then. How many steps were passed."""
        self.variables, self.visits = dict(kept.variables), dict(kept.visits)
        self.about, self.language, self.answered = kept.about, kept.language, kept.answered
        world = dead.worlds[kept.path]
        self._turns, self._replies = dict(deepcopy(world.turns)), deepcopy(world.replies)
        return world.passed

    # What others notice

    async def count(self, counter: str, key: str) -> int:
        self.effects.add(("count", key))
        return await super().count(counter, key)

    async def first(self, what: str, key: str, within_s: int) -> bool:
        self.effects.add((what, key))
        return await super().first(what, key, within_s)

    async def record(self, name: str, wish: Recording) -> Recorded:
        self.effects.add(("record", name))
        return await super().record(name, wish)

    async def ask(self, request: Request) -> Reply:
        self.effects.add((f"ask {request.body.decode()}", request.key))
        return await super().ask(request)

    def post(self, request: Request) -> None:
        self.effects.add((f"post {request.body.decode()}", request.key))
        super().post(request)

    async def transfer(
        self, number: str, ring_s: int, key: str, announcement: Announcement | None = None
    ) -> str:
        self.effects.add((number, key))
        return await super().transfer(number, ring_s, key, announcement)


class End(NamedTuple):
    """How a call has gone."""

    by: str
    passed: list[tuple[str, str]]
    variables: Mapping[str, Value]
    effects: set[tuple[str, str]]


def whole(company: Company, script: Script, dies_at: int = 0) -> tuple[End, int]:
    """A call to its end, its first worker killed when it waits for the nth time; and how often one waits."""

    async def one(line: MortalLine, start: str | None) -> str:
        try:
            await run_flow(line, company.callflows.flows["example"], start)
        except Hangup as end:
            return end.by
        except Killed:
            return "killed"

    async def first() -> tuple[str, MortalLine]:
        line = MortalLine(company, script, dies_at)
        return await one(line, None), line

    by, line = run(first())
    passed, effects, awaits = [(each.path, each.outcome) for each in line.passed], line.effects, line.awaits
    if by == "killed":
        dead = line

        async def second() -> tuple[str, MortalLine, int]:
            line, kept = MortalLine(company, script), dead.kept
            before = line.go_on(dead, kept) if kept else 0
            return await one(line, kept.path if kept else None), line, before

        by, line, before = run(second())
        passed = passed[:before] + [(each.path, each.outcome) for each in line.passed]
        effects = effects | line.effects
    return End(by, passed, line.variables, effects), awaits


@pytest.mark.parametrize("name", [*verbs(), *FLOWS])
def test_a_call_goes_on_from_its_checkpoint(name: str, tmp_path: Path) -> None:
    directory = with_example(tmp_path, name if name in verbs() else "play")
    if name in FLOWS:
        write(directory, "flows/example.yaml", FLOWS[name])
    company = Company.load(directory)
    steps = company.callflows.flows["example"].steps
    for keys in KEYS:
        script = Script(turns={step: [keys] * 9 for step in steps}, gone_at=3600.0, **WORLD)  # type: ignore[arg-type]
        alive, awaits = whole(company, script)
        assert alive.passed or name in ("back", "hangup")
        for dies_at in range(1, awaits + 1):
            killed, _ = whole(company, script, dies_at)
            assert killed == alive, f"killed at await {dies_at} of {awaits}, keys {keys!r}"
