"""The small company that ships, on real telephones: what no simulation can show of it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from calllog.call_events import Ended, Recorded, Step, SurveyAnswered
from calllog.events import AnyEvent
from ivr.speech import Speech
from tests.rig.customers import HOST, PORT, service
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.server import REPOSITORY, Server, alone_in_network
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, read_sound
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHIPPED = REPOSITORY / "callflows"
CAROL_AT = 6300
WORDS = speech(8, 2.5)
STAY_MS = 60_000
TONE_S = 1.0
APART_S = 20.0
"""Times of keys in RTP only have to grow."""
SETTLES_S = 0.3
"""From an event to the sound that follows it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("example") / "callflows"
    shutil.copytree(SHIPPED, callflows)
    hours = "hours: {office: {week: {sunday: closed}}}\n"  # whenever this runs, the office is closed
    (callflows / "hours.yaml").write_text(hours)
    shutil.rmtree(callflows / "tests")
    customers = web.AppRunner(service())
    await customers.setup()
    await web.TCPSite(customers, HOST, PORT).start()
    async with Server(callflows, http_networks=[f"{HOST}/32"]) as server:
        yield server
    await customers.cleanup()


def steps(played: Played) -> list[str]:
    return [f"{event.path}: {event.outcome}" for event in played.events if isinstance(event, Step)]


def verdict(played: Played) -> str:
    end = played.events[-1]
    assert isinstance(end, Ended)
    return end.verdict


Meanwhile = Callable[[str, Ear], Awaitable[None]]


def presses(server: Server, *turns: tuple[str, str]) -> Meanwhile:
    """He presses keys when a step before has ended: (path of that step, keys)."""

    async def meanwhile(call: str, ear: Ear) -> None:
        for burst, (path, keys) in enumerate(turns):

            def over(event: AnyEvent, path: str = path) -> bool:
                return isinstance(event, Step) and (event.call, event.path) == (call, path)

            await server.log.until(over)
            await asyncio.sleep(SETTLES_S)
            await ear.send(typed(keys, Habits(), since_s=burst * APART_S))

    return meanwhile


def prompt(name: str) -> list[int]:
    return list(read_sound(SHIPPED / "prompts" / f"{name}.wav"))


async def knows_his_pin(server: Server) -> Played:
    keys = presses(server, ("main/welcome", "3123456"), ("account/customer", "4711"))
    return await server.call("100", Caller("4930800001"), meanwhile=keys, stay_ms=25_000)


async def wants_spanish(server: Server) -> Played:
    keys = presses(server, ("main/welcome", "9"))
    return await server.call("100", Caller("4930800002"), meanwhile=keys, stay_ms=25_000)


async def rates_the_talk(server: Server) -> Played:
    account = server.account("carol-phone", CAROL_AT)
    await server.register(account)
    async with server.agent(CAROL_AT, "agent_answers", ring_ms=300, talk_ms=1500) as carol:
        await server.dials(account, "*45")
        keys = presses(server, ("main/welcome", "2"), ("main/choose", "1"), ("breakdown/support", "4"))
        caller = Caller("4930800003")
        played = await server.call("100", caller, {"carol": carol}, meanwhile=keys, stay_ms=STAY_MS)
        await server.dials(account, "*46")
        return played


async def leaves_a_message(server: Server) -> Played:
    async def meanwhile(call: str, ear: Ear) -> None:
        await presses(server, ("main/welcome", "4"), ("office/closed", "#"))(call, ear)
        await asyncio.sleep(TONE_S)
        await ear.say(WORDS)
        await ear.send(typed("#", Habits(), since_s=2 * APART_S))

    return await server.call("100", Caller("4930800004"), meanwhile=meanwhile, stay_ms=STAY_MS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(server: Server) -> AsyncIterator[dict[str, asyncio.Task[Played]]]:
    """All calls, side by side."""
    plots = (knows_his_pin, wants_spanish, rates_the_talk, leaves_a_message)
    playing = {plot.__name__: asyncio.create_task(plot(server)) for plot in plots}
    yield playing
    for call in playing.values():
        call.cancel()
    await asyncio.gather(*playing.values(), return_exceptions=True)


Calls = dict[str, "asyncio.Task[Played]"]


async def test_who_knows_his_pin_is_told_his_balance(server: Server, calls: Calls) -> None:
    played = await calls["knows_his_pin"]
    played.check()
    account = [each for each in steps(played) if each.startswith("account/")]
    assert account[:4] == [f"account/{step}: done" for step in ("customer", "pin", "ask", "tell")]
    spoken = await Speech(
        server.directory / "said", server.settings.speech_engine, server.settings.speech_voices
    ).render(
        "Your balance is twenty-four dollars and fifty cents. "
        "It is due on Tuesday, December first, twenty twenty-six.",
        "en",
    )
    balance = read_sound(Path(spoken.removeprefix("sound:") + ".wav"))
    assert heard(played.heard.samples, balance).share >= ENOUGH


async def test_nine_is_for_spanish(calls: Calls) -> None:
    played = await calls["wants_spanish"]
    played.check()
    assert steps(played)[1:4] == ["main/choose: 9", "main/which-language: no", "main/spanish: done"]
    for name in ("en/welcome", "es/main-menu", "es/other-language", "es/no-key"):
        assert heard(played.heard.samples, prompt(name)).share >= ENOUGH, name


async def test_who_has_agreed_rates_the_talk(calls: Calls) -> None:
    played = await calls["rates_the_talk"]
    played.check()
    (answer,) = [event for event in played.events if isinstance(event, SurveyAnswered)]
    assert (answer.survey, answer.score, answer.highest) == ("satisfaction", 4, 5)
    assert verdict(played) == "completed"


async def test_the_closed_office_takes_a_message(server: Server, calls: Calls) -> None:
    played = await calls["leaves_a_message"]
    played.check()
    (message,) = [event for event in played.events if isinstance(event, Recorded)]
    assert message.box == "callers"
    kept = server.settings.data / "recordings" / f"{message.recording}.wav"
    assert heard(read_sound(kept), WORDS).share >= ENOUGH
    status, out, err = await server.run("messages", "--json")
    assert (status, [each["call"] for each in json.loads(out)["messages"]]) == (0, [message.call]), err
