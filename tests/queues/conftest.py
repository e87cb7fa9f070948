"""A real Redis for every test here; each test has a site of its own."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.queues.desk import Desk
from tests.queues.redis_process import RedisProcess

_SITES = count(1)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[RedisProcess]:
    """A Redis of the test's own, as durable as in use, to be killed."""
    with RedisProcess(tmp_path, durable=True) as server:
        yield server


@pytest.fixture
async def mortal_desk(mortal: RedisProcess, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(mortal, "mortal", tmp_path)
    yield desk
    await desk.close()


@pytest.fixture
async def desk(redis: RedisProcess, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(redis, f"site{next(_SITES)}", tmp_path)
    yield desk
    await desk.close()
