"""Messages that callers leave, and what they answer when they are asked: on real telephones."""

import asyncio
import json
from pathlib import Path

import pytest

from calllog.call_events import Recorded, Step, SurveyAnswered
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.ear import Ear
from tests.rig.keypad import one_by_one
from tests.rig.log_watch import kinds
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, RATE, Samples, heard, read_sound
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="session")

MESSAGE = speech(4712, 2.5)
LONG = speech(4712, 8.0)
TONE_S = 1.5
"""So long after the greeting the tone, of 0.5 s, is over, also a late one; 2 s of silence end a message."""


def steps(played: Played) -> list[tuple[str, str]]:
    return [(event.path, event.outcome) for event in played.events if isinstance(event, Step)]


def recorded(played: Played) -> Recorded:
    event = played.one("recorded")
    assert isinstance(event, Recorded)
    return event


def file_of(stage: Stage, played: Played) -> Path:
    return stage.server.settings.data / "recordings" / f"{recorded(played).recording}.wav"


async def say_after_the_tone(stage: Stage, ear: Ear, samples: Samples, silent_s: float = 0) -> None:
    """Hear greeting and tone, and speak; in one stream, as telephones do."""

    async def greeted() -> None:
        await ear.hears(stage.sounds["menu"], from_s=PROMPT_S - 0.4)
        await asyncio.sleep(TONE_S)

    await ear.listen(0)
    await ear.say([*samples, *[0] * round(silent_s * RATE)], once=asyncio.ensure_future(greeted()))


@plot
async def leaves_a_message(stage: Stage) -> Played:
    async def say(_call: str, ear: Ear) -> None:
        await say_after_the_tone(stage, ear, MESSAGE, silent_s=2.5)

    return await stage.call("250", stay_ms=30_000, meanwhile=say)


async def test_a_message_ends_with_silence_and_is_in_its_box(watch: Watch, stage: Stage) -> None:
    played = await watch(leaves_a_message)
    played.check()
    assert steps(played)[:2] == [("voicemail/message", "done"), ("voicemail/thanks", "done")]
    for prompt in ("menu", "goodbye"):
        assert heard(played.heard.samples, stage.sounds[prompt]).share >= ENOUGH
    kept = read_sound(file_of(stage, played))
    assert heard(kept, MESSAGE).share >= ENOUGH
    event = recorded(played)
    assert (event.box, event.from_) == ("office", played.number)
    assert event.length_ms == pytest.approx(len(kept) * 1000 / RATE, abs=1)
    code, out, err = await stage.server.run("messages", "--json", "--box", "office")
    assert code == 0, err
    listed = {message["id"]: message for message in json.loads(out)["messages"]}
    assert listed[event.recording]["caller"] == played.number
    assert listed[event.recording]["file"] == str(file_of(stage, played))


@plot
async def hangs_up_in_his_message(stage: Stage) -> Played:
    async def say(_call: str, ear: Ear) -> None:
        await say_after_the_tone(stage, ear, LONG)

    return await stage.call("250", stay_ms=round((PROMPT_S + TONE_S) * 1000) + 5000, meanwhile=say)


async def test_who_hangs_up_in_the_middle_has_left_what_he_said(watch: Watch, stage: Stage) -> None:
    played = await watch(hangs_up_in_his_message)
    played.check()
    assert kinds(played.events) == ["arrived", "answered", "recorded", "ended"]
    assert recorded(played).box == "office"
    assert heard(read_sound(file_of(stage, played)), LONG[:RATE]).share >= ENOUGH


@plot
async def says_nothing(stage: Stage) -> Played:
    async def breathe(_call: str, ear: Ear) -> None:
        await say_after_the_tone(stage, ear, (), silent_s=2.5)

    return await stage.call("250", stay_ms=30_000, meanwhile=breathe)


@plot
async def sends_nothing(stage: Stage) -> Played:
    """A telephone that spares its network the silence."""
    return await stage.call("250", stay_ms=30_000)


@pytest.mark.parametrize("mute", [says_nothing, sends_nothing])
async def test_who_says_nothing_has_left_nothing(watch: Watch, stage: Stage, mute: object) -> None:
    played = await watch(mute)  # type: ignore[arg-type]
    played.check()
    assert steps(played)[:2] == [("voicemail/message", "empty"), ("voicemail/nothing", "done")]
    assert "recorded" not in kinds(played.events)
    name = played.events[0].call.replace(".", "-")
    left = stage.server.settings.data.rglob(f"{name}*.wav")
    assert list(left) == []
    assert heard(played.heard.samples, stage.sounds["no-key"]).share >= ENOUGH


@plot
async def is_asked_how_it_was(stage: Stage) -> Played:
    async def press(call: str, ear: Ear) -> None:
        asked = stage.sounds["sorry"]
        agree, wrong, four = one_by_one("174")
        await ear.hears(stage.sounds["menu"])
        await ear.send(agree)
        await stage.log.event(call, "survey_offered")
        await ear.hears(asked, from_s=PROMPT_S - 0.4)
        await ear.send(wrong)
        await ear.hears(stage.sounds["wrong-key"])  # he is told that this is no answer
        await ear.hears(asked, from_s=PROMPT_S - 0.4, since_at=ear.packets[-1].at)
        await ear.send(four)

    async with stage.agent("sia", "agent_answers", ring_ms=200, talk_ms=700) as sia:
        return await stage.call("251", {"sia": sia}, stay_ms=30_000, meanwhile=press)


async def test_a_caller_who_agreed_is_asked_after_the_agent_has_left(watch: Watch, stage: Stage) -> None:
    played = await watch(is_asked_how_it_was)
    played.check()
    assert [path for path, _ in steps(played)][:4] == [
        *("surveyed/invite", "surveyed/wait", "surveyed/rate", "surveyed/thanks")
    ]
    order = [
        kind for kind in kinds(played.events) if kind in ("unbridged", "survey_offered", "survey_answered")
    ]
    assert order == ["unbridged", "survey_offered", "survey_answered"]
    answer = played.one("survey_answered")
    assert isinstance(answer, SurveyAnswered)
    assert (answer.survey, answer.score, answer.lowest, answer.highest) == ("csat", 4, 1, 5)
    after = played.heard_between(played.one("unbridged"), played.events[-1], margin_s=0)
    for prompt in ("wrong-key", "sorry", "goodbye"):
        assert heard(after, stage.sounds[prompt]).share >= ENOUGH, prompt
