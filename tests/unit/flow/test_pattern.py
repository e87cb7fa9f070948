"""Patterns of digits: what they mean, and what is no pattern."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import TypeAdapter, ValidationError

from ivr.flow.pattern import Pattern, Patterns, fits

pattern = TypeAdapter(Pattern)


@pytest.mark.parametrize(
    ("written", "right", "wrong"),
    [
        ("1234", ["1234"], ["123", "12345", "1235"]),
        ("0XZ", ["001", "099"], ["000", "101", "0011"]),
        ("n9", ["29", "99"], ["19", "09"]),
        ("[13-5]0", ["10", "30", "50"], ["20", "60", "130"]),
        ("49.", ["491", "49*2345678"], ["49", "59"]),
        ("*#", ["*#"], ["**", "*"]),
    ],
)
def test_what_fits(written: str, right: list[str], wrong: list[str]) -> None:
    assert [digits for digits in right if not fits(digits, (written,))] == []
    assert [digits for digits in wrong if fits(digits, (written,))] == []


def test_of_several_one_is_enough() -> None:
    assert fits("2", ("1", "2"))
    assert not fits("3", ("1", "2"))


@pytest.mark.parametrize(
    "written", ["12a", ".", "1.2", "[12", "[]", "[5-3]", "(1)", "1+", "X{3}", "^1", "ä", "²"]
)
def test_what_is_no_pattern_is_said_in_plain_words(written: str) -> None:
    with pytest.raises(
        ValidationError, match=r"no pattern of digits: write digits|smaller digit stands first"
    ):
        pattern.validate_python(written)


def test_one_may_be_written_without_a_list() -> None:
    assert TypeAdapter(Patterns).validate_python("1X") == ("1X",)


@given(some.text("0123456789XZN*#", min_size=1, max_size=59), some.text("0123456789*#", max_size=40))
def test_no_pattern_takes_long(written: str, digits: str) -> None:
    began = time.perf_counter()
    fits(digits, (written + ".",))
    assert time.perf_counter() - began < 0.1
