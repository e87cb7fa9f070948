"""What agents press while they talk: codes, targets, and keys that are none of ours."""

import pytest

from ivr.feature_keys import FeatureKeys, Pressed
from ivr.transfers import Keys


def said(typed: str, keys: Keys | None = None) -> list[Pressed]:
    """What comes of these keys, `.` being a wait until something is given up; without what means nothing."""
    heard, found, now = FeatureKeys(Keys() if keys is None else keys), [], 0.0
    for key in typed:
        if key == ".":
            assert heard.until is not None
            now = heard.until
            found.append(heard.wait_over())
        else:
            found.append(heard.press(key, now))
    return [each for each in found if each != Pressed()]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("*123#", [Pressed("blind", "23")]),
        ("*2030123.", [Pressed("consult", "030123")]),
        ("*3", [Pressed("complete")]),
        ("*4*5", [Pressed("back"), Pressed("all")]),
        ("7", [Pressed(relay="7")]),
        ("7#", [Pressed(relay="7"), Pressed(relay="#")]),
        ("*.", [Pressed(relay="*")]),
        ("*9", [Pressed(relay="*9")]),
        ("*1#", []),
        ("*1.", []),
        ("*123*4", [Pressed(relay="4")]),
        ("*1" + 41 * "1", []),
        ("*11#*3", [Pressed("blind", "1"), Pressed("complete")]),
    ],
)
def test_keys(typed: str, expected: list[Pressed]) -> None:
    assert said(typed) == expected


def test_codes_of_ones_own() -> None:
    keys = Keys(blind="#", consult="**")
    assert said("#12#", keys) == [Pressed("blind", "12")]
    assert said("**7#", keys) == [Pressed("consult", "7")]
    assert said("*1", keys) == [Pressed(relay="*1")]


def test_without_keys_all_is_the_callers() -> None:
    heard = FeatureKeys(None)
    assert heard.press("*", 0) == Pressed(relay="*")
    assert heard.until is None


def test_a_key_that_ends_the_talk() -> None:
    assert [FeatureKeys(None, "*0").press("7", 0)] == [Pressed(relay="7")]
    for keys in (None, Keys()):
        heard = FeatureKeys(keys, "*0")
        assert heard.press("*", 0) == Pressed()
        assert heard.press("0", 1) == Pressed("end")
    assert not FeatureKeys(None).any


def test_a_key_in_time_goes_on() -> None:
    heard = FeatureKeys(Keys())
    heard.press("*", 0.0)
    assert heard.until == 2.0
    heard.press("1", 1.0)
    assert heard.until == 5.0
    heard.press("7", 4.0)
    assert heard.until == 8.0
