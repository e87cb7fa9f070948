"""Who leaves first, and when: while waiting, in the menu, while talking, on hold, and before the answer."""

import pytest

from calllog.call_events import Ended, HoldEnded, Input, Joined, QueueLeft, Step, Unbridged
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.log_watch import kinds
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music, is_silent

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAIT = ["joined", "hold_started:queue"]
LEAVE = ["hold_ended:queue", "queue_left"]


def ended(played: Played) -> Ended:
    event = played.events[-1]
    assert isinstance(event, Ended)
    return event


@plot
async def impatient(stage: Stage) -> Played:
    return await stage.call("202", stay_ms=2500)


async def test_a_caller_who_hangs_up_while_waiting_is_one_abandonment(watch: Watch, stage: Stage) -> None:
    played = await watch(impatient)
    played.check()
    assert kinds(played.events) == ["arrived", "answered", *WAIT, *LEAVE, "ended"]
    joined, left = played.one("joined"), played.one("queue_left")
    assert isinstance(joined, Joined)
    assert isinstance(left, QueueLeft)
    assert (left.queue, left.reason, left.position, left.original_position) == (
        "empty",
        "caller_hangup",
        1,
        1,
    )
    assert left.waited_ms == pytest.approx(2500, abs=200)
    assert (ended(played).verdict, ended(played).ended_by) == ("abandoned", "caller")
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    assert heard_music(waiting, stage.music).share >= ENOUGH


@plot
async def waits_in_silence(stage: Stage) -> Played:
    return await stage.call("212", stay_ms=2500)


async def test_silence_instead_of_music_would_be_noticed(watch: Watch, stage: Stage) -> None:
    played = await watch(waits_in_silence)
    played.check()
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    assert is_silent(waiting)
    assert heard_music(waiting, stage.music).share < 0.2


@plot
async def wrong_key(stage: Stage) -> Played:
    return await stage.call(
        "201",
        scenario="caller_presses_keys",
        caller=Caller(stage.number(), "Ada", "9"),
        think_ms=round(PROMPT_S * 1000) + 100,
        stay_ms=30_000,
    )


async def test_a_wrong_key_and_then_nothing_ends_in_the_flow(watch: Watch, stage: Stage) -> None:
    played = await watch(wrong_key)
    played.check()
    steps = [(event.path, event.outcome) for event in played.events if isinstance(event, Step)]
    assert steps[:2] == [("menu/choose", "timeout"), ("menu/nobody-there", "done")]
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["9"]
    assert (ended(played).verdict, ended(played).ended_by) == ("self_served", "system")
    assert played.caller.ended_by == "them"
    sounds = played.heard.samples
    order = [heard(sounds, stage.sounds[name]) for name in ("menu", "wrong-key", "goodbye")]
    assert min(found.share for found in order) >= ENOUGH
    assert order[1].at_s < order[2].at_s
    assert heard(sounds, stage.sounds["no-key"]).share < 0.2
    assert heard(sounds, stage.sounds["sorry"]).share < 0.2


@plot
async def caller_leaves_the_talk(stage: Stage) -> Played:
    async with stage.agent("tina", "agent_answers", ring_ms=100, talk_ms=30_000) as tina:
        return await stage.call("206", {"tina": tina}, stay_ms=2000)


async def test_the_caller_hangs_up_first(watch: Watch) -> None:
    played = await watch(caller_leaves_the_talk)
    played.check()
    parted = played.one("unbridged")
    assert isinstance(parted, Unbridged)
    assert parted.ended_by == "caller"
    assert (ended(played).verdict, ended(played).ended_by) == ("completed", "caller")
    assert played.agents["tina"][0].ended_by == "them"


@plot
async def agent_leaves_the_talk(stage: Stage) -> Played:
    async with stage.agent("pia", "agent_answers", ring_ms=100, talk_ms=1000) as pia:
        return await stage.call("207", {"pia": pia}, stay_ms=30_000)


async def test_the_agent_hangs_up_first_and_the_flow_goes_on(watch: Watch, stage: Stage) -> None:
    played = await watch(agent_leaves_the_talk)
    played.check()
    parted = played.one("unbridged")
    assert isinstance(parted, Unbridged)
    assert parted.ended_by == "agent"
    assert parted.talk_ms == pytest.approx(1000, abs=200)
    assert (ended(played).verdict, ended(played).ended_by) == ("completed", "system")
    assert played.caller.ended_by == "them"
    after = played.heard_between(parted, ended(played), margin_s=0)
    assert heard(after, stage.sounds["goodbye"]).share >= ENOUGH
    states = [event.to for event in stage.log.agent_states("pia")]
    assert states[-5:] == ["offered", "connecting", "talking", "wrapup", "ready"]


@plot
async def caller_holds(stage: Stage) -> Played:
    async with stage.agent("holly", "agent_answers", ring_ms=100, talk_ms=30_000) as holly:
        caller = Caller(stage.number(), "Ada", "5")
        return await stage.call(
            "210",
            {"holly": holly},
            scenario="caller_holds",
            caller=caller,
            think_ms=100,
            before_ms=2500,
            hold_ms=1500,
            stay_ms=500,
        )


async def test_the_caller_holds(watch: Watch) -> None:
    played = await watch(caller_holds)
    played.check()
    hold = played.one("hold_ended", "caller")
    assert isinstance(hold, HoldEnded)
    assert hold.held_ms == pytest.approx(1500, abs=150)
    parted = played.one("unbridged")
    assert isinstance(parted, Unbridged)
    assert parted.held_ms == hold.held_ms


@plot
async def refused(stage: Stage) -> Played:
    return await stage.call("211", scenario="caller_is_refused")


async def test_a_flow_can_refuse_unanswered(watch: Watch) -> None:
    played = await watch(refused)
    played.check()
    assert "answered" not in kinds(played.events)
    assert ended(played).verdict == "rejected"
    assert played.caller.status == 486
    assert not played.heard.samples


@plot
async def unknown_number(stage: Stage) -> Played:
    return await stage.call("4711", stay_ms=30_000)


async def test_an_unknown_number_leads_to_the_default_flow(watch: Watch, stage: Stage) -> None:
    played = await watch(unknown_number)
    played.check()
    assert [event.flow for event in played.events if isinstance(event, Step)][:1] == ["not-known"]
    assert heard(played.heard.samples, stage.sounds["not-known"]).share >= ENOUGH
    assert not is_silent(played.heard.samples)
    assert ended(played).verdict == "self_served"
