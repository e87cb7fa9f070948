"""One call in every kind of step that takes time, and the one worker that has them all is killed.

Each goes on from its checkpoint, and what its step was for happens once. A new verb needs a line in `CALLS`,
or in `AT_ONCE` if it takes no time: those are killed in tests/unit/flow/test_killed.py.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from aiohttp import web

from calllog.call_events import Input, Step
from calllog.events import WorkerRecovered
from ivr.steps import verbs
from tests.chaos.drill import noise
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.log_watch import kinds
from tests.rig.server import Server
from tests.rig.sipp import Caller
from tests.rig.site import Agent, Played
from tests.rig.voice import speech, write_wav
from tests.unit.web.far_side import FarSide

OUTSIDE_AT, AGENT_AT, SERVER_AT = 6170, 6171, 6190
LONG_S = 6.0
"""A sound that is heard when the worker dies."""
LIVES_S = 3.0
"""From the first call to the kill: all calls are in their steps then."""
RECOVERY_S = 15.0
BREATH_S = 1.0
"""After the take-over callers press what they are asked for; who presses at once is heard, too."""
SPEAKS_S = 2.5
"""So long he speaks after the take-over: a recording of less than a second is `empty`."""
AT_ONCE = {"back", "branch", "flow", "hangup", "hours", "language", "loop", "set", "split", "tag", "webhook"}
WORDS = "This is a long text, which will be spoken for several seconds, so that somebody can die under it."
TIMEOUT_S = 8
HELLO = "  hello:\n    play: short\n    next: it\n"
RATE = "  rate:\n    survey: {name: csat, ask: {say: And?}, timeout_s: 1, retries: 0}\n    next: end\n"
STAY_MS = 25_000
"""By then everything must have happened."""


class Call(NamedTuple):
    """A call that is in a step when the worker dies."""

    verb: str
    fields: str
    """Of the step, in YAML."""
    outcome: str
    keys: str = ""
    """What the caller presses after the take-over."""
    ways: str = "end"
    """`next:` of the step."""
    once: str = ""
    """An event that must be in the log exactly once."""
    before: str = ""
    """Steps that come before, in YAML."""
    early: str = ""
    """What he presses before the worker dies."""
    speaks: bool = False
    """He speaks from the beginning until he presses a key."""


CALLS = {
    "a prompt": Call("play", "long", "done"),
    "a text": Call("say", WORDS, "done"),
    "a text of his own": Call("say", "'{caller.number:digits}. " + WORDS + "'", "done"),
    "a menu": Call("menu", "{play: short, timeout_s: 30}", "1", "1", "{1: end, invalid: end, timeout: end}"),
    "digits": Call("gather", "{play: short, into: n, timeout_s: 30}", "done", "12#", once="input"),
    "secret digits": Call("gather", "{play: short, into: n, timeout_s: 30, sensitive: yes}", "done", "12#"),
    "a recording": Call("record", "{into: message, silence_s: 0}", "done", "#", speaks=True),
    "a message": Call(
        "voicemail", "{box: sales, play: short, silence_s: 0}", "done", "#", speaks=True, once="recorded"
    ),
    "an invitation": Call(
        "survey",
        f"{{name: csat, invite: {{say: '{WORDS}'}}}}",
        "accepted",
        "1",
        "{accepted: rate, declined: end}",
        before=HELLO + RATE,
    ),
    "a question after the talk": Call(
        "survey",
        f"{{name: csat, ask: {{say: '{WORDS}'}}, uninvited: yes}}",
        "done",
        "4",
        once="survey_answered",
    ),
    "a slow server": Call("http", f"http://127.0.0.1:{SERVER_AT}/slow", "done", before=HELLO),
    "a slow server that is told a secret": Call(
        "http",
        f"{{url: 'http://127.0.0.1:{SERVER_AT}/pin', method: post, send: {{pin: '{{pin}}'}}}}",
        "done",
        "34#",
        before="  ask:\n    gather: {play: short, into: pin, sensitive: yes, timeout_s: 30}\n    next: it\n",
        early="12#",
    ),
    "an offer": Call(
        "offer", f"{{name: more, when: yes, say: '{WORDS}'}}", "accepted", "1", once="offer_made"
    ),
    "a queue": Call("queue", f"{{name: lonely, max_wait_s: {TIMEOUT_S}}}", "timeout", once="joined"),
    "a higher queue": Call(
        "escalate",
        f"{{queue: chiefs, reason: nobody else, max_wait_s: {TIMEOUT_S}}}",
        "timeout",
        once="escalated",
    ),
    "an agent by name": Call(
        "transfer", f"{{agent: nobody, ring_s: {TIMEOUT_S}}}", "no_answer", once="joined"
    ),
    "somebody outside who hears it ring": Call("transfer", "030 90182269", "done", once="transferred"),
    "somebody outside who is asked": Call(
        "transfer", "{number: 030 90182261, announce: short}", "done", once="transferred"
    ),
    "a talk outside": Call("transfer", "030 90182265", "done", once="transferred"),
    "what follows an agent": Call(
        "play",
        "long",
        "done",
        once="bridged",
        before="  served:\n    queue: served\n    next: {answered: it}\n",
    ),
}
"""Where a call is → what it is. A verb that takes time has a line here."""

DESERTED = Call("transfer", "{number: 030 90182260, announce: short}", "")
"""Somebody outside is asked, and the caller hangs up while nobody is there to end that."""
LEAVES_MS = 2600


def test_no_verb_is_forgotten() -> None:
    assert {call.verb for call in CALLS.values()} | AT_ONCE == set(verbs())


def write(directory: Path) -> Path:
    """Call flows with a number for each call, from 100 on."""
    (directory / "flows").mkdir(parents=True)
    (directory / "prompts" / "en").mkdir(parents=True)
    for name, seconds in (("long", LONG_S), ("short", 1.0)):
        write_wav(directory / "prompts" / "en" / f"{name}.wav", speech(len(name), seconds))
    for number, call in numbered().items():
        step = f"  it:\n    {call.verb}: {call.fields}\n    next: {call.ways}\n  end:\n    hangup:\n"
        (directory / "flows" / f"f{number}.yaml").write_text(f"steps:\n{call.before}{step}")
    numbers = {number: {"flow": f"f{number}"} for number in numbered()}
    agents = {
        "anna": {"device": "anna-phone", "queues": ["served"], "at_start": "ready"},
        "nobody": {"device": "nobody-phone", "queues": ["lonely", "chiefs"]},
    }
    contact = {"contact": f"sip:anna@127.0.0.1:{AGENT_AT}"}
    local = {"match": ["127.0.0.0/8"], "address": f"127.0.0.1:{OUTSIDE_AT}"}
    for name, content in (
        ("numbers", {"default": {"flow": "f100"}, "numbers": numbers}),
        ("queues", {"queues": {"lonely": None, "served": None, "chiefs": {"level": 2}}}),
        ("agents", {"agents": agents, "devices": {"anna-phone": contact, "nobody-phone": None}}),
        ("trunks", {"trunks": {"local": local}}),
        ("policy", {"dial": {"trunk": "local", "country": "DE", "allow": ["+49"]}}),
    ):
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return directory


def numbered() -> dict[str, Call]:
    return {str(number): call for number, call in enumerate([*CALLS.values(), DESERTED], start=100)}


@asynccontextmanager
async def slow_server() -> AsyncIterator[FarSide]:
    """It never answers the first time it is asked for something, and at once when it is asked again."""
    known: set[str] = set()

    async def answer(request: web.Request) -> web.Response:
        if request.path not in known:
            known.add(request.path)
            await asyncio.sleep(60)
        return web.json_response({})

    async with FarSide(answer, port=SERVER_AT) as far:
        yield far


async def test_one_kill_meets_a_call_in_every_step(tmp_path: Path) -> None:
    directory = write(tmp_path / "callflows")
    outside = {"ring_ms": 300, "slow_ms": 5000, "think_ms": 8000, "talk_ms": 1500}
    async with (
        Server(directory, workers=1, http_networks=["127.0.0.1/32"]) as server,
        slow_server() as far,
        server.agent(OUTSIDE_AT, "agent_presses_key", **outside) as party,
        server.agent(AGENT_AT, "agent_answers", ring_ms=1, talk_ms=300) as anna,
    ):
        over = asyncio.Event()
        calls = {
            name: asyncio.ensure_future(_call(server, number, anna, over))
            for name, number in zip([*CALLS, "deserted"], numbered(), strict=True)
        }
        await asyncio.sleep(LIVES_S)  # what is being heard tells nobody when it began
        back_at = await _kill(server)
        over.set()
        played = dict(zip(calls, await asyncio.gather(*calls.values(), return_exceptions=True), strict=True))
        legs = await party.phone.quiet()
        state = server.state
    found = {name: _wrong(call, played[name], back_at) for name, call in CALLS.items()}
    wrong = [f"{name}: {problem}" for name, problem in found.items() if problem]
    assert not wrong, "\n".join([*wrong, state])
    assert len(legs) == 5, "only the one who had not answered was rung anew"
    _asked_twice(far)
    (left,) = (leg for leg in legs if leg.to_uri.startswith("sip:+493090182260@"))
    gone = played["deserted"]
    assert isinstance(gone, Played)
    assert left.ended_by == "them"
    assert left.ended_at <= max(gone.caller.ended_at, back_at) + 500, "he is asked for nobody"


async def _call(server: Server, number: str, anna: Agent, over: asyncio.Event) -> Played:
    call = numbered()[number]

    async def meanwhile(_: str, ear: Ear) -> None:
        began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        if call.early:
            await asyncio.sleep(1.0)
            await ear.send(typed(call.early, Habits()))
        speaking = asyncio.ensure_future(_speak(ear) if call.speaks else asyncio.sleep(0))
        await over.wait()
        await asyncio.sleep(SPEAKS_S if call.speaks else BREATH_S)
        speaking.cancel()
        if call.keys:
            await ear.send(typed(call.keys, Habits(), since_s=loop.time() - began))

    agents = {"anna": anna} if "served" in call.before else None
    stay_ms = LEAVES_MS if call is DESERTED else STAY_MS
    return await server.call(number, Caller(f"4930{number}"), agents, meanwhile=meanwhile, stay_ms=stay_ms)


async def _speak(ear: Ear) -> None:
    await ear.listen(0)
    await ear.say(noise(STAY_MS / 1000, seed=99))


async def _kill(server: Server) -> int:
    """Kill the worker; when its calls were served again, ms since the epoch."""
    os.kill(server.pid("worker-1"), signal.SIGKILL)
    recovered = await server.log.until(lambda event: isinstance(event, WorkerRecovered), RECOVERY_S)
    assert isinstance(recovered, WorkerRecovered)
    assert recovered.lost == 0
    assert recovered.adopted >= len(CALLS)
    return recovered.at


def _wrong(call: Call, played: Played | BaseException, recovered_at: int) -> str:
    """What has happened to a call otherwise than if nobody had died; empty: nothing."""
    if isinstance(played, BaseException):
        return repr(played)
    story = "; ".join(str(event) for event in played.events)
    if wrong := played.wrong():
        return f"{wrong}: {story}"
    ends = [event for event in played.events if isinstance(event, Step) and event.path.endswith("/it")]
    if [event.outcome for event in ends] != [call.outcome]:
        return f"not once `{call.outcome}`: {story}"
    if ends[0].at < recovered_at:
        return f"it was over before the kill: {story}"
    if call.once and kinds(played.events).count(call.once) != 1:
        return f"not once `{call.once}`: {story}"
    digits = [event.digits for event in played.events if isinstance(event, Input)]
    if call.verb in ("menu", "gather") and digits not in ([call.keys.removesuffix("#")], [""]):
        return f"pressed {digits}: {story}"
    return ""


def _asked_twice(far: FarSide) -> None:
    """Both servers were asked twice, with the same key; the secret was asked for again."""
    for path, bodies in (("/slow", ["", ""]), ("/pin", ['{"pin":"12"}', '{"pin":"34"}'])):
        asked = [(headers["Idempotency-Key"], body) for _, way, headers, body in far.asked if way == path]
        assert [body for _, body in asked] == bodies
        assert len({key for key, _ in asked}) == 1
