"""Which of the keys that Asterisk tells of are presses: recorded from Asterisk 22.10.1."""

from collections.abc import Sequence

import pytest

from ivr.presses import Presses

Told = Sequence[tuple[str, int]]
"""Digit and when its end was told, ms."""

AT_EASE = [("1", 0), ("2", 200), ("2", 401), ("3", 601)]
ROLLING = [("1", 0), ("2", 140), ("2", 280), ("2", 287), ("3", 421), ("3", 433), ("3", 560), ("3", 579)]
CLOSE = [("1", 0), ("2", 146), ("2", 280), ("2", 287), ("3", 421), ("3", 433), ("3", 560), ("3", 579)]
"""The second key began 46 ms after the first by our clock, and 44 ms by Asterisk's."""
BREATHLESS = [
    *(("1", 0), ("2", 60), ("2", 120), ("2", 145), ("3", 180), ("3", 231), ("3", 240), ("3", 316)),
    *(("3", 316), ("3", 401), ("4", 401), ("4", 486), ("4", 486), ("4", 571), ("4", 572), ("4", 656)),
    *(("4", 657), ("4", 741), ("*", 742), ("*", 827)),
]
BY_INFO = [("4", 0), ("4", 205), ("4", 410), ("#", 615)]
STALLED = [("1", 0), ("2", 1), ("2", 1), ("3", 1), ("4", 203), ("4", 401)]


def pressed(told: Told, length_ms: int, sounding: bool = False) -> str:
    presses = Presses()
    return "".join(digit for digit, at in told if presses.new(digit, 10_000 + at, length_ms, sounding))


@pytest.mark.parametrize(
    ("told", "length_ms", "keys"),
    [
        (AT_EASE, 100, "1223"),
        (ROLLING, 100, "12233"),
        (CLOSE, 100, "12233"),
        (BREATHLESS, 40, "1223334444*"),
        (BY_INFO, 160, "444#"),
    ],
)
def test_each_press_counts_once(told: Told, length_ms: int, keys: str) -> None:
    assert pressed(told, length_ms) == keys


def test_keys_that_come_at_once_while_a_sound_is_played_all_count() -> None:
    assert pressed(STALLED, 100, sounding=True) == "122344"


def test_a_key_that_was_not_told_again_in_time_is_forgotten() -> None:
    """A prediction that was wrong must not cost the caller a digit later."""
    assert pressed([("1", 0), ("2", 20), ("2", 900)], 100) == "122"


@pytest.mark.parametrize("length_ms", [0, 40, 100])
def test_the_same_key_again_and_again_at_a_human_pace_always_counts(length_ms: int) -> None:
    assert pressed([("5", at) for at in range(0, 5000, length_ms + 50)], length_ms) == "5" * len(
        range(0, 5000, length_ms + 50)
    )


def test_a_key_that_came_late_is_not_taken_for_the_one_before() -> None:
    """The first end was held up for 100 ms: the second press seems to begin before it."""
    assert pressed([("1", 0), ("2", 400), ("2", 450)], 100) == "122"
