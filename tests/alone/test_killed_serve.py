"""`kill -9` of the foreground, of the supervisor of all, of both: calls go on, a new start takes over."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from ivr.supervision import Supervision
from tests.live.stage import make_callflows
from tests.rig.server import Server, alone_in_network
from tests.rig.sipp import Caller, Play

pytestmark = pytest.mark.asyncio(loop_scope="module")

TINA_PORT = 6106
SERVICES = ("redis", "asterisk", "worker-1", "worker-2")
WAIT_S = 15.0
STAY_MS = 8000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("killed") / "callflows"
    make_callflows(callflows)
    async with Server(callflows) as server:
        yield server


def scanners(server: Server) -> list[psutil.Process]:
    """Supervisors of all that live."""
    wanted = str(server.settings.data / "run" / "service")
    return [
        process
        for process in psutil.process_iter(["name", "cmdline", "status"])
        if process.info["name"] == "s6-svscan" and wanted in (process.info["cmdline"] or ())
    ]


def lives(pid: int) -> bool:
    """Not so of one that waits only for process 1 to notice its end."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def until(what: Callable[[], object], server: Server) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, server.state
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("killed", ["foreground", "supervisor", "both"])
async def test_calls_go_on_and_a_new_start_takes_over(server: Server, killed: str) -> None:
    waiter, talker = f"55502{killed[0].encode()[0]}", f"55503{killed[0].encode()[0]}"
    async with server.agent(TINA_PORT, "agent_answers", ring_ms=100, talk_ms=60_000) as tina:
        waits = Play("caller_waits", {"stay_ms": STAY_MS}, [Caller(waiter)], service="202")
        talks = Play("caller_waits", {"stay_ms": STAY_MS}, [Caller(talker)], service="206")
        async with server.phone(talks) as talking, server.phone(waits) as waiting:
            await server.log.event(await server.log.call_of(waiter), "joined")
            await server.log.event(await server.log.call_of(talker), "bridged")
            pids = {name: server.pid(name) for name in SERVICES}
            (scanner,) = scanners(server)
            if killed in ("foreground", "both"):
                await server.crash()
            if killed in ("supervisor", "both"):
                scanner.kill()
            if killed == "supervisor":
                await until(lambda: [new for new in scanners(server) if new.pid != scanner.pid], server)
            else:
                await server.start_again()
                assert "an earlier start was killed: what it left goes on, with 2 calls" in server.said
            assert {name: server.pid(name) for name in SERVICES} == pids, "a service was disturbed"
            assert [leg.open for leg in (*talking.legs, *waiting.legs, *tina.phone.legs)] == [True] * 3

            # What dies now is there again, as before.
            os.kill(pids["worker-1"], signal.SIGKILL)
            await until(lambda: server.pid("worker-1") not in (0, pids["worker-1"]), server)
            await until(lambda: Supervision(server.settings.data).ready("worker-1"), server)
            code, _, errors = await server.run("serve")
            assert code == 4
            assert "already running on" in errors
            played = await server.call("202", Caller(f"55504{killed[0].encode()[0]}"), stay_ms=500)
            played.check()
            await talking.done()
            await waiting.done()
        await server.log.whole(waiter)
        await server.log.whole(talker)
        await server.log.state("tina", "ready")
    code, out, errors = await server.run("audit")
    assert code == 0, out + errors


async def test_other_settings_end_what_was_left_before_they_start(server: Server) -> None:
    pids = {name: server.pid(name) for name in SERVICES}
    await server.crash()
    server.environment["HOLDFAST_MAX_CALLS"] = "1999"
    await server.start_again()
    assert "has other settings and is ended" in server.said
    assert not [pid for pid in pids.values() if lives(pid)], server.state
    assert all(server.pid(name) for name in SERVICES)
    played = await server.call("202", Caller("5550299"), stay_ms=500)
    played.check()
