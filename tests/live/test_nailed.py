"""Agents whose phone stays connected: *44, one caller after the other without ringing, what both hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from calllog.call_events import Bridged, Unbridged
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.live.test_agent_transfers import press
from tests.rig.ear import Ear
from tests.rig.sipp import Play
from tests.rig.site import Agent, Played
from tests.rig.sound import ENOUGH, LOUD, RATE, heard, loudness
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLER, AGENT = speech(430, 0.8), speech(431, 0.8)
HELLO = speech(432, 0.3)
LONG_MS = 60_000
TONE_S = 0.7
SOON_MS = 150
"""So much a machine may need on which all plots are played; `make bench-nailed` measures the goal."""


@asynccontextmanager
async def nailed_up(stage: Stage, agent: str, stay_ms: int = LONG_MS) -> AsyncIterator[Agent]:
    """The agent has dialled *44 and stays, for so long or until the block is left."""
    async with Ear() as ear:
        keys = {"stay_ms": stay_ms}
        play = Play("agent_dials", keys, [stage.account(agent)], service="*44", media_port=ear.port)
        async with stage.server.phone(play) as phone:
            await stage.log.state(agent, "ready")
            yield Agent(phone, ear)


def seen_by(played: Played, name: str, agent: Agent) -> Played:
    """The same, and what this agent saw and heard from his login on."""
    return replace(played, agents={name: agent.phone.legs}, heard_by_agents={name: agent.ear.recording})


@plot
async def stays(stage: Stage) -> Played:
    async with nailed_up(stage, "nadja") as nadja:

        async def meanwhile(call: str, ear: Ear) -> None:
            await ear.listen(0)  # she still writes the first call up
            silent = asyncio.ensure_future(ear.say([0] * 2 * RATE))
            await stage.log.event(call, "bridged")
            await silent  # a tone is mixed into what comes from him
            for speaker, words in ((nadja.ear, AGENT), (ear, CALLER)):
                await speaker.say(HELLO)
                await speaker.say(words)

        await stage.call("430", stay_ms=500)
        played = await stage.call("430", meanwhile=meanwhile, stay_ms=6000)
        await stage.log.state("nadja", "ready")
        await stage.server.run("agent", "nadja", "offline")
        await nadja.phone.quiet()
        return seen_by(played, "nadja", nadja)


async def test_one_leg_for_all_callers_until_she_logs_out(watch: Watch, stage: Stage) -> None:
    played = await watch(stays)
    (leg,) = played.agents["nadja"]
    states = stage.log.agent_states("nadja")
    talk = ["offered", "connecting", "talking", "wrapup", "ready"]
    assert [event.to for event in states] == ["ready", *talk, *talk, "offline"]
    assert leg.ended_by == "them"
    assert 0 <= leg.ended_at - states[-1].at < 2000
    assert played.one("bridged").at - played.one("offered").at <= SOON_MS


async def test_both_hear_each_other_and_only_she_the_tone(watch: Watch) -> None:
    played = await watch(stays)
    hers = played.heard_by_agents["nadja"]
    assert heard(played.heard.samples, AGENT).share >= ENOUGH
    assert heard(hers.samples, CALLER).share >= ENOUGH
    bridged = played.one("bridged").at / 1000
    assert loudness(hers.part(bridged, bridged + TONE_S)) > LOUD
    assert loudness(hers.part(bridged - 0.5, bridged)) < LOUD, "silence, while she waits"
    assert loudness(played.heard.part(bridged + 0.1, bridged + TONE_S)) < LOUD


@plot
async def leaves(stage: Stage) -> Played:
    async with nailed_up(stage, "nele", stay_ms=4000) as nele, nailed_up(stage, "nick", stay_ms=3500) as nick:
        played = await stage.call("431", stay_ms=LONG_MS)
        await nick.phone.done()
        await stage.log.state("nick", "offline")
        await stage.log.state("nele", "offline")
        return seen_by(played, "nele", nele)


async def test_who_hangs_up_is_not_at_work(watch: Watch, stage: Stage) -> None:
    played = await watch(leaves)
    over = played.one("unbridged")
    assert isinstance(over, Unbridged)
    assert over.ended_by == "agent"
    assert over.at - played.agents["nele"][0].ended_at == pytest.approx(0, abs=250)
    for agent, before in (("nele", "talking"), ("nick", "ready")):
        last = stage.log.last_state(agent)
        assert last is not None
        assert (last.from_, last.to, last.reason) == (before, "offline", "hung_up")


@plot
async def asked(stage: Stage) -> Played:
    async with nailed_up(stage, "nuria") as nuria:

        async def meanwhile(call: str, ear: Ear) -> None:
            await nuria.ear.hears(stage.sounds["goodbye"], from_s=PROMPT_S - 0.4)
            await asyncio.sleep(1.0)  # she thinks
            await press(nuria, "1", ear)
            await stage.log.event(call, "bridged")
            await asyncio.sleep(0.5)
            await press(nuria, "*0", ear)

        return seen_by(await stage.call("432", meanwhile=meanwhile, stay_ms=6000), "nuria", nuria)


async def test_she_is_told_and_asked_before(watch: Watch, stage: Stage) -> None:
    played = await watch(asked)
    assert played.one("bridged").at - played.one("offered").at >= 1500
    hers = played.heard_by_agents["nuria"].samples
    assert heard(hers, stage.sounds["goodbye"]).share >= ENOUGH


async def test_she_ends_the_talk_by_keys_and_stays(watch: Watch) -> None:
    played = await watch(asked)
    over = played.one("unbridged")
    assert isinstance(over, Unbridged)
    assert over.ended_by == "agent"
    (leg,) = played.agents["nuria"]
    assert leg.open
    assert played.one("ended").at >= over.at


@plot
async def consulted(stage: Stage) -> Played:
    async with (
        nailed_up(stage, "nilo") as nilo,
        stage.agent("noah", "agent_answers", ring_ms=100, talk_ms=LONG_MS) as noah,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(noah, "*24331#", ear)
            await stage.log.event(call, "consulted")
            await press(noah, "*3", ear)
            await stage.log.event(call, "transferred")
            await ear.say(HELLO)
            await ear.say(CALLER)

        played = await stage.call("433", meanwhile=meanwhile, stay_ms=6000)
        await stage.log.state("nilo", "ready")
        return seen_by(played, "nilo", nilo)


async def test_whom_an_agent_asks_is_there_at_once_and_stays_when_the_caller_has_gone(watch: Watch) -> None:
    played = await watch(consulted)
    assert [event.agent for event in played.events if isinstance(event, Bridged)] == ["noah", "nilo"]
    (leg,) = played.agents["nilo"]
    assert leg.open
    assert heard(played.heard_by_agents["nilo"].samples, CALLER).share >= ENOUGH
