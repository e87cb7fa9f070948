"""A flow that decides, calls another, escalates, and speaks another language after the agent has left."""

import pytest

from calllog.call_events import Ended, Escalated, Step, Tagged
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard

pytestmark = pytest.mark.asyncio(loop_scope="session")


@plot
async def decided(stage: Stage) -> Played:
    async with stage.agent("dora", "agent_answers", ring_ms=200, talk_ms=1000) as dora:
        return await stage.call(
            "213",
            {"dora": dora},
            scenario="caller_presses_keys",
            caller=Caller(stage.number(), "Ada", "1"),
            think_ms=round(PROMPT_S * 1000) + 100,
            stay_ms=30_000,
        )


async def test_every_step_that_decides(watch: Watch) -> None:
    played = await watch(decided)
    played.check()
    steps = [(event.path, event.outcome) for event in played.events if isinstance(event, Step)]
    halves = steps.pop(8)
    assert halves[0] == "deciding/halves"
    assert halves[1] in ("one", "other")
    assert steps == [
        ("deciding/open", "open"),
        ("deciding/begin", "done"),
        *[("deciding/count", "again"), ("deciding/add", "done")] * 2,
        ("deciding/count", "done"),
        ("deciding/counted", "yes"),
        ("deciding/about", "done"),
        ("choosing/choose", "1"),
        ("choosing/check", "yes"),
        ("choosing/yes", "chosen"),
        ("deciding/ask", "chosen"),
        ("deciding/german", "done"),
        ("deciding/chief", "answered"),
        ("deciding/thanks", "done"),
    ]


async def test_the_log_has_topic_and_escalation(watch: Watch) -> None:
    played = await watch(decided)
    tagged, escalated, ended = played.one("tagged"), played.one("escalated"), played.events[-1]
    assert isinstance(tagged, Tagged)
    assert (tagged.topic, tagged.campaign) == ("delivery", "spring")
    assert isinstance(escalated, Escalated)
    assert (escalated.queue, escalated.reason) == ("deciding", "he wants to speak to the boss")
    assert isinstance(ended, Ended)
    assert ended.verdict == "completed"


async def test_after_the_agent_he_hears_the_other_language(watch: Watch, stage: Stage) -> None:
    played = await watch(decided)
    after = played.heard_between(played.one("unbridged"), played.events[-1], margin_s=0)
    assert heard(after, stage.sounds["de/goodbye"]).share >= ENOUGH
    assert heard(after, stage.sounds["goodbye"]).share < 0.2
