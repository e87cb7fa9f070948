"""A worker is killed while a caller leaves a message: nobody hears of it, and what was said is kept."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path

import pytest

from calllog.call_events import Recorded, Step
from tests.chaos.test_doing import strike
from tests.live.stage import PROMPT_S, make_callflows
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.server import Server
from tests.rig.sipp import Caller
from tests.rig.sound import ENOUGH, RATE, heard, read_sound
from tests.rig.voice import speech

PARTS = [speech(seed, 1.0) for seed in (81, 82, 83, 84)]
"""What he says without a pause; the worker dies in the second part."""
BEFORE_S = PROMPT_S + 0.9
"""Greeting and tone."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    make_callflows(tmp_path / "callflows")
    async with Server(tmp_path / "callflows") as running:
        yield running


async def test_a_message_survives_the_worker_that_took_it(server: Server, tmp_path: Path) -> None:
    killed_at = 0.0

    async def say(call: str, ear: Ear) -> None:
        nonlocal killed_at
        await ear.listen(time.time() + 0.2)
        before, after = [0] * round(BEFORE_S * RATE), [0] * round(2.4 * RATE)
        saying = asyncio.ensure_future(ear.say([*before, *chain.from_iterable(PARTS), *after]))
        await asyncio.sleep(BEFORE_S + 1.7)
        killed_at = time.time()
        strike(server, call, signal.SIGKILL)
        await saying

    played = await server.call("250", Caller("4930444"), stay_ms=60_000, meanwhile=say)
    played.check()
    assert kinds(played.events).count("recorded") == 1
    steps = [(event.path, event.outcome) for event in played.events if isinstance(event, Step)]
    assert steps[:2] == [("voicemail/message", "done"), ("voicemail/thanks", "done")]
    event = played.one("recorded")
    assert isinstance(event, Recorded)
    kept = read_sound(server.settings.data / "recordings" / f"{event.recording}.wav")
    shares = [heard(kept, part).share for part in PARTS]
    assert sorted(shares)[1] >= ENOUGH, f"nothing is missing but a moment in one part: {shares}"
    assert event.length_ms > 1000 * len(PARTS), "Asterisk went on while nobody had the call"
    sounds = make_callflows(tmp_path / "again")
    later = played.heard.part(killed_at, played.events[-1].at / 1000)
    assert heard(later, sounds["menu"]).share < 0.2, "the greeting is not heard again"
    assert heard(later, sounds["goodbye"]).share >= ENOUGH
