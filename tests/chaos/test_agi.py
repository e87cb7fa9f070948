"""Callers on AGI, and what may happen under them: they leave, workers die or drain, Asterisk dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
import pytest
import pytest_asyncio
import redis.asyncio
from aiohttp import web

from calllog.call_events import Ended, Step
from calllog.grammar import violations
from tests.live.stage import make_callflows, make_dialplan
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.server import Server
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.voice import speech
from tests.unit.web.far_side import FarSide

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER_AT = 6192
WORDS = speech(9, 1.0)
BREATH_S = 1.0
"""After the question has been heard."""
FLOW = """\
# It begins with what a caller is to be caught in, by the number called, and ends the same for all.
title: Something that takes long, and a menu
steps:
  which:
    branch:
      prompt: called == "8245"
      key: called == "8246"
      server: called == "8247"
      voice: called == "8248"
    next: {prompt: prompt, key: key, server: server, voice: ask, default: end}
  prompt:
    play: {files: [menu, wrong-key, no-key, sorry], interrupt: no}
    next: choose
  key:
    menu: {play: menu, timeout_s: 30, retries: 0}
    next: {9: choose, invalid: end, timeout: end}
  server:
    http: {url: "http://127.0.0.1:6192/", timeout_s: 10}
    next: {done: choose, failed: end}
  ask:
    play: sorry
    next: voice
  voice:
    record: {into: said, max_s: 60, silence_s: 0, min_s: 0, beep: no}
    next: {done: choose, empty: end}
  choose:
    menu: {play: goodbye, timeout_s: 1, retries: 0}
    next: {1: end, invalid: end, timeout: bye}
  bye:
    play: not-known
    next: end
  end:
    hangup:
"""
CAUGHT = {"prompt": "8245", "key": "8246", "server": "8247", "voice": "8248"}
STRIKES = [signal.SIGKILL, signal.SIGTERM]
"""What comes over the first worker, and then over the second."""

KEY_EVERY_S = 5.0
PATIENCE_S = 40.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    callflows: Path = tmp_path_factory.mktemp("agi") / "callflows"
    make_callflows(callflows)
    (callflows / "flows" / "caught.yaml").write_text(FLOW)
    with (callflows / "numbers.yaml").open("a") as numbers:
        numbers.write("".join(f'  "{n.removeprefix("8")}": {{flow: caught}}\n' for n in CAUGHT.values()))
    dialplan = make_dialplan(callflows)
    async with Server(callflows, http_networks=["127.0.0.1/32"], dialplan=dialplan) as running:
        yield running


class Calls:
    """Who has which call, as Redis knows it."""

    def __init__(self, server: Server) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            server.settings.redis, decode_responses=True, socket_timeout=None
        )
        self._prefix = f"{{{server.settings.site}}}:call:"

    async def has(self, call: str) -> tuple[str, bool]:
        """Its worker, and whether it is on AGI."""
        owner, agi = await self._redis.hmget(self._prefix + call, "owner", "agi")
        return str(owner), agi == "1"

    async def adopted(self, calls: list[str]) -> None:
        """Wait until none of them is on AGI: another worker has them. `make bench-takeover` measures that."""
        async with asyncio.timeout(PATIENCE_S):
            while any([(await self.has(each))[1] for each in calls]):  # noqa: ASYNC110  (nobody tells of it)
                await asyncio.sleep(0.05)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()


def listening(port: int) -> int:
    """How many sockets take connections on that port."""
    places = [each.laddr for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return sum(getattr(place, "port", 0) == port for place in places)  # an empty place has none


def is_over(event: object, call: str, step: str) -> bool:
    return isinstance(event, Step) and event.call == call and event.path.endswith(f"/{step}")


async def call(server: Server, where: str, number: str, again: asyncio.Event) -> Played:
    """A caller who is caught there, and does what is asked of him once a worker has the call again."""

    async def meanwhile(call: str, ear: Ear) -> None:
        if where == "voice":
            await server.log.until(lambda event: is_over(event, call, "ask"), 30)
            await asyncio.sleep(BREATH_S)
            await ear.say(WORDS)
        await again.wait()
        if where == "key":
            await asyncio.sleep(0.5)
            await ear.send(typed("9", Habits()))
        if where == "voice":
            await stopped(call, ear)

    async def stopped(call: str, ear: Ear) -> None:
        """He presses the key until it has ended his message.

        The first may only end what Asterisk records for a worker that is gone, before it sees that.
        """

        for pressed in range(4):
            await ear.send(typed("#", Habits(), since_s=KEY_EVERY_S * pressed))
            with suppress(TimeoutError):
                await server.log.until(lambda event: is_over(event, call, "voice"), KEY_EVERY_S)
                return

    return await server.call(
        CAUGHT[where], Caller(number), scenario="caller_waits", stay_ms=90_000, meanwhile=meanwhile
    )


async def test_who_leaves_while_he_is_handed_over_has_one_end_at_once(server: Server) -> None:
    """A queue comes first: AGI is left a few milliseconds after the answer, and so does he."""

    async def leaves(number: int) -> Played:
        await asyncio.sleep(number * 0.03)
        return await server.call("8202", Caller(f"49301{number:02}"), stay_ms=1 + number % 12)

    for played in await asyncio.gather(*[leaves(number) for number in range(60)]):
        assert violations(played.events) == []
        end = played.events[-1]
        assert isinstance(end, Ended)
        assert end.verdict in ("abandoned", "ivr_exit")
        assert end.logged_at - played.caller.ended_at < 2000, end


async def test_calls_on_agi_survive_workers_that_die_and_workers_that_leave(server: Server) -> None:
    asked, again = asyncio.Event(), asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        if not again.is_set():
            asked.set()
            await again.wait()
        return web.json_response({})

    async with FarSide(answer, port=SERVER_AT), Calls(server) as calls:
        numbers = {f"49302{n:02}": where for n, where in enumerate([*CAUGHT, *CAUGHT])}
        playing = [asyncio.ensure_future(call(server, numbers[n], n, again)) for n in numbers]
        ids = [await server.log.call_of(number) for number in numbers]
        await asked.wait()
        await asyncio.sleep(1.5)  # all are in the midst of it: nobody tells of that
        caught = [await calls.has(each) for each in ids]
        assert all(agi for _, agi in caught)
        assert listening(server.settings.agi_port) == len(STRIKES), "each worker can have any of them"
        for number, sign in enumerate(STRIKES, 1):
            hit = [
                each
                for each, (owner, _), where in zip(ids, caught, numbers.values(), strict=True)
                if owner == f"hf-{number}" and where != "voice"
            ]
            os.kill(server.pid(f"worker-{number}"), sign)
            await calls.adopted(hit)
        again.set()
        every = await asyncio.gather(*playing)
        assert not server.lost_sockets(), "they outlive who is killed and who leaves"
    for played, where in zip(every, numbers.values(), strict=True):
        played.check()
        steps = [(e.path.partition("/")[2], e.outcome) for e in played.events if isinstance(e, Step)]
        asked_before = [("ask", "done")] if where == "voice" else []
        outcome = "9" if where == "key" else "done"
        assert steps == [
            ("which", where),
            *asked_before,
            (where, outcome),
            ("choose", "timeout"),
            ("bye", "done"),
        ]


async def test_calls_on_agi_are_lost_with_their_asterisk(server: Server) -> None:
    numbers = [f"49303{n}" for n in range(4)]
    calls = [asyncio.ensure_future(server.call("8246", Caller(each), stay_ms=60_000)) for each in numbers]
    ids = [await server.log.call_of(each) for each in numbers]
    await asyncio.sleep(0.5)  # they are in the menu: nobody tells of that
    os.kill(server.pid("asterisk"), signal.SIGKILL)
    for each in ids:
        end = await server.log.event(each, "ended")
        assert isinstance(end, Ended)
        assert (end.verdict, end.reason, end.ended_by) == ("lost", "asterisk-died", "system")
        assert violations(server.log.of_call(each)) == []
    for placed in calls:
        placed.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
