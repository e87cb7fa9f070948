"""When all plots have been played: the log as a whole, and what the workers had to say."""

import asyncio

import pytest

from calllog.archive.database import connect
from calllog.call_events import CallEvent, Ended
from calllog.facts import CALL_TABLES
from calllog.stream import LogStream
from tests.archive.rows import archived, derived, expected, put_aside
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


async def test_all_of_it_is_archived(watch: Watch, stage: Stage) -> None:
    """Event for event as in Redis, with the rows that follow from them, while the server goes on."""
    for plot in PLOTS:
        await watch(plot)
    settings = stage.server.settings
    async with LogStream(settings.redis, settings.site) as stream:
        written = [entry async for entry in stream.read()]
    engine = connect(settings.archive, read_only=True)
    async with asyncio.timeout(60):
        while len(archived(engine)) < len(written):  # noqa: ASYNC110  (another process' file)
            await asyncio.sleep(0.1)
    assert archived(engine)[: len(written)] == [entry.raw for entry in written]
    assert put_aside(engine) == []
    ended = {entry.event.call for entry in written if isinstance(entry.event, Ended)}
    of_calls = expected(entry.event for entry in written if isinstance(entry.event, CallEvent))
    found = derived(engine)
    engine.dispose()
    for table in CALL_TABLES:
        those = [row for row in found[table] if row[0] in ended]
        assert those == [row for row in of_calls[table] if row[0] in ended]
        assert those or not PLOTS or table not in ("calls", "waits", "talks", "holds", "offers", "steps")


PAST_THE_DOOR = "nobody claimed a call that had left AGI"
"""One dialplan of the tests leads there on purpose (test_agi)."""


async def test_no_worker_has_stumbled(watch: Watch, stage: Stage) -> None:
    for plot in PLOTS:
        await watch(plot)
    logs = stage.server.log_of("worker-1") + stage.server.log_of("worker-2")
    stumbled = [line for line in logs.splitlines() if "Traceback" in line or " ERROR " in line]
    assert [line.rpartition(" ERROR ")[2] for line in stumbled] == [PAST_THE_DOOR]
