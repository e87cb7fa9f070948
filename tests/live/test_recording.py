"""What a caller says is kept, as he said it; what he enters in secret is kept nowhere."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from calllog.call_events import Input, Step
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, RATE, Samples, heard, read_sound
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="session")

WISH = speech(4711, 2.0)
LONG = speech(4711, 8.0)
THINKS_S = 1.2
"""After the question, until it is kept what he says: nothing is sent then that could be waited for."""
PIN = "4711904"


def steps(played: Played) -> dict[str, str]:
    return {event.path: event.outcome for event in played.events if isinstance(event, Step)}


def recording_of(stage: Stage, played: Played) -> Path:
    name = f"{played.events[0].call}-1".replace(".", "-")
    return stage.server.settings.data / "recordings" / f"{name}.wav"


async def speak(stage: Stage, ear: Ear, wish: Samples = WISH) -> None:
    """Hear the question, and say what is to be kept."""
    await ear.hears(stage.sounds["menu"], from_s=PROMPT_S - 0.4)
    await asyncio.sleep(THINKS_S)
    await ear.say(wish)


@plot
async def says_a_wish(stage: Stage) -> Played:
    async def say(_call: str, ear: Ear) -> None:
        await speak(stage, ear)
        await ear.send(typed("#", Habits()))

    return await stage.call("216", stay_ms=30_000, meanwhile=say)


async def test_what_he_says_is_kept_and_played_to_him(watch: Watch, stage: Stage) -> None:
    played = await watch(says_a_wish)
    played.check()
    assert steps(played)["recorded/wish"] == "done"
    file = recording_of(stage, played)
    assert heard(read_sound(file), WISH).share >= ENOUGH
    assert heard(played.heard.samples, WISH).share >= ENOUGH
    assert heard(played.heard.samples, stage.sounds["sorry"]).share >= ENOUGH
    assert file.stat().st_uid == psutil.Process(stage.server.pid("asterisk")).uids().real
    assert file.parent.stat().st_mode & 0o777 == 0o700


@plot
async def hangs_up_in_his_wish(stage: Stage) -> Played:
    async def say(_call: str, ear: Ear) -> None:
        await speak(stage, ear, LONG)

    return await stage.call("216", stay_ms=round(PROMPT_S * 1000) + 5000, meanwhile=say)


async def test_what_he_said_until_he_hung_up_is_kept(watch: Watch, stage: Stage) -> None:
    played = await watch(hangs_up_in_his_wish)
    played.check()
    assert "recorded/wish" not in steps(played)
    kept = read_sound(recording_of(stage, played))
    assert heard(kept, LONG[:RATE]).share >= ENOUGH


@plot
async def enters_a_pin(stage: Stage) -> Played:
    async def press(_call: str, ear: Ear) -> None:
        await ear.listen(time.time() + 0.2)
        await ear.send(typed(PIN, Habits()))

    return await stage.call("217", stay_ms=30_000, meanwhile=press)


async def test_a_secret_is_in_no_file_of_the_server(watch: Watch, stage: Stage) -> None:
    played = await watch(enters_a_pin)
    played.check()
    assert [(event.digits, event.length) for event in played.events if isinstance(event, Input)] == [("", 7)]
    told = b'"length":7'
    files = [path for path in stage.server.settings.data.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files if path.suffix not in (".wav", ".ulaw", ".alaw")}
    assert any(told in content for content in contents.values()), "the log must be among what is searched"
    assert [path for path, content in contents.items() if PIN.encode() in content] == []
