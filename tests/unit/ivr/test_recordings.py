"""The files of recordings: put together whatever happened between, owned by who plays them, and cleared."""

import os
import time
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.flow.line import MediaFailed
from ivr.recordings import DAY_S, HEADER, STRAY_S, Recordings

CALL, NAME = "main-1795314029.2", "main-1795314029-2-1"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("spool/recording", "recordings"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def spool(data: Path, epoch: int, sound: bytes, call: str = CALL) -> Path:
    path = data / "spool" / "recording" / f"{call}-r{epoch}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(sound)
    return path


def sound_of(path: Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes())


def test_one_part_gets_its_name(data: Path) -> None:
    part, recordings = spool(data, 1, b"ab" * 8000), Recordings(data)
    inode = part.stat().st_ino
    assert recordings.spooled_s(CALL, 1) == 1.0
    assert recordings.keep(CALL, 1, NAME) == 1.0
    kept = recordings.file(NAME)
    assert kept.stat().st_ino == inode, "Asterisk may still be writing its end"
    assert recordings.media(NAME) == f"sound:{data}/recordings/{NAME}"
    assert recordings.spooled_s(CALL, 1) == 0
    assert recordings.length_s(NAME) == 1.0


def test_what_several_workers_had_recorded_is_one_file_in_their_order(data: Path) -> None:
    recordings = Recordings(data)
    for epoch, sound in ((10, b"cc"), (2, b"bb"), (1, b"aa")):
        os.chown(spool(data, epoch, sound * 8000), 12345, 12345)
    spool(data, 1, b"zz", call="main-1795314029.22")
    assert recordings.keep(CALL, 10, NAME) == 3.0
    assert sound_of(recordings.file(NAME)) == b"aa" * 8000 + b"bb" * 8000 + b"cc" * 8000
    assert recordings.file(NAME).stat().st_uid == 12345
    left = [path.name for path in data.rglob("*.wav")]
    assert sorted(left) == ["main-1795314029-2-1.wav", "main-1795314029.22-r1.wav"]


def test_a_worker_does_not_touch_what_its_successor_records(data: Path) -> None:
    recordings, later = Recordings(data), spool(data, 3, b"cc")
    spool(data, 2, b"bb" * 8000)
    assert recordings.keep(CALL, 2, NAME) == 1.0
    recordings.drop(CALL, 2, NAME)
    assert later.exists()


def test_whoever_was_killed_in_it_changed_nothing_or_all(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the new file's name and the end of the old ones: it is done again, and is the same."""
    recordings = Recordings(data)
    for epoch in (1, 2):
        spool(data, epoch, bytes([epoch]) * 16_000)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    recordings.keep(CALL, 2, NAME)
    monkeypatch.undo()
    assert recordings.keep(CALL, 2, NAME) == 2.0
    assert sound_of(recordings.file(NAME)) == b"\1" * 16_000 + b"\2" * 16_000
    assert recordings.keep(CALL, 2, NAME) == 2.0, "and once more, when nothing is left to do"


@pytest.mark.parametrize("parts", [1, 2])
def test_an_asterisk_that_died_has_not_said_how_long_it_is(data: Path, parts: int) -> None:
    recordings = Recordings(data)
    for epoch in range(1, parts + 1):
        path = spool(data, epoch, b"ab" * 8000)
        whole = bytearray(path.read_bytes())
        whole[4:8] = whole[40:44] = bytes(4)
        path.write_bytes(whole)
    recordings.keep(CALL, 2, NAME)
    assert len(sound_of(recordings.file(NAME))) == parts * 16_000


@pytest.mark.parametrize(
    ("level", "seconds"), [(0, 0.0), (255, 0.0), (-256, 3.0), (256, 3.0), (-32_768, 3.0)]
)
def test_how_much_sound_is_in_it(data: Path, level: int, seconds: float) -> None:
    recordings, silence = Recordings(data), bytes(16_000)
    loud = level.to_bytes(2, "little", signed=True) * 24_000
    spool(data, 1, silence + loud + silence)
    recordings.keep(CALL, 1, NAME)
    assert recordings.sounds_s(NAME, 60) == pytest.approx(seconds)
    assert recordings.sounds_s(NAME, 1) == pytest.approx(min(1, seconds)), "no further than is needed"
    assert recordings.sounds_s("nobody", 1) == 0


def test_what_asterisk_took_alone_is_taken_in_once(data: Path) -> None:
    recordings, message = Recordings(data), spool(data, 1, b"ab" * 8000).rename(data / "message.wav")
    assert recordings.take_in(message, NAME) == 1.0
    assert recordings.take_in(message, NAME) == 1.0, "whoever was killed in it does it again"
    assert not message.exists()
    assert recordings.take_in(message, "nobody") == 0


def test_nothing_was_recorded(data: Path) -> None:
    recordings = Recordings(data)
    assert recordings.keep(CALL, 1, NAME) == 0
    recordings.drop(CALL, 1, NAME)
    assert recordings.names() == {}


def test_what_cannot_be_kept_is_said(data: Path) -> None:
    spool(data, 1, b"ab")
    (data / "recordings").rmdir()
    with pytest.raises(MediaFailed, match="No such file"):
        Recordings(data).keep(CALL, 1, NAME)


def test_what_is_dropped_is_gone_with_its_mark(data: Path) -> None:
    recordings = Recordings(data)
    spool(data, 1, b"ab")
    recordings.keep(CALL, 1, NAME)
    recordings.heard(NAME).touch()
    spool(data, 1, b"cd")
    recordings.drop(CALL, 1, NAME)
    assert [path for path in data.rglob("*") if path.is_file()] == []


def aged(path: Path, age_s: float) -> Path:
    path.write_bytes(bytes(HEADER))
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def test_the_old_is_cleared_and_the_rest_stays(data: Path) -> None:
    kept: Callable[[str], Path] = (data / "recordings").joinpath
    live: Callable[[str], Path] = (data / "spool" / "recording").joinpath
    old = [aged(kept("a.wav"), 3 * DAY_S + 60), aged(kept("a.heard"), 3 * DAY_S + 60)]
    stray = aged(live("x.2-r1.wav"), STRAY_S + 60)
    young = [aged(kept("b.wav"), 3 * DAY_S - 60), aged(live("x.1-r1.wav"), STRAY_S - 60)]
    recordings = Recordings(data)
    assert recordings.clear(0) == 1
    assert not stray.exists()
    assert all(path.exists() for path in old), "0: for ever"
    assert recordings.clear(3) == 2
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in young)
