"""The audit over archive and stream: no gap, nothing twice; each call is judged in its period."""

import asyncio
import re
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.event import listens_for

from calllog.archive.database import connect
from calllog.audit import Report, audit
from calllog.audit_log import AuditedLog
from calllog.call_events import CallEvent, Ended, Offered
from calllog.events import AnyEvent
from calllog.scope import EVERYTHING, Scope
from calllog.stream import LogStream
from tests.unit.calllog.audited import Site, log_of
from tests.unit.calllog.conftest import Planted
from tests.unit.calllog.plants import PLANTS
from tests.unit.calllog.shift import DAY, Shift

HOUR_MS = 3_600_000


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
