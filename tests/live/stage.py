"""The stage of the live tests: one server, and plots that are played on it all at once.

A plot is a coroutine that places a call and returns what everybody saw. Each has a number, a queue and agents
of its own (`callflows/`), so that plots do not meet. All begin when the first test asks for one.
"""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from calllog.events import AnyCallEvent
from calllog.grammar import violations
from tests.rig.agreement import disagreements
from tests.rig.ear import Ear, Recording
from tests.rig.log_watch import LogWatch
from tests.rig.server import Server
from tests.rig.sip_view import Leg
from tests.rig.sipp import Account, Caller, Phone, Play
from tests.rig.sound import Piece, Samples, read_sound
from tests.rig.voice import speech, write_wav

HERE = Path(__file__).resolve().parent
PROMPTS = ("menu", "wrong-key", "no-key", "sorry", "goodbye", "not-known")
PROMPT_S = 1.0
REGISTERED_AT = 6180
"""Port of the first phone that registers; the others follow."""


def make_callflows(directory: Path) -> dict[str, list[int]]:
    """Copy the tests' callflows there, with prompts made for them; returns each prompt's samples."""
    shutil.copytree(HERE / "callflows", directory)
    folder = directory / "prompts" / "en"
    folder.mkdir(parents=True)
    sounds = {name: speech(seed, PROMPT_S) for seed, name in enumerate(PROMPTS)}
    for name, samples in sounds.items():
        write_wav(folder / f"{name}.wav", samples)
    return sounds


class Agent(NamedTuple):
    """An agent's phone in a plot, with what is heard there."""

    phone: Phone
    ear: Ear


@dataclass(frozen=True)
class Played:
    """What everybody saw of one call."""

    number: str
    events: list[AnyCallEvent]
    caller: Leg
    heard: Recording = field(repr=False)
    agents: Mapping[str, list[Leg]] = field(default_factory=dict)
    """Agent → the legs of this call that his phone saw."""
    heard_by_agents: Mapping[str, Recording] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """What holds for every call: the grammar, and one view of it."""
        wrong = [*map(str, violations(self.events))]
        wrong += disagreements(self.number, self.caller, self.events, self.agents)
        if wrong:
            events = "\n".join(f"  {event.at} {event}" for event in self.events)
            raise AssertionError("\n".join([*wrong, events, f"  {self.caller}", f"  {self.agents}"]))

    def one(self, kind: str, by: str = "") -> AnyCallEvent:
        """The only event of this kind (and of this holder)."""
        (found,) = [e for e in self.events if e.kind == kind and (not by or getattr(e, "by", "") == by)]
        return found

    def heard_between(self, begin: AnyCallEvent, end: AnyCallEvent, margin_s: float = 0.25) -> list[int]:
        """What the caller heard between two events, without the first and last moments."""
        return self.heard.part(begin.at / 1000 + margin_s, end.at / 1000 - margin_s)


class Stage:
    """What a plot may use."""

    def __init__(self, server: Server, sounds: Mapping[str, Samples]) -> None:
        self.server = server
        self.sounds = sounds
        self._music: list[Piece] = []
        self._numbers = itertools.count(1)
        contacts = yaml.safe_load((HERE / "callflows" / "agents.yaml").read_text())
        self.device_of = {agent: fields["device"] for agent, fields in contacts["agents"].items()}
        free = itertools.count(REGISTERED_AT)
        self._ports: dict[str, int] = {
            device: int(fields["contact"].rpartition(":")[2]) if fields else next(free)
            for device, fields in contacts["devices"].items()
        }

    @property
    def log(self) -> LogWatch:
        return self.server.log

    @property
    def music(self) -> list[Piece]:
        """The pieces that the default music consists of."""
        if not self._music:
            files = sorted((self.server.settings.data / "music" / "default").glob("*.ulaw"))
            self._music = [Piece(read_sound(file)) for file in files]
        return self._music

    def number(self) -> str:
        """A caller's number that nobody has used."""
        return f"4930{next(self._numbers):06}"

    def account(self, agent: str) -> Account:
        """The SIP account of the agent's phone."""
        device = self.device_of[agent]
        return Account(device, self.server.password(device), self._ports[device])

    @asynccontextmanager
    async def agent(self, agent: str, scenario: str, **keys: int | str) -> AsyncIterator[Agent]:
        """The agent's phone, playing this scenario for as long as the block lasts."""
        port = self._ports[self.device_of[agent]]
        async with Ear() as ear:
            play = Play(scenario, keys, port=port, media_port=ear.port)
            async with self.server.phone(play) as phone:
                yield Agent(phone, ear)

    async def dials(self, agent: str, code: str) -> Recording:
        """The agent dials a code at his phone; returns what he hears."""
        async with Ear() as ear:
            keys = {"stay_ms": 10_000}
            play = Play("agent_dials", keys, [self.account(agent)], service=code, media_port=ear.port)
            async with self.server.phone(play) as phone:
                await phone.done()
            return ear.recording

    async def call(
        self,
        to: str,
        agents: Mapping[str, Agent] | None = None,
        *,
        scenario: str = "caller_waits",
        caller: Caller | None = None,
        meanwhile: Callable[[str, Ear], Awaitable[None]] | None = None,
        logged_as: str = "",
        **keys: int | str,
    ) -> Played:
        """Place a call, and wait until it is over for its phone and in the log.

        `meanwhile(call, ear)` runs beside it from `arrived` on. `logged_as`: the number as the log has it.
        """
        caller = caller or Caller(self.number())
        before = {agent: len(actor.phone.legs) for agent, actor in (agents or {}).items()}
        async with Ear() as ear:
            play = Play(scenario, keys, [caller], service=to, media_port=ear.port)
            async with self.server.phone(play) as phone, asyncio.TaskGroup() as beside:
                call = await self.log.call_of(logged_as or caller.number)
                if meanwhile:
                    beside.create_task(_as_coroutine(meanwhile(call, ear)))
                (leg,) = await phone.done()
            events = await self.log.whole(logged_as or caller.number)
            heard = ear.recording
        for actor in (agents or {}).values():
            await actor.phone.quiet()
        return Played(
            logged_as or caller.number,
            events,
            leg,
            heard,
            {agent: actor.phone.legs[before[agent] :] for agent, actor in (agents or {}).items()},
            {agent: actor.ear.recording for agent, actor in (agents or {}).items()},
        )


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable


Plot = Callable[[Stage], Awaitable[Played]]
PLOTS: list[Plot] = []


def plot(coroutine: Plot) -> Plot:
    """Decorator: this plot is played with the others."""
    PLOTS.append(coroutine)
    return coroutine
