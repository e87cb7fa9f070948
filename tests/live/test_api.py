"""The API beside real calls: who waits is seen at once, also when the API was killed meanwhile."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from calllog.call_events import Joined
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.ear import Ear
from tests.rig.site import Played

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUEUE, AGENT = "watched", "apia"
WAIT_S = 30.0
LATE_S = 3.0
"""The promise is 1 s, and bench/live_figures.py measures it; a machine that is busy may be later."""


class Viewer:
    """Somebody who watches, by the port and a token; what he was told, and when."""

    def __init__(self, stage: Stage, token: str) -> None:
        self._url = stage.server.facts["api"]
        self._headers = {"Authorization": f"Bearer {token}"}
        self.told: list[tuple[float, Any]] = []
        self.connections = 0
        self._something = asyncio.Event()

    async def run(self) -> None:
        """For ever; he comes again when the connection ends."""
        async with aiohttp.ClientSession(headers=self._headers) as http:
            while True:
                try:
                    async with http.ws_connect(f"{self._url}/v1/live") as socket:
                        await socket.send_json({"topics": ["queues", "agents", "calls"]})
                        self.connections += 1
                        while True:
                            self._tell(msgspec.json.decode(await socket.receive_str()))
                except (aiohttp.ClientError, TypeError, OSError):
                    await asyncio.sleep(0.02)

    def _tell(self, message: Any) -> None:
        self.told.append((time.time(), message))
        self._something.set()

    async def sees(self, what: Callable[[Any], bool], since: int = 0) -> float:
        """When he was told that of the queue or agent, s since the epoch. `since`: not before so many."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for at, message in self.told[since:]:
                    if any(map(what, message.get("queues", []) + message.get("agents", []))):
                        return at
                self._something.clear()
                await self._something.wait()


async def ask(stage: Stage, method: str, path: str, token: str, **more: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(stage.server.facts["api"], headers=headers) as http,
        http.request(method, path, **more) as answer,
    ):
        raw = await answer.read()
        return answer.status, msgspec.json.decode(raw) if "json" in answer.content_type else raw.decode()


async def token(stage: Stage, name: str, *options: str) -> str:
    code, out, err = await stage.server.run("token", "create", name, *options)
    assert code == 0, err
    return out.strip()


seen: dict[str, Any] = {}


@plot
async def watched(stage: Stage) -> Played:
    viewer = Viewer(stage, await token(stage, "live-wall", "--role", "viewer"))
    boss = await token(stage, "live-boss", "--role", "supervisor", "--redacted")
    watching = asyncio.ensure_future(viewer.run())

    async def meanwhile(call: str, ear: Ear) -> None:  # noqa: ARG001  (a plot's signature)
        joined = await stage.log.event(call, "joined")
        seen["joined_at"] = joined.at / 1000
        seen["told_at"] = await viewer.sees(lambda it: it.get("queue") == QUEUE and it["waiting"] == 1)
        seen["top"] = await stage.server.run("top", "--once", "--filter", QUEUE)
        seen["one"] = await ask(stage, "GET", f"/v1/calls/{call}", boss)
        pid = stage.server.pid("api")
        os.kill(pid, signal.SIGKILL)
        told = len(viewer.told)
        await viewer.sees(lambda it: it.get("queue") == QUEUE and it["waiting"] == 1, told)
        seen["pids"] = pid, stage.server.pid("api")
        seen["ready"] = await ask(stage, "GET", "/readyz", "")
        told = len(viewer.told)
        wish = {"state": "ready"}
        seen["asked"] = await ask(stage, "PUT", f"/v1/agents/{AGENT}/state", boss, json=wish)
        await viewer.sees(lambda it: it.get("agent") == AGENT and it["state"] == "talking", told)

    try:
        async with stage.agent(AGENT, "agent_answers", ring_ms=100, talk_ms=3000) as apia:
            played = await stage.call("480", {AGENT: apia}, meanwhile=meanwhile, stay_ms=60_000)
        await viewer.sees(lambda it: it.get("queue") == QUEUE and it["today"]["answered"] == 1)
        seen["metrics"] = await ask(stage, "GET", "/metrics", boss)
        seen["connections"], seen["told"] = viewer.connections, viewer.told
        return played
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_who_waits_is_seen_at_once(watch: Watch) -> None:
    played = await watch(watched)
    played.check()
    assert isinstance(played.one("joined"), Joined)
    assert seen["told_at"] - seen["joined_at"] < LATE_S


async def test_a_supervisor_acts_and_sees_no_number(watch: Watch) -> None:
    played = await watch(watched)
    status, said = seen["one"]
    assert (status, said["call"]["from"], said["call"]["queue"]) == (200, "(hidden)", QUEUE)
    assert seen["asked"] == (200, {"agent": AGENT, "state": "offered", "reason": "", "wish": ""})
    assert played.one("bridged").agent == AGENT  # type: ignore[union-attr]  # the only event of that kind


async def test_a_killed_api_is_there_again_with_all_it_knew(watch: Watch) -> None:
    await watch(watched)
    before, after = seen["pids"]
    assert after not in (0, before)
    assert seen["connections"] == 2
    status, said = seen["ready"]
    assert status == 200, said
    assert {check["check"] for check in said["checks"]} >= {"redis", "workers", "asterisk", "figures"}
    last = [queue for _, said in seen["told"] for queue in said.get("queues", []) if queue["queue"] == QUEUE][
        -1
    ]
    assert (last["waiting"], last["today"]["offered"], last["today"]["answered"]) == (0, 1, 1)
    status, text = seen["metrics"]
    assert status == 200
    assert 'holdfast_worker_up{worker="hf-1"} 1.0' in text.splitlines()


async def test_the_wallboard_shows_it(watch: Watch) -> None:
    await watch(watched)
    code, out, err = seen["top"]
    assert code == 0, err
    assert "1 waiting" in out or " waiting" in out.splitlines()[0]
    (line,) = [line for line in out.splitlines() if line.startswith(QUEUE)]
    assert line.split()[1] == "1"


async def test_no_token_and_no_number_is_in_the_logs(watch: Watch, stage: Stage) -> None:
    played = await watch(watched)
    log = stage.server.log_of("api")
    assert "live-boss has made agent apia ready" in log
    assert "hf_" not in log
    assert played.number not in log
