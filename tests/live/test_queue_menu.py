"""A menu in the queue: what is heard and pressed while a phone rings, and what an agent's answer cuts off."""

import pytest

from calllog.call_events import Ended, Input, QueueLeft, Step
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, one_by_one, typed
from tests.rig.log_watch import kinds
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, FRAME, Frames, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")

RING_MS = 10_000
AGAIN_S = 6.0
"""He answers when the caller is in the menu for the second time, in the midst of a number; it rings since 6 s
when the caller begins that, which he is given 4 s for."""


AFTER_S = 2
"""The other menu begins by itself."""


@plot
async def menu_while_it_rings(stage: Stage) -> Played:
    async def types(call: str, ear: Ear) -> None:
        menu = stage.sounds["menu"]
        begin, four, seven, again, one = one_by_one("54751")
        offered = await stage.log.event(call, "offered")
        await ear.listen(offered.at / 1000 + 0.3)
        await ear.send(begin)
        await ear.hears(menu)
        await ear.send(four)
        await ear.send(seven)
        await stage.log.until(
            lambda event: isinstance(event, Step) and event.path.endswith("/told") and event.call == call
        )
        await ear.listen(offered.at / 1000 + AGAIN_S)
        await ear.send(again)
        await ear.hears(menu, since_at=offered.at / 1000 + AGAIN_S)
        await ear.send(one)

    async with stage.agent("malin", "agent_answers", ring_ms=RING_MS, talk_ms=500) as malin:
        return await stage.call("440", {"malin": malin}, stay_ms=30_000, meanwhile=types)


def passed(played: Played) -> list[tuple[str, str]]:
    """Steps and their outcomes."""
    return [(e.path.rpartition("/")[2], e.outcome) for e in played.events if isinstance(e, Step)]


async def test_he_goes_through_it_and_keeps_his_place(watch: Watch, stage: Stage) -> None:
    played = await watch(menu_while_it_rings)
    played.check()
    inside = [("ask", "done"), ("number", "no"), ("keep", "done"), ("told", "done"), ("back", "waits")]
    assert passed(played)[: len(inside)] == inside
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["47"]
    assert len([kind for kind in kinds(played.events) if kind.startswith("offered")]) == 1
    (told,) = [e for e in played.events if isinstance(e, Step) and e.path.endswith("/told")]
    end = told.at / 1000
    assert heard(played.heard.part(end - 2.0, end + 0.6), stage.sounds["goodbye"]).share >= ENOUGH
    assert heard_music(played.heard.part(end + 0.2, end + 1.5), stage.music).share >= ENOUGH, "it is back"
    asked = played.heard.part(played.one("joined").at / 1000, played.one("input").at / 1000)
    menu = Frames(stage.sounds["menu"])
    assert any(asked[at : at + FRAME] in menu for at in range(0, len(asked), FRAME))
    assert heard(asked, stage.sounds["menu"]).share < ENOUGH, "a part of it"


async def test_who_answers_ends_it_at_once_and_what_was_entered_is_kept(watch: Watch, stage: Stage) -> None:
    played = await watch(menu_while_it_rings)
    (leg,) = played.agents["malin"]
    assert leg.answered_at
    assert played.one("bridged").at - leg.answered_at == pytest.approx(30, abs=70)
    assert passed(played)[5:8] == [("wait", "answered"), ("kept", "yes"), ("thanks", "done")]
    unbridged, ended = played.one("unbridged"), played.events[-1]
    after = played.heard_between(unbridged, ended, margin_s=0)
    assert heard(after, stage.sounds["wrong-key"]).share >= ENOUGH, "the flow knows his number"


@plot
async def leaves_by_the_menu(stage: Stage) -> Played:
    async def types(_call: str, ear: Ear) -> None:
        await ear.hears(stage.sounds["menu"], from_s=0.8)
        await ear.send(typed("99", Habits()))

    async with stage.agent("mirko", "agent_does_not_answer", ring_ms=30_000) as mirko:
        return await stage.call("441", {"mirko": mirko}, stay_ms=30_000, meanwhile=types)


async def test_it_begins_by_itself_and_leads_out_while_a_phone_rings(watch: Watch, stage: Stage) -> None:
    played = await watch(leaves_by_the_menu)
    played.check()
    left, ended = played.one("queue_left"), played.events[-1]
    assert isinstance(left, QueueLeft)
    assert isinstance(ended, Ended)
    assert (left.reason, ended.verdict) == ("exit_key", "overflowed")
    assert passed(played)[:4] == [("ask", "done"), ("number", "yes"), ("leave", "exit"), ("wait", "exit")]
    (leg,) = played.agents["mirko"]
    assert leg.cancelled_at, "his phone stops ringing"
    joined, pressed = played.one("joined").at / 1000, played.one("input").at / 1000
    menu = heard(played.heard.samples, stage.sounds["menu"])
    assert menu.share >= ENOUGH
    begins = played.heard.began_at + menu.at_s
    assert begins - joined >= AFTER_S - 0.1, "by itself"
    assert heard_music(played.heard.part(joined + 0.25, begins - 0.1), stage.music).share >= ENOUGH
    assert heard_music(played.heard.part(begins + 0.1, pressed), stage.music).share < 0.2, "the menu speaks"
    after = played.heard_between(left, ended, margin_s=0)
    assert heard(after, stage.sounds["sorry"]).share >= ENOUGH
