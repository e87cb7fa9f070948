"""A Redis that is not ours: real ones that could lose a call are refused, a fit one carries calls."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.live.stage import make_callflows
from tests.queues.redis_process import RedisProcess
from tests.rig.log_watch import kinds
from tests.rig.server import REPOSITORY, Server, alone_in_network
from tests.rig.sipp import Caller

pytestmark = pytest.mark.asyncio(loop_scope="module")

PORT = 7390
PASSWORD = "of-the-outside-redis"
URL = f"redis://:{PASSWORD}@127.0.0.1:{PORT}/0"
LISTENING = ("--port", str(PORT), "--bind", "127.0.0.1", "--requirepass", PASSWORD)


class Outside(RedisProcess):
    """A Redis with a port and a password, durable as it should be but for `options`."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder, durable=True, options=(*LISTENING, *options))

    def client(self) -> Redis:
        return Redis(
            unix_socket_path=str(self.socket), password=PASSWORD, decode_responses=True, socket_timeout=5
        )


@pytest.fixture(scope="module")
def callflows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    made: Path = tmp_path_factory.mktemp("outside") / "callflows"
    make_callflows(made)
    return made


def refused(callflows: Path, url: str, data: Path) -> str:
    """What a start with that Redis says; it must be refused, and nothing may be running."""
    settings = {"REDIS_URL": url, "DATA": str(data), "CALLFLOWS": str(callflows)}
    done = subprocess.run(
        [sys.executable, "-c", "from ivr.cli import main; main()", "serve"],
        cwd=REPOSITORY,
        env=os.environ | {f"HOLDFAST_{name}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert not (data / "etc").exists(), "something was begun"
    assert PASSWORD not in done.stderr
    return done.stderr


@pytest.fixture
def outside() -> Iterator[list[RedisProcess]]:
    """Those that a test has started; they end with it."""
    started: list[RedisProcess] = []
    yield started
    for redis in started:
        redis.kill()


@pytest.mark.parametrize(
    ("options", "problem", "mend"),
    [
        (("--appendonly", "no"), "has no append-only file", "CONFIG SET appendonly yes"),
        (("--appendfsync", "no"), "(appendfsync no)", "CONFIG SET appendfsync always"),
        (("--appendfsync", "everysec"), "(appendfsync everysec)", "CONFIG SET appendfsync always"),
        (
            ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"),
            "(maxmemory-policy allkeys-lru)",
            "CONFIG SET maxmemory-policy noeviction",
        ),
        (("--replicaof", "127.0.0.1 7391"), "is a replica", "name its primary (127.0.0.1:7391)"),
    ],
)
async def test_settings_that_could_lose_a_call(
    callflows: Path,
    tmp_path: Path,
    outside: list[RedisProcess],
    options: tuple[str, ...],
    problem: str,
    mend: str,
) -> None:
    redis = Outside(tmp_path, *options)
    outside.append(redis)
    await asyncio.to_thread(redis.start)
    told = await asyncio.to_thread(refused, callflows, URL, tmp_path / "data")
    assert f"Redis at redis://127.0.0.1:{PORT}/0 " in told
    assert problem in told
    assert mend in told
    assert told.count("  - ") == 1


async def test_a_wrong_password_and_one_that_is_not_there(
    callflows: Path, tmp_path: Path, outside: list[RedisProcess]
) -> None:
    told = await asyncio.to_thread(refused, callflows, URL, tmp_path / "data")
    assert "does not answer (Could not connect" in told
    assert "unset HOLDFAST_REDIS_URL" in told
    redis = Outside(tmp_path)
    outside.append(redis)
    await asyncio.to_thread(redis.start)
    guessed = URL.replace(PASSWORD, "a-guess")
    told = await asyncio.to_thread(refused, callflows, guessed, tmp_path / "data")
    assert "refuses user or password (AUTH failed: WRONGPASS" in told
    assert "mend HOLDFAST_REDIS_URL" in told
    assert "a-guess" not in told


async def test_one_that_is_fit_carries_a_call(
    callflows: Path, tmp_path: Path, outside: list[RedisProcess]
) -> None:
    redis = Outside(tmp_path)
    outside.append(redis)
    await asyncio.to_thread(redis.start)
    async with Server(callflows, workers=1, redis_url=URL) as server:
        assert server.pid("redis") == 0
        played = await server.call("202", Caller("5550190"), stay_ms=1000)
        assert {"joined", "ended"} <= set(kinds(played.events)), server.state
        played.check()
