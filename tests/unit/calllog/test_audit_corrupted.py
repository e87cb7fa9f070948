"""What is wrong in an archive is named by the audit: it compares that with its events and with the stream."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, select, update

from calllog.archive import schema
from calllog.archive.database import connect
from calllog.call_events import CallEvent
from calllog.grammar import Violation
from tests.queues.redis_process import RedisProcess
from tests.unit.calllog.audited import Site, busy_log
from tests.unit.calllog.conftest import Planted


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
