"""Files of columns on a disk that fails: a maker that is killed, no space, files that have been damaged."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, update

from calllog.archive.database import connect
from calllog.archive.instants import QUARTER_MS, touch_all
from calllog.archive.schema import metadata, progress, quarters, system
from calllog.columns.making import Maker
from calllog.columns.reading import opened
from calllog.errors import ArchiveAway, ColumnsAway
from calllog.figures.period import DAY_MS, Period
from calllog.scratch import PREFIX

DAY = Period(20_700 * DAY_MS, 20_701 * DAY_MS)
LATER = 4_102_444_800_000
"""The year 2100: everything has been at rest for long."""
QUARTERS, EACH = 8, 100
ROWS = QUARTERS * EACH

MAKES = """
import os, sys
from pathlib import Path
from calllog.archive.database import connect
from calllog.columns.making import Maker

def written(handle):
    print("written", flush=True)
    sys.stdin.read()

if sys.argv[3] == "stops":
    os.fsync = written
list(Maker(connect(sys.argv[1], read_only=True), Path(sys.argv[2])).make(4_102_444_800_000))
"""


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Engine]:
    """Callers who were turned away in the first hours of a day."""
    engine = connect(tmp_path / "archive" / "archive.db")
    metadata.create_all(engine)
    rows = [
        {
            "id": f"s:{n}",
            "kind": "refused",
            "caller": f"tel:+49301234{n:06}",
            "at": DAY.from_at + n * QUARTER_MS // EACH,
        }
        for n in range(ROWS)
    ]
    with engine.begin() as connection:
        connection.execute(insert(progress), {"name": "archive", "value": "abc"})
        connection.execute(insert(system), rows)
        touch_all(connection)
        connection.execute(update(quarters).values(touched_at=1))
    yield engine
    engine.dispose()


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    return tmp_path / "archive" / "columns"


def callers(archive: Engine, columns: Path | None) -> int:
    """So many does a report of the day see."""
    duck = opened(archive, DAY, columns, tables=[system])
    try:
        with duck.connect() as connection:
            return connection.scalar(select(func.count(system.c.caller.distinct()))) or 0
    finally:
        duck.dispose()


def test_a_maker_that_is_killed_leaves_nothing_after_the_next_start(archive: Engine, columns: Path) -> None:
    command = [sys.executable, "-c", MAKES, str(archive.url.database), str(columns)]
    with subprocess.Popen([*command, "stops"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"written\n"
        killed.send_signal(signal.SIGKILL)
    left = [path for path in columns.rglob("*") if path.is_file()]
    assert left, "the test has killed it too early"
    subprocess.run([*command, "goes on"], check=True)
    assert not any(path.exists() for path in left)
    assert [path.name for path in columns.iterdir()] == ["abc-1"]
    assert {path.name[0] for path in columns.rglob("*.*")} == {"q", "d"}
    assert callers(archive, columns) == ROWS


def test_a_file_that_another_maker_is_writing_is_left_alone(archive: Engine, columns: Path) -> None:
    command = [sys.executable, "-c", MAKES, str(archive.url.database), str(columns), "stops"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as slow:
        assert slow.stdout is not None
        assert slow.stdout.readline() == b"written\n"
        assert list(Maker(archive, columns).make(LATER))
        (beside,) = columns.glob(f"{PREFIX}*")
        assert [path.name[0] for path in beside.iterdir()] == ["q"]
        slow.communicate()
    assert slow.returncode == 0
    assert list(columns.glob(f"{PREFIX}*")) == []


@pytest.mark.usefixtures("archive")
def test_a_full_disk_is_told_with_its_place_and_leaves_nothing(columns: Path) -> None:
    columns.mkdir()
    holdfast = f"{shutil.which('holdfast', path=str(Path(sys.executable).parent))} archive columns"
    script = f"mount -t tmpfs -o size=16k none {columns} && {holdfast}; code=$?; ls -A {columns}; exit $code"
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        env=os.environ | {"HOLDFAST_DATA": str(columns.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3, ran.stderr
    assert ran.stderr == f"holdfast: no space is left in {columns}: free some\n"
    assert ran.stdout == "abc-1\n"


def test_what_cannot_be_written_is_told_with_its_place(archive: Engine, columns: Path) -> None:
    columns.write_text("a file where the folder should be")
    with pytest.raises(ArchiveAway, match=f"at {columns}/abc-1/system cannot be written: Not a directory"):
        list(Maker(archive, columns).make(LATER))


def test_an_archive_that_is_none_is_told_with_its_place(tmp_path: Path, columns: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"no archive at all" * 1000)
    with pytest.raises(ArchiveAway, match=r"the archive at .*other\.db: file is not a database"):
        list(Maker(connect(tmp_path / "other.db", read_only=True), columns).make(LATER))


def middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff\x00" * 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 8)


@pytest.mark.parametrize("damage", [middle, empty, truncated, garbage, Path.unlink])
def test_a_damaged_file_is_told_while_it_is_read_and_made_anew(
    archive: Engine, columns: Path, damage: Callable[[Path], None]
) -> None:
    assert list(Maker(archive, columns).make(LATER))
    (day,) = columns.rglob("d*.parquet")
    reads = opened(archive, DAY, columns, tables=[system])
    damage(day)
    with reads.connect() as connection, pytest.raises(ColumnsAway):
        connection.execute(select(system)).all()
    reads.dispose()
    assert callers(archive, None) == ROWS
    assert day in list(Maker(archive, columns, doubting=True).make(LATER))
    assert callers(archive, columns) == ROWS


def test_a_damaged_quarter_is_made_anew_and_stops_no_day(archive: Engine, columns: Path) -> None:
    maker = Maker(archive, columns)
    making = maker.make(LATER)
    middle(next(making))
    assert [path.name[0] for path in making] == ["q"] * (QUARTERS - 1)
    assert [path.name[0] for path in maker.make(LATER)] == ["q", "d"]
    assert callers(archive, columns) == ROWS


def test_rows_by_older_rules_go_and_nobody_elses(archive: Engine, columns: Path) -> None:
    for name in ("abc-0", "abc-2", "abc-old", "abcd-0", "new-0"):
        (columns / name / "waits").mkdir(parents=True)
        (columns / name / "waits" / "q1-x.parquet").touch()
    assert list(Maker(archive, columns).make(LATER))
    assert {path.name for path in columns.iterdir()} == {"abc-1", "abc-2", "abc-old", "abcd-0", "new-0"}


def test_what_is_well_is_not_made_again(archive: Engine, columns: Path) -> None:
    assert list(Maker(archive, columns).make(LATER))
    assert list(Maker(archive, columns, doubting=True).make(LATER)) == []
