"""Versions on a running server: new calls take what is published, calls under way stay on theirs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from calllog.call_events import Arrived, Step
from calllog.events import FlowPublished
from tests.live.stage import make_callflows
from tests.rig.server import Server, alone_in_network
from tests.rig.sipp import Caller, Play

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAIT_S = 10.0
WAITER, SECOND, THIRD = "5550191", "5550192", "5550193"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("versions") / "callflows"
    make_callflows(callflows)
    async with Server(callflows, watch=False) as server:
        yield server


async def until(what: Callable[[], object], server: Server) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, server.state
        await asyncio.sleep(0.005)


def published(server: Server) -> list[tuple[int | str, str]]:
    return [(event.version, event.by) for event in server.log.events if isinstance(event, FlowPublished)]


def callers(server: Server) -> set[str]:
    return {event.from_ for event in server.log.events if isinstance(event, Arrived)}


def live_everywhere(server: Server, version: int) -> bool:
    """Each worker looks for itself; the first one that follows a version logs it."""
    said = f"callflows version {version} is live"
    return all(said in server.log_of(f"worker-{number}") for number in (1, 2))


async def versions_of(server: Server, number: str, service: str, stay_ms: int) -> set[int | str]:
    """Make a call to its end; the versions of the flows that it ran."""
    play = Play("caller_waits", {"stay_ms": stay_ms}, [Caller(number)], service=service)
    async with server.phone(play) as phone:
        await phone.done()
    return {event.version for event in await server.log.whole(number) if isinstance(event, Step)}


async def test_a_version_is_published_and_taken_back_under_a_call(server: Server) -> None:
    waiter = asyncio.create_task(versions_of(server, WAITER, "201", 9000))
    await until(lambda: published(server) == [(1, "start")], server)
    flow = server.settings.callflows / "flows/menu.yaml"
    flow.write_text(flow.read_text().replace("timeout_s: 1", "timeout_s: 2"))
    await asyncio.sleep(1.5)  # longer than a worker looks away: without watching nothing may happen
    assert published(server) == [(1, "start")]
    assert (await server.run("publish", "-m", "More time", "--by", "ann"))[0] == 0
    await until(lambda: (2, "ann") in published(server) and live_everywhere(server, 2), server)
    second = asyncio.create_task(versions_of(server, SECOND, "201", 9000))
    await until(lambda: SECOND in callers(server), server)
    assert (await server.run("rollback", "1", "--by", "bob"))[0] == 0
    await until(lambda: (3, "bob") in published(server) and live_everywhere(server, 3), server)
    third = asyncio.create_task(versions_of(server, THIRD, "201", 7000))
    assert [await waiter, await second, await third] == [{1}, {2}, {3}]
    assert published(server) == [(1, "start"), (2, "ann"), (3, "bob")]
    _, listed, _ = await server.run("versions", "--json")
    assert [each["message"] for each in json.loads(listed)["versions"]] == [
        "back to version 1",
        "More time",
        "",
    ]


async def test_trace_and_picture_of_what_has_happened(server: Server) -> None:
    call = (await server.log.whole(SECOND))[0].call
    code, traced, _ = await server.run("trace", call, "--json")
    steps = json.loads(traced)["steps"]
    assert (code, steps[0]["path"], steps[0]["outcome"]) == (0, "menu/choose", "timeout")
    assert 5500 < steps[0]["took_ms"] < 8500, "two prompts, a reminder, and twice two seconds"
    code, drawn, _ = await server.run("graph", "menu", "--log", "--json")
    told = json.loads(drawn)
    (silent,) = (arrow for arrow in told["arrows"] if arrow["outcomes"] == ["timeout"])
    assert (code, silent["callers"]) == (0, 3)
