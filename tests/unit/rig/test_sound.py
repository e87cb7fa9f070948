"""The comparison of sounds can fail: wrong prompts, silence, and music that stops each turn it red."""

from pathlib import Path

import pytest

from tests.rig.sound import (
    FRAME,
    RATE,
    Frames,
    Piece,
    SoundUnfit,
    decode_ulaw,
    encode_ulaw,
    heard,
    heard_music,
    is_silent,
    read_sound,
)
from tests.rig.voice import speech

PROMPT = speech(1, 2.0)
OTHER = speech(2, 2.0)
MUSIC = speech(3, 8.0)


def through_a_phone(samples: list[int], volume: float = 1.0) -> list[int]:
    return decode_ulaw(encode_ulaw([round(sample * volume) for sample in samples]))


def test_ulaw_is_g711() -> None:
    assert decode_ulaw(bytes([0xFF, 0x7F, 0x80, 0x00])) == [0, 0, 32124, -32124]
    assert encode_ulaw([0, 32767, -32767, 100]) == bytes([0xFF, 0x80, 0x00, 0xF2])
    table = bytes(range(256))
    assert decode_ulaw(encode_ulaw(decode_ulaw(table))) == decode_ulaw(table)


def test_prompt_is_heard_where_it_was_played() -> None:
    recording = through_a_phone([0] * 4321 + PROMPT + [0] * 999)
    found = heard(recording, PROMPT)
    assert found.share == 1.0
    assert found.correlation > 0.99
    assert found.at_s == 4321 / RATE


def test_prompt_is_heard_at_another_volume() -> None:
    assert heard(through_a_phone([0] * 100 + PROMPT, 0.3), PROMPT).share > 0.95


def test_wrong_prompt_is_not_heard() -> None:
    assert heard(through_a_phone(OTHER + [0] * 8000 + MUSIC), PROMPT).share < 0.2


def test_prompt_in_silence_is_not_heard() -> None:
    assert heard([0] * 40000, PROMPT).share < 0.2
    assert heard([], PROMPT).share < 0.2


def test_prompt_that_was_cut_short_is_heard_in_part() -> None:
    cut = heard(through_a_phone(PROMPT[: len(PROMPT) // 2] + [0] * 20000), PROMPT)
    assert 0.3 < cut.share < 0.7


def test_silent_prompt_proves_nothing() -> None:
    with pytest.raises(ValueError, match="silence"):
        heard(MUSIC, [0] * 20000)


def test_music_is_heard_from_anywhere() -> None:
    begin = FRAME * 77
    found = heard_music(through_a_phone(MUSIC[begin : begin + 3 * RATE]), [Piece(MUSIC)])
    assert found.share == 1.0
    assert found.at_s == begin / RATE


def test_other_music_or_silence_is_not_heard() -> None:
    assert heard_music(through_a_phone(PROMPT), [Piece(MUSIC)]).share < 0.2
    assert heard_music([0] * 20000, [Piece(MUSIC)]).share < 0.2
    assert heard_music([], [Piece(MUSIC)]).share < 0.2


def test_music_that_goes_over_into_something_else_is_heard_in_part() -> None:
    found = heard_music(through_a_phone(MUSIC[:16000] + OTHER), [Piece(MUSIC)])
    assert 0.3 < found.share < 0.7


def test_a_stutter_costs_only_itself() -> None:
    stuttering = PROMPT[:8000] + [0] * 555 + PROMPT[8000:]
    assert heard(through_a_phone(stuttering), PROMPT).share >= 0.9
    assert (
        heard_music(through_a_phone(MUSIC[:9000] + [0] * 320 + MUSIC[9000:17000]), [Piece(MUSIC)]).share
        >= 0.9
    )


def test_silence() -> None:
    assert is_silent([3, -2] * 4000)
    assert not is_silent([0] * 8000 + PROMPT)
    with pytest.raises(ValueError, match="too short"):
        is_silent([0] * 10)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(SoundUnfit):
        read_sound(tmp_path / "a.wav")


def test_a_frame_tells_what_is_being_heard() -> None:
    told = through_a_phone(PROMPT, 0.7)
    frames = [told[at : at + FRAME] for at in range(0, len(told), FRAME)]
    prompt, other = Frames(PROMPT), Frames(OTHER)
    assert [frame in prompt for frame in frames].count(True) > 70
    assert not any(frame in other for frame in frames)
    assert [0] * FRAME not in prompt
