"""The door of a queue, and the ways out of it that are not an agent."""

import pytest

from calllog.call_events import Ended, Input, QueueLeft, QueueRefused
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.log_watch import kinds
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAIT = ["joined", "hold_started:queue"]
LEAVE = ["hold_ended:queue", "queue_left", "step"]


def left(played: Played) -> tuple[str, str]:
    """Why he left the queue, and the call's verdict."""
    event, ended = played.one("queue_left"), played.events[-1]
    assert isinstance(event, QueueLeft)
    assert isinstance(ended, Ended)
    return event.reason, ended.verdict


@plot
async def leaves_by_key(stage: Stage) -> Played:
    caller = Caller(stage.number(), "Ada", "59")
    return await stage.call(
        "320", scenario="caller_presses_keys", caller=caller, think_ms=1500, stay_ms=30_000
    )


async def test_a_key_leads_out_of_the_queue(watch: Watch, stage: Stage) -> None:
    played = await watch(leaves_by_key)
    played.check()
    assert kinds(played.events) == ["arrived", "answered", *WAIT, "input", *LEAVE, "step", "ended"]
    key = played.one("input")
    assert isinstance(key, Input)
    assert (key.path, key.digits) == ("leaving/wait", "9")
    assert left(played) == ("exit_key", "overflowed")
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    assert heard_music(waiting, stage.music).share >= ENOUGH
    after = played.heard_between(played.one("queue_left"), played.events[-1], margin_s=0)
    assert heard(after, stage.sounds["goodbye"]).share >= ENOUGH
    assert heard_music(after, stage.music).share < 0.2


@plot
async def two_shut_doors(stage: Stage) -> Played:
    return await stage.call("321", stay_ms=30_000)


async def test_who_is_refused_never_joins(watch: Watch, stage: Stage) -> None:
    played = await watch(two_shut_doors)
    played.check()
    assert "joined" not in kinds(played.events)
    refused = [(event.queue, event.reason) for event in played.events if isinstance(event, QueueRefused)]
    assert refused == [("unstaffed", "no_agents"), ("never-open", "closed")]
    ended = played.events[-1]
    assert isinstance(ended, Ended)
    assert (ended.verdict, ended.wait_ms) == ("self_served", 0)
    assert heard(played.heard.samples, stage.sounds["sorry"]).share >= ENOUGH
    assert heard_music(played.heard.samples, stage.music).share < 0.2


@plot
async def nobody_is_left(stage: Stage) -> Played:
    async with stage.agent("lena", "agent_does_not_answer", ring_ms=30_000) as lena:
        return await stage.call("322", {"lena": lena}, stay_ms=30_000)


async def test_who_waits_leaves_when_nobody_is_there_any_more(watch: Watch, stage: Stage) -> None:
    played = await watch(nobody_is_left)
    played.check()
    assert left(played) == ("no_agents", "overflowed")
    event = played.one("queue_left")
    assert isinstance(event, QueueLeft)
    assert event.waited_ms == pytest.approx(1000, abs=400), "at once, not at the next look"
    assert heard(played.heard.samples, stage.sounds["sorry"]).share >= ENOUGH
