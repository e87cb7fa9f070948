"""One foreground for a data directory; what an earlier one left is found, with its settings."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.instance import AlreadyServed, Instance
from ivr.settings import Settings
from ivr.supervision import Supervision


def instance(data: Path, workers: int = 2) -> Instance:
    return Instance(Settings(data=data, workers=workers), Supervision(data))


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """What a foreground has started and left; that foreground is gone."""
    gone = instance(tmp_path)
    assert gone.take() is False
    gone.sign()
    process = subprocess.Popen(["sleep", "1000"], pass_fds=(gone.lock,))
    gone.note(process.pid)
    gone.release()
    text = (tmp_path / "run" / "serve.lock").read_text()
    (tmp_path / "run" / "serve.lock").write_text(re.sub(rf"\b{os.getpid()}\b", "4194304", text))
    yield process
    process.kill()
    process.wait()


def test_there_is_one_foreground(tmp_path: Path) -> None:
    first = instance(tmp_path)
    assert first.take() is False
    first.note(7)
    with pytest.raises(AlreadyServed, match=rf"process {os.getpid()}, supervisor 7\): stop it by Ctrl-C"):
        instance(tmp_path).take()
    first.release()
    second = instance(tmp_path)
    assert second.take() is False
    second.release()


def test_what_is_left_is_found_with_its_supervisor(tmp_path: Path, orphan: "subprocess.Popen[bytes]") -> None:
    later = instance(tmp_path)
    assert later.take() is True
    found = later.supervisor()
    assert found is not None
    assert found.pid == orphan.pid
    orphan.kill()
    orphan.wait()
    assert later.supervisor() is None
    later.release()


def test_settings_are_compared_and_cannot_be_read(tmp_path: Path, orphan: "subprocess.Popen[bytes]") -> None:
    assert orphan.poll() is None
    assert instance(tmp_path).same_settings()
    assert not instance(tmp_path, workers=3).same_settings()
    assert len((tmp_path / "run" / "settings").read_text()) == 64
