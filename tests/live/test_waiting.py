"""A caller who waits: he is moved to another queue, or his time is over while phones ring."""

import pytest

from calllog.call_events import Announced, AnyCallEvent, QueueLeft
from calllog.grammar import violations
from queues.store import Store
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.ear import Ear
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")


@plot
async def moved_while_he_waits(stage: Stage) -> Played:
    async def move(call: str, ear: Ear) -> None:
        joined = await stage.log.event(call, "joined")
        await ear.listen(joined.at / 1000 + 1.2)
        store = Store(stage.server.settings.redis, stage.server.settings.site)
        try:
            await store.move(call, "moved-into", by="eve")
        finally:
            await store.close()

    return await stage.call("442", stay_ms=30_000, meanwhile=move)


async def test_who_is_moved_hears_the_other_queue_at_once(watch: Watch, stage: Stage) -> None:
    played = await watch(moved_while_he_waits)
    played.check()
    moved_at = played.one("moved").at / 1000
    before = played.heard.part(moved_at - 0.8, moved_at - 0.1)
    assert heard_music(before, stage.music).share < ENOUGH
    assert heard_music(played.heard.part(moved_at + 0.3, moved_at + 1.8), stage.music).share >= ENOUGH
    (told,) = [event for event in played.events if isinstance(event, Announced)]
    assert told.spoken == "not-known"
    assert told.at / 1000 - moved_at == pytest.approx(2.0, abs=0.2)
    said = played.heard.part(told.at / 1000, told.at / 1000 + 1.9)
    assert heard(said, stage.sounds["not-known"]).share >= ENOUGH
    last = _left(played)[-1]
    assert (last.queue, last.reason) == ("moved-into", "timeout")
    assert last.at / 1000 - moved_at == pytest.approx(4.0, abs=0.3), "its longest wait, since he is there"


@plot
async def his_time_is_over_while_it_rings(stage: Stage) -> Played:
    async with (
        stage.agent("osman", "agent_does_not_answer", ring_ms=30_000) as osman,
        stage.agent("orla", "agent_is_busy", ring_ms=50) as orla,
    ):
        return await stage.call("443", {"osman": osman, "orla": orla}, stay_ms=30_000)


async def test_no_other_phone_rings_after_his_time(watch: Watch, stage: Stage) -> None:
    played = await watch(his_time_is_over_while_it_rings)
    assert not violations(played.events)  # an offer that came after his time was not rung
    (left,) = _left(played)
    assert left.reason == "timeout"
    assert left.waited_ms == pytest.approx(1100, abs=350), "when she would have been rung again"
    (leg,) = played.agents["osman"]
    assert leg.cancelled_at, "his phone is silent"
    assert len(played.agents["orla"]) == 1
    ended = played.events[-1]
    after = played.heard_between(left, ended, margin_s=0)
    assert heard(after, stage.sounds["sorry"]).share >= ENOUGH


def _left(played: Played) -> list[QueueLeft]:
    events: list[AnyCallEvent] = played.events
    return [event for event in events if isinstance(event, QueueLeft)]
