"""The disk below the data directory is full while calls are up: they go on, nothing logged is lost."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from calllog.archive.database import connect
from calllog.call_events import Ended, Joined
from calllog.stream import LogStream
from tests.archive.rows import archived, put_aside
from tests.live.stage import make_callflows
from tests.rig.log_watch import kinds
from tests.rig.server import Server, alone_in_network
from tests.rig.sipp import Caller, Play

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZE_MIB = 900
WAIT_S = 10.0
TINA_PORT = 6106
WAITER, TALKER, REFUSED, LATER = "5550181", "5550182", "5550183", "5550184"


class Tmpfs:
    """A disk of its own. To fill it costs no memory: it is made as small as what lies on it."""

    def __init__(self, at: Path) -> None:
        self.at = at
        at.mkdir()
        at.chmod(0o755)
        self._mount("-t", "tmpfs", "-o", f"mode=0755,size={SIZE_MIB}m", "tmpfs", str(at))

    def fill(self) -> None:
        """Leave less than a page, whatever is written meanwhile."""
        stat = os.statvfs(self.at)
        used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
        self._mount("-o", f"remount,size={used}", str(self.at))
        assert os.statvfs(self.at).f_bavail * stat.f_frsize < 65536

    async def stay_full(self) -> None:
        """Another program takes whatever is given back, until cancelled."""
        with (self.at / "greedy").open("ab", buffering=0) as file:
            while True:
                with suppress(OSError):
                    file.write(bytes(4096))
                    continue
                await asyncio.sleep(0.002)

    def end(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.at)], check=True)

    def _mount(self, *words: str) -> None:
        subprocess.run(["mount", *words], check=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmpfs]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    made = Tmpfs(tmp_path_factory.mktemp("disk") / "data")
    yield made
    made.end()


async def until(what: Callable[[], object], server: Server) -> None:
    """Look until it is so; the test fails, and shows the state, when it is not within WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, server.state
        await asyncio.sleep(0.002)


async def until_said(server: Server, words: str) -> None:
    await until(lambda: words in server.said, server)


async def test_calls_and_log_survive_a_full_disk(
    disk: Tmpfs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    callflows: Path = tmp_path_factory.mktemp("full") / "callflows"
    make_callflows(callflows)
    server = Server(callflows, data=disk.at)
    server.environment["HOLDFAST_FALLBACK_MESSAGE"] = "false"
    async with server, server.agent(TINA_PORT, "agent_answers", ring_ms=100, talk_ms=60_000) as tina:
        waits = Play("caller_waits", {"stay_ms": 3000}, [Caller(WAITER)], service="202")
        talks = Play("caller_waits", {"stay_ms": 18_000}, [Caller(TALKER)], service="206")
        async with server.phone(talks) as talker, server.phone(waits) as waiter:
            waiting, talking = await server.log.call_of(WAITER), await server.log.call_of(TALKER)
            await server.log.event(waiting, "joined")
            await server.log.event(talking, "bridged")
            logged = [event for call in (waiting, talking) for event in server.log.of_call(call)]
            redis = server.pid("redis")
            disk.fill()
            greedy = asyncio.create_task(disk.stay_full())
            await until_said(
                server, f"no space is left below {disk.at}: make room. Deleting {disk.at}/ballast"
            )
            await until(lambda: server.pid("redis") != redis, server)

            # The one who waits gives up now: that waits in the journal. A new caller is refused at the door.
            (leg,) = await waiter.done()
            assert leg.status == 200
            async with server.phone(
                Play("caller_is_refused", {}, [Caller(REFUSED)], service="202")
            ) as refused:
                (leg,) = await refused.done()
            assert leg.status == 503, server.state
            assert not server.log.ended(waiting)
            code, _, errors = await server.run("audit")
            assert code == 3, errors
            assert tina.phone.legs[0].open

            greedy.cancel()
            (disk.at / "ballast").unlink()
            await until_said(server, f"there is space again below {disk.at}")
            ended = await server.log.event(waiting, "ended")
            joined = await server.log.event(waiting, "joined")
            assert isinstance(ended, Ended)
            assert isinstance(joined, Joined)
            assert (ended.verdict, ended.source) == ("abandoned", "observed")
            assert ended.at - joined.at < 4000, "it happened when he hung up, not when there was space"

            played = await server.call("202", Caller(LATER), stay_ms=500)
            played.check()
            assert tina.phone.legs[0].open, "the talk went on all the time"
            await talker.done()
        again = [event for call in (waiting, talking) for event in server.log.of_call(call)]
        assert [event for event in again if event in logged] == logged
        whole = await server.log.whole(TALKER)
        assert kinds(whole).count("bridged") == 1
        code, out, errors = await server.run("audit")
        assert code == 0, out + errors
        await archived_as_written(server)


async def archived_as_written(server: Server) -> None:
    """The archive was on the full disk, too: it has everything now, each event once, in order."""
    settings = server.settings
    async with LogStream(settings.redis, settings.site) as stream:
        written = [entry.raw async for entry in stream.read()]
    engine = connect(settings.archive, read_only=True)
    await until(lambda: len(archived(engine)) >= len(written), server)
    assert archived(engine)[: len(written)] == written
    assert put_aside(engine) == []
    engine.dispose()


async def test_a_start_on_a_full_disk_is_refused(
    disk: Tmpfs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    callflows: Path = tmp_path_factory.mktemp("full-start") / "callflows"
    make_callflows(callflows)
    server = Server(callflows, data=disk.at)
    disk.fill()
    code, _, errors = await server.run("serve")
    assert code == 4
    assert f"below {disk.at}" in errors
    assert "make room" in errors
