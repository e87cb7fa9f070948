"""Folders for rows of the log that lie on disk meanwhile. Nobody else may read them, and none stays.

    in TMPDIR               what does not fit into memory
    beside the columns      files that are being written
    beside a report's file  that file, while it is being written

Each is locked (`flock`) for as long as its process lives; the kernel gives the lock back however that ends.
So who begins anew knows whose folders nobody uses any more: a process id is used again, and differs between
containers. DuckDB could encrypt them, but only with an extension that it would have to download.
"""

import errno
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from calllog.errors import ArchiveAway

PREFIX = "holdfast-scratch-"


class Scratch:
    """A folder of this process alone, in `parent`. Gone by `remove`, when nothing refers to it, at exit."""

    def __init__(self, parent: Path) -> None:
        """First those are removed whose processes are no more. Raises ArchiveAway if there can be none."""
        try:
            self.folder, self._lock = _made(parent)
        except OSError as error:
            raise ArchiveAway(f"no folder can be made in {parent}: {error.strerror}") from error
        self.remove = weakref.finalize(self, _remove, self.folder, self._lock)
        _sweep(parent)


def _made(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = _locked(folder, fcntl.LOCK_EX)
        if lock is not None:
            return folder, lock
        if folder.exists():
            folder.rmdir()
            raise OSError(errno.ENOLCK, "a folder cannot be locked there")
        # somebody who swept came between


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        lock = _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            _remove(folder, lock)


def _locked(folder: Path, how: int) -> int | None:
    """The lock of a folder of ours that is still there; None: it is somebody's, gone, or no folder."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, how)
        held = os.fstat(lock)
        if held.st_uid == os.geteuid() and os.path.samestat(held, folder.lstat()):
            return lock
    except OSError:  # it lives, or has gone while we waited
        pass
    os.close(lock)
    return None


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
