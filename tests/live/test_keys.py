"""One digit for each press: by RTP (RFC 4733) and SIP INFO, however fast they come and whatever gets lost."""

import time

import pytest

from calllog.call_events import Input
from tests.live.conftest import Watch
from tests.live.stage import Plot, Stage, plot
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import RATE

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEYS = "1223334444*0987"
HABITS = {
    "at ease": Habits(),
    "on a network that doubles packets": Habits(copies=2),
    "in a hurry": Habits(press_s=0.06, pause_s=0.05),
    "as a dialling program": Habits(press_s=0.04, pause_s=0.054),
    "as a program that waits no longer than it must": Habits(press_s=0.04, pause_s=0.04),
    "as a breathless program": Habits(press_s=0.04, pause_s=0.02),
    "with fingers that roll": Habits(press_s=0.1, pause_s=0.04),
    "with fingers that roll faster": Habits(press_s=0.08, pause_s=0.02),
    "on a network that stalls": Habits(stall_s=1.5),
    "on a network that stalls for long": Habits(stall_s=60),
    "with one end told": Habits(lost_ends=2),
    "with the ends alone": Habits(lost_beginnings=True),
    "long presses": Habits(press_s=0.4, pause_s=0.06),
}


def types(habits: Habits) -> Plot:
    async def press(_call: str, ear: Ear) -> None:
        await ear.listen(time.time() + 0.2)
        await ear.send(typed(KEYS + "#", habits))

    async def plot(stage: Stage) -> Played:
        return await stage.call("214", stay_ms=30_000, meanwhile=press)

    return plot


PLOTS = {name: plot(types(habits)) for name, habits in HABITS.items()}


@pytest.mark.parametrize("name", HABITS)
async def test_what_is_typed_is_what_arrives(watch: Watch, name: str) -> None:
    played = await watch(PLOTS[name])
    played.check()
    assert [event.digits for event in played.events if isinstance(event, Input)] == [KEYS]


@plot
async def by_info(stage: Stage) -> Played:
    async def breathe(_call: str, ear: Ear) -> None:
        await ear.listen(time.time())
        await ear.say([0] * 3 * RATE)  # as every telephone does: its silence is sound, too

    caller, scenario = Caller(stage.number(), "Ada", "4;4;4;#"), "caller_presses_four_keys_by_info"
    return await stage.call(
        "214", caller=caller, scenario=scenario, think_ms=300, stay_ms=30_000, meanwhile=breathe
    )


async def test_keys_by_info_count_once_however_often_they_are_sent(watch: Watch) -> None:
    played = await watch(by_info)
    played.check()
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["444"]


@plot
async def types_the_end_key(stage: Stage) -> Played:
    async def press(_call: str, ear: Ear) -> None:
        await ear.listen(time.time() + 0.2)
        await ear.send(typed("12#1", Habits()))

    return await stage.call("215", stay_ms=30_000, meanwhile=press)


async def test_the_end_key_of_a_full_number_is_no_wrong_key_of_the_next_menu(watch: Watch) -> None:
    played = await watch(types_the_end_key)
    played.check()
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["12", "1"]
