"""What agents dial: *45 is ready, *46 is a pause; each says so."""

import pytest

from ivr.runtime import find
from tests.live.stage import Stage
from tests.rig.sipp import Account, PhoneFailed, Play
from tests.rig.sound import ENOUGH, heard, read_sound

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIRMATIONS = ("activated", "de-activated")


async def test_ready_and_pause_by_phone(stage: Stage) -> None:
    sounds = find(stage.server.settings.runtime).inside("/usr/share/asterisk/sounds")
    activated, deactivated = (read_sound(next(sounds.glob(f"en_*/{name}.wav"))) for name in CONFIRMATIONS)
    ready = await stage.dials("cody", "*45")
    # His phone is not registered: being ready makes him unreachable, not free.
    assert (await stage.log.state("cody", "unreachable")).agent == "cody"
    pause = await stage.dials("cody", "*46")
    paused = await stage.log.state("cody", "paused")
    assert paused.reason == "phone"
    assert heard(ready.samples, activated).share >= ENOUGH
    assert heard(ready.samples, deactivated).share < ENOUGH
    assert heard(pause.samples, deactivated).share >= ENOUGH


async def test_a_wrong_password_changes_nothing(stage: Stage) -> None:
    before = stage.log.last_state("cody")
    account = Account("cody-phone", "guessed", 6190)
    play = Play("agent_registers", {"expires": 60}, [account])
    async with stage.server.phone(play) as phone:
        with pytest.raises(PhoneFailed):
            await phone.done()
    assert stage.log.last_state("cody") is before


async def test_agents_cannot_call_through_the_front_door(stage: Stage) -> None:
    calls = len(stage.log.calls())
    play = Play("agent_dials", {"stay_ms": 1000}, [stage.account("cody")], service="201")
    async with stage.server.phone(play) as phone:
        with pytest.raises(PhoneFailed):
            await phone.done()
        assert phone.legs[0].status == 486
    assert len(stage.log.calls()) == calls
