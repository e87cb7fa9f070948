"""One server for all plots. It needs name spaces of its own: `make test` makes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.live.stage import PLOTS, Plot, Stage, make_callflows, make_dialplan
from tests.rig.server import Server, alone_in_network
from tests.rig.site import Played

APART_S = 0.45
"""Plots begin one after the other: all in one instant are a load test."""

Watch = Callable[[Plot], Awaitable[Played]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The server with the tests' callflows."""
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("live") / "callflows"
    sounds = make_callflows(callflows)
    dialplan = make_dialplan(callflows)
    api = "127.0.0.1:6519"
    async with Server(callflows, http_networks=["127.0.0.1/32"], dialplan=dialplan, api_bind=api) as server:
        yield Stage(server, sounds)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def watch(stage: Stage) -> AsyncIterator[Watch]:
    """`await watch(plot)`: what was seen of it. All are played at once, before the first is looked at."""

    async def begin(plot: Plot, after_s: float) -> Played:
        await asyncio.sleep(after_s)
        return await plot(stage)

    playing = {
        plot: asyncio.ensure_future(begin(plot, number * APART_S)) for number, plot in enumerate(PLOTS)
    }

    async def seen(plot: Plot) -> Played:
        await asyncio.wait(playing.values())  # who compares sounds would make those late who still speak
        try:
            return await asyncio.shield(playing[plot])
        except BaseException:
            print(stage.server.state)
            raise

    yield seen
    for task in playing.values():
        task.cancel()
    await asyncio.gather(*playing.values(), return_exceptions=True)
