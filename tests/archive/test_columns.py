"""DuckDB has what the archive has: whenever files are made, whatever is written late, whoever is killed."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, insert, select

from calllog.archive.database import connect
from calllog.archive.instants import INSTANT, touch_all
from calllog.archive.rebuild import rebuild
from calllog.archive.schema import DERIVED, system
from calllog.archive.writer import Writer
from calllog.columns import reading
from calllog.columns.making import Maker
from calllog.columns.reading import opened
from calllog.columns.rows import copy
from calllog.events import AnyEvent, encode
from calllog.figures.line import line_figures
from calllog.figures.period import DAY_MS, Period
from ivr import archiver
from ivr.settings import Settings
from tests.archive.rows import day, derived, entries
from tests.queues.redis_process import RedisProcess

LATER = 4_102_444_800_000
"""The year 2100: everything has been at rest for long."""


def _whole(log: list[AnyEvent]) -> Period:
    return Period(min(event.at for event in log), max(event.at for event in log) + 1)


def _rows(engine: Engine, duck: Engine, first: int, end: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What both have of these instants, table by table."""
    both: tuple[dict[str, Any], dict[str, Any]] = {}, {}
    for found, source in zip(both, (engine, duck), strict=True):
        with source.connect() as connection:
            for table in DERIVED:
                at = table.c[INSTANT[table.name]]
                rows = connection.execute(select(table).where(at >= first, at < end))
                found[table.name] = sorted(tuple(row) for row in rows)
    return both


def _same(engine: Engine, folder: Path | None, period: Period) -> None:
    duck = opened(engine, period, folder)
    archived, read = _rows(engine, duck, period.from_at, period.to_at)
    duck.dispose()
    assert read == archived


@pytest.mark.parametrize("seed", range(2))
def test_columns_are_the_archive_whatever_happens(writer: Writer, tmp_path: Path, seed: int) -> None:
    """Late events, files made at any time or only begun, a new maker after one was killed."""
    rng = Random(seed)
    log = day(seed, calls=20)
    late = [event for event in log if rng.random() < 0.1]
    waiting = entries([event for event in log if event not in late]) + entries(late, first=100_000)
    period = _whole(log)
    maker = Maker(writer.engine, tmp_path)
    while waiting:
        many = rng.randint(50, 400)
        writer.write(waiting[:many])
        waiting = waiting[many:]
        making = maker.make(LATER)
        for _ in range(rng.choice((0, 3, 1000))):
            if next(making, None) is None:
                break
        if rng.random() < 0.3:
            maker = Maker(writer.engine, tmp_path)
        _same(writer.engine, tmp_path, period)
    _same(writer.engine, None, period)
    begin = rng.randrange(period.from_at, period.to_at)
    _same(writer.engine, tmp_path, Period(begin, begin + 3_600_000))


def test_what_is_at_rest_is_read_from_files_alone(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = day(1, calls=20)
    writer.write(entries(log))
    period = _whole(log)
    made = list(Maker(writer.engine, tmp_path).make(LATER))
    assert {path.name[0] for path in made} == {"q", "d"}
    assert list(Maker(writer.engine, tmp_path).make(LATER)) == []
    asked: list[int] = []

    def noted(rows: Connection, table: Table, chosen: Sequence[int], *into: Any) -> None:
        asked.extend(chosen)
        copy(rows, table, chosen, *into)

    monkeypatch.setattr(reading, "copy", noted)
    _same(writer.engine, tmp_path, period)
    assert asked == []
    rebuild(writer.engine, lambda *_: None)
    _same(writer.engine, tmp_path, period)
    assert asked, "after a rebuild no file is believed"


def test_what_goes_on_is_not_copied_yet(writer: Writer, tmp_path: Path) -> None:
    log = day(1, calls=10)
    writer.write(entries(log))
    assert list(Maker(writer.engine, tmp_path).make(int(time.time() * 1000))) == [], "written a moment ago"
    maker = Maker(writer.engine, tmp_path, settled_ms=-LATER)
    assert list(maker.make(_whole(log).from_at - LATER)) == [], "not over"


def test_files_that_are_out_of_date_are_removed(writer: Writer, tmp_path: Path) -> None:
    log = day(2, calls=20)
    writer.write(entries(log[:-1]))
    now = LATER
    for _ in range(2):
        assert list(Maker(writer.engine, tmp_path).make(now))
        files = list(tmp_path.rglob("*.parquet"))
        assert len({(path.parent, path.name.partition("-")[0]) for path in files}) == len(files)
        writer.write(entries(log[-1:], first=100_000))


def test_the_copy_of_another_archive_is_not_believed(writer: Writer, tmp_path: Path) -> None:
    log = day(3, calls=10)
    writer.write(entries(log))
    assert list(Maker(writer.engine, tmp_path / "columns").make(LATER))
    other = Writer(connect(tmp_path / "other.db"), "main")
    other.open()
    other.write(entries(log[:100]))
    _same(other.engine, tmp_path / "columns", _whole(log))
    other.close()


async def test_a_copy_that_cannot_be_written_stops_nothing_and_is_made_later(
    redis: RedisProcess,
    archive: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(archiver, "COLUMNS_S", 0.05)
    monkeypatch.setattr(archiver, "Maker", partial(Maker, settled_ms=0))
    settings = Settings(redis_url=redis.url, archive_url=archive, data=tmp_path / "data")
    settings.columns.parent.mkdir(parents=True)
    settings.columns.write_text("a file where the folder should be")
    made = archiver.Archiver(settings)
    running = asyncio.create_task(made.run())
    log = day(5, calls=5)
    client = redis.client()
    async with asyncio.timeout(60):
        for first in (0, 46):
            part = log[first : first + 46]
            client.xadd("{main}:log", {"e": b"\n".join(encode(event) for event in part)})
            while made.writer.lines < first + len(part):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            caplog.clear()
            while "no copy of the archive by columns" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert settings.columns.is_file()
        settings.columns.unlink()
        while not list(settings.columns.rglob("*.parquet")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    made.stopping.set()
    await running
    engine = connect(archive)
    _same(engine, settings.columns, _whole(log))
    engine.dispose()


def test_agents_states_from_long_ago_reach_into_a_period(writer: Writer, tmp_path: Path) -> None:
    log = day(4, calls=20)
    writer.write(entries(log))
    period = Period(_whole(log).to_at + 100 * DAY_MS, _whole(log).to_at + 101 * DAY_MS)
    duck = opened(writer.engine, period, tmp_path)
    with duck.connect() as connection:
        states = next(table for table in DERIVED if table.name == "agent_states")
        found = sorted(tuple(row) for row in connection.execute(select(states)))
    goes_on = [
        row
        for row in derived(writer.engine)["agent_states"]
        if row[list(states.c.keys()).index("to_at")] is None
    ]
    assert found == sorted(goes_on)
    assert found


def test_an_outage_from_long_ago_reaches_into_a_period(writer: Writer, tmp_path: Path) -> None:
    """pbx1 is back after a first outage, pbx2 is not, and pbx3 was never lost: 100 days ago."""
    ago = 1_795_000_000_000
    told = [
        ("asterisk_connected", "pbx1", 0),
        ("asterisk_connected", "pbx2", 1),
        ("asterisk_connected", "pbx3", 2),
        ("asterisk_lost", "pbx1", 10),
        ("asterisk_lost", "pbx2", 11),
        ("asterisk_connected", "pbx2", 12),
        ("asterisk_lost", "pbx2", 13),
        ("asterisk_lost", "pbx2", 14),
        ("asterisk_connected", "pbx1", 20),
        ("fallback_taken", "pbx2", 21),
    ]
    with writer.engine.begin() as connection:
        rows = [
            {"id": f"s:{n}", "kind": kind, "asterisk": name, "at": ago + at}
            for n, (kind, name, at) in enumerate(told)
        ]
        connection.execute(insert(system), rows)
        touch_all(connection)
    period = Period(ago + 100 * DAY_MS, ago + 101 * DAY_MS)
    duck = opened(writer.engine, period, tmp_path)
    found = {row.key: row.values for row in line_figures(duck, period, "whole", now=period.to_at)}
    with duck.connect() as connection:
        there = {row.at - ago for row in connection.execute(select(system))}
    duck.dispose()
    assert there == {2, 12, 13, 14, 20}
    assert found == {
        "pbx1": {"availability": 1, "away_ms": 0, "served_alone": 0},
        "pbx2": {"availability": 0, "away_ms": DAY_MS, "served_alone": 0},
        "pbx3": {"availability": 1, "away_ms": 0, "served_alone": 0},
    }
