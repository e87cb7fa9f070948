"""The audit reads archives of both kinds, wholly and by the period."""

import asyncio
from itertools import pairwise

import pytest
from sqlalchemy import update

from calllog.archive import schema
from calllog.archive.database import connect
from calllog.audit import Report
from calllog.audit_log import AuditedLog
from calllog.events import AnyEvent, decode
from calllog.reading import LogReader
from calllog.scope import EVERYTHING, Scope
from calllog.stream import LogStream
from tests.figures.days import day
from tests.queues.redis_process import RedisProcess
from tests.unit.calllog.archived import archived


@pytest.fixture(scope="module")
def log() -> list[AnyEvent]:
    return [decode(line) for line in day(0, now=1 << 60, calls=30, days=1, faults=True)]


async def audited(redis: RedisProcess, archive: str, scope: Scope) -> Report:
    engine = connect(archive, read_only=True)
    try:
        async with LogStream(redis.url, "main") as stream:
            read = AuditedLog(stream, engine, scope, scope is EVERYTHING, lambda *_: None)
            await read.read()
            await read.compare_acknowledged()
            return read.fold.finish()
    finally:
        engine.dispose()


def test_an_archive_is_audited_wholly_and_by_the_period(
    redis: RedisProcess, archive: str, log: list[AnyEvent]
) -> None:
    archived(archive, log, [f"{event.logged_at}-{number}" for number, event in enumerate(log)])
    whole = asyncio.run(audited(redis, archive, EVERYTHING))
    assert (whole.violations, whole.events) == ([], len(log))
    first, last = log[0].at, log[-1].at
    edges = [*range(first, last, (last - first) // 3), last + 1]
    parts = [asyncio.run(audited(redis, archive, Scope(*edge))) for edge in pairwise(edges)]
    assert [part.violations for part in parts] == [[]] * len(parts)
    assert sum(part.calls for part in parts) == whole.calls
    engine = connect(archive)
    with engine.begin() as connection:
        connection.execute(update(schema.waits).values(waited_ms=schema.waits.c.waited_ms + 50))
    engine.dispose()
    found = asyncio.run(audited(redis, archive, EVERYTHING)).violations
    assert {one.rule for one in found} == {"derived"}
    assert all(one.what.startswith("waits") for one in found)


def test_it_is_read_from_any_event_on(redis: RedisProcess, archive: str, log: list[AnyEvent]) -> None:
    archived(archive, log, [f"{event.logged_at}-{number}" for number, event in enumerate(log)])
    engine = connect(archive, read_only=True)

    async def behind(event: AnyEvent) -> list[str]:
        async with LogStream(redis.url, "main") as stream:
            reader = LogReader(stream, engine)
            assert reader.begin_behind(event.id)
            return [one.id async for page in reader.pages() for one in page]

    middle = len(log) // 2
    assert asyncio.run(behind(log[middle])) == [event.id for event in log[middle + 1 :]]
    engine.dispose()
