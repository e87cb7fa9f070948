"""What is said of the disk: each change once, with place, problem and mend."""

import errno
import shutil
from pathlib import Path

import pytest

from ivr import preflight
from ivr.disk import FULL_BYTES, LOW_BYTES, Disk
from ivr.serve import Refused, Server
from ivr.settings import Settings

PLENTY = 10 * LOW_BYTES


class Watched:
    """A disk whose free space a test sets."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._usage = shutil.disk_usage(data)
        self._patch = monkeypatch
        self._said: list[str] = []
        self._disk = Disk(data, self._said.append)

    def say(self, free: int) -> str:
        """What is said when so much is free."""
        self._patch.setattr(shutil, "disk_usage", lambda _: self._usage._replace(free=free))
        before = len(self._said)
        self._disk.look()
        return "\n".join(self._said[before:])


def test_each_change_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Watched(tmp_path, monkeypatch)
    (tmp_path / "ballast").touch()
    assert disk.say(PLENTY) == ""
    low = disk.say(LOW_BYTES - 1)
    assert f"free below {tmp_path}: make room now" in low
    assert f"Deleting {tmp_path}/ballast gives 64 MiB" in low
    assert disk.say(FULL_BYTES) == ""
    none = disk.say(FULL_BYTES - 1)
    assert f"no space is left below {tmp_path}: make room. Deleting {tmp_path}/ballast" in none
    assert "no new calls are taken" in none
    assert disk.say(0) == ""
    (tmp_path / "ballast").unlink()
    again = disk.say(LOW_BYTES - 1)
    assert f"there is space again below {tmp_path}" in again
    assert "The ballast is used up already" in again
    assert disk.say(PLENTY) == ""


def test_a_start_that_finds_no_space_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> list[str]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preflight, "refusals", no_space)
    server = Server(Settings(data=tmp_path), lambda _: None)
    with pytest.raises(Refused, match=f"no space is left below {tmp_path}: make room"):
        server.start()
