"""`rebuild` gives what was written as the events came; migrations make the tables of the schema."""

from random import Random

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import delete, insert, text, update

from calllog.archive import rebuild as rebuilding
from calllog.archive import writer as writing
from calllog.archive.migrate import migrate
from calllog.archive.rebuild import rebuild
from calllog.archive.schema import DERIVED, metadata
from calllog.archive.writer import Writer
from calllog.errors import ArchiveAway
from tests.archive.rows import archived, day, derived, entries, expected
from tests.unit.calllog.centre import made_log


def test_migrated_tables_are_those_of_the_schema(writer: Writer) -> None:
    options = {"compare_type": True, "compare_server_default": writer.engine.dialect.name != "sqlite"}
    with writer.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    assert found == []


def test_a_migration_is_done_once(writer: Writer) -> None:
    with writer.engine.connect() as connection:
        migrate(connection)
        migrate(connection)


def test_tables_of_a_newer_version_are_left_alone(writer: Writer) -> None:
    with writer.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ArchiveAway, match="newer version of Holdfast"):
        writer.open()


def test_nothing_is_rebuilt_from_nothing(writer: Writer) -> None:
    told: list[tuple[int, int]] = []
    rebuild(writer.engine, lambda done, total: told.append((done, total)))
    assert told == [(0, 0), (0, 0)]
    assert not any(derived(writer.engine).values())


@pytest.mark.parametrize("seed", range(2))
def test_what_was_spoilt_lost_or_made_up_is_as_before(
    writer: Writer, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside an archiver that goes on, and continues what it had begun."""
    rng = Random(seed)
    monkeypatch.setattr(rebuilding, "OWNERS", rng.randint(1, 9))
    log = day(seed, calls=30)
    some = entries(log)
    middle = len(some) // 2
    writer.write(some[:middle])
    before = derived(writer.engine)
    assert before == expected(log[:middle])
    with writer.engine.begin() as connection:
        for table in DERIVED:
            key = table.primary_key.columns[0]
            rows = connection.execute(table.select()).all()
            if rows:
                connection.execute(delete(table).where(key == rng.choice(rows)[0]))
        connection.execute(update(metadata.tables["waits"]).values(reason="spoilt"))
        for table in DERIVED:
            row = {column.name: 7 if column.type.python_type is int else "x" for column in table.primary_key}
            connection.execute(insert(table), row)
    assert derived(writer.engine) != before
    told: list[int] = []
    first = middle

    def go_on(done: int, _: int) -> None:
        nonlocal first
        told.append(done)
        if len(told) % 2:
            writer.write(some[first : first + 3])
            first += 3

    rebuild(writer.engine, go_on)
    assert told == sorted(told)
    assert derived(writer.engine) == expected(log[:first])
    writer.write(some[first:])
    assert derived(writer.engine) == expected(log)
    assert len(archived(writer.engine)) == len(log)


def test_a_rebuild_that_is_broken_off_is_begun_again(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "OWNERS", 3)
    log = made_log(3, calls=20)
    writer.write(entries(log))
    with writer.engine.begin() as connection:
        connection.execute(update(metadata.tables["calls"]).values(verdict="spoilt"))

    def break_off(done: int, total: int) -> None:
        if done > total / 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        rebuild(writer.engine, break_off)
    half = derived(writer.engine)["calls"]
    assert {"spoilt" in row for row in half} == {True, False}
    rebuild(writer.engine, lambda *_: None)
    assert derived(writer.engine) == expected(log)


def test_tables_of_older_rules_want_a_rebuild(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not writer.outdated
    for module in (writing, rebuilding):
        monkeypatch.setattr(module, "VERSION", 99)
    writer.open()
    assert writer.outdated
    rebuild(writer.engine, lambda *_: None)
    writer.open()
    assert not writer.outdated
