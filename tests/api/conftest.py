"""The API over a real Redis: its board is turned by the test, so that nothing has to be waited for."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.api.desk import ApiDesk
from tests.queues.redis_process import RedisProcess

_SITES = count(1)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def desk(redis: RedisProcess, tmp_path: Path) -> AsyncIterator[ApiDesk]:
    """A site with an API."""
    async with ApiDesk(redis, f"api{next(_SITES)}", tmp_path) as desk:
        yield desk
