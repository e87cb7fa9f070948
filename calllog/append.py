"""Lines appended to a file that somebody else reads: each once, whoever is killed when.

What is appended is the same for the same events, so it is enough to note, beside the file, behind which event
it was how long. What stands behind that was written by one who was killed before he could note it: it is not
written again. If another file has taken its place (logrotate), that one is noted from its beginning.
"""

import os
from pathlib import Path

import msgspec


class Note(msgspec.Struct, frozen=True):
    """Behind the event `after` (empty: from `since` on, ms) this file was `size` bytes long."""

    after: str
    since: int
    file: int
    size: int


class Appender:
    """Appends to `path`; its note is `path` + `.position`. Raises OSError, as files do."""

    def __init__(self, path: Path, since: int) -> None:
        """`since`: what is to be written at first, if nothing is noted."""
        self._path = path
        self._place = path.with_name(f"{path.name}.position")
        with path.open("ab") as file:
            there = os.fstat(file.fileno())
        self.noted = self._noted() or Note("", since, there.st_ino, there.st_size)
        self._keep(self.noted)
        same = self.noted.file == there.st_ino and self.noted.size <= there.st_size
        with path.open("rb") as file:
            file.seek(self.noted.size if same else 0)
            self._unnoted = file.read()

    def append(self, lines: list[str], after: str) -> None:
        """Append the lines that follow from events up to the one with this id, and note that."""
        text = "".join(f"{line}\n" for line in lines).encode()
        if self._unnoted:
            text = self._new(text)
        with self._path.open("ab") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            there = os.fstat(file.fileno())
        if not self._unnoted:
            self.noted = Note(after, self.noted.since, there.st_ino, there.st_size)
            self._keep(self.noted)

    def _new(self, text: bytes) -> bytes:
        """What of the text does not stand in the file yet."""
        there = self._unnoted
        if there.startswith(text):
            self._unnoted = there[len(text) :]
            return b""
        self._unnoted = b""
        if text.startswith(there):
            return text[len(there) :]
        return text if there.endswith(b"\n") else b"\n" + text  # it is not ours: rather twice than never

    def _noted(self) -> Note | None:
        try:
            return msgspec.json.decode(self._place.read_bytes(), type=Note)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _keep(self, note: Note) -> None:
        new = self._place.with_name(f"{self._place.name}.new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(note))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._place)
