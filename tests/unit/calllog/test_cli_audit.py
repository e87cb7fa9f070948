"""`holdfast audit`, as an admin calls it: everything or a period, from the archive and the stream."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from sqlalchemy import update

from calllog.archive import schema
from calllog.archive.database import connect
from calllog.call_events import Arrived
from calllog.events import AnyEvent, decode, encode
from ivr.cli import AWAY, FINDINGS, OK, USAGE, main
from tests.figures.days import day
from tests.unit.calllog.archived import archived
from tests.unit.calllog.conftest import Planted

Audited = Callable[..., Result]
PERIOD = ("--from", "2026-10-24", "--to", "2026-10-25", "--zone", "Europe/Berlin")


@pytest.fixture
def log() -> list[AnyEvent]:
    lines = day(5, now=1 << 60, calls=30, days=2, zone="Europe/Berlin", day="2026-10-24", faults=True)
    return [decode(line) for line in lines]


@pytest.fixture
def audited(planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Audited:
    """`holdfast audit` over a log whose first part is archived and trimmed, and the rest on the stream."""
    monkeypatch.setenv("HOLDFAST_SITE", planted.site)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", planted.url)
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")

    def run(log: list[AnyEvent], *options: str) -> Result:
        count = len(log) * 2 // 3
        planted.client.delete(planted.key)
        pipe = planted.client.pipeline(transaction=False)
        for event in log:
            pipe.xadd(planted.key, {"e": encode(event)}, id=f"{event.logged_at}-*")
        positions = pipe.execute()
        planted.client.xtrim(planted.key, minid=positions[count])
        (tmp_path / "archive" / "archive.db").unlink(missing_ok=True)
        archived(tmp_path / "archive" / "archive.db", log[:count], positions[:count])
        return CliRunner().invoke(main, ["audit", *options])

    return run


def test_everything_is_audited_without_a_period(audited: Audited, log: list[AnyEvent]) -> None:
    told = audited(log)
    assert told.exit_code == OK, told.output
    assert told.output.startswith(f"{len(log):,} events")
    assert "✓ Sound" in told.output
    assert f"{len(log) - len(log) * 2 // 3:,} not archived yet" in told.output


def test_a_period_is_cut_into_local_hours(audited: Audited, log: list[AnyEvent]) -> None:
    """The hour that comes twice is two intervals, and every interval adds up."""
    told = audited(log, *PERIOD, "--interval", "60m", "--json")
    assert told.exit_code == OK, told.output
    facts = json.loads(told.stdout)
    assert facts["sound"] is True
    parts = ("answered", "abandoned", "flowed_out", "failed", "waiting")
    for _, _, counts in facts["intervals"]:
        assert counts["offered"] == sum(counts[name] for name in parts)
    for queue, total in facts["queues"].items():
        hours = [counts["offered"] for name, _, counts in facts["intervals"] if name == queue]
        assert sum(hours) == total["offered"]
        assert len(hours) > 1
    table = audited(log, *PERIOD, "--interval", "60m").stdout
    assert "joined from" in table
    assert "CEST" in table
    assert "CET" in table


def test_a_broken_call_is_named_and_the_exit_code_says_it(audited: Audited, log: list[AnyEvent]) -> None:
    place, left = next((i, e) for i, e in enumerate(log) if e.kind == "queue_left" and e.at > log[0].at)
    wrong: Any = left
    log[place] = replace(wrong, waited_ms=wrong.waited_ms + 50)
    told = audited(log)
    assert told.exit_code == FINDINGS
    assert f"\n{wrong.call}\n" in told.stdout
    assert "waited_ms is" in told.stdout
    assert audited(log, "--day", "2026-10-30").exit_code == OK


def test_personal_data_of_a_wrong_row_is_not_shown(
    audited: Audited, log: list[AnyEvent], tmp_path: Path
) -> None:
    audited(log)
    engine = connect(tmp_path / "archive" / "archive.db")
    with engine.begin() as connection:
        connection.execute(update(schema.calls).values(caller="+4420 7946 0999"))
    engine.dispose()
    told = CliRunner().invoke(main, ["audit"])
    assert told.exit_code == FINDINGS
    assert "caller is not what the events give" in told.stdout
    numbers = {event.from_ for event in log if isinstance(event, Arrived)}
    assert not [number for number in numbers | {"+4420 7946 0999"} if number and number in told.output]


def test_an_archive_that_is_away_is_exit_code_3(
    audited: Audited, log: list[AnyEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_ARCHIVE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    told = audited(log)
    assert (told.exit_code, told.stdout) == (AWAY, "")
    assert "the archive cannot be read" in told.stderr


EARLY = ("--from", "2026-10-24", "--to", "2026-10-24T08:30", "--zone", "Europe/Berlin")


def test_with_redis_away_a_period_that_is_archived_is_audited(
    audited: Audited, log: list[AnyEvent], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = json.loads(audited(log, *EARLY, "--json").stdout)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "redis://127.0.0.1:9/0")

    def away(*options: str) -> Result:
        return CliRunner().invoke(main, ["audit", *options])

    told = away(*EARLY)
    assert told.exit_code == OK, told.output
    assert "the stream was not looked at" in told.stdout
    facts = json.loads(away(*EARLY, "--json").stdout)
    assert facts.pop("without_stream") is True
    assert there.pop("without_stream") is False
    assert there["calls"] >= 5
    assert facts["compared"] > 100
    assert facts == {**there, "acknowledged": 0, "waiting": 0, "compared": facts["compared"]}
    engine = connect(tmp_path / "archive" / "archive.db")
    with engine.begin() as connection:
        connection.execute(update(schema.waits).values(waited_ms=schema.waits.c.waited_ms + 50))
    engine.dispose()
    assert away(*EARLY).exit_code == FINDINGS


def test_with_redis_away_it_is_not_guessed_what_the_stream_may_have(
    audited: Audited, log: list[AnyEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    audited(log, *EARLY)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "redis://127.0.0.1:9/0")
    for options in ((), ("--from", "2026-10-25", "--to", "2026-10-26", "--zone", "Europe/Berlin")):
        told = CliRunner().invoke(main, ["audit", *options])
        assert (told.exit_code, told.stdout) == (AWAY, "")
        assert "Connect call failed" in told.stderr


def test_an_interval_needs_a_period(audited: Audited, log: list[AnyEvent]) -> None:
    told = audited(log, "--interval", "60m")
    assert told.exit_code == USAGE
    assert "--interval needs a period" in told.stderr
