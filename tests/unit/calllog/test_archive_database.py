"""The connection to the archive: what may be written through it, and what is said of a wrong address."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from calllog.archive.database import connect, place
from calllog.archive.schema import metadata, progress
from calllog.errors import ArchiveAway


def test_what_is_written_is_read_by_one_who_may_only_read(tmp_path: Path) -> None:
    path = tmp_path / "a b?#%" / "archive.db"
    writer = connect(path)
    metadata.create_all(writer)
    with writer.begin() as connection:
        connection.execute(insert(progress), {"name": "position", "value": "1-0"})
    reader = connect(str(path), read_only=True)
    with reader.begin() as connection:
        assert connection.execute(select(progress.c.value)).scalar_one() == "1-0"
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(insert(progress), {"name": "other", "value": ""})
    writer.dispose()
    reader.dispose()


def test_a_reader_sees_one_instant_while_there_is_written(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    writer = connect(path)
    metadata.create_all(writer)
    reading = connect(path, read_only=True)
    with reading.begin() as seen:
        assert seen.execute(text("select count(*) from progress")).scalar_one() == 0
        with writer.begin() as connection:
            connection.execute(insert(progress), {"name": "position", "value": "1-0"})
        assert seen.execute(text("select count(*) from progress")).scalar_one() == 0
    with reading.begin() as seen:
        assert seen.execute(text("select count(*) from progress")).scalar_one() == 1
    writer.dispose()
    reading.dispose()


def test_what_is_committed_is_on_the_disk_before_it_counts(tmp_path: Path) -> None:
    engine = connect(tmp_path / "archive.db")
    with engine.begin() as connection:
        assert connection.execute(text("pragma journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("pragma synchronous")).scalar_one() == 2
    engine.dispose()


def test_there_is_no_archive_yet(tmp_path: Path) -> None:
    with pytest.raises(ArchiveAway, match=r"there is no archive at .* yet: `holdfast serve` begins it"):
        connect(tmp_path / "archive.db", read_only=True)
    assert not (tmp_path / "archive.db").exists()


def test_a_wrong_address_is_told_without_what_it_holds() -> None:
    with pytest.raises(ArchiveAway, match="write postgresql://") as told:
        connect("://secret@")
    assert "secret" not in str(told.value)
    with pytest.raises(ArchiveAway, match="cannot be kept in `mysql`"):
        connect("mysql://user:secret@host/db")


def test_a_place_is_shown_without_its_password() -> None:
    engine = connect("postgresql://user:secret@host/db")
    assert "secret" not in place(engine)
    assert place(engine) == "postgresql://user:***@host/db"
