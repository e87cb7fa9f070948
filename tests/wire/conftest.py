"""One worker under test for all wire tests, with a Redis of its own."""

from collections.abc import Iterator

import pytest

from tests.queues.redis_process import RedisProcess
from tests.wire.bench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with (
        RedisProcess(tmp_path_factory.mktemp("wire-redis")) as redis,
        Bench(redis, tmp_path_factory.mktemp("wire")) as bench,
    ):
        yield bench
