"""One worker under test for all wire tests, with a Redis of its own."""

from collections.abc import Iterator

import pytest

from tests.queues.redis_process import RedisProcess
from tests.wire.bench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    redis = RedisProcess(tmp_path_factory.mktemp("wire-redis"))
    redis.start()
    with Bench(redis, tmp_path_factory.mktemp("wire")) as bench:
        yield bench
    redis.kill()
