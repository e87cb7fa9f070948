"""Agents who are told who comes, and take the call by a key; callers who are told that they are connected."""

import pytest

from calllog.call_events import Declined, Offered
from calllog.grammar import violations
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music, is_silent

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKED_S, THINKS_S, CONNECTING_S = 4.0, 3.0, 1.0
"""The queue's `within_s`; when the phones press their keys; what the caller is told."""


@plot
async def taken_by_key(stage: Stage) -> Played:
    keys = {"ring_ms": 100, "think_ms": round(THINKS_S * 1000), "slow_ms": 0, "talk_ms": 2500}
    async with (
        stage.agent("carl", "agent_presses_key", **keys) as carl,
        stage.agent("cora", "agent_presses_key", **keys) as cora,
    ):
        return await stage.call("324", {"carl": carl, "cora": cora}, stay_ms=30_000)


async def test_who_presses_another_key_has_not_taken_the_call(watch: Watch) -> None:
    played = await watch(taken_by_key)
    assert not violations(played.events)
    assert [event.agent for event in played.events if isinstance(event, Offered)] == ["carl", "cora"]
    (declined,) = [event for event in played.events if isinstance(event, Declined)]
    assert (declined.agent, declined.reason) == ("carl", "not_confirmed")
    (leg,) = played.agents["carl"]
    assert leg.ended_at - leg.answered_at == pytest.approx(ASKED_S * 1000, abs=300)


async def test_who_presses_it_is_brought_together_with_the_caller(watch: Watch, stage: Stage) -> None:
    played = await watch(taken_by_key)
    bridged = played.one("bridged")
    (leg,) = played.agents["cora"]
    expected = (THINKS_S + CONNECTING_S) * 1000
    assert bridged.at - leg.answered_at == pytest.approx(expected, abs=350), "no longer than what was said"
    waiting = played.heard_between(played.one("hold_started", "queue"), bridged, margin_s=0.25)
    before = waiting[: -round(CONNECTING_S * 8000)]
    assert heard_music(before, stage.music).share >= ENOUGH, "music, while two agents were asked"
    assert heard(played.heard.samples, stage.sounds["goodbye"]).share >= ENOUGH, "he is told"
    for agent in ("carl", "cora"):
        (leg,) = played.agents[agent]
        begins = leg.answered_at / 1000
        whispered = played.heard_by_agents[agent].part(begins + 0.1, begins + 1.5)
        assert not is_silent(whispered)
        assert heard_music(whispered, stage.music).share < 0.2
