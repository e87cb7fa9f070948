"""Agents at telephones outside, called by the trunk like any other agent."""

import pytest

from calllog.call_events import Ended
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.live.test_doing import ONE_AT_A_TIME, OUTSIDE_AT
from tests.rig.log_watch import kinds
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")

RINGS_MS, TALKS_MS = 1500, 1000


@plot
async def at_home(stage: Stage) -> Played:
    keys = {"ring_ms": RINGS_MS, "talk_ms": TALKS_MS}
    async with ONE_AT_A_TIME, stage.server.agent(OUTSIDE_AT, "agent_answers", **keys) as rita:
        return await stage.call("270", {"rita": rita}, stay_ms=20_000)


async def test_an_agent_at_a_number_outside_takes_a_call(watch: Watch, stage: Stage) -> None:
    played = await watch(at_home)
    played.check()
    assert [
        kind for kind in kinds(played.events) if kind in ("offered", "declined", "bridged", "unbridged")
    ] == [
        "offered",
        "bridged",
        "unbridged",
    ]
    (leg,) = played.agents["rita"]
    assert leg.to_uri.startswith(f"sip:+493090182270@127.0.0.1:{OUTSIDE_AT}")
    assert leg.ended_by == "us"
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    assert heard_music(waiting, stage.music).share >= ENOUGH
    end = played.events[-1]
    assert isinstance(end, Ended)
    assert end.verdict == "completed"
