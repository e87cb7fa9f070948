"""Reports over a copy by columns that cannot be read: made from the archive itself, and told."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from calllog.archive.database import connect
from calllog.archive.schema import quarters
from calllog.errors import ColumnsAway
from calllog.report.model import Report
from ivr.cli import AWAY, OK, main, reporting

DAY = ("--day", "2026-11-22", "--csv")


@pytest.fixture
def broken(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy by columns of the busy day, of which one file has been truncated."""
    shutil.copytree(data / "archive", tmp_path / "archive")
    archive = connect(tmp_path / "archive" / "archive.db")
    with archive.begin() as connection:
        connection.execute(update(quarters).values(touched_at=1))
    archive.dispose()
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(tmp_path / "none"))
    assert holdfast("archive", "columns").exit_code == OK
    (file,) = (tmp_path / "archive" / "columns").rglob("waits/d*.parquet")
    file.write_bytes(file.read_bytes()[:-50])
    return file


def holdfast(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_it_is_the_same_and_tells_how_the_copy_is_mended(broken: Path) -> None:
    told = holdfast("report", "queues", *DAY)
    assert told.exit_code == OK
    assert f"holdfast: the copy by columns in {broken.parents[2]} cannot be read: " in told.stderr
    assert "To make the copy anew: holdfast archive columns" in told.stderr
    assert holdfast("archive", "columns").stdout == "files made: 1\n"
    well = holdfast("report", "queues", *DAY)
    assert well.stderr == ""
    assert well.stdout == told.stdout


def test_once_some_is_printed_it_is_told_that_it_is_not_all(
    broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.unlink()  # not asked for

    def cut_off(made: Report) -> Iterator[str]:
        yield f"{made.title}\n"
        raise ColumnsAway("a file has gone")

    monkeypatch.setattr(reporting, "csv_pieces", cut_off)
    told = holdfast("report", "queues", *DAY)
    assert told.exit_code == AWAY
    assert told.stdout.count("\n") == 1
    assert told.stderr == (
        "holdfast: what is printed is not all, a copy cannot be read: a file has gone. "
        "To make the copy anew: holdfast archive columns\n"
    )
