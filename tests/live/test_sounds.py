"""What flows say is what callers hear: before the answer, in their language, until they press a key."""

import time
from pathlib import Path

import pytest

from calllog.call_events import Input, Step
from ivr.speech import Speech
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.ear import Ear
from tests.rig.keypad import one_by_one
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, FRAME, Frames, Heard, heard, read_sound

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT = 0.2
"""Share below which a sound was not heard."""


def steps(played: Played) -> list[tuple[str, str]]:
    return [(e.path.partition("/")[2], e.outcome) for e in played.events if isinstance(e, Step)]


async def spoken(played: Played, text: str, language: str, directory: Path) -> Heard:
    """How well the caller heard what the speech engine makes of these words."""
    media = await Speech(directory).render(text, language)
    return heard(played.heard.samples, read_sound(Path(f"{media.removeprefix('sound:')}.wav")))


@plot
async def hears_before_the_answer(stage: Stage) -> Played:
    return await stage.call("252", stay_ms=30_000)


async def test_what_need_not_be_answered_is_heard_before_the_answer(watch: Watch, stage: Stage) -> None:
    played = await watch(hears_before_the_answer)
    played.check()
    assert steps(played)[:2] == [("price", "done"), ("answered", "done")]
    answered_at = played.caller.answered_at / 1000
    before = played.heard.part(0, answered_at)
    after = played.heard.part(answered_at, answered_at + 60)
    first, second = (heard(before, stage.sounds[name]) for name in ("menu", "wrong-key"))
    assert min(first.share, second.share) >= ENOUGH
    assert second.at_s - first.at_s == pytest.approx(PROMPT_S, abs=0.2), "one after the other"
    assert heard(before, stage.sounds["goodbye"]).share < NOT
    assert heard(after, stage.sounds["goodbye"]).share >= ENOUGH


@plot
async def hears_values_in_english(stage: Stage) -> Played:
    return await stage.call("253", stay_ms=30_000)


@plot
async def hears_values_in_german(stage: Stage) -> Played:
    return await stage.call("254", stay_ms=30_000)


WORDS = {
    "en": [
        "four seven one, one",
        "twelve euro and fifty cents",
        "Thursday, December twenty-fourth, twenty twenty-six",
        "one thousand, two hundred and thirty-four",
        "one hour and one minute",
    ],
    "de": [
        "vier sieben eins, eins",
        "zwölf Euro und fünfzig Cent",
        "Donnerstag, vierundzwanzigster Dezember zweitausendsechsundzwanzig",
        "eintausendzweihundertvierunddreißig",
        "eine Stunde und eine Minute",
    ],
}


@pytest.mark.parametrize(
    ("call", "language"), [(hears_values_in_english, "en"), (hears_values_in_german, "de")]
)
async def test_values_are_heard_in_words(watch: Watch, tmp_path: Path, call: object, language: str) -> None:
    played = await watch(call)  # type: ignore[arg-type]
    played.check()
    found = [await spoken(played, text, language, tmp_path) for text in WORDS[language]]
    assert min(each.share for each in found) >= ENOUGH, found
    assert found == sorted(found, key=lambda each: each.at_s), "in their order"
    other = await spoken(played, "nine zero five, six", language, tmp_path)
    assert other.share < NOT, "other words are told apart"


@plot
async def corrects_a_number(stage: Stage) -> Played:
    async def press(_call: str, ear: Ear) -> None:
        question, keys = stage.sounds["sorry"], one_by_one("4224" + "31")
        await ear.hears(stage.sounds["menu"])
        for key in keys[:2]:
            await ear.send(key)
        await ear.hears(question, from_s=PROMPT_S - 0.4)  # he has heard what he has entered
        since = ear.packets[-1].at
        for key in keys[2:5]:
            await ear.send(key)
        await ear.hears(question, from_s=PROMPT_S - 0.4, since_at=since + PROMPT_S)
        await ear.send(keys[5])

    return await stage.call("255", stay_ms=30_000, meanwhile=press)


async def test_what_was_entered_is_read_back_until_it_is_right(
    watch: Watch, stage: Stage, tmp_path: Path
) -> None:
    played = await watch(corrects_a_number)
    played.check()
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["42", "2", "43", "1"]
    words = ("four two", "four three", "forty-three")
    found = [await spoken(played, text, "en", tmp_path) for text in words]
    assert min(each.share for each in found) >= ENOUGH, found
    assert found == sorted(found, key=lambda each: each.at_s), "in their order"
    assert heard(played.heard.samples, stage.sounds["sorry"]).share >= ENOUGH


@plot
async def presses_ahead(stage: Stage) -> Played:
    async def press(call: str, ear: Ear) -> None:
        *ahead, late = one_by_one("1234")
        await ear.listen(time.time() + 0.1)
        for key in ahead:
            await ear.send(key)
        await stage.log.until(lambda e: isinstance(e, Step) and (e.call, e.path) == (call, "ahead/second"))
        await ear.hears(stage.sounds["no-key"], from_s=0.4)
        await ear.send(late)

    return await stage.call("256", stay_ms=30_000, meanwhile=press)


async def test_what_is_pressed_ahead_is_kept_until_a_step_flushes_it(watch: Watch, stage: Stage) -> None:
    played = await watch(presses_ahead)
    played.check()
    assert steps(played)[:4] == [("greeting", "done"), ("first", "1"), ("second", "2"), ("third", "4")]
    sounds, told = stage.sounds, played.heard.samples
    assert heard(told, sounds["menu"]).share >= ENOUGH, "keys do not stop what cannot be interrupted"
    assert heard(told, sounds["wrong-key"]).share < NOT
    assert heard(told, sounds["sorry"]).share < NOT
    half = len(sounds["no-key"]) // 2
    assert heard(told, sounds["no-key"][: half // 2 + half]).share > NOT
    end = Frames(sounds["no-key"][half + half // 2 :])
    assert not any(told[at : at + FRAME] in end for at in range(0, len(told), FRAME)), "the key stops it"
