"""What is kept of what a caller says: whoever of us dies meanwhile, and whenever he hangs up."""

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from ivr import tape as module
from ivr.ari import events as ari
from ivr.caller import Caller, House
from ivr.checkpoint import Kept, Take
from ivr.flow.line import About, Hangup, MediaFailed, Recording
from ivr.flow.web import Request
from ivr.recorder import Recorder
from ivr.recordings import Recordings
from ivr.tape import ChannelTape
from queues.handle import CallHandle

CALL, NAME = "pbx-1.1", "pbx-1-1-1"
ABOUT = About("4930", "Ada", "100", "web")
WISH = Recording(60, 5, "#", True, 1.0, "office", "https://x.test/", f"{CALL}:main/v:1")
TAKE = Take(NAME, "main/v", WISH)
CHANNEL = ari.Channel(CALL)


class Pbx:
    """Asterisk, store and outbox of one caller; `acts` says what happens when recording begins."""

    def __init__(self, data: Path, epoch: int = 1) -> None:
        for name in ("spool/recording", "recordings"):
            (data / name).mkdir(parents=True, exist_ok=True)
        self.data = data
        self.commands: list[tuple[object, ...]] = []
        self.notes: list[tuple[str, int, dict[str, Any]]] = []
        self.letters: list[Request] = []
        self.acts: Callable[[str], None] = lambda live: self.finish(live, 3.0)
        self.files = Recordings(data)
        house = SimpleNamespace(asterisk=self, recordings=self.files, store=self, outbox=self)
        self.caller = Caller(cast(House, house), CallHandle(CALL, "hf-1"))
        self.caller.handle.epoch = epoch
        self.recorder = Recorder(self.caller.house, self.caller.handle, ChannelTape(self.caller))

    def write(self, live: str, seconds: float, sound: float | None = None) -> None:
        """So many seconds, of which the first `sound` have sound in them (not said: all)."""
        loud = round(8000 * (seconds if sound is None else sound))
        with wave.open(str(self.data / "spool" / "recording" / f"{live}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
            file.writeframes(b"\x00\x08" * loud + bytes(2 * (round(8000 * seconds) - loud)))

    def finish(self, live: str, seconds: float, sound: float | None = None) -> None:
        """Asterisk closes the file and tells of it."""
        self.write(live, seconds, sound)
        told = ari.LiveRecording(live, "done")
        self.caller.mailbox.put(ari.RecordingFinished(recording=told))

    def hang_up(self) -> None:
        stamp = "2026-11-22T08:00:00.000+0000"
        self.caller.mailbox.put(ari.ChannelHangupRequest(timestamp=stamp, channel=CHANNEL, cause=16))

    async def record(self, _: str, live: str, max_s: int, silence_s: int, beep: bool) -> None:
        self.commands.append(("record", live, max_s, silence_s, beep))
        self.acts(live)

    async def stop_recording(self, live: str) -> None:
        self.commands.append(("stop", live))

    async def lives(self, _: str) -> bool:
        return True

    def note(self, _: CallHandle, kind: str, at: int, **fields: Any) -> None:
        self.notes.append((kind, at, fields))

    def post(self, _: CallHandle, letter: Request) -> None:
        self.letters.append(letter)

    @property
    def kept(self) -> list[tuple[str, int]]:
        """What the log has: name and length in ms."""
        assert all(kind == "recorded" for kind, _, _ in self.notes)
        assert len(self.letters) == len(self.notes)
        return [(fields["recording"], fields["length_ms"]) for _, _, fields in self.notes]


@pytest.fixture
def pbx(tmp_path: Path) -> Pbx:
    return Pbx(tmp_path)


async def take(pbx: Pbx, what: Take = TAKE) -> str:
    await pbx.recorder.begin(what, ABOUT)
    return (await pbx.recorder.record(ABOUT)).media


async def test_what_was_said_is_kept_when_the_step_says_so(pbx: Pbx) -> None:
    assert await take(pbx) == f"sound:{pbx.data}/recordings/{NAME}"
    assert pbx.commands == [("record", f"{CALL}-r1", 60, 5, True)]
    assert (pbx.kept, pbx.recorder.take) == ([], TAKE)
    pbx.recorder.keep(ABOUT)
    assert pbx.notes == [
        (
            "recorded",
            0,
            {"path": "main/v", "recording": NAME, "length_ms": 3000, "from": "4930", "box": "office"},
        )
    ]
    assert [letter.url for letter in pbx.letters] == ["https://x.test/"]
    assert pbx.recorder.take is None
    await pbx.recorder.end(ABOUT)
    assert len(pbx.kept) == 1


async def test_a_key_ends_it_and_another_does_not(pbx: Pbx) -> None:
    def press(live: str) -> None:
        for digit in ("5", "#"):
            pbx.caller.mailbox.put(ari.ChannelDtmfReceived(channel=CHANNEL, digit=digit, duration_ms=100))
        pbx.finish(live, 2.0)

    pbx.acts = press
    assert await take(pbx)
    assert pbx.commands[1:] == [("stop", f"{CALL}-r1")]
    assert not pbx.caller.keys


@pytest.mark.parametrize(
    ("seconds", "sound", "said"), [(6.0, 0.0, False), (6.0, 0.98, False), (6.0, 1.0, True), (0.0, 0.0, False)]
)
async def test_where_nothing_was_said_nothing_is_kept(
    pbx: Pbx, seconds: float, sound: float, said: bool
) -> None:
    pbx.acts = lambda live: pbx.finish(live, seconds, sound)
    assert (await take(pbx) != "") is said
    assert (pbx.files.names() != {}) is said
    assert (pbx.recorder.take is not None) is said


async def test_when_he_says_it_again_the_first_time_is_forgotten(pbx: Pbx) -> None:
    await take(pbx)
    pbx.acts = lambda live: pbx.finish(live, 2.0)
    await take(pbx)
    pbx.recorder.keep(ABOUT)
    assert pbx.kept == [(NAME, 2000)]
    await take(pbx, Take("other", "main/v", WISH))
    pbx.acts = lambda live: pbx.finish(live, 6.0, sound=0.0)
    assert await take(pbx, Take("other", "main/v", WISH)) == ""
    assert list(pbx.files.names()) == [NAME]


@pytest.mark.parametrize(("sound", "kept"), [(4.0, [(NAME, 4000)]), (0.0, [])])
async def test_what_he_has_said_when_he_hangs_up_is_kept(
    pbx: Pbx, sound: float, kept: list[tuple[str, int]]
) -> None:
    def leave(live: str) -> None:
        pbx.hang_up()
        asyncio.get_running_loop().call_later(0.02, pbx.finish, live, 4.0, sound)

    pbx.acts = leave
    with pytest.raises(Hangup):
        await take(pbx)
    await pbx.recorder.end(ABOUT, pbx.caller.gone_at)
    assert pbx.kept == kept
    assert all(at == pbx.caller.gone_at > 0 for _, at, _ in pbx.notes)
    assert len(pbx.files.names()) == len(kept)


async def test_it_is_kept_although_nobody_tells_of_its_end(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "END_S", 0.01)

    def leave(live: str) -> None:
        pbx.write(live, 4.0)
        pbx.hang_up()

    pbx.acts = leave
    with pytest.raises(Hangup):
        await take(pbx)
    await pbx.recorder.end(ABOUT)
    assert pbx.kept == [(NAME, 4000)]


async def test_who_hangs_up_in_the_review_has_left_it(pbx: Pbx) -> None:
    await take(pbx)
    await pbx.recorder.end(ABOUT, 1)
    assert pbx.kept == [(NAME, 3000)]


async def test_what_fails_in_the_middle_is_kept_as_far_as_it_is(pbx: Pbx) -> None:
    def fail(live: str) -> None:
        pbx.write(live, 2.0)
        told = ari.LiveRecording(live, "failed", "disk full")
        pbx.caller.mailbox.put(ari.RecordingFailed(recording=told))

    pbx.acts = fail
    with pytest.raises(MediaFailed, match="disk full"):
        await take(pbx)
    assert pbx.kept == [(NAME, 2000)]


def adopted(data: Path, *parts: float) -> Pbx:
    """The third owner of the call; the ones before have recorded so many seconds each."""
    pbx = Pbx(data, epoch=3)
    for epoch, seconds in enumerate(parts, 1):
        pbx.write(f"{CALL}-r{epoch}", seconds)
    packed = msgspec.json.encode(Kept(take=TAKE))
    pbx.recorder.restore(msgspec.json.decode(packed, type=Kept).take)
    return pbx


async def test_the_next_owner_goes_on_without_a_tone(tmp_path: Path) -> None:
    pbx = adopted(tmp_path, 10.0, 5.0)
    assert pbx.recorder.interrupted(NAME)
    await pbx.recorder.stop(1)
    await take(pbx)
    assert pbx.commands == [
        *(("stop", f"{CALL}-r1"), ("stop", f"{CALL}-r2"), ("record", f"{CALL}-r3", 45, 5, False))
    ]
    pbx.recorder.keep(ABOUT)
    assert pbx.kept == [(NAME, 18_000)]
    assert not pbx.recorder.interrupted(NAME)


async def test_he_had_said_it_before_and_is_silent_now(tmp_path: Path) -> None:
    pbx = adopted(tmp_path, 10.0)
    pbx.acts = lambda live: pbx.finish(live, 5.0, sound=0.0)
    assert await take(pbx)


async def test_what_was_complete_is_not_recorded_again(tmp_path: Path) -> None:
    pbx = adopted(tmp_path, 10.0)
    pbx.files.keep(CALL, 1, NAME)
    assert await take(pbx) == pbx.files.media(NAME)
    assert pbx.commands == []
    pbx.recorder.keep(ABOUT)
    assert pbx.kept == [(NAME, 10_000)]


async def test_where_nothing_had_begun_it_begins_with_the_tone(tmp_path: Path) -> None:
    pbx = adopted(tmp_path)
    await take(pbx)
    assert pbx.commands == [("record", f"{CALL}-r3", 60, 5, True)]


async def test_who_hung_up_while_nobody_had_the_call_has_left_it(tmp_path: Path) -> None:
    pbx = adopted(tmp_path, 10.0)
    await pbx.recorder.end(ABOUT, 7)
    assert pbx.kept == [(NAME, 10_000)]
    assert pbx.notes[0][1] == 7


async def test_a_take_whose_step_is_gone_is_kept_before_another_begins(tmp_path: Path) -> None:
    pbx = adopted(tmp_path, 10.0)
    await take(pbx, Take("other", "main/w", WISH))
    assert pbx.kept == [(NAME, 10_000)]
    assert pbx.commands == [("record", f"{CALL}-r3", 60, 5, True)]
    pbx.recorder.keep(ABOUT)
    assert pbx.kept[1] == ("other", 3000)
