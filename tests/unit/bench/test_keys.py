"""The bench of keys: pitches tell its prompts apart, and no key is overlooked."""

import pytest

from bench.keys import PITCHES, _lost, pitch, tone
from calllog.call_events import Input
from tests.rig.sound import FRAME, decode_ulaw, encode_ulaw

MENUS = ["walk/first", "walk/second", "walk/third"]


def pressed(*keys: tuple[str, str]) -> list[Input]:
    return [
        Input(
            id=f"c:{seq}",
            site="s",
            at=seq,
            logged_at=seq,
            source="observed",
            call="c",
            seq=seq,
            path=path,
            digits=digits,
        )
        for seq, (path, digits) in enumerate(keys, start=1)
    ]


@pytest.mark.parametrize("name", PITCHES)
def test_a_packet_of_a_prompt_is_known_by_its_pitch(name: str) -> None:
    packet = decode_ulaw(encode_ulaw(tone(PITCHES[name], 1.0)[:FRAME]))
    near = [other for other, hertz in PITCHES.items() if abs(pitch(packet) - hertz) < hertz / 4]
    assert near == [name]


@pytest.mark.parametrize(
    ("keys", "lost"),
    [
        (["1", "2", "3"], 0),
        (["1", "2"], 1),
        (["1", "3", "2"], 4),
        ([], 3),
    ],
)
def test_keys_are_counted_menu_by_menu(keys: list[str], lost: int) -> None:
    assert _lost(pressed(*zip(MENUS, keys, strict=False)), MENUS) == lost


def test_a_key_told_twice_is_one_too_many() -> None:
    assert _lost(pressed(*zip(MENUS, "123", strict=True), (MENUS[0], "1")), MENUS) == 1
