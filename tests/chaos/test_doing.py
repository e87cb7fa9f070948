"""Workers are killed and hung while callers talk outside, and after something was to be told to a server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis
from aiohttp import web

from calllog.call_events import Ended, Step, Transferred
from tests.live.stage import make_callflows
from tests.rig.log_watch import kinds
from tests.rig.server import Server
from tests.rig.sipp import Caller, Phone
from tests.rig.sound import ENOUGH, Samples, heard
from tests.unit.web.far_side import FarSide

OUTSIDE_AT, SERVER_AT = 6170, 6190
SOUNDS: dict[str, Samples] = {}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    callflows = tmp_path / "callflows"
    SOUNDS.update(make_callflows(callflows))
    partner = callflows / "flows" / "partner.yaml"
    partner.write_text(partner.read_text().replace("ring_s: 5", "ring_s: 20"))
    async with Server(callflows, http_networks=["127.0.0.1/32"]) as running:
        yield running


def strike(server: Server, call: str, how: signal.Signals) -> None:
    """Send a signal to the worker that owns the call."""
    client = redis.Redis.from_url(server.settings.redis, decode_responses=True)
    with client:
        owner = client.hget(f"{{{server.settings.site}}}:call:{call}", "owner")
    pid = server.pid(f"worker-{str(owner).removeprefix('hf-')}")
    assert pid
    os.kill(pid, how)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
async def test_a_talk_outside_survives_its_worker(server: Server, how: signal.Signals) -> None:
    async with server.agent(OUTSIDE_AT, "agent_answers", ring_ms=100, talk_ms=12_000) as party:
        call = asyncio.ensure_future(server.call("221", Caller("4930111"), stay_ms=60_000))
        await server.log.event(await server.log.call_of("4930111"), "transferred")
        strike(server, await server.log.call_of("4930111"), how)
        played = await call
        await party.phone.quiet()
        legs = list(party.phone.legs)
    played.check()
    assert kinds(played.events).count("transferred") == 1
    steps = [(event.path, event.outcome) for event in played.events if isinstance(event, Step)]
    assert steps == [("partner/out", "done"), ("partner/thanks", "done")]
    (leg,) = legs
    assert leg.ended_by == "us"
    assert leg.talked_ms == pytest.approx(12_000, abs=300)
    back_at = next(event.at for event in played.events if isinstance(event, Step))
    assert back_at - leg.ended_at == pytest.approx(0, abs=500), "the new owner is told at once"
    end = played.events[-1]
    assert isinstance(end, Ended)
    assert (end.verdict, end.ended_by) == ("transferred", "system")


async def test_a_call_that_rings_outside_is_begun_again(server: Server) -> None:
    async with server.agent(OUTSIDE_AT, "agent_answers", ring_ms=6000, talk_ms=500) as party:
        call = asyncio.ensure_future(server.call("221", Caller("4930222"), stay_ms=60_000))
        await server.log.event(await server.log.call_of("4930222"), "answered")
        await asyncio.sleep(1.0)  # it rings for 6 s from here on, and SIPp tells nobody
        strike(server, await server.log.call_of("4930222"), signal.SIGKILL)
        played = await call
        await party.phone.quiet()
        legs = list(party.phone.legs)
    played.check()
    assert kinds(played.events).count("transferred") == 1
    assert [bool(leg.answered_at) for leg in legs] == [False, True]
    assert legs[0].cancelled_at


async def test_who_is_asked_outside_is_asked_anew(server: Server) -> None:
    """His worker hangs while he hears who comes; another one asks him again, and he takes the call."""
    keys = {"ring_ms": 100, "slow_ms": 1, "think_ms": 12_000, "talk_ms": 1000}
    async with server.agent(OUTSIDE_AT, "agent_presses_key", **keys) as party:
        call = asyncio.ensure_future(server.call("265", Caller("4930444"), stay_ms=60_000))
        await server.log.event(await server.log.call_of("4930444"), "answered")
        await asyncio.wait_for(_answered(party.phone), 10)
        strike(server, await server.log.call_of("4930444"), signal.SIGSTOP)
        played = await call
        (leg,) = await party.phone.quiet()
    played.check()
    assert leg.ended_by == "us"
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert event.how == "attended"
    assert event.at - leg.answered_at == pytest.approx(12_000, abs=500)
    steps = [(event.path, event.outcome) for event in played.events if isinstance(event, Step)]
    assert steps == [("patient/out", "done"), ("patient/thanks", "done")]
    told = heard(party.ear.recording.part((leg.answered_at + 8000) / 1000, event.at / 1000), SOUNDS["menu"])
    assert told.share >= ENOUGH, "he was told once more"


async def _answered(phone: Phone) -> None:
    while not any(leg.answered_at for leg in phone.legs):  # noqa: ASYNC110  (SIPp tells nobody)
        await asyncio.sleep(0.05)


async def test_a_webhook_survives_the_worker_that_took_it(server: Server) -> None:
    """The server that is to be told is away when its caller comes, and so is, later, the worker."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    call = asyncio.ensure_future(server.call("226", Caller("4930333"), stay_ms=60_000))
    await server.log.event(await server.log.call_of("4930333"), "answered")
    strike(server, await server.log.call_of("4930333"), signal.SIGKILL)
    played = await call
    played.check()
    async with FarSide(answer, "127.0.0.1", SERVER_AT) as far:
        await far.until(1, within_s=40)
        method, path, headers, body = far.asked[0]
    assert (method, path, body) == ("POST", "/calls", '{"caller":"4930333"}')
    assert headers["Idempotency-Key"] == f"{played.events[0].call}:telling/tell:1"
