"""The files of what callers say: where Asterisk writes them, where they stay, and for how long.

Asterisk writes `spool/recording/<call>-r<epoch>.wav`, one for each owner of a call, also when the caller
hangs up or the worker is killed in the middle of it. What belongs together is put together under the
recording's own name in `recordings/`. The files stay Asterisk's user's, who may play them.
"""

import os
import shutil
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path

from ivr.flow.line import MediaFailed

HEADER = 44
"""Bytes before the samples in a WAV file as Asterisk writes it."""
BYTES_PER_S = 16_000
FRAME_BYTES = 320
"""20 ms."""
SOUND = 256
"""Mean of the samples' absolute values from which a frame has sound in it: that of Asterisk, `dsp.conf`."""
DAY_S = 86_400
STRAY_S = DAY_S
"""So old what nobody has asked for in the spool is nobody's: no recording lasts longer than an hour."""


class Recordings:
    """The recordings below the data directory."""

    def __init__(self, data: Path) -> None:
        self._spool = data / "spool" / "recording"
        self._directory = data / "recordings"

    def spooled(self, live: str) -> Path:
        """Where Asterisk writes that live recording, without the ending `.wav`."""
        return self._spool / live

    def file(self, name: str) -> Path:
        """Where a recording stays."""
        return self._directory / f"{name}.wav"

    def media(self, name: str) -> str:
        """Its media URI."""
        return f"sound:{self._directory / name}"

    def heard(self, name: str) -> Path:
        """An empty file that is there when somebody has said that he has heard the message."""
        return self._directory / f"{name}.heard"

    def names(self) -> dict[str, float]:
        """Every recording that is there, and when it was written last, s since the epoch.

        Raises `PermissionError`: who may not look must not take that for nothing.
        """
        try:
            with os.scandir(self._directory) as entries:
                files = [entry for entry in entries if entry.name.endswith(".wav") and entry.name[0] != "."]
                return {entry.name.removesuffix(".wav"): entry.stat().st_mtime for entry in files}
        except FileNotFoundError:
            return {}

    def delete(self, name: str) -> None:
        """Delete a recording; one that is gone is no error."""
        for path in (self.file(name), self.heard(name)):
            path.unlink(missing_ok=True)

    def spooled_s(self, call: str, epoch: int) -> float:
        """Seconds of what this call's owners, this one the last, have recorded and not kept yet."""
        return sum(map(_length_s, self._parts(call, epoch)))

    def length_s(self, name: str) -> float:
        """Seconds of a recording; 0 if there is none."""
        return _length_s(self.file(name))

    def sounds_s(self, name: str, enough_s: float) -> float:
        """Seconds with sound in a recording, counted no further than `enough_s`.

        Not Asterisk's `talking_duration`, in whole seconds: there five seconds of silence are one of talk.
        """
        sound_s = 0.0
        with suppress(FileNotFoundError), self.file(name).open("rb") as file:
            file.seek(HEADER)
            while sound_s < enough_s and len(frame := file.read(FRAME_BYTES)) == FRAME_BYTES:
                sound_s += _has_sound(frame) * FRAME_BYTES / BYTES_PER_S
        return sound_s

    def keep(self, call: str, epoch: int, name: str) -> float:
        """Put what they have recorded where it stays, as one file; its seconds. Raises `MediaFailed`.

        With nothing in the spool it is done already. Interrupted by a kill it can be done again.
        """
        parts, kept = self._parts(call, epoch), self.file(name)
        try:
            match parts:
                case []:
                    return _length_s(kept)
                case [part]:
                    _mend(part)
                    part.rename(kept)
                case _:
                    _join(parts, kept)
        except OSError as error:
            raise MediaFailed(f"a recording cannot be kept: {error.strerror}") from error
        return _length_s(kept)

    def take_in(self, file: Path, name: str) -> float:
        """Give a file that Asterisk alone has written its place; its seconds, 0 if there was none.

        Done again it is the same. Raises `OSError`.
        """
        if file.exists():
            _mend(file)
            file.rename(self.file(name))
        return self.length_s(name)

    def drop(self, call: str, epoch: int, name: str) -> None:
        """Delete what they have recorded under this name, and what they have not kept yet."""
        for part in self._parts(call, epoch):
            part.unlink(missing_ok=True)
        self.delete(name)

    def clear(self, days: int) -> int:
        """Delete what is older than so many days (0: nothing), and strays in the spool; how many files."""
        now, count = time.time(), 0
        due = dict.fromkeys(self._spool.glob("*.wav"), STRAY_S)
        if days:
            due |= dict.fromkeys(self._directory.glob("*"), days * DAY_S)
        for path, most_s in due.items():
            with suppress(FileNotFoundError):  # another worker was quicker
                if now - path.stat().st_mtime > most_s:
                    path.unlink()
                    count += 1
        return count

    def _parts(self, call: str, epoch: int) -> list[Path]:
        """In the order of their owners; a later one's is not touched by who does not know of him yet."""
        found = {
            int(path.stem.rpartition("-r")[2]): path for path in self._spool.glob(f"{escape(call)}-r*.wav")
        }
        return [found[owner] for owner in sorted(found) if owner <= epoch]


def live_name(call: str, epoch: int) -> str:
    """One live recording at a time for each owner of a call: a take-over can stop what the last one began."""
    return f"{call}-r{epoch}"


def _has_sound(frame: bytes) -> bool:
    samples = array("h", frame)[::4]  # every fourth is enough to tell
    if sys.byteorder == "big":
        samples.byteswap()
    return sum(map(abs, samples)) >= SOUND * len(samples)


def _length_s(path: Path) -> float:
    try:
        return max(0, path.stat().st_size - HEADER) / BYTES_PER_S
    except FileNotFoundError:
        return 0.0


def _mend(path: Path) -> None:
    """Say in its header how long a file is: an Asterisk that died did not come to that."""
    size = path.stat().st_size
    if size > HEADER:
        with path.open("r+b") as file:
            for at, what in ((4, size - 8), (40, size - HEADER)):
                file.seek(at)
                file.write(what.to_bytes(4, "little"))


def _join(parts: Sequence[Path], kept: Path) -> None:
    """One file of several, at once: whoever is killed in it has changed nothing, or all."""
    fresh = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as whole:
            for number, part in enumerate(parts):
                with part.open("rb") as file:
                    file.seek(HEADER if number else 0)
                    shutil.copyfileobj(file, whole)
        first = parts[0].stat()
        os.chown(fresh, first.st_uid, first.st_gid)
        fresh.chmod(first.st_mode & 0o777)
        _mend(fresh)
        fresh.rename(kept)
    finally:
        fresh.unlink(missing_ok=True)
    for part in parts:
        part.unlink(missing_ok=True)
