"""The stage of the live tests: one server, and plots that are played on it all at once.

A plot is a coroutine that places a call and returns what everybody saw. Each has a number, a queue and agents
of its own (`callflows/`), so that plots do not meet. All begin when the first test asks for one.
"""

import itertools
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import yaml

from tests.rig.desk_phone import DeskPhone
from tests.rig.ear import Ear, Recording
from tests.rig.log_watch import LogWatch
from tests.rig.server import REPOSITORY, Server
from tests.rig.sipp import Account, Caller
from tests.rig.site import Agent, Played
from tests.rig.sound import RATE, Piece, Samples
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
    german = directory / "prompts" / "de"
    german.mkdir()
    sounds["de/goodbye"] = speech(len(PROMPTS), PROMPT_S)
    write_wav(german / "goodbye.wav", sounds["de/goodbye"])
    silence = directory / "music" / "silence"
    silence.mkdir(parents=True)
    write_wav(silence / "silence.wav", [0] * 5 * RATE)
    return sounds


AGI = "AGI(agi://127.0.0.1:4573/flow/{flow})"
DIALPLANS = {
    "9": [AGI, "Wait(60)"],
    "7": [AGI, "Goto(fallback,s,1)"],
    "6": [AGI, AGI, "Goto(front-door,${{EXTEN}},1)"],
    "5": ["Set(AGISIGHUP=no)", AGI],
    "4": ["Set(AGIEXITONHANGUP=yes)", AGI],
    "3": ["AGI(agi://127.0.0.1:4573/flow/{flow}-is-not-there)", "Goto(front-door,${{EXTEN}},1)"],
}
"""What stands before a number → what a dialplan does that is not as the example; `{flow}` is the number's."""

PRIVATE = "\n\n[agents](+)\nexten => 355,1,Answer()\n same => n,Wait(60)\n"
"""Somebody whom agents can call without us."""


def make_dialplan(callflows: Path) -> Path:
    """A dialplan like the example that ships: 8 before any number is the same flow by AGI."""
    example = (REPOSITORY / "asterisk" / "dialplan-example.conf").read_text()
    head, _, rest = example.partition("exten => 100,")
    step, goes_on, front_door = rest.partition("\n\n")
    numbers = yaml.safe_load((callflows / "numbers.yaml").read_text())["numbers"]
    lines = []
    for number, route in numbers.items():
        lines.append(f"exten => 8{number}," + step.replace("/flow/main", f"/flow/{route['flow']}"))
        for prefix, steps in DIALPLANS.items():
            filled = [each.format(flow=route["flow"]) for each in steps]
            lines += [f"exten => {prefix}{number},{at},{each}" for at, each in enumerate(filled, 1)]
    path = callflows.with_name("dialplan.conf")
    path.write_text(head + "\n".join(lines) + goes_on + front_door + PRIVATE)
    return path


class Stage:
    """What a plot may use."""

    def __init__(self, server: Server, sounds: Mapping[str, Samples]) -> None:
        self.server = server
        self.sounds = sounds
        self._numbers = itertools.count(1)
        contacts = yaml.safe_load((HERE / "callflows" / "agents.yaml").read_text())
        self.device_of = {agent: fields["device"] for agent, fields in contacts["agents"].items()}
        free = itertools.count(REGISTERED_AT)
        self._ports: dict[str, int] = {
            device: int(fields["contact"].rpartition(":")[2]) if fields else next(free)
            for device, fields in contacts["devices"].items()
            if "number" not in (fields or {})
        }

    @property
    def log(self) -> LogWatch:
        return self.server.log

    @property
    def music(self) -> list[Piece]:
        return self.server.music

    def number(self) -> str:
        """A caller's number that nobody has used."""
        return f"4930{next(self._numbers):06}"

    def account(self, agent: str) -> Account:
        """The SIP account of the agent's phone."""
        device = self.device_of[agent]
        return self.server.account(device, self._ports[device])

    def agent(self, agent: str, scenario: str, **keys: int | str) -> AbstractAsyncContextManager[Agent]:
        """The agent's phone, playing this scenario for as long as the block lasts."""
        return self.server.agent(self._ports[self.device_of[agent]], scenario, **keys)

    def desk(self, agent: str, ring_s: float = 0.1, calls: int = 8) -> DeskPhone:
        """The agent's phone with several lines, for as long as the block lasts."""
        return DeskPhone(self.account(agent), self.server.target, ring_s, calls)

    async def dials(self, agent: str, code: str) -> Recording:
        """The agent dials a code at his phone; returns what he hears."""
        return await self.server.dials(self.account(agent), code)

    async def call(
        self,
        to: str,
        agents: Mapping[str, Agent] | None = None,
        *,
        caller: Caller | None = None,
        scenario: str = "caller_waits",
        meanwhile: Callable[[str, Ear], Awaitable[None]] | None = None,
        logged_as: str | None = None,
        **keys: int | str,
    ) -> Played:
        """Place a call as `Site.call` does, from a number of its own."""
        return await self.server.call(
            to,
            caller or Caller(self.number()),
            agents,
            scenario=scenario,
            meanwhile=meanwhile,
            logged_as=logged_as,
            **keys,
        )


Plot = Callable[[Stage], Awaitable[Played]]
PLOTS: list[Plot] = []


def plot(coroutine: Plot) -> Plot:
    """Decorator: this plot is played with the others."""
    PLOTS.append(coroutine)
    return coroutine
