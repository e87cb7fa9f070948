"""Callers whose network has died: they do not wait for ever, and reach no agent as silence."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from calllog.call_events import Ended
from ivr.ari.events import UNHEARD
from tests.live.stage import make_callflows, make_dialplan
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.server import Server, alone_in_network
from tests.rig.sipp import Caller
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = "steps: {stay: {menu: menu, next: {1: bye, invalid: bye, timeout: bye}}, bye: {hangup: }}"
UNHEARD_S = 2
SPEAKS_S = 6.0
LATE_MS = 4_000
"""Asterisk looks at the clock in whole seconds, now and then."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("ghosts") / "callflows"
    make_callflows(callflows)
    (callflows / "flows" / "long.yaml").write_text(FLOW)
    with (callflows / "numbers.yaml").open("a") as routes:
        routes.write('  "280": {flow: long}\n')
    async with Server(callflows, unheard_s=UNHEARD_S, dialplan=make_dialplan(callflows)) as server:
        yield server


async def speaks(_: str, ear: Ear) -> None:
    """From the first sound he hears until he hangs up."""
    await ear.listen(0)
    await ear.say(speech(1, SPEAKS_S))


async def test_who_sends_no_sound_is_gone_and_who_speaks_stays(server: Server) -> None:
    ghost, speaker = await asyncio.gather(
        server.call("202", Caller("5550301"), stay_ms=20_000),
        server.call("202", Caller("5550302"), meanwhile=speaks, stay_ms=5_000),
    )
    for played in (ghost, speaker):
        played.check()
    gone, left = ghost.events[-1], speaker.events[-1]
    assert isinstance(gone, Ended)
    assert isinstance(left, Ended)
    assert (gone.verdict, gone.reason, gone.cause) == ("abandoned", "caller-unheard", UNHEARD)
    assert 1000 * UNHEARD_S - 1000 <= gone.wait_ms <= 1000 * UNHEARD_S + LATE_MS
    assert kinds(ghost.events)[-3:] == ["hold_ended:queue", "queue_left", "ended"]
    assert (left.verdict, left.reason) == ("abandoned", "caller-hangup")
    assert left.wait_ms == pytest.approx(5000, abs=300)


async def test_on_agi_too(server: Server) -> None:
    ghost = await server.call("8280", Caller("5550303"), stay_ms=20_000)
    ghost.check()
    gone = ghost.events[-1]
    assert isinstance(gone, Ended)
    assert (gone.verdict, gone.reason, gone.cause) == ("ivr_exit", "caller-unheard", UNHEARD)
