"""The archiver as a process, on a real Redis: killed at any moment it loses nothing and doubles nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Table, delete, func, select, text
from sqlalchemy import event as hooks
from sqlalchemy.exc import SQLAlchemyError

from calllog.archive.database import connect
from calllog.archive.schema import DERIVED, events, kept_aside
from calllog.errors import ArchiveAway, LogAway
from calllog.events import AnyEvent, encode
from calllog.stream import ArchiveState, Feed, LogStream
from ivr.archiver import Archiver
from ivr.settings import Settings
from tests.archive.doomed import WITHIN_S, Process
from tests.archive.postgres_process import PostgresProcess
from tests.archive.rows import archived, day, derived, expected, put_aside
from tests.queues.redis_process import RedisProcess
from tests.unit.calllog.centre import made_log

SITE = "main"
KEY = "{main}:log"


@pytest.fixture
def process(redis: RedisProcess, archive: str, tmp_path: Path) -> Iterator[Process]:
    made = Process(redis, archive, tmp_path)
    yield made
    made.kill()


def until(true: Callable[[], bool], why: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def put(client: "Redis", log: list[AnyEvent], rng: Random) -> None:
    """Entries of one to four lines each, as scripts write them."""
    first = 0
    while first < len(log):
        size = rng.randint(1, 4)
        client.xadd(KEY, {"e": b"\n".join(encode(event) for event in log[first : first + size])})
        first += size


def count(archive: str, table: Table = events) -> int:
    """Rows archived; 0 while there are no tables."""
    with suppress(SQLAlchemyError, ArchiveAway):
        engine = connect(archive, read_only=True)
        try:
            with engine.connect() as connection:
                return connection.scalar(select(func.count()).select_from(table)) or 0
        finally:
            engine.dispose()
    return 0


def test_killed_at_any_moment_nothing_is_lost_or_doubled(
    redis: RedisProcess, archive: str, process: Process
) -> None:
    rng = Random(7)
    client, log = redis.client(), day(7, calls=60)
    size = len(log) // (10 if "://" in archive else 25) + 1
    for first in range(0, len(log), size):
        had = count(archive)
        process.start()
        put(client, log[first : first + size], rng)
        if rng.random() < 0.4:  # while it archives; else maybe while it makes its tables, or opens them
            until(lambda had=had: count(archive) > had, lambda: process.said)  # type: ignore[misc]
        time.sleep(rng.random() * rng.choice((0.02, 0.2)))
        process.kill()
    client.xadd(KEY, {"e": "broken"})
    process.start()
    until(lambda: count(archive, kept_aside) > 0, lambda: process.said)
    assert process.stop() == 0
    engine = connect(archive, read_only=True)
    assert archived(engine) == [encode(event) for event in log]
    assert derived(engine) == expected(log)
    assert [raw for _, _, raw, _ in put_aside(engine)] == [b"broken"]
    engine.dispose()


def last(client: "Redis") -> object:
    """The position of the stream's last entry."""
    return (client.xrevrange(KEY, count=1) or [])[0][0]


@pytest.fixture
async def archiver(redis: RedisProcess, archive: str, tmp_path: Path) -> AsyncIterator[Archiver]:
    settings = Settings(redis_url=redis.url, archive_url=archive, data=tmp_path, log_minutes=1)
    made = Archiver(settings)
    running = asyncio.create_task(made.run())
    yield made
    made.stopping.set()
    await running


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not true():  # noqa: ASYNC110  (what it waits for tells nobody)
            await asyncio.sleep(0.01)


async def state(redis: RedisProcess, wanted: Callable[[ArchiveState], bool]) -> ArchiveState:
    """What is told of the archive, once it is that."""
    async with asyncio.timeout(WITHIN_S), LogStream(redis.url, SITE) as stream:
        while True:
            with suppress(LogAway):
                for told in await stream.archives():
                    if wanted(told):
                        return told
            await asyncio.sleep(0.02)


async def test_an_error_beside_the_work_is_not_hidden(
    redis: RedisProcess, archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Feed, "tell", broken)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(WITHIN_S):
            await Archiver(Settings(redis_url=redis.url, archive_url=archive, data=tmp_path)).run()


async def test_how_far_it_is_and_what_waits(redis: RedisProcess, archiver: Archiver) -> None:
    log = made_log(1, calls=3)
    put(redis.client(), log, Random(1))
    told = await state(redis, lambda told: told.lines == len(log) and not told.lag_entries)
    assert (told.alarm, told.lag_ms, told.kept_aside) == ("", 0, 0)
    assert told.position == last(redis.client())
    assert told.archive == archiver.writer.archive


async def test_redis_may_die_and_come_back(redis: RedisProcess, archiver: Archiver) -> None:
    log = made_log(2, calls=20)
    put(redis.client(), log[:50], Random(1))
    await eventually(lambda: archiver.writer.lines == 50)
    redis.kill()
    await eventually(lambda: archiver.alarm != "")
    redis.start()
    put(redis.client(), log[50:], Random(2))
    await state(redis, lambda told: told.lines == len(log) and not told.alarm)
    assert derived(archiver.writer.engine) == expected(log)


async def test_a_log_that_begins_anew_is_archived_too(redis: RedisProcess, archiver: Archiver) -> None:
    """Redis has lost everything, and its clock goes back: positions are lower than those archived."""
    log = made_log(3, calls=20)
    client = redis.client()
    put(client, log[:50], Random(1))
    await eventually(lambda: archiver.writer.lines == 50)
    client.delete(KEY)
    for number, event in enumerate(log[50:], 1):
        client.xadd(KEY, {"e": encode(event)}, id=f"{number}-1")
    await eventually(lambda: archiver.writer.lines == len(log))
    assert derived(archiver.writer.engine) == expected(log)


async def test_what_an_archive_from_a_backup_lacks_is_read_again(
    redis: RedisProcess, archive: str, tmp_path: Path
) -> None:
    """And a new archive gets what there is."""
    settings = Settings(redis_url=redis.url, archive_url=archive, data=tmp_path)
    log = made_log(4, calls=10)
    put(redis.client(), log, Random(1))
    for _ in range(2):
        made = Archiver(settings)
        running = asyncio.create_task(made.run())
        await eventually(lambda made=made: made.writer.lines == len(log))  # type: ignore[misc]
        made.stopping.set()
        await running
        engine = connect(archive)
        assert derived(engine) == expected(log)
        with engine.begin() as connection:  # as it was before all this
            for table in (events, *DERIVED):
                connection.execute(delete(table))
            connection.execute(text("DELETE FROM progress WHERE name <> 'archive'"))
        engine.dispose()


async def test_the_log_is_trimmed_behind_the_slowest_archive(redis: RedisProcess, archiver: Archiver) -> None:
    client = redis.client()
    log = made_log(5, calls=20)
    for number, event in enumerate(log, 1):
        client.xadd(KEY, {"e": encode(event)}, id=f"{number}-0")
    await eventually(lambda: archiver.writer.lines == len(log))
    this = archiver.writer.archive
    await state(redis, lambda told: told.archive == this)
    async with Feed(redis.url, SITE, "other") as other, Feed(redis.url, SITE, this) as mine:
        await other.attach("")
        await other.tell(ArchiveState(place="other", archive="other", seen_at=int(time.time() * 1000)))
        assert await mine.trim(archiver.writer.position, len(log) - 3) == 0, "the other has nothing yet"
        entries = await other.coming(100, 1)
        assert len(entries) == 100
        assert await mine.trim(archiver.writer.position, len(log) - 3) == 0, "it was given, not acknowledged"
        await other.acknowledge(entries[:50])
        assert 0 < await mine.trim(archiver.writer.position, len(log) - 3) <= 50
        assert client.xrange(KEY, "50-0", "51-0"), "nothing is missing behind what it has"
        assert await mine.trim("", 10**15) == 0, "nothing is archived"
        await other.tell(ArchiveState(place="other", archive="other", seen_at=1))
        assert await mine.trim(archiver.writer.position, len(log) - 30) > 0
        left = [position for position, _ in client.xrange(KEY) or []]
        assert f"{len(log) - 30}-0" in left
        await mine.trim(archiver.writer.position, 10**15)
        assert last(client) == archiver.writer.position == f"{len(log)}-0"
        await mine.forget(ArchiveState(place="other", archive="other"))
        assert len(client.xinfo_groups(KEY)) == 1
        assert [told.place for told in await mine.archives()] == [archiver.place]


async def test_what_a_live_call_has_written_stays(archiver: Archiver) -> None:
    now = 1_795_305_600_000
    archiver.writer.live.clear()
    assert archiver.keep_from_ms(now) == now - 60_000
    archiver.writer.live.update(long=now - 7_200_000, lost=now - 100 * 86_400_000)
    assert archiver.keep_from_ms(now) == now - 7_200_000 - 60_000


async def test_while_postgresql_is_down_the_log_waits(redis: RedisProcess, tmp_path: Path) -> None:
    own = PostgresProcess()
    try:
        settings = Settings(redis_url=redis.url, archive_url=own.url(), data=tmp_path)
        archiver = Archiver(settings)
        running = asyncio.create_task(archiver.run())
        log = made_log(6, calls=20)
        put(redis.client(), log[:40], Random(1))
        await state(redis, lambda told: "archive" in told.alarm)
        await asyncio.to_thread(own.start)
        await state(redis, lambda told: told.lines == 40 and not told.alarm)
        own.stop()
        put(redis.client(), log[40:], Random(2))
        told = await state(redis, lambda told: bool(told.alarm))
        assert "holdfast@" in told.alarm
        assert told.lag_entries > 0
        await asyncio.to_thread(own.start)
        await state(redis, lambda told: told.lines == len(log) and not told.alarm)
        assert derived(archiver.writer.engine) == expected(log)
        archiver.stopping.set()
        await running
    finally:
        own.remove()


async def test_a_full_disk_stops_archiving_until_there_is_room(redis: RedisProcess, tmp_path: Path) -> None:
    """As SQLite finds it: no further page can be had."""
    settings = Settings(redis_url=redis.url, data=tmp_path)
    archiver = Archiver(settings)
    pages = 150

    @hooks.listens_for(archiver.writer.engine, "checkout")
    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    running = asyncio.create_task(archiver.run())
    log = made_log(8, calls=150)
    put(redis.client(), log, Random(1))
    told = await state(redis, lambda told: bool(told.alarm))
    assert "no space is left on its disk" in told.alarm
    assert told.lag_entries > 0
    assert len(redis.client().xrange(KEY) or []) >= told.lag_entries
    pages = 1_000_000
    await state(redis, lambda told: told.lines == len(log) and not told.alarm)
    assert derived(archiver.writer.engine) == expected(log)
    archiver.stopping.set()
    await running


def test_an_address_that_is_none(redis: RedisProcess) -> None:
    with pytest.raises(ArchiveAway, match="write postgresql://"):
        Archiver(Settings(redis_url=redis.url, archive_url="mongodb://x"))
