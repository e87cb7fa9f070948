"""`holdfast archive`: what it says of an archive that is well, that stands still, that nobody writes."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from calllog.archive.database import connect
from calllog.archive.schema import metadata
from calllog.archive.writer import Writer
from calllog.events import Disposition, encode
from calllog.stream import ArchiveState, Entry, Feed, LogStream
from ivr.cli import AWAY, FINDINGS, OK, main
from tests.archive.rows import derived, entries, expected
from tests.queues.redis_process import RedisProcess
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.held_call import CALL, held_call

Holdfast = Callable[..., Result]
SITE = "main"


@pytest.fixture
def holdfast(redis: RedisProcess, archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Holdfast:
    for name, value in {"REDIS_URL": redis.url, "DATA": str(tmp_path), "ARCHIVE_URL": archive}.items():
        monkeypatch.setenv(f"HOLDFAST_{name}", value)
    return lambda *arguments: CliRunner().invoke(main, ["archive", *arguments], catch_exceptions=False)


def tell(redis: RedisProcess, **more: object) -> None:
    async def say() -> None:
        async with LogStream(redis.url, SITE) as stream:
            await stream.tell(ArchiveState(**{"place": "host:/x", "archive": "abc", **more}))  # type: ignore[arg-type]

    asyncio.run(say())


def now() -> int:
    return int(time.time() * 1000)


def test_of_an_archive_that_is_well(holdfast: Holdfast, redis: RedisProcess) -> None:
    assert holdfast("status").exit_code == FINDINGS
    assert "No archiver has run yet" in holdfast().stdout
    tell(redis, position="1795305600000-0", lines=1234, seen_at=now() + 60_000)
    said = holdfast("status")
    assert said.exit_code == OK
    assert "1,234" in said.stdout
    assert "All is well" in said.stdout
    assert json.loads(holdfast("--json").stdout)[0]["lines"] == 1234


def test_of_one_that_stands_still_or_has_kept_lines_aside(holdfast: Holdfast, redis: RedisProcess) -> None:
    tell(redis, alarm="no space is left", lag_entries=5000, lag_ms=90_000, seen_at=now() + 60_000)
    said = holdfast("status")
    assert said.exit_code == FINDINGS
    assert "✗ no space is left" in said.stdout
    assert "5,000 entries in Redis, for 1 min 30 s" in said.stdout
    tell(redis, kept_aside=2, seen_at=now() + 60_000)
    said = holdfast("status")
    assert said.exit_code == FINDINGS
    assert "holdfast archive kept" in said.stdout


def test_of_one_that_nobody_writes_and_that_is_forgotten(
    holdfast: Holdfast, redis: RedisProcess, tmp_path: Path
) -> None:
    async def attach() -> None:
        async with Feed(redis.url, SITE, "abc") as feed:
            await feed.attach("")

    asyncio.run(attach())
    tell(redis, seen_at=now() - 3_600_000)
    said = holdfast("status")
    assert said.exit_code == FINDINGS
    assert "its archiver has said nothing for 1 h 00 min" in said.stdout
    for name in ("abc-1", "other-1"):
        (tmp_path / "archive" / "columns" / name / "waits").mkdir(parents=True)
    assert holdfast("forget", "other").exit_code == FINDINGS
    assert holdfast("forget", "abc").exit_code == OK
    assert [path.name for path in (tmp_path / "archive" / "columns").iterdir()] == ["other-1"]
    assert redis.client().xinfo_groups("{main}:log") == []
    assert "No archiver has run yet" in holdfast().stdout
    redis.kill()
    assert holdfast("status").exit_code == AWAY


def test_what_is_kept_aside_and_tables_made_anew(holdfast: Holdfast, archive: str) -> None:
    if "://" not in archive:
        assert holdfast("kept").exit_code == AWAY
        assert holdfast("rebuild").exit_code == AWAY
        assert not Path(archive).exists()
    log = made_log(1, calls=5)
    writer = Writer(connect(archive), SITE)
    writer.open()
    writer.write(entries(log))
    assert holdfast("kept").exit_code == OK
    writer.write([Entry("9999-1", b"+49 30 1\x1b[31m", None, "not an event")])
    said = holdfast("kept")
    assert said.exit_code == FINDINGS
    assert "9999-1 line 1: not an event: +49 30 1" in said.stdout
    assert "\x1b" not in said.stdout
    assert "+49" not in holdfast("kept", "--redact").stdout + holdfast("kept", "--redact", "--json").stdout
    with writer.engine.begin() as connection:
        connection.execute(update(metadata.tables["calls"]).values(verdict="spoilt"))
    said = holdfast("rebuild", "--json")
    assert said.exit_code == OK
    assert json.loads(said.stdout)["events"] == len(log)
    assert derived(writer.engine) == expected(log)
    writer.close()
    writer.engine.dispose()


@pytest.mark.usefixtures("holdfast")
def test_a_call_that_redis_has_no_more_is_shown_from_the_archive(redis: RedisProcess, archive: str) -> None:
    def said(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments], catch_exceptions=False)

    log = held_call()
    about = Disposition(id="agent:bob:9", site=SITE, source="observed", agent="bob", call=CALL, queue="sales",
                        code="sold", at=log[-1].at + 5, logged_at=log[-1].at + 5)  # fmt: skip
    for event in (*log, about):
        redis.client().xadd(f"{{{SITE}}}:log", {"e": encode(event)})
    shown = [said("log", "--call", CALL), said("log", "--call", CALL, "--json"), said("trace", CALL)]
    assert [one.exit_code for one in shown] == [OK, OK, OK]
    redis.client().delete(f"{{{SITE}}}:log")
    assert said("log", "--call", CALL).exit_code == FINDINGS
    assert said("log", "--call", "last").exit_code == FINDINGS
    writer = Writer(connect(archive), SITE)
    writer.open()
    writer.write(entries([*log, about]))
    writer.close()
    writer.engine.dispose()
    again = [said("log", "--call", CALL), said("log", "--call", CALL, "--json"), said("trace", CALL)]
    assert [one.stdout for one in again] == [one.stdout for one in shown]
    assert said("log", "--call", "last").stdout == shown[0].stdout
    assert said("log", "--call", CALL, "--follow").exit_code == OK
    redis.client().xadd(f"{{{SITE}}}:log", {"e": encode(log[-1])})
    assert said("log", "--call", CALL).stdout == shown[0].stdout, "a part of it is there"
