"""A caller presses 1, hears music, talks to an agent, is put on hold by him, talks, hangs up."""

import pytest

from calllog.call_events import Arrived, Bridged, Ended, HoldEnded, Input, Joined, QueueLeft, Unbridged
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, Piece, heard, heard_music, is_silent
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="session")

AGENT_SPEAKS = speech(101, 1.5)
CALLER_SPEAKS = speech(102, 0.8)
MUSIC_S = 2.0
HOLD_MS = 2000


@plot
async def held(stage: Stage) -> Played:
    times = {"ring_ms": 300, "before_ms": 3200, "hold_ms": HOLD_MS, "talk_ms": 30_000}
    async with stage.agent("hanna", "agent_holds", **times) as hanna:

        async def meanwhile(call: str, ear: Ear) -> None:
            joined = await stage.log.event(call, "joined")
            await ear.listen(joined.at / 1000 + MUSIC_S)
            await stage.dials("hanna", "*45")
            await stage.log.event(call, "bridged")
            await ear.say(CALLER_SPEAKS)
            await hanna.ear.say(AGENT_SPEAKS)

        return await stage.call(
            "201",
            {"hanna": hanna},
            scenario="caller_presses_keys",
            caller=Caller(stage.number(), "Ada", "1"),
            meanwhile=meanwhile,
            think_ms=round(PROMPT_S * 1000) + 100,
            stay_ms=10_000,
        )


async def test_the_log_tells_it(watch: Watch) -> None:
    played = await watch(held)
    played.check()
    assert kinds(played.events) == [
        "arrived",
        "answered",
        "input",
        "step",
        "joined",
        "hold_started:queue",
        "offered",
        "hold_ended:queue",
        "queue_left",
        "bridged",
        "hold_started:agent",
        "hold_ended:agent",
        "unbridged",
        "ended",
    ]
    arrived, chosen = played.one("arrived"), played.one("input")
    assert isinstance(arrived, Arrived)
    assert arrived.campaign == "web"
    assert isinstance(chosen, Input)
    assert chosen.digits == "1"
    joined, left = played.one("joined"), played.one("queue_left")
    assert isinstance(joined, Joined)
    assert isinstance(left, QueueLeft)
    assert (joined.queue, joined.position, left.reason, left.original_position) == ("held", 1, "answered", 1)
    assert MUSIC_S * 1000 <= left.waited_ms <= MUSIC_S * 1000 + 2000


async def test_hold_and_talk_are_measured(watch: Watch) -> None:
    played = await watch(held)
    bridged, parted, ended = played.one("bridged"), played.one("unbridged"), played.one("ended")
    hold = played.one("hold_ended", "agent")
    assert isinstance(bridged, Bridged)
    assert isinstance(parted, Unbridged)
    assert isinstance(ended, Ended)
    assert isinstance(hold, HoldEnded)
    assert hold.held_ms == pytest.approx(HOLD_MS, abs=150)
    assert parted.held_ms == pytest.approx(HOLD_MS, abs=150)
    assert (bridged.agent, parted.ended_by) == ("hanna", "caller")
    assert (ended.verdict, ended.ended_by) == ("completed", "caller")
    assert ended.held_ms == parted.held_ms
    assert ended.talk_ms == parted.talk_ms


async def test_the_caller_hears_the_menu_then_music(watch: Watch, stage: Stage) -> None:
    played = await watch(held)
    assert heard(played.heard.samples, stage.sounds["menu"]).share >= ENOUGH
    assert heard(played.heard.samples, stage.sounds["wrong-key"]).share < 0.2
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    assert heard_music(waiting, stage.music).share >= ENOUGH
    assert heard_music(waiting, [Piece(stage.sounds["menu"])]).share < 0.2


async def test_they_hear_each_other(watch: Watch) -> None:
    played = await watch(held)
    talk = played.heard_between(played.one("bridged"), played.one("unbridged"), margin_s=0)
    assert heard(talk, AGENT_SPEAKS).share >= ENOUGH  # Asterisk drops the first packets of a voice
    assert heard(talk, CALLER_SPEAKS).share < 0.2
    at_the_agents = played.heard_by_agents["hanna"].samples
    assert heard(at_the_agents, CALLER_SPEAKS).share >= ENOUGH
    assert heard(at_the_agents, AGENT_SPEAKS).share < 0.2


async def test_the_held_caller_hears_music(watch: Watch, stage: Stage) -> None:
    played = await watch(held)
    on_hold = played.heard_between(played.one("hold_started", "agent"), played.one("hold_ended", "agent"))
    assert heard_music(on_hold, stage.music).share >= ENOUGH
    assert not is_silent(on_hold)
