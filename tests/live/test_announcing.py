"""What callers hear while they wait: their place, reminders, and the music in between."""

import pytest

from calllog.call_events import Announced
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")

REMINDER = ("not-known", "sorry", "menu", "wrong-key", "goodbye", "no-key")
RING_MS = 8000
"""He answers in the midst of the reminder, which begins after 6 s and lasts another 6."""


@plot
async def told_while_waiting(stage: Stage) -> Played:
    async with stage.agent("anna", "agent_answers", ring_ms=RING_MS, talk_ms=1000) as anna:
        return await stage.call("323", {"anna": anna}, stay_ms=30_000)


async def test_a_caller_is_told_his_place_and_hears_music_in_between(watch: Watch, stage: Stage) -> None:
    played = await watch(told_while_waiting)
    played.check()
    place, reminder = [event for event in played.events if isinstance(event, Announced)]
    assert (place.position, place.spoken) == (1, "position")
    assert (reminder.position, reminder.spoken) == (None, ", ".join(REMINDER))
    joined = played.one("joined")
    assert reminder.at - joined.at == pytest.approx(6000, abs=150)
    assert heard_music(played.heard.part(place.at / 1000, place.at / 1000 + 0.8), stage.music).share < ENOUGH
    between = played.heard.part(place.at / 1000 + 3.5, reminder.at / 1000 - 0.1)
    assert heard_music(between, stage.music).share >= ENOUGH, "the music comes back"
    told = played.heard.part(reminder.at / 1000, reminder.at / 1000 + 0.5)
    assert heard(stage.sounds["not-known"], told).share >= ENOUGH


async def test_who_answers_does_not_wait_for_the_end_of_it(watch: Watch, stage: Stage) -> None:
    played = await watch(told_while_waiting)
    (leg,) = played.agents["anna"]
    assert leg.answered_at
    assert played.one("bridged").at - leg.answered_at == pytest.approx(30, abs=70)
    assert heard(played.heard.samples, stage.sounds["not-known"]).share >= ENOUGH, "it had begun"
    assert heard(played.heard.samples, stage.sounds["no-key"]).share < 0.2, "it was cut off"
