"""The server as a whole: how it starts, who comes back, what Asterisk does alone, how it ends.

It has ports of its own beside the server of the plots.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from calllog.call_events import Ended, Recorded
from calllog.grammar import violations
from ivr.supervision import Supervision
from tests.live.stage import make_callflows, make_dialplan
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.server import Server, alone_in_network
from tests.rig.sipp import Caller, Play
from tests.rig.sound import read_sound
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIP = "127.0.0.1:5070"
APART: dict[str, Any] = {"sip_bind": SIP, "worker_port": 7900, "agi_port": 4574, "rtp_ports": "30000-30999"}
WORKERS = ["worker-1", "worker-2"]
HOSTILE = "a,b)${SHELL(touch /tmp/x)}|$\\[1+1]&;\xe9"
WAIT_S = 20.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("server") / "callflows"
    make_callflows(callflows)
    async with Server(callflows, **APART) as server:
        yield server


async def until(what: Callable[[], object], state: Callable[[], str]) -> None:
    """Look until it is so; the test fails, and shows the state, when it is not within WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, state()
        await asyncio.sleep(0.005)


def complaints(log: str) -> list[str]:
    return [line for line in log.splitlines() if re.search(r"\b(WARNING|ERROR)\b", line)]


async def test_asterisk_has_nothing_to_complain_of_at_start(server: Server) -> None:
    log = server.log_of("asterisk")
    assert "modules will be loaded" in log
    assert complaints(log) == []
    assert psutil.Process(server.pid("asterisk")).uids().real not in (0, server.pid("redis"))
    assert psutil.Process(server.pid("redis")).uids().real != 0


async def test_starting_twice_is_refused_with_a_clear_message(server: Server) -> None:
    code, out, errors = await server.run("serve")
    assert code == 4
    assert f"already running on {server.settings.data}" in errors
    assert out == ""


async def test_secrets_are_for_their_owner_only(server: Server) -> None:
    secrets = sorted(server.settings.secrets.iterdir())
    assert {"ari", "worker"} <= {path.name for path in secrets}
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert server.settings.secrets.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("service", ["redis", "worker-1", "worker-2", "asterisk"])
async def test_whatever_dies_is_there_again(server: Server, service: str) -> None:
    pid = server.pid(service)
    await until(lambda: time.time() - psutil.Process(pid).create_time() > 1.5, lambda: server.state)
    concerned = [service] if service in WORKERS else WORKERS
    said = {worker: len(server.log_of(worker)) for worker in concerned}
    os.kill(pid, signal.SIGKILL)
    await until(lambda: server.pid(service) not in (0, pid), lambda: server.state)
    await until(
        lambda: all(serves(server.log_of(worker)[said[worker] :]) for worker in concerned),
        lambda: server.state,
    )


def serves(log: str) -> bool:
    """Whether the last thing a worker has said is that it serves, or that Redis is back."""
    lines = log.splitlines()
    return bool(lines and re.search("serves|Redis is back", lines[-1]))


def serving(server: Server) -> bool:
    return all(serves(server.log_of(worker)) for worker in WORKERS)


async def test_without_workers_asterisk_takes_a_message(server: Server) -> None:
    supervision = Supervision(server.settings.data)
    await until(lambda: serving(server), lambda: server.state)
    for worker in WORKERS:
        supervision.down(worker)
    await until(lambda: not any(map(server.pid, WORKERS)), lambda: server.state)
    begun = time.monotonic()
    caller = Caller("5550177", HOSTILE)
    async with Ear() as ear:
        play = Play(
            "caller_waits", {"stay_ms": 9500}, [caller], target=SIP, service="201", media_port=ear.port
        )
        async with server.phone(play) as phone:
            await ear.listen(0)
            speaking = asyncio.ensure_future(ear.say(speech(77, 10)))
            (leg,) = await phone.done()
            await speaking
    spool = server.settings.data / "spool" / "fallback" / "calls.json"
    await until(spool.exists, lambda: server.state)
    (line,) = spool.read_text().splitlines()
    message = server.settings.data / "spool" / "message" / f"{json.loads(line)['uniqueid']}.wav"
    assert message.exists()
    for worker in WORKERS:
        supervision.up(worker)
    assert leg.status == 200, server.state
    assert 4500 < leg.answered_at - leg.invited_at < 6500
    assert time.monotonic() - begun < 25
    record = json.loads(line)
    assert (record["number"], record["called"], record["userfield"]) == ("5550177", "201", "message")
    await until(lambda: serving(server), lambda: server.state)
    events = await server.log.whole("5550177")
    assert kinds(events) == ["arrived", "answered", "recorded", "ended"]
    assert [event.source for event in events] == ["inferred", "observed", "observed", "inferred"]
    recorded = events[2]
    assert isinstance(recorded, Recorded)
    assert (recorded.box, recorded.from_) == ("fallback", "5550177")
    assert read_sound(server.settings.data / "recordings" / f"{recorded.recording}.wav")
    assert not message.exists()
    assert isinstance(events[-1], Ended)
    assert (events[-1].verdict, events[-1].reason) == ("overflowed", "fallback-message")
    assert not violations(events)


async def test_phones_stay_registered_when_asterisk_dies(server: Server) -> None:
    account = server.account("ute-phone", 6990)
    async with server.phone(Play("agent_registers", {"expires": 60}, [account], target=SIP)) as phone:
        await phone.done()
    await until(
        lambda: "ute-phone/sip:" in asterisk_says(server, "pjsip show contacts"), lambda: server.state
    )
    pid = server.pid("asterisk")
    os.kill(pid, signal.SIGKILL)
    await until(lambda: server.pid("asterisk") not in (0, pid), lambda: server.state)
    await until(
        lambda: "ute-phone/sip:" in asterisk_says(server, "pjsip show contacts"), lambda: server.state
    )


async def test_a_new_phone_in_the_callflows_is_known_to_asterisk(server: Server) -> None:
    agents = server.settings.callflows / "agents.yaml"
    agents.write_text(
        agents.read_text().rstrip() + "\n  late-phone: {contact: 'sip:late-phone@127.0.0.1:6999'}\n"
    )
    await until((server.settings.secrets / "device-late-phone").exists, lambda: server.state)
    config = server.settings.data / "etc" / "asterisk" / "pjsip.conf"
    await until(lambda: "[late-phone](device)" in config.read_text(), lambda: server.state)
    await until(lambda: "late-phone" in asterisk_says(server, "pjsip show endpoints"), lambda: server.state)


def asterisk_says(server: Server, order: str) -> str:
    command = ["chroot", f"/proc/{server.pid('asterisk')}/root", "asterisk", "-rx", order]
    command += ["-C", f"{server.settings.data}/etc/asterisk/asterisk.conf"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


async def test_who_is_in_a_call_when_the_server_is_stopped_has_not_hung_up(tmp_path: Path) -> None:
    make_callflows(tmp_path / "callflows")
    ports = APART | {"sip_bind": "127.0.0.1:5081", "worker_port": 7920, "agi_port": 4576}
    flow = "steps: {stay: {menu: menu, next: {1: bye, invalid: bye, timeout: bye}}, bye: {hangup: }}"
    (tmp_path / "callflows" / "flows" / "long.yaml").write_text(flow)
    with (tmp_path / "callflows" / "numbers.yaml").open("a") as routes:
        routes.write('  "280": {flow: long}\n')
    waiting, on_agi = [[f"4930777{digit}{number}" for number in range(2)] for digit in range(2)]
    dialled = dict.fromkeys(waiting, "202") | dict.fromkeys(on_agi, "8280")
    dialplan = make_dialplan(tmp_path / "callflows")
    dialplan.write_text(dialplan.read_text().replace(":4573/", ":4576/"))
    async with Server(tmp_path / "callflows", dialplan=dialplan, **ports) as server:
        placed = [
            asyncio.ensure_future(server.call(where, Caller(number), stay_ms=60_000))
            for number, where in dialled.items()
        ]
        calls = [await server.log.call_of(number) for number in dialled]
        for number, call in zip(dialled, calls, strict=True):
            await server.log.event(call, "joined" if number in waiting else "answered")
        await server.stop()
        assert f"{len(calls)} calls go on" in server.said
        for call in calls:
            end = await server.log.event(call, "ended")
            assert isinstance(end, Ended)
            assert (end.verdict, end.reason, end.ended_by) == ("lost", "asterisk-stopped", "system")
            assert violations(server.log.of_call(call)) == []
        for each in placed:
            each.cancel()
        await asyncio.gather(*placed, return_exceptions=True)


async def test_the_end_ends_everything(tmp_path: Path) -> None:
    make_callflows(tmp_path / "callflows")
    async with Server(
        tmp_path / "callflows",
        **(APART | {"sip_bind": "127.0.0.1:5080", "worker_port": 7910, "agi_port": 4575}),
    ) as server:
        pids = [server.pid(name) for name in ("redis", "asterisk", *WORKERS)]
        data = str(server.settings.data)
        assert all(pids)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    left = [
        p.info
        for p in psutil.process_iter(["pid", "cmdline"])
        if any(data in w for w in p.info["cmdline"] or ())
    ]
    assert left == []
    assert data not in Path("/proc/self/mounts").read_text()
