"""A running server, its call log, and phones around it: calls, and what everybody saw and heard of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from calllog.call_events import AnyCallEvent
from calllog.grammar import violations
from ivr.settings import Settings
from tests.rig.agreement import disagreements
from tests.rig.ear import Ear, Recording
from tests.rig.log_watch import LogWatch
from tests.rig.sip_view import Leg
from tests.rig.sipp import Account, Caller, Phone, Play, program
from tests.rig.sound import Piece, read_sound

SIP = "127.0.0.1:5060"
MUSIC_S = 60.0
"""So much of each piece is compared: nobody waits longer in a test."""


class Agent(NamedTuple):
    """An agent's phone, and what is heard there."""

    phone: Phone
    ear: Ear


@dataclass(frozen=True)
class Played:
    """What everybody saw of one call."""

    number: str
    """The caller's number, as the log must have it."""
    events: list[AnyCallEvent]
    caller: Leg
    heard: Recording
    agents: Mapping[str, list[Leg]] = field(default_factory=dict)
    """Agent → the legs of this call that his phone saw."""
    heard_by_agents: Mapping[str, Recording] = field(default_factory=dict, repr=False)

    def wrong(self) -> list[str]:
        """What breaks the grammar, and what phones and log tell differently. Empty for a good call."""
        broken = [str(violation) for violation in violations(self.events)]
        return broken + disagreements(self.number, self.caller, self.events, self.agents)

    def check(self) -> None:
        """Raise AssertionError, with everything that was seen, unless nothing is wrong."""
        if wrong := self.wrong():
            seen = [f"  {event.at} {event}" for event in self.events]
            raise AssertionError("\n".join([*wrong, *seen, f"  {self.caller}", f"  {self.agents}"]))

    def one(self, kind: str, by: str = "") -> AnyCallEvent:
        """The only event of this kind (and of this holder). Raises ValueError if there is not exactly one."""
        (found,) = [e for e in self.events if e.kind == kind and (not by or getattr(e, "by", "") == by)]
        return found

    def heard_between(self, begin: AnyCallEvent, end: AnyCallEvent, margin_s: float = 0.25) -> list[int]:
        """What the caller heard between two events, without the first and last moments."""
        return self.heard.part(begin.at / 1000 + margin_s, end.at / 1000 - margin_s)


class Site:
    """A server that runs already. `async with Site(settings, directory) as site`: SIPp's files go there."""

    def __init__(self, settings: Settings, directory: Path, target: str = SIP) -> None:
        self.settings = settings
        self.directory = directory
        self.target = target
        self.log = LogWatch(settings.redis, settings.site)
        self._sipp: Sequence[str] = ()
        self._phones = 0
        self._music: list[Piece] = []

    async def __aenter__(self) -> Self:
        self._sipp = program(self.settings.runtime)
        await self.log.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.log.__aexit__(kind, error, trace)

    @property
    def music(self) -> list[Piece]:
        """How the pieces begin that the default music consists of."""
        if not self._music:
            files = sorted((self.settings.data / "music" / "default").glob("*.ulaw"))
            self._music = [Piece(read_sound(file, MUSIC_S)) for file in files]
        return self._music

    def phone(self, play: Play) -> Phone:
        """A phone near this server. A play that calls or registers, naming no target, means this server."""
        self._phones += 1
        if (play.service or play.scenario == "agent_registers") and not play.target:
            play = replace(play, target=self.target)
        return Phone(self._sipp, play, self.directory / "phones" / f"{self._phones:03}-{play.scenario}")

    def account(self, device: str, port: int) -> Account:
        """The SIP account of a device, whose phone is at this port."""
        return Account(device, (self.settings.secrets / f"device-{device}").read_text().strip(), port)

    async def register(self, account: Account, expires_s: int = 300) -> None:
        """Register a phone; 0 s takes the registration away. The phone must not be there yet, or no more.

        The request comes from the phone's own port: the server may believe that rather than the contact.
        """
        play = Play("agent_registers", {"expires": expires_s}, [account], port=account.port)
        async with self.phone(play) as phone:
            await phone.done()

    async def dials(self, account: Account, code: str) -> Recording:
        """An agent dials a code at his phone; returns what he hears."""
        async with Ear() as ear:
            play = Play("agent_dials", {"stay_ms": 10_000}, [account], service=code, media_port=ear.port)
            async with self.phone(play) as phone:
                await phone.done()
            return ear.recording

    @asynccontextmanager
    async def agent(self, port: int, scenario: str, **keys: int | str) -> AsyncIterator[Agent]:
        """An agent's phone at this port, playing this scenario for as long as the block lasts."""
        async with Ear() as ear:
            play = Play(scenario, keys, port=port, media_port=ear.port, trace=True)
            async with self.phone(play) as phone:
                yield Agent(phone, ear)

    async def call(
        self,
        to: str,
        caller: Caller,
        agents: Mapping[str, Agent] | None = None,
        *,
        scenario: str = "caller_waits",
        meanwhile: Callable[[str, Ear], Awaitable[None]] | None = None,
        logged_as: str | None = None,
        **keys: int | str,
    ) -> Played:
        """Place a call, and wait until it is over for its phones and in the log.

        `meanwhile(call, ear)` runs beside it from `arrived` on. `logged_as`: the number as the log has it.
        """
        agents, number = agents or {}, caller.number if logged_as is None else logged_as
        before = {agent: len(actor.phone.legs) for agent, actor in agents.items()}
        async with Ear() as ear:
            play = Play(scenario, keys, [caller], service=to, media_port=ear.port)
            async with self.phone(play) as phone:
                (leg,) = await self._place(phone, number, ear, meanwhile)
            events = await self.log.whole(number)
        for actor in agents.values():
            await actor.phone.quiet()
        return Played(
            number,
            events,
            leg,
            ear.recording,
            {agent: actor.phone.legs[before[agent] :] for agent, actor in agents.items()},
            {agent: actor.ear.recording for agent, actor in agents.items()},
        )

    async def _place(
        self, phone: Phone, number: str, ear: Ear, meanwhile: Callable[[str, Ear], Awaitable[None]] | None
    ) -> list[Leg]:
        if meanwhile is None:
            return await phone.done()
        called = asyncio.ensure_future(phone.done())
        try:
            await meanwhile(await self.log.call_of(number), ear)
            return await called
        finally:
            called.cancel()
