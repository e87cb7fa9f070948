"""A local journal of operations that cannot be done now: append-only, fsynced, replayed in order later.

One line is one record: its CRC-32 (8 hex digits), its length, the record (JSON text), a newline. A record is
acknowledged when `append` returns; from then on it survives a crash of process and machine. A line torn by a
crash was never acknowledged; it is recognised by length and CRC and cut off at the next opening.

Space is reserved when the journal is opened, because the disk that is full is the very case it is there for.
One process writes a journal; a second one is refused. All disk work is done in order in one thread, so that
the event loop never waits for a disk; records that come while it is busy share the next fsync.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar
from zlib import crc32

from calllog.errors import JournalError, JournalFull, JournalHeld

RESERVE_BYTES = 8 * 1024 * 1024
"""Room for some 30,000 operations, or several thousand calls, on a disk that is full."""

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FREE = b"\0"
_T = TypeVar("_T")


class Entry(NamedTuple):
    """A record of the journal, and the position after it (valid until the next `discard`)."""

    position: int
    record: bytes


class Journal:
    """The journal at `path`. Opening it creates it, takes it for this process and cuts off a torn tail.

    `damaged` tells how many lines before the last good one are unreadable; they are skipped, and kept aside
    when the journal is discarded. Raises JournalHeld if another process has it, JournalError if the file
    cannot be used at all.
    """

    def __init__(self, path: Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.path = path
        self._reserve_bytes = reserve_bytes
        self._fd = _take(path)
        entries, self.damaged = _scan(_read(self._fd))
        self._end = entries[-1].position if entries else 0
        self._settle(self._end)
        self._thread = ThreadPoolExecutor(1, f"journal-{path.name}")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    @property
    def empty(self) -> bool:
        """No acknowledged record is in the journal, and none is on its way."""
        return self._end == 0 and not self._waiting and self._flushing is None

    async def append(self, record: bytes) -> None:
        """Add a record (JSON text without a newline) and return when it is safe on disk.

        Records are written in the order of the calls. A cancelled caller does not take his record back.
        Raises JournalFull if there is no space, JournalError if the disk refuses: then the record is not in
        the journal, and none of those before it is lost.
        """
        if b"\n" in record:
            raise ValueError("a record is one line")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((_line(record), done))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await asyncio.shield(done)

    def entries(self) -> Iterator[Entry]:
        """Every acknowledged record, oldest first, as of now."""
        return iter(_scan(os.pread(self._fd, self._end, 0))[0])

    async def discard(self, upto: int) -> None:
        """Forget the records up to this position, atomically: a crash leaves all of them, or none.

        Records appended meanwhile stay, at new positions. Raises JournalFull or JournalError: then
        nothing is gone.
        """
        await self._in_thread(partial(self._drop, upto))

    async def close(self) -> None:
        """Finish what is being written and give the journal back."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        self._thread.shutdown()
        os.close(self._fd)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _flush(self) -> None:
        """Write what waits, all of it with one fsync, until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                failure = await self._write_batch([line for line, _ in batch])
                for _, done in batch:
                    if failure is None:
                        done.set_result(None)
                    else:
                        done.set_exception(failure)
                        done.exception()  # a caller cancelled meanwhile does not read it, which is no mistake
        finally:
            self._flushing = None

    async def _write_batch(self, lines: list[bytes]) -> JournalError | None:
        try:
            await self._in_thread(partial(self._write, b"".join(lines)))
        except JournalError as error:
            return error
        return None

    def _write(self, lines: bytes) -> None:
        try:
            _write_at(self._fd, lines, self._end)
            os.fdatasync(self._fd)
        except OSError as error:
            self._settle(self._end)  # half a batch must not come back as records nobody was told are safe
            raise _failure(self.path, error) from error
        self._end += len(lines)

    def _settle(self, end: int) -> None:
        """Let the journal end here, with the reserve behind it if the disk has it."""
        try:
            os.ftruncate(self._fd, end)
            with suppress(OSError):  # without a reserve the journal works as long as the disk has space
                os.posix_fallocate(self._fd, 0, max(end, self._reserve_bytes))
            os.fsync(self._fd)
        except OSError as error:
            raise _failure(self.path, error) from error

    def _drop(self, upto: int) -> None:
        if upto <= 0:
            return
        if upto >= self._end and not self.damaged:
            self._settle(0)
            self._end = 0
            return
        rest = os.pread(self._fd, self._end - upto, upto) if upto < self._end else b""
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            fd = _take(fresh)
            _write_at(fd, rest, 0)
            os.fsync(fd)
            if self.damaged:
                os.link(self.path, self.path.with_name(f"{self.path.name}.damaged-{os.fstat(fd).st_ino}"))
            fresh.replace(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise _failure(self.path, error) from error
        os.close(self._fd)
        self._fd, self._end, self.damaged = fd, len(rest), 0
        self._settle(self._end)


def _line(record: bytes) -> bytes:
    return b"%08x %d %s\n" % (crc32(record), len(record), record)


def _scan(content: bytes) -> tuple[list[Entry], int]:
    """The good records, and how many unreadable lines lie before the last of them."""
    entries: list[Entry] = []
    damaged = unreadable = begin = 0
    while (newline := content.find(b"\n", begin)) >= 0:
        record = _record(content[begin:newline].lstrip(_FREE))
        begin = newline + 1
        if record is None:
            unreadable += 1
        else:
            entries.append(Entry(begin, record))
            damaged, unreadable = damaged + unreadable, 0
    return entries, damaged


def _record(line: bytes) -> bytes | None:
    parts = line.split(b" ", 2)
    if len(parts) != 3 or not parts[1].isdigit() or len(parts[2]) != int(parts[1]):
        return None
    return parts[2] if parts[0] == b"%08x" % crc32(parts[2]) else None


def _take(path: Path) -> int:
    """Open (or create) the file and lock it for this process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(fd)
                raise JournalHeld(f"{path} is written by another process") from error
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(fd).st_ino:
                    return fd
            os.close(fd)  # replaced between opening and locking: take the one that is there now
    except OSError as error:
        raise _failure(path, error) from error


def _read(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _write_at(fd: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _failure(path: Path, error: OSError) -> JournalError:
    if error.errno in _NO_SPACE:
        return JournalFull(f"{path}: no space left; free some, the journal goes on by itself")
    return JournalError(f"{path}: {error.strerror}")
