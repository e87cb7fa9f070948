"""When all plots have been played: the log as a whole, and what the workers had to say."""

import pytest

from tests.live.conftest import Watch
from tests.live.stage import PLOTS, Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_audit_finds_nothing(watch: Watch, stage: Stage) -> None:
    for plot in PLOTS:
        await watch(plot)
    code, out, errors = await stage.server.run("audit")
    assert code == 0, out + errors


async def test_every_call_has_ended(watch: Watch, stage: Stage) -> None:
    for plot in PLOTS:
        await watch(plot)
    assert [call for call in stage.log.calls() if not stage.log.ended(call)] == []
    assert stage.log.broken == []


PAST_THE_DOOR = "nobody claimed a call that had left AGI"
"""One dialplan of the tests leads there on purpose (test_agi)."""


async def test_no_worker_has_stumbled(watch: Watch, stage: Stage) -> None:
    for plot in PLOTS:
        await watch(plot)
    logs = stage.server.log_of("worker-1") + stage.server.log_of("worker-2")
    stumbled = [line for line in logs.splitlines() if "Traceback" in line or " ERROR " in line]
    assert [line.rpartition(" ERROR ")[2] for line in stumbled] == [PAST_THE_DOOR]
