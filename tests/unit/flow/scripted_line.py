"""A line whose caller, agents and sounds follow a script, in virtual time; it writes down what happens."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from ivr.flow.document import Problem, parse_document
from ivr.flow.line import About, Figures, Hangup, MediaFailed
from ivr.flow.reading import Draft, read_flow
from ivr.flow.run import run_flow
from ivr.flow.step import Flow
from ivr.flow.values import Value
from ivr.flow.web import Reply, Request, WebFailed, WebTimeout
from ivr.steps import verbs
from tests.unit.flow.virtual_time import run

CALLER = About("030123456", "Ada", "100", "web")

REPLY_S = 1.0
"""How long other servers take."""
PROMPT_S = 2.0
"""How long every sound is, unless the script says otherwise."""


@dataclass(frozen=True)
class Agents:
    """A queue's agents: the caller is answered after `after_s` and talks for `talk_s`."""

    after_s: float = 10.0
    talk_s: float = 60.0


@dataclass(frozen=True)
class Script:
    """What the world does. Times in seconds since the call came."""

    keys: Mapping[float, str] = field(default_factory=dict)
    """When → keys pressed then."""
    gone_at: float | None = None
    """When the caller hangs up."""
    sounds: Mapping[str, float] = field(default_factory=dict)
    """Media → seconds; -1: cannot be played."""
    agents: Mapping[str, Agents] = field(default_factory=dict)
    about: About = CALLER
    came_at: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    """When the call came: a Monday."""
    figures: Mapping[str, Figures] = field(default_factory=dict)
    """Queue → its figures, as long as the call lasts; one that is not here cannot be known."""
    variables: Mapping[str, Value] = field(default_factory=dict)
    """Variables that are set already."""
    replies: Sequence[Reply | WebFailed] = ()
    """What other servers answer, one question after the other, each after `REPLY_S`."""
    dies_at_call: int = -1
    """The caller hangs up during this call of the line's methods, counted from 0."""


class ScriptedLine:
    """The line. `told` is what happened: `(second, what)`."""

    def __init__(self, script: Script, language: str = "en") -> None:
        self.call = "test-1.1"
        self.language = language
        self.about = script.about
        self.variables: dict[str, Value] = dict(script.variables)
        self.secrets: dict[str, Value] = {}
        self.visits: dict[str, int] = {}
        self.path = ""
        self.answered = False
        self.calls = 0
        self.told: list[tuple[float, str]] = []
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.asked: list[Request] = []
        """What other servers were asked and told."""
        self._replies = deque(script.replies)
        self._script = script
        self._keys: deque[str] = deque()
        self._gone = False
        self._news = asyncio.Event()
        loop = asyncio.get_running_loop()
        for at, keys in script.keys.items():
            loop.call_at(at, self._press, keys)
        if script.gone_at is not None:
            loop.call_at(script.gone_at, self._leave)

    @property
    def story(self) -> list[str]:
        """What happened, without when."""
        return [what for _, what in self.told]

    async def checkpoint(self, flow: str, version: int, path: str) -> None:
        await self._await()
        assert (flow, version) == (path.partition("/")[0], 7), "a checkpoint names flow and version"
        self.path = path
        self._tell(f"step {path}")

    async def answer(self) -> None:
        await self._await()
        if not self.answered:
            self.answered = True
            self._tell("answer")

    def prompt(self, name: str) -> str:
        if name == "not-there":
            raise MediaFailed("no such prompt")
        return f"{self.language}/{name}"

    async def say(self, text: str) -> str:
        await self._await()
        if text == "unspeakable":
            raise MediaFailed("the engine failed")
        return f"say:{text}"

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        await self._await()
        for each in media:
            if self._keys and self._keys[0] in interrupt:
                return self._keys[0]
            seconds = self._script.sounds.get(each, PROMPT_S)
            if seconds < 0:
                raise MediaFailed(each)
            self._tell(f"play {each}")
            if await self._wait(seconds, interrupt):
                self._tell("stop")
                return next(key for key in self._keys if key in interrupt)
        return None

    async def digit(self, timeout_s: float) -> str | None:
        await self._await()
        if not self._keys:
            await self._wait(timeout_s, "0123456789*#")
        return self._keys.popleft() if self._keys else None

    def now(self) -> datetime:
        return self._script.came_at + timedelta(seconds=asyncio.get_running_loop().time())

    async def figures(self, queue: str) -> Figures | None:
        await self._await()
        return self._script.figures.get(queue)

    def flush_digits(self) -> None:
        self._keys.clear()

    async def queue(self, name: str, max_wait_s: float | None) -> str:
        await self._await()
        self._tell(f"wait in {name}")
        agents = self._script.agents.get(name, Agents())
        if max_wait_s is not None and max_wait_s < agents.after_s:
            await self._wait(max_wait_s, "")
            return "timeout"
        await self._wait(agents.after_s, "")
        self._tell("talk")
        await self._wait(agents.talk_s, "")
        return "answered"

    async def ask(self, request: Request) -> Reply:
        await self._await()
        self.asked.append(request)
        left_s = request.timeout_s
        for attempt in range(request.retries + 1):
            self._tell(_written("ask", request))
            await self._wait(min(REPLY_S, left_s), "")
            left_s -= REPLY_S
            if left_s < 0:
                raise WebTimeout("no answer")
            reply = self._replies.popleft() if self._replies else Reply(200, b"{}")
            if isinstance(reply, Reply) and not reply.passing:
                return reply
            if attempt == request.retries and isinstance(reply, WebFailed):
                raise reply
        assert isinstance(reply, Reply)
        return reply

    def post(self, request: Request) -> None:
        self.asked.append(request)
        self._tell(_written("post", request))

    async def hangup(self, cause: str) -> NoReturn:
        await self._await()
        self._tell(f"hangup {cause}")
        raise Hangup("system")

    def note(self, kind: str, **fields: object) -> None:
        self.notes.append((kind, fields))

    # The script

    def _press(self, keys: str) -> None:
        self._keys.extend(keys)
        self._news.set()

    def _leave(self) -> None:
        self._gone = True
        self._news.set()

    def _tell(self, what: str) -> None:
        self.told.append((asyncio.get_running_loop().time(), what))

    async def _await(self) -> None:
        """An await point, where the caller may be gone."""
        assert not self._gone, "a step went on after the hangup"
        await asyncio.sleep(0)
        if self.calls == self._script.dies_at_call:
            self._gone = True
        self.calls += 1
        self._still_there()

    async def _wait(self, seconds: float, keys: str) -> bool:
        """Let time pass; True when a key of `keys` came meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        known = len(self._keys)
        while True:
            self._still_there()
            if any(key in keys for key in list(self._keys)[known:]):
                return True
            if loop.time() >= until:
                return False
            self._news.clear()
            timer = loop.call_at(until, self._news.set)
            await self._news.wait()
            timer.cancel()

    def _still_there(self) -> None:
        if self._gone:
            raise Hangup("caller", 16)


def _written(what: str, request: Request) -> str:
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    return " ".join(filter(None, (what, request.method, request.url, request.body.decode(), *headers)))


def draft_of(text: str, name: str = "main") -> tuple[Draft | None, list[Problem]]:
    """A flow from its YAML text, and what is wrong in it."""
    document = parse_document(text, f"flows/{name}.yaml")
    problems = list(document.problems)
    return read_flow(name, document, verbs(), problems), problems


def flow_of(text: str) -> Flow:
    """A flow from the YAML text of a file, which must be right."""
    draft, problems = draft_of(text)
    assert draft, problems
    assert not problems, problems
    return draft.flow(version=7)


def call(
    text: str, script: Script | None = None, start: str | None = None, language: str = "en"
) -> ScriptedLine:
    """Run a whole call through a flow, to its hangup; the line tells what happened."""

    async def whole() -> ScriptedLine:
        line = ScriptedLine(script or Script(), language)
        try:
            await run_flow(line, flow_of(text), start)
        except Hangup as end:
            line.told.append((asyncio.get_running_loop().time(), f"over by {end.by}"))
        return line

    return run(whole())
