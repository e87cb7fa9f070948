"""Archives of both kinds for the tests here: a SQLite file, and a database of a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calllog.archive.database import connect
from calllog.archive.writer import Writer
from tests.archive.postgres_process import PostgresProcess
from tests.queues.redis_process import RedisProcess


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresProcess]:
    """One server for all tests; each takes a database of its own."""
    process = PostgresProcess()
    try:
        process.start()
        yield process
    finally:
        process.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an archive is to be, of each kind in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "archive" / "archive.db")
    process: PostgresProcess = request.getfixturevalue("postgres")
    return process.new_database()


@pytest.fixture
def writer(archive: str) -> Iterator[Writer]:
    """The one who writes it, as of site `main`."""
    made = Writer(connect(archive), "main")
    made.open()
    yield made
    made.close()
    made.engine.dispose()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    """A Redis of its own, whose data outlives being killed."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisProcess(folder, durable=True) as process:
        yield process
