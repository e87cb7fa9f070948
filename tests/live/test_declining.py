"""Agents who do not answer, in every way there is. The caller keeps his place and his music."""

import pytest

from calllog.call_events import Declined, Ended, Offered, QueueLeft
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.log_watch import kinds
from tests.rig.sipp import Play
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")


def music_all_the_time(played: Played, stage: Stage) -> bool:
    """While waiting; through every offer."""
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    return heard_music(waiting, stage.music).share >= ENOUGH


def declines(played: Played) -> list[tuple[str, str]]:
    return [(event.agent, event.reason) for event in played.events if isinstance(event, Declined)]


@plot
async def busy(stage: Stage) -> Played:
    async with (
        stage.agent("bert", "agent_is_busy", ring_ms=1500) as bert,
        stage.agent("berta", "agent_answers", ring_ms=100, talk_ms=500) as berta,
    ):
        await stage.dials("berta", "*45")  # bert was ready before her, so he is rung first
        return await stage.call("203", {"bert": bert, "berta": berta}, stay_ms=30_000)


async def test_a_busy_agent_is_followed_by_the_next(watch: Watch, stage: Stage) -> None:
    played = await watch(busy)
    played.check()
    assert [event.agent for event in played.events if isinstance(event, Offered)] == ["bert", "berta"]
    assert declines(played) == [("bert", "busy")]
    last = stage.log.last_state("bert")
    assert last
    assert last.to == "paused"
    assert last.reason == "cooldown"
    assert music_all_the_time(played, stage)


@plot
async def unanswered(stage: Stage) -> Played:
    async with stage.agent("nora", "agent_does_not_answer", ring_ms=30_000) as nora:
        return await stage.call("204", {"nora": nora}, stay_ms=30_000)


async def test_an_agent_who_does_not_answer(watch: Watch, stage: Stage) -> None:
    played = await watch(unanswered)
    played.check()
    assert declines(played) == [("nora", "no_answer")]
    (declined,) = [event for event in played.events if isinstance(event, Declined)]
    assert declined.ring_ms == pytest.approx(2000, abs=300)
    assert len(played.agents["nora"]) == 1
    assert played.agents["nora"][0].cancelled_at
    left = played.one("queue_left")
    assert isinstance(left, QueueLeft)
    assert left.reason == "timeout"
    assert left.waited_ms == pytest.approx(4000, abs=200)
    ended = played.events[-1]
    assert isinstance(ended, Ended)
    assert ended.verdict == "overflowed"
    assert music_all_the_time(played, stage)
    assert heard(played.heard.samples, stage.sounds["sorry"]).share >= ENOUGH


@plot
async def redirected(stage: Stage) -> Played:
    voicemail = Play("agent_answers", {"ring_ms": 50, "talk_ms": 1000}, port=6999)
    forward = {"forward_to": "sip:voicemail@127.0.0.1:6999"}
    async with (
        stage.server.phone(voicemail) as trap,
        stage.agent("remo", "agent_redirects", **forward) as remo,
    ):
        played = await stage.call("205", {"remo": remo}, stay_ms=2500)
        assert trap.legs == []
    return played


async def test_a_redirection_is_a_decline(watch: Watch, stage: Stage) -> None:
    played = await watch(redirected)
    played.check()
    assert declines(played) == [("remo", "rejected")]
    assert played.agents["remo"][0].status == 302
    assert music_all_the_time(played, stage)


@plot
async def away(stage: Stage) -> Played:
    return await stage.call("208", stay_ms=2000)


async def test_a_phone_that_is_not_there_is_never_rung(watch: Watch, stage: Stage) -> None:
    played = await watch(away)
    played.check()
    assert "offered" not in kinds(played.events)
    last = stage.log.last_state("ute")
    assert last is None or last.to == "unreachable"
    assert music_all_the_time(played, stage)
