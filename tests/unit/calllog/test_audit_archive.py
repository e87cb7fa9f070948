"""The audit over archive and stream: no gap, nothing twice; what is wrong in the archive is named."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.event import listens_for

from calllog.archive import schema
from calllog.archive.database import connect
from calllog.audit import Report, audit
from calllog.audit_log import AuditedLog, Stand
from calllog.call_events import CallEvent, Ended, Offered
from calllog.events import AnyEvent, decode, encode
from calllog.grammar import Violation
from calllog.scope import EVERYTHING, Scope
from calllog.stream import LogStream
from tests.figures.days import day
from tests.queues.redis_process import RedisProcess
from tests.unit.calllog.archived import archived
from tests.unit.calllog.conftest import Planted
from tests.unit.calllog.plants import PLANTS
from tests.unit.calllog.shift import DAY, Shift

HOUR_MS = 3_600_000


def log_of(seed: int, **options: Any) -> list[AnyEvent]:
    return [decode(line) for line in day(seed, now=1 << 60, **options)]


def busy_log() -> list[AnyEvent]:
    """A day on which every table has rows."""
    return log_of(0, calls=60, days=1, faults=True)


class Site:
    """A log on a stream, and an archive of its beginning."""

    def __init__(self, planted: Planted, path: Path, log: list[AnyEvent]) -> None:
        self.planted, self.path, self.log = planted, path, log
        pipe = planted.client.pipeline(transaction=False)
        for event in log:
            pipe.xadd(planted.key, {"e": encode(event)}, id=f"{event.logged_at}-*")
        self.positions: list[str] = pipe.execute()

    def archive(self, count: int) -> None:
        """Its first `count` events."""
        archived(self.path, self.log[:count], self.positions[:count])

    def archive_anew(self, count: int) -> None:
        """The archive has gone on meanwhile."""
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.archive(count)

    def trim(self, count: int) -> None:
        """Take the first `count` events from the stream."""
        self.planted.client.xdel(self.planted.key, *self.positions[:count])

    def audit(self, scope: Scope = EVERYTHING, path: Path | None = None) -> tuple[Report, Stand]:
        return asyncio.run(self._audit(scope, path or self.path))

    async def _audit(self, scope: Scope, path: Path) -> tuple[Report, Stand]:
        engine = connect(path, read_only=True)
        whole = scope is EVERYTHING
        try:
            async with LogStream(self.planted.url, self.planted.site) as stream:
                log = AuditedLog(stream, engine, scope, everything=whole, progress=lambda *_: None)
                await log.read()
                await log.compare_acknowledged()
                return log.fold.finish(log.fold.open_calls), log.stand
        finally:
            engine.dispose()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("trimmed", [False, True])
def test_archive_and_stream_together_are_the_log(
    planted: Planted, tmp_path: Path, share: float, trimmed: bool
) -> None:
    log = log_of(3, calls=20, days=1)
    site = Site(planted, tmp_path / "archive.db", log)
    count = int(share * len(log))
    site.archive(count)
    if trimmed and count:
        site.trim(count)
    report, stand = site.audit()
    assert report.violations == []
    assert report.events == len(log)
    assert report.ended == sum(isinstance(event, Ended) for event in log)
    assert stand.waiting == len(log) - count
    assert stand.acknowledged == (0 if trimmed else count)
    assert (stand.compared > 0) == (count > 0)


def test_what_is_archived_and_trimmed_while_it_is_read_is_read_once(planted: Planted, tmp_path: Path) -> None:
    """The archive goes on between the audit's look at it and its look at the stream, and trims."""
    log = log_of(3, calls=20, days=1)
    site = Site(planted, tmp_path / "archive.db", log)
    half, more = len(log) // 2, len(log) * 3 // 4
    site.archive(half)

    class Overtaken(LogStream):
        async def page(self, after: str) -> tuple[list[Any], bool]:
            if site.path.exists() and after == site.positions[half - 1]:
                engine.dispose()
                site.archive_anew(more)
                site.trim(more)
            return await super().page(after)

    engine = connect(site.path, read_only=True)

    async def audited() -> Report:
        async with Overtaken(planted.url, planted.site) as stream:
            read = AuditedLog(stream, engine, EVERYTHING, everything=True, progress=lambda *_: None)
            await read.read()
            return read.fold.finish(read.fold.open_calls)

    report = asyncio.run(audited())
    engine.dispose()
    assert report.violations == []
    assert report.events == len(log)


def test_what_is_archived_between_two_readings_is_read_once(planted: Planted, tmp_path: Path) -> None:
    log = log_of(3, calls=20, days=1)
    site = Site(planted, tmp_path / "archive.db", log)
    site.archive(len(log) // 2)

    async def audited() -> Report:
        async with LogStream(planted.url, planted.site) as stream:
            engine = connect(site.path, read_only=True)
            read = AuditedLog(stream, engine, EVERYTHING, everything=True, progress=lambda *_: None)
            await read.read()
            engine.dispose()
            site.archive_anew(len(log))
            await read.read()
            engine.dispose()
            return read.fold.finish()

    report = asyncio.run(audited())
    assert report.violations == []
    assert report.events == len(log)


# Periods


def long_log() -> list[AnyEvent]:
    return log_of(5, calls=60, days=3, faults=True, zone="Europe/Berlin", day="2026-10-24")


def test_each_call_is_judged_in_the_period_in_which_it_began(planted: Planted, tmp_path: Path) -> None:
    log = long_log()
    site = Site(planted, tmp_path / "archive.db", log)
    site.archive(len(log))
    first, last = log[0].at, log[-1].at
    edges = [*range(first, last + 1, 5 * HOUR_MS), last + 1]
    reports = [site.audit(Scope(begin, end))[0] for begin, end in pairwise(edges)]
    assert [str(one) for report in reports for one in report.violations] == []
    whole, _ = site.audit()
    assert sum(report.calls for report in reports) == whole.calls
    assert sum(report.ended for report in reports) == whole.ended
    assert sum(report.events for report in reports) == whole.events
    for name in ("offered", "answered", "abandoned", "flowed_out", "failed", "waiting"):
        parts = sum(getattr(counts, name) for report in reports for counts in report.queues.values())
        assert parts == sum(getattr(counts, name) for counts in whole.queues.values())


@pytest.mark.parametrize("archived_share", [0.5, 1.0])
def test_what_is_wrong_in_a_period_is_found_in_it_alone(
    planted: Planted, tmp_path: Path, archived_share: float
) -> None:
    log = long_log()
    index = [place for place, event in enumerate(log) if event.kind == "queue_left"][20]
    left: Any = log[index]
    log[index] = replace(left, waited_ms=left.waited_ms + 50)
    site = Site(planted, tmp_path / "archive.db", log)
    site.archive(int(archived_share * len(log)))
    arrived = next(event for event in log if isinstance(event, CallEvent) and event.call == left.call)
    inside, _ = site.audit(Scope(arrived.at, arrived.at + 1))
    assert {(one.call, one.rule) for one in inside.violations} == {(left.call, "duration")}
    assert inside.calls == inside.ended == 1
    for scope in (Scope(0, arrived.at), Scope(arrived.at + 1, arrived.at + 10 * HOUR_MS)):
        assert site.audit(scope)[0].violations == []


def test_a_call_that_goes_on_for_hours_after_the_period_is_read_to_its_end(
    planted: Planted, tmp_path: Path
) -> None:
    log = long_log()
    arrived = next(event for event in log if event.kind == "arrived")
    assert isinstance(arrived, CallEvent)
    later = 6 * HOUR_MS
    own = [event for event in log if isinstance(event, CallEvent) and event.call == arrived.call]
    end: Any = own[-1]
    moved = {"at": end.at + later, "logged_at": end.logged_at + later}
    lived = {"lifetime_ms": end.lifetime_ms + later, "flow_ms": end.flow_ms + later}
    log.remove(end)
    ended = replace(end, **moved, **lived)
    place = next(i for i, event in enumerate(log) if event.logged_at > ended.logged_at)
    log.insert(place, ended)
    site = Site(planted, tmp_path / "archive.db", log)
    for count in (len(log), place):
        site.archive_anew(count)
        report, _ = site.audit(Scope(arrived.at, arrived.at + 1))
        assert report.violations == []
        assert (report.calls, report.ended) == (1, 1)
    report, _ = site.audit(Scope(ended.at, ended.at + 1))
    assert (report.violations, report.calls, report.events) == ([], 0, 1)


def test_who_was_rung_before_the_period_is_known_in_it(planted: Planted, tmp_path: Path) -> None:
    log = long_log()
    call = PLANTS["an agent rung for two callers"](log, Random(28))
    begins = {event.call: event.at for event in log if isinstance(event, CallEvent) and event.seq == 1}
    told = " ".join(one.what for one in audit(log).violations if one.call == call and one.rule == "agent")
    (other,) = re.findall(r"who has call (\S+)", told)
    assert max(rung_at(log, other)) < begins[call], "the draw has changed: look for another seed"
    site = Site(planted, tmp_path / "archive.db", log)
    site.archive(len(log))
    inside = site.audit(Scope(begins[call], begins[call] + 1))[0].violations
    assert any(f"who has call {other}" in one.what and one.call == call for one in inside), inside


def rung_at(log: list[AnyEvent], call: str) -> list[int]:
    return [event.at for event in log if isinstance(event, Offered) and event.call == call]


# Corruptions of the archive


@pytest.fixture(scope="module")
def sound(redis_server: RedisProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A log that is archived wholly, and still on the stream."""
    planted = Planted(redis_server.url, "archived", redis_server.client())
    site = Site(planted, tmp_path_factory.mktemp("sound") / "archive.db", busy_log())
    site.archive(len(site.log))
    yield site
    planted.client.delete(planted.key)


Corrupt = Callable[[Connection], object]


def found_in(sound: Site, tmp_path: Path, corrupt: Corrupt) -> list[Violation]:
    path = tmp_path / "archive.db"
    shutil.copy(sound.path, path)
    engine = connect(path)
    with engine.begin() as connection:
        corrupt(connection)
    engine.dispose()
    return sound.audit(path=path)[0].violations


def test_the_archive_is_sound_as_it_is(sound: Site, tmp_path: Path) -> None:
    assert found_in(sound, tmp_path, lambda _: None) == []


def where(table: Table, row: dict[str, Any]) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key]


def owner_of(table: Table, row: dict[str, Any]) -> str:
    if table is schema.agent_states:
        return f"agent {row['agent']}"
    return str(row["call"] if "call" in table.primary_key.columns else row["id"])


@pytest.mark.parametrize("table", schema.DERIVED, ids=lambda table: table.name)
def test_wrong_derived_rows_are_found(sound: Site, tmp_path: Path, table: Table) -> None:
    """One is changed, one is missing, and there is one too many."""
    column = [column for column in table.columns if not column.primary_key][-1]
    key = list(table.primary_key)[-1].name
    wrong: list[tuple[str, str]] = []

    def corrupt(connection: Connection) -> None:
        rows = connection.execute(select(table).order_by(*table.primary_key)).mappings().all()
        assert len(rows) > 1, f"the day has not enough {table.name}"
        change, miss = dict(rows[0]), dict(rows[-1])
        extra = miss | {key: 900_000 if isinstance(miss[key], int) else "hf-made-up:1"}
        value = change[column.name]
        other = not value if isinstance(value, bool) else f"{value}x" if isinstance(value, str) else 17
        connection.execute(update(table).where(*where(table, change)).values({column.name: other}))
        connection.execute(delete(table).where(*where(table, miss)))
        connection.execute(insert(table), extra)
        for row, what in ((change, column.name), (miss, "is missing"), (extra, "is there")):
            wrong.append((owner_of(table, row), what))

    found = found_in(sound, tmp_path, corrupt)
    assert {one.rule for one in found} == {"derived"}
    assert all(one.what.startswith(table.name) for one in found)
    for owner, what in wrong:
        assert [one for one in found if one.call == owner and what in one.what], (owner, what, found)
    assert {one.call for one in found} == {owner for owner, _ in wrong}


def an_event(connection: Connection, kind: str) -> Any:
    events = schema.events
    return connection.execute(select(events).where(events.c.kind == kind).limit(1)).one()


def drop_event(connection: Connection) -> None:
    row = an_event(connection, "input")
    connection.execute(delete(schema.events).where(schema.events.c.n == row.n))


def change_event(connection: Connection) -> None:
    row = an_event(connection, "input")
    raw = row.raw.replace(b'"digits":"', b'"digits":"9')
    connection.execute(update(schema.events).where(schema.events.c.n == row.n).values(raw=raw))


def change_column(connection: Connection) -> None:
    row = an_event(connection, "input")
    connection.execute(update(schema.events).where(schema.events.c.n == row.n).values(at=row.at + 50))


def spoil_event(connection: Connection) -> None:
    row = an_event(connection, "input")
    connection.execute(update(schema.events).where(schema.events.c.n == row.n).values(raw=row.raw[:-1]))


def miscount(connection: Connection) -> None:
    progress = schema.progress
    connection.execute(update(progress).where(progress.c.name == "lines").values(value="7"))


@pytest.mark.parametrize(
    ("corrupt", "rule", "said"),
    [
        (drop_event, "archive", "`input` is missing in the archive"),
        (drop_event, "seq", "was due"),
        (drop_event, "archive", "lines were acknowledged"),
        (change_event, "archive", "`input` has changed in the archive"),
        (change_column, "archive", "in a row with another id, at, kind, owner or seq"),
        (spoil_event, "broken", "not an event"),
        (miscount, "archive", "7 lines were acknowledged"),
    ],
)
def test_a_wrong_event_of_the_archive_is_found(
    sound: Site, tmp_path: Path, corrupt: Corrupt, rule: str, said: str
) -> None:
    inputs = [event for event in sound.log if event.kind == "input"]
    named = [one for one in found_in(sound, tmp_path, corrupt) if one.rule == rule and said in one.what]
    assert named
    if corrupt in (drop_event, change_event, change_column) and "acknowledged," not in said:
        assert isinstance(inputs[0], CallEvent)
        assert named[0].call in (inputs[0].call, "the archive")


def test_a_line_that_was_kept_aside_is_told_with_its_place_and_never_shown(
    sound: Site, tmp_path: Path
) -> None:
    def corrupt(connection: Connection) -> None:
        row = {
            "position": "17-0",
            "line": 2,
            "raw": b"+4420 secret",
            "reason": "not an event: cut",
            "at": None,
        }
        connection.execute(insert(schema.kept_aside), row)
        progress = schema.progress
        lines = connection.execute(select(progress.c.value).where(progress.c.name == "lines")).scalar_one()
        connection.execute(
            update(progress).where(progress.c.name == "lines").values(value=str(int(lines) + 1))
        )

    (finding,) = found_in(sound, tmp_path, corrupt)
    assert (finding.call, finding.rule) == ("entry 17-0, line 2, kept aside", "broken")
    assert "secret" not in str(finding)


@pytest.mark.parametrize("archived_share", [0.4, 1.0])
@pytest.mark.parametrize("waited_h", [1, 5, 100])
def test_who_has_waited_for_long_is_passed_over_in_no_period(
    planted: Planted, tmp_path: Path, waited_h: int, archived_share: float
) -> None:
    """Whoever came before a period, however long, is compared with who is offered in it."""
    begins = waited_h * HOUR_MS + 1000
    shift = Shift()
    shift.joined(1000, "early")
    shift.joined(1500, "gone")
    shift.left(1600, "gone", "caller_hangup")
    for number in range(3):
        shift.joined(begins - 500 + number, f"other-{number}", queue="other")
    shift.joined(begins + 1000, "late")
    shift.offered(begins + 2000, "late", "ann")
    shift.left(begins + 3000, "early", "caller_hangup")
    site = Site(planted, tmp_path / "archive.db", shift.events)
    site.archive(round(archived_share * len(shift.events)))
    report, _ = site.audit(Scope(DAY + begins, DAY + begins + HOUR_MS))
    assert [str(one) for one in report.violations if one.rule == "turn"] == [
        "late (event 2): turn: offered to ann while early waits, who came before with the same claim"
    ]
    assert not [one for one in report.violations if one.call == "early"], "he is not of the period"


def test_who_waits_is_found_in_an_index(planted: Planted, tmp_path: Path) -> None:
    """A large archive is not walked through for a period."""
    site = Site(planted, tmp_path / "archive.db", log_of(1, calls=5, days=1))
    site.archive(len(site.log))
    engine = connect(site.path, read_only=True)
    asked: list[str] = []

    @listens_for(engine, "before_cursor_execute")
    def _(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "FROM waits" in statement and "left_at IS NULL" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            asked.append(str(cursor.fetchall()))

    async def begun() -> None:
        async with LogStream(planted.url, planted.site) as stream:
            scope = Scope(site.log[-1].at, site.log[-1].at + 1)
            await AuditedLog(stream, engine, scope, everything=False, progress=lambda *_: None).read()

    asyncio.run(begun())
    engine.dispose()
    assert len(asked) == 1
    assert asked[0].count("COVERING INDEX waits_by_end") == 2
