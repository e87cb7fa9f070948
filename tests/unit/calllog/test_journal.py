"""The journal keeps what it has acknowledged, in order, whatever happens to process, disk and file."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calllog.errors import JournalError, JournalFull, JournalHeld
from calllog.journal import Journal

RESERVE = 64 * 1024

WRITER = """
import asyncio, sys
from pathlib import Path
from calllog.journal import Journal

async def main():
    journal = Journal(Path(sys.argv[1]))
    for number in range(10**6):
        await journal.append(b'{"number":%d}' % number)
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "hf-1"


def records(journal: Journal) -> list[bytes]:
    return [entry.record for entry in journal.entries()]


async def written(path: Path, *lines: bytes) -> bytes:
    """Write a journal, give it back, return the file without its reserve."""
    journal = Journal(path, RESERVE)
    for line in lines:
        await journal.append(line)
    await journal.close()
    return path.read_bytes().rstrip(b"\0")


async def reopened(path: Path) -> tuple[list[bytes], int]:
    journal = Journal(path, RESERVE)
    found = records(journal), journal.damaged
    await journal.close()
    return found


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to let a file grow beyond this, after writing the part that fits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_records_come_back_in_order_after_reopening(path: Path) -> None:
    await written(path, b'{"n":1}', b'{"n":2}')
    journal = Journal(path)
    assert not journal.empty
    await journal.append(b'{"n":3}')
    assert records(journal) == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
    await journal.close()


async def test_many_at_once_keep_their_order_and_share_fsyncs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    fsyncs = 0
    real = os.fdatasync

    def counted(fd: int) -> None:
        nonlocal fsyncs
        fsyncs += 1
        real(fd)

    monkeypatch.setattr(os, "fdatasync", counted)
    lines = [b'{"n":%d}' % n for n in range(500)]
    await asyncio.gather(*(journal.append(line) for line in lines))
    assert records(journal) == lines
    assert fsyncs < 10
    await journal.close()


async def test_a_record_is_one_line(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(ValueError, match="one line"):
        await journal.append(b"{\n}")
    await journal.close()


async def test_a_second_writer_is_refused_and_the_first_not_disturbed(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalHeld, match="another process"):
        Journal(path)
    await journal.append(b"{}")
    assert records(journal) == [b"{}"]
    await journal.close()
    assert await reopened(path) == ([b"{}"], 0)


@given(st.data())
async def test_a_file_cut_anywhere_keeps_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "hf-1"
    lines = data.draw(st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b" ")), max_size=6))
    content = await written(path, *lines)
    cut = data.draw(st.integers(min_value=0, max_value=len(content)))
    path.write_bytes(content[:cut] + data.draw(st.sampled_from([b"", b"\0" * 100])))
    whole = content[:cut].count(b"\n")
    assert await reopened(path) == (lines[:whole], 0)
    journal = Journal(path)
    await journal.append(b"after")
    assert records(journal) == [*lines[:whole], b"after"]
    await journal.close()


async def test_a_damaged_line_is_skipped_counted_and_kept_aside(path: Path) -> None:
    content = await written(path, b'{"n":1}', b'{"n":2}', b'{"n":3}')
    path.write_bytes(content.replace(b'"n":2', b'"n":7'))
    journal = Journal(path)
    assert (records(journal), journal.damaged) == ([b'{"n":1}', b'{"n":3}'], 1)
    *_, last = journal.entries()
    await journal.discard(last.position)
    assert (records(journal), journal.damaged) == ([], 0)
    await journal.close()
    (aside,) = path.parent.glob("hf-1.damaged-*")
    assert b'"n":7' in aside.read_bytes()


async def test_discarding_all_leaves_an_empty_journal(path: Path) -> None:
    journal = Journal(path, RESERVE)
    await journal.append(b"{}")
    (entry,) = journal.entries()
    await journal.discard(entry.position)
    assert journal.empty
    assert path.stat().st_size == RESERVE
    await journal.append(b'{"n":2}')
    await journal.close()
    assert await reopened(path) == ([b'{"n":2}'], 0)


async def test_what_is_appended_during_a_replay_stays(path: Path) -> None:
    journal = Journal(path, RESERVE)
    await journal.append(b"1")
    await journal.append(b"2")
    replayed = list(journal.entries())
    await journal.append(b"3")
    await journal.discard(replayed[-1].position)
    await journal.append(b"4")
    assert records(journal) == [b"3", b"4"]
    with pytest.raises(JournalHeld):
        Journal(path)
    await journal.close()
    assert await reopened(path) == ([b"3", b"4"], 0)


async def test_a_cancelled_caller_does_not_take_his_record_back(path: Path) -> None:
    journal = Journal(path)
    appending = asyncio.create_task(journal.append(b"1"))
    await asyncio.sleep(0)
    appending.cancel()
    await journal.append(b"2")
    assert records(journal) == [b"1", b"2"]
    await journal.close()


async def test_a_full_disk_is_said_and_loses_nothing(path: Path) -> None:
    lines = [b'{"n":%03d}' % n for n in range(20)]
    with no_file_larger_than(400):
        journal = Journal(path, reserve_bytes=0)
        results = [await asyncio.gather(journal.append(line), return_exceptions=True) for line in lines]
        refused = [result for (result,) in results if result is not None]
        kept = lines[: len(lines) - len(refused)]
        assert refused
        assert all(isinstance(error, JournalFull) for error in refused)
        assert "no space left" in str(refused[0])
        assert records(journal) == kept
    await journal.append(b"again")
    await journal.close()
    assert await reopened(path) == ([*kept, b"again"], 0)


async def test_the_reserve_makes_room_on_a_full_disk(path: Path) -> None:
    journal = Journal(path, RESERVE)
    blocks = path.stat().st_blocks
    await asyncio.gather(*(journal.append(b"x" * 1000) for _ in range(50)))
    assert path.stat().st_blocks == blocks
    await journal.close()


async def test_a_disk_that_refuses_is_an_error_for_each_and_no_half_batch_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, RESERVE)
    await journal.append(b"1")

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", refuse)
        failed = await asyncio.gather(journal.append(b"2"), journal.append(b"3"), return_exceptions=True)
    assert [type(error) for error in failed] == [JournalError, JournalError]
    await journal.append(b"4")
    await journal.close()
    assert await reopened(path) == ([b"1", b"4"], 0)


def test_a_directory_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="file"):
        Journal(tmp_path / "file" / "hf-1")


def test_a_killed_writer_loses_nothing_it_has_acknowledged(path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(100)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
    writer.stdout.close()
    writer.wait()
    found, damaged = asyncio.run(reopened(path))
    assert damaged == 0
    assert found == [b'{"number":%d}' % number for number in range(len(found))]
    assert len(found) >= len(acknowledged)
