"""A runtime root made of nothing: the files that provisioning looks at, owned by whoever runs the tests."""

import os
import struct
import wave
from pathlib import Path

import pytest

from ivr.runtime import Runtime


def silence(path: Path) -> None:
    """A tenth of a second of silence, 8 kHz mono, as a .wav file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack("<800h", *([0] * 800)))


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """A root whose programs are scripts in `bin`: they can be made to say what a test needs."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    user, group = os.getuid(), os.getgid()
    (root / "etc" / "passwd").write_text(
        f"root:x:0:0::/:/bin/sh\nasterisk:x:{user}:{group}::/:\nredis:x:{user}:{group}::/:\n"
    )
    modules = root / "usr" / "lib" / "some" / "asterisk" / "modules"
    modules.mkdir(parents=True)
    (modules / "chan_pjsip.so").touch()
    silence(root / "usr" / "share" / "asterisk" / "moh" / "tune.wav")
    say(root, "asterisk", "Asterisk 22.10.1~dfsg")
    say(root, "redis-server", "Redis server v=8.0.6 sha=00000000")
    (root / "usr" / "sbin").mkdir()
    (root / "usr" / "sbin" / "asterisk").touch()
    monkeypatch.setattr(
        Runtime, "enter", lambda self, _account=None: ["env", f"PATH={self.root}/bin:/usr/bin:/bin"]
    )
    return Runtime(root)


def say(root: Path, program: str, text: str) -> None:
    """Make a program of the root that prints `text`."""
    (root / "bin").mkdir(exist_ok=True)
    script = root / "bin" / program
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    script.chmod(0o755)
