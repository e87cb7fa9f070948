"""One suite of flow tests, played on both lines, ARI and AGI: same outcomes, same log, same words.

By AGI a call comes from a dialplan like the one that ships as an example (`stage.make_dialplan`).
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from aiohttp import web

from calllog.call_events import AnyCallEvent, Arrived, Recorded
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Plot, Stage, plot
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, read_sound
from tests.rig.voice import speech
from tests.unit.web.far_side import FarSide

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = {"ari": "", "agi": "8"}
"""Line → what is dialled before the number."""

TOLD = {
    "step": ("path", "outcome"),
    "input": ("path", "digits", "length"),
    "tagged": ("topic", "campaign"),
    "escalated": ("queue", "reason"),
    "joined": ("queue",),
    "queue_left": ("queue", "reason"),
    "bridged": ("agent",),
    "unbridged": ("agent", "ended_by"),
    "hold_started": ("by",),
    "hold_ended": ("by",),
    "ended": ("verdict", "reason", "ended_by"),
}
"""Kind → what both lines must tell of it; when it was differs from call to call."""

Tells = Callable[[Stage, str], Awaitable[Played]]
"""A plot on the line of that prefix."""


def outline(events: Sequence[AnyCallEvent]) -> list[str]:
    """What a log tells, without times and ids."""
    return [
        " ".join([event.kind, *(str(getattr(event, name)) for name in TOLD.get(event.kind, ()))])
        for event in events
    ]


def on_both(tells: Tells) -> Mapping[str, Plot]:
    """The plot on each line, played beside all others.

    By AGI once it is over by ARI: while a hundred calls begin at once, commands come late, and keys are lost.
    """
    over = asyncio.Event()

    async def by_ari(stage: Stage) -> Played:
        try:
            return await tells(stage, LINES["ari"])
        finally:
            over.set()

    async def by_agi(stage: Stage) -> Played:
        await over.wait()
        return await tells(stage, LINES["agi"])

    return {"ari": plot(by_ari), "agi": plot(by_agi)}


def presses(keys: str, after_s: float = 0.3) -> Callable[[str, Ear], Awaitable[None]]:
    async def press(_call: str, ear: Ear) -> None:
        await ear.listen(time.time() + after_s)
        await ear.send(typed(keys, Habits()))

    return press


BEGIN = ["arrived", "answered"]
WAIT = ["hold_started queue"]
GONE = "ended ivr_exit caller-hangup caller"
ENDED = "ended self_served flow-ended system"


# A queue and an agent: by AGI the front door has the rest of the call

PHONE = asyncio.Lock()
"""There is one, and the plots have it one after the other."""


async def queued(stage: Stage, prefix: str) -> Played:
    async with PHONE, stage.agent("ada", "agent_answers", ring_ms=200, talk_ms=500) as ada:
        return await stage.call(prefix + "240", {"ada": ada}, stay_ms=30_000, meanwhile=presses("1"))


QUEUED = on_both(queued)


@pytest.mark.parametrize("line", LINES)
async def test_menu_queue_agent_and_what_follows(watch: Watch, stage: Stage, line: str) -> None:
    played = await watch(QUEUED[line])
    played.check()
    assert outline(played.events) == [
        *BEGIN,
        "input both-queue/choose 1 None",
        "step both-queue/choose 1",
        "joined both",
        *WAIT,
        "offered",
        "hold_ended queue",
        "queue_left both answered",
        "bridged ada",
        "unbridged ada agent",
        "step both-queue/wait answered",
        "step both-queue/thanks done",
        "ended completed flow-ended system",
    ]
    arrived = played.events[0]
    assert isinstance(arrived, Arrived)
    assert (arrived.to, arrived.asterisk) == (LINES[line] + "240", "main")
    after = played.heard_between(played.one("unbridged"), played.events[-1], margin_s=0)
    assert heard(after, stage.sounds["goodbye"]).share >= ENOUGH


# Keys pressed ahead, in a prompt that goes on nevertheless


async def typed_ahead(stage: Stage, prefix: str) -> Played:
    return await stage.call(prefix + "241", stay_ms=30_000, meanwhile=presses("12#91", 0.1))


AHEAD = on_both(typed_ahead)


@pytest.mark.parametrize("line", LINES)
async def test_keys_are_kept_across_steps_and_no_prompt_loses_one(
    watch: Watch, stage: Stage, line: str
) -> None:
    played = await watch(AHEAD[line])
    played.check()
    assert outline(played.events) == [
        *BEGIN,
        "step both-keys/hear done",
        "input both-keys/code 12 None",
        "step both-keys/code done",
        "input both-keys/choose 9 None",
        "input both-keys/choose 1 None",
        "step both-keys/choose 1",
        "step both-keys/told yes",
        "step both-keys/thanks done",
        ENDED,
    ]
    assert heard(played.heard.samples, stage.sounds["menu"]).share >= ENOUGH, "heard to its end"
    assert heard(played.heard.samples, stage.sounds["sorry"]).share < 0.2
    assert heard(played.heard.samples, stage.sounds["goodbye"]).share >= ENOUGH


# A secret, a slow server, loops, sub-flows, languages

SERVER = asyncio.Lock()
"""It has one port, and the plots have it one after the other."""
ASKED: dict[str, str] = {}
PIN = "4711"


async def doing(stage: Stage, prefix: str) -> Played:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(0.8)  # it takes its time, in which the caller presses a key
        return web.json_response({"customer": {"name": "Ada"}})

    async with SERVER, FarSide(answer, port=6191) as far:
        played = await stage.call(prefix + "242", stay_ms=30_000, meanwhile=presses(PIN + "1"))
        ((_, _, _, ASKED[prefix]),) = far.asked
        return played


DOING = on_both(doing)


@pytest.mark.parametrize("line", LINES)
async def test_what_decides_and_what_asks_others(watch: Watch, stage: Stage, line: str) -> None:
    played = await watch(DOING[line])
    played.check()
    assert outline(played.events) == [
        *BEGIN,
        "input both-doing/pin  4",
        "step both-doing/pin done",
        "step both-doing/look-up done",
        "step both-doing/prepare done",
        *["step both-doing/count again", "step both-doing/add done"] * 2,
        "step both-doing/count done",
        "input choosing/choose 1 None",
        "step choosing/choose 1",
        "step choosing/check yes",
        "step choosing/yes chosen",
        "step both-doing/ask chosen",
        "step both-doing/greet done",
        "tagged delivery spring",
        "step both-doing/about done",
        "step both-doing/german done",
        "step both-doing/thanks done",
        ENDED,
    ]
    assert ASKED[LINES[line]] == f'{{"pin":"{PIN}"}}'
    assert heard(played.heard.samples, stage.sounds["de/goodbye"]).share >= ENOUGH
    log = stage.server.log_of("asterisk") + stage.server.log_of("worker-1") + stage.server.log_of("worker-2")
    assert not re.search(rf"(?<!\d){PIN}(?!\d)", log)


# What he says is kept

WISH = speech(241, 1.5)


async def recorded(stage: Stage, prefix: str) -> Played:
    async def speak(_call: str, ear: Ear) -> None:
        await ear.hears(stage.sounds["menu"], from_s=PROMPT_S - 0.4)
        await asyncio.sleep(1.2)  # after the question nothing is sent that could be waited for
        await ear.say(WISH)
        await ear.send(typed("#", Habits()))

    return await stage.call(prefix + "216", stay_ms=30_000, meanwhile=speak)


RECORDED = on_both(recorded)


@pytest.mark.parametrize("line", LINES)
async def test_a_recording(watch: Watch, stage: Stage, line: str) -> None:
    played = await watch(RECORDED[line])
    played.check()
    assert outline(played.events) == [
        *BEGIN,
        "step recorded/ask done",
        "recorded",
        "step recorded/wish done",
        ENDED,
    ]
    recorded = played.one("recorded")
    assert isinstance(recorded, Recorded)
    kept = read_sound(stage.server.settings.data / "recordings" / f"{recorded.recording}.wav")
    assert heard(kept, WISH).share >= ENOUGH
    assert heard(played.heard.samples, WISH).share >= ENOUGH, "played back to him"


# Before the answer


async def refused(stage: Stage, prefix: str) -> Played:
    return await stage.call(prefix + "211", scenario="caller_is_refused")


REFUSED = on_both(refused)


@pytest.mark.parametrize("line", LINES)
async def test_a_refusal(watch: Watch, line: str) -> None:
    played = await watch(REFUSED[line])
    played.check()
    assert outline(played.events) == ["arrived", "ended rejected flow-ended system"]
    assert played.caller.status == 486


async def heard_early(stage: Stage, prefix: str) -> Played:
    return await stage.call(prefix + "243", scenario="caller_is_refused")


EARLY = on_both(heard_early)


@pytest.mark.parametrize("line", LINES)
async def test_words_before_the_answer(watch: Watch, stage: Stage, line: str) -> None:
    played = await watch(EARLY[line])
    played.check()
    assert outline(played.events) == [
        "arrived",
        "step both-early/hear done",
        "ended rejected flow-ended system",
    ]
    assert played.caller.status == 503
    assert not played.caller.answered_at
    assert heard(played.heard.samples, stage.sounds["menu"]).share >= ENOUGH


# Nobody presses, nobody is there


async def escalated(stage: Stage, prefix: str) -> Played:
    return await stage.call(prefix + "244", stay_ms=30_000)


ESCALATED = on_both(escalated)


@pytest.mark.parametrize("line", LINES)
async def test_an_escalation_is_told_once_and_ends_by_its_timeout(
    watch: Watch, stage: Stage, line: str
) -> None:
    played = await watch(ESCALATED[line])
    played.check()
    assert outline(played.events) == [
        *BEGIN,
        "step both-escalating/choose timeout",
        "step both-escalating/sorry done",
        "escalated both-chiefs he asks for the boss",
        "joined both-chiefs",
        *WAIT,
        "hold_ended queue",
        "queue_left both-chiefs timeout",
        "step both-escalating/chiefs timeout",
        "step both-escalating/bye done",
        "ended overflowed flow-ended system",
    ]
    for prompt in ("menu", "no-key", "not-known", "goodbye"):
        assert heard(played.heard.samples, stage.sounds[prompt]).share >= ENOUGH


# He leaves, wherever he is


def leaves(number: str, stay_s: float) -> Tells:
    async def leave(stage: Stage, prefix: str) -> Played:
        return await stage.call(prefix + number, stay_ms=round(stay_s * 1000))

    return leave


LEAVING: dict[str, tuple[str, float, list[str]]] = {
    "at once": ("240", 0.03, BEGIN),
    "in a prompt": ("240", 0.5, BEGIN),
    "asked for a key": ("240", 2.0, BEGIN),
    "while he speaks": ("216", PROMPT_S + 0.7, [*BEGIN, "step recorded/ask done"]),
}
LEFT = {name: on_both(leaves(number, stay_s)) for name, (number, stay_s, _) in LEAVING.items()}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("where", LEAVING)
async def test_who_hangs_up_has_left_the_flow(watch: Watch, line: str, where: str) -> None:
    played = await watch(LEFT[where][line])
    played.check()
    assert outline(played.events) == [*LEAVING[where][2], GONE]
    assert abs(played.events[-1].at - played.caller.ended_at) < 300, "told at once"
