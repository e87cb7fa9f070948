"""What does not fit into memory: nobody else can read it, and none of it stays, also after a kill."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calllog.columns.dialect import in_memory
from calllog.errors import ArchiveAway
from calllog.scratch import PREFIX, Scratch

SPILLS = """
import sys, time
from calllog.columns.dialect import in_memory
with in_memory("32MB", 1).connect() as duck:
    rows = f"SELECT 'tel' || i || repeat(hash(i)::VARCHAR, 4) AS x FROM range({sys.argv[1]}) r(i)"
    duck.exec_driver_sql(f"CREATE TABLE t AS {rows}")
    print("spilled", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def spills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory, of this test alone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@contextmanager
def spilling() -> Iterator[subprocess.Popen[str]]:
    """A process whose rows lie in its folder, until it is ended."""
    command = [sys.executable, "-c", SPILLS, "1000000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "spilled\n"
            yield process
        finally:
            process.kill()


def folders(parent: Path) -> list[Path]:
    return [*parent.glob(f"{PREFIX}*")]


def test_after_a_kill_the_next_start_leaves_nothing_and_the_living_alone(spills: Path) -> None:
    with spilling() as living:
        (kept,) = folders(spills)
        with spilling() as killed:
            (left,) = set(folders(spills)) - {kept}
            assert b"tel" in b"".join(file.read_bytes() for file in left.iterdir())
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert left.exists()
        in_memory("32MB", 1).dispose()
        assert folders(spills) == [kept]
        assert any(kept.iterdir())
        living.communicate()  # the end of its input ends it
    assert folders(spills) == []


def test_only_its_owner_can_look_into_it(spills: Path) -> None:
    engine = in_memory("32MB", 1)
    (folder,) = folders(spills)
    assert folder.stat().st_mode & 0o777 == 0o700
    engine.dispose()
    assert folders(spills) == []


def test_what_only_looks_like_one_is_left_alone(spills: Path) -> None:
    elsewhere = spills / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (spills / f"{PREFIX}link").symlink_to(elsewhere)
    (spills / f"{PREFIX}file").touch()
    of_another = spills / f"{PREFIX}another"
    of_another.mkdir()
    if os.geteuid() == 0:
        os.chown(of_another, 65534, 65534)
    in_memory("32MB", 1).dispose()
    assert (elsewhere / "kept").exists()
    assert len(folders(spills)) == (3 if os.geteuid() == 0 else 2)


def test_no_space_for_it_is_told_with_its_place(spills: Path) -> None:
    engine = in_memory("16MB", 1)
    rows = "SELECT repeat(hash(i)::VARCHAR, 9) FROM range(1000000) r(i)"
    with engine.connect() as duck:
        duck.exec_driver_sql("SET max_temp_directory_size = '1MB'")  # by default what is free on the disk
        with pytest.raises(ArchiveAway, match=f"no space is left in {spills}: free some"):
            duck.exec_driver_sql(f"CREATE TABLE t AS {rows}")
    engine.dispose()


@pytest.mark.usefixtures("spills")
def test_no_memory_for_it_is_not_told_as_no_space() -> None:
    engine = in_memory("16MB", 1)
    with (
        engine.connect() as duck,
        pytest.raises(ArchiveAway, match="more memory than is allowed: choose a shorter time"),
    ):
        duck.exec_driver_sql("SELECT quantile_disc(i, 0.5) FROM range(10000000) r(i)")
    engine.dispose()


def test_a_folder_that_cannot_be_made_is_told_with_its_place(spills: Path) -> None:
    with pytest.raises(ArchiveAway, match=f"no folder can be made in {spills}/none: No such file"):
        Scratch(spills / "none")


def test_who_stops_it_by_hand_sees_no_error_of_the_driver(spills: Path) -> None:
    # Of a job in the background SIGINT is ignored, and of whom it starts.
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heeds}\n{SPILLS}", "100000000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as asks:
        deadline = time.monotonic() + 30
        while not [*spills.glob(f"{PREFIX}*/*")]:  # by then it asks
            assert time.monotonic() < deadline
            time.sleep(0.01)
        asks.send_signal(signal.SIGINT)
        _, told = asks.communicate(timeout=30)
    assert told.splitlines()[-1] == "KeyboardInterrupt"
    assert folders(spills) == []
