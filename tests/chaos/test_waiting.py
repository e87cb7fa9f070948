"""The worker of callers who wait is killed: in a menu, in announcements, under many phones. Then Redis."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack

import pytest

from calllog.call_events import Announced, Bridged, Declined, Input, Step
from calllog.grammar import violations
from tests.chaos.test_transfers import Drama
from tests.live.stage import Stage
from tests.rig.ear import Ear
from tests.rig.keypad import one_by_one
from tests.rig.log_watch import kinds
from tests.rig.site import Agent, Played
from tests.rig.sound import ENOUGH, heard, heard_music

RING_MS = 9000
"""Phones ring so long that they ring when the worker dies, and when Redis does."""
LONG_MS = 60_000
MUSIC_S = 3.0
"""Enough to tell music from other sounds."""
MUSIC = 0.35
"""Share of it that must be found: a machine that starts workers plays with gaps. Others stay below 0.2."""
STAY_MS = 24_000


def music(stage: Stage, played: Played, back: float) -> float:
    """Share of music in what the caller hears from then on, or a moment later (seconds since the epoch)."""
    begins = (back, back + 0.4, back + 0.8)
    pieces = (played.heard.part(begin, begin + MUSIC_S - 0.8) for begin in begins)
    return max(heard_music(piece, stage.music).share for piece in pieces)


async def in_the_menu(drama: Drama) -> Played:
    """He waits on with music and what he has entered before, and may begin it again."""
    stage, back = drama.stage, 0.0
    malin = await drama.phone("malin", RING_MS, 1500)

    async def story(call: str, ear: Ear) -> None:
        nonlocal back
        menu = stage.sounds["menu"]
        begin, four, seven, again, one, later = one_by_one("547515")
        joined = await stage.log.event(call, "joined")
        await ear.listen(joined.at / 1000 + 0.2)
        await ear.send(begin)
        await ear.hears(menu)
        await ear.send(four)
        await ear.send(seven)
        told = await stage.log.until(
            lambda event: isinstance(event, Step) and event.call == call and event.path.endswith("/told")
        )
        await ear.listen(told.at / 1000 + 0.2)
        await ear.send(again)
        await ear.hears(menu, since_at=told.at / 1000)
        await ear.send(one)
        await drama.blow(call)
        back = time.time()
        await ear.listen(back + MUSIC_S)
        await ear.send(later)

    played = await stage.call("440", {"malin": malin}, meanwhile=story, stay_ms=STAY_MS)
    assert music(stage, played, back) >= MUSIC
    told = heard(played.heard.part(back + MUSIC_S, back + MUSIC_S + 3), stage.sounds["menu"])
    assert told.share >= ENOUGH, "it begins again by its key"
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["47"]
    steps = [(e.path.rpartition("/")[2], e.outcome) for e in played.events if isinstance(e, Step)]
    assert ("kept", "yes") in steps, "what he had entered to its end"
    assert _parties(played) == ["malin"]
    return played


async def told_something(drama: Drama) -> Played:
    """It is broken off, the music is back, and it is not said again until its time."""
    stage, back = drama.stage, 0.0

    async def story(call: str, ear: Ear) -> None:
        nonlocal back
        await stage.log.event(call, "announced")
        await drama.blow(call)
        back = time.time()
        await ear.listen(back + MUSIC_S)

    played = await stage.call("444", meanwhile=story, stay_ms=STAY_MS - 8000)
    assert music(stage, played, back) >= MUSIC
    assert sum(isinstance(event, Announced) for event in played.events) == 1, "nothing is said twice"
    return played


async def being_connected(drama: Drama) -> Played:
    """Both are apart again, he hears music, and she is rung anew."""
    stage, back = drama.stage, 0.0
    stine = await drama.phone("stine", 3500, LONG_MS)

    async def story(call: str, ear: Ear) -> None:
        nonlocal back
        await ear.hears(stage.sounds["not-known"])
        await drama.blow(call)
        back = time.time()

    played = await stage.call("445", {"stine": stine}, meanwhile=story, stay_ms=STAY_MS + 10_000)
    assert music(stage, played, back) >= MUSIC
    assert _lost(played) == ["stine"], story_of(played)
    assert _parties(played) == ["stine"]
    return played


async def agent_is_told(drama: Drama) -> Played:
    """He is let go, rung anew, told from the beginning, and gets the caller."""
    stage = drama.stage
    sverre = await drama.phone("sverre", 100, LONG_MS)

    async def story(call: str, _: Ear) -> None:
        await sverre.ear.hears(stage.sounds["not-known"])
        await drama.blow(call)

    played = await stage.call("446", {"sverre": sverre}, meanwhile=story, stay_ms=STAY_MS + 10_000)
    assert _lost(played) == ["sverre"], story_of(played)
    assert _parties(played) == ["sverre"]
    return played


async def many_phones_ring(drama: Drama) -> Played:
    """All are silent, ring anew, go on ringing without Redis; one wins, and none is left ringing."""
    stage = drama.stage
    amrit = await drama.around.enter_async_context(
        stage.agent("amrit", "agent_does_not_answer", ring_ms=LONG_MS)
    )
    alina = await drama.around.enter_async_context(
        stage.agent("alina", "agent_does_not_answer", ring_ms=LONG_MS)
    )
    alva = await drama.phone("alva", RING_MS, 500)
    phones = {"amrit": amrit, "alva": alva, "alina": alina}

    async def story(call: str, _: Ear) -> None:
        await stage.log.event(call, "offered")
        await drama.blow(call)
        async with asyncio.timeout(RING_MS / 1000):
            while not all(_rings_anew(phone) for phone in phones.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # SIPp tells nobody
        await asyncio.sleep(1.0)  # they ring on for long: what the worker does of it, it has done
        redis = stage.server.pid("redis")
        os.kill(redis, signal.SIGKILL)

    played = await stage.call("302", phones, meanwhile=story, stay_ms=LONG_MS)
    assert sorted(_lost(played)) == ["alina", "alva", "amrit"], story_of(played)
    assert _parties(played) == ["alva"]
    for agent in ("amrit", "alina"):
        assert len(played.agents[agent]) == 2
        assert all(leg.cancelled_at for leg in played.agents[agent]), "nobody's phone is left ringing"
    return played


def _rings_anew(agent: Agent) -> bool:
    legs = agent.phone.legs
    return len(legs) == 2 and legs[1].ringing_at > 0


def story_of(played: Played) -> str:
    return "\n".join(map(str, played.events))


def _parties(played: Played) -> list[str]:
    return [event.agent for event in played.events if isinstance(event, Bridged)]


def _lost(played: Played) -> list[str]:
    return [e.agent for e in played.events if isinstance(e, Declined) and e.reason == "worker_lost"]


PLOTS = (in_the_menu, told_something, being_connected, agent_is_told, many_phones_ring)


@pytest.mark.timeout(120)
async def test_every_kind_of_waiting(stage: Stage) -> None:
    os.kill(stage.server.pid("worker-2"), signal.SIGSTOP)  # worker-1 gets every call
    async with AsyncExitStack() as around:
        drama = Drama(stage, around)
        playing = [asyncio.ensure_future(plot(drama)) for plot in PLOTS]
        await drama.strike(len(PLOTS), signal.SIGKILL)
        try:
            seen = await asyncio.gather(*playing)
        except BaseException:
            print(stage.server.state)
            raise
    for played in seen:
        wrong = violations(played.events)
        assert not wrong, "\n".join([*map(str, wrong), story_of(played)])
        assert kinds(played.events)[-1] == "ended"
    code, said, _ = await stage.server.run("audit")
    assert code == 0, said
