"""A real Redis, shared; each test has a site, and so a log, of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from calllog.events import AnyEvent, encode
from tests.queues.redis_process import RedisProcess

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
"""How long an example takes says how busy the machine is, nothing else."""

_SITES = count(1)


@dataclass
class Planted:
    """A site's log that a test fills by hand."""

    url: str
    site: str
    client: Redis

    @property
    def key(self) -> str:
        return f"{{{self.site}}}:log"

    def add(self, *events: AnyEvent) -> None:
        for event in events:
            self.raw(encode(event))

    def raw(self, value: bytes, name: str = "e") -> None:
        self.client.xadd(self.key, {name: value})


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def planted(redis_server: RedisProcess) -> Planted:
    return Planted(redis_server.url, f"log{next(_SITES)}", redis_server.client())
