"""What a menu does with keys: when they come, which they are, and how often it asks again."""

from collections.abc import Mapping

import pytest

from tests.unit.flow.calls import Script, ScriptedLine, call

ENDS = """
  one: {hangup: busy}
  two: {hangup: congestion}
  wrong: {hangup: rejected}
  late: {hangup: unavailable}
"""
WAYS = "next: {1: one, 2: two, '*': two, '#': one, invalid: wrong, timeout: late}"


def menu(fields: str, keys: Mapping[float, str], ways: str = WAYS) -> ScriptedLine:
    """A call whose only step is this menu; the hangup's cause tells which way it took."""
    return call(f"steps:\n  m:\n    menu: {{{fields}}}\n    {ways}\n{ENDS}", Script(keys=keys))


def outcome(line: ScriptedLine) -> str:
    return str(next(fields["outcome"] for kind, fields in line.notes if kind == "step"))


@pytest.mark.parametrize("key", ["1", "2", "*", "#"])
def test_the_outcome_is_the_key(key: str) -> None:
    assert outcome(menu("play: m", {3.0: key})) == key


def test_a_key_in_the_prompt_stops_it_at_once() -> None:
    line = menu("play: m", {0.5: "2"})
    assert line.told[2:4] == [(0.0, "play en/m"), (0.5, "stop")]
    assert line.told[-1][0] == 0.5


def test_keys_pressed_before_the_menu_count_and_spare_its_prompt() -> None:
    text = (
        f"steps:\n  a: {{play: {{files: a, interrupt: no}}, next: m}}\n  m:\n    menu: m\n    {WAYS}\n{ENDS}"
    )
    line = call(text, Script(keys={1.0: "2"}))
    assert line.told[2:] == [
        (0.0, "play en/a"),
        (2.0, "step main/m"),
        (2.0, "step main/two"),
        (2.0, "hangup congestion"),
        (2.0, "over by system"),
    ]


def test_the_time_for_a_key_begins_when_the_prompt_has_ended() -> None:
    line = menu("play: [m, m], timeout_s: 3, retries: 0", {})
    assert outcome(line) == "timeout"
    assert line.told[-1][0] == 2 + 2 + 3
    assert outcome(menu("play: [m, m], timeout_s: 3, retries: 0", {6.9: "1"})) == "1"


def test_after_the_retries_the_last_kind_of_failure_decides() -> None:
    assert outcome(menu("play: m, retries: 1", {3.0: "9"})) == "timeout"
    assert outcome(menu("play: m, retries: 1", {8.0: "9", 12.0: "8"})) == "invalid"


def test_each_failure_has_its_own_words_before_the_question_comes_again() -> None:
    line = menu("play: m, retries: 2, invalid: wrong, timeout: {say: Hello}", {3.0: "9"})
    heard = [what for what in line.story if what.startswith("play")]
    assert heard == ["play en/m", "play en/wrong", "play en/m", "play say:Hello", "play en/m"]


def test_a_key_during_the_words_of_the_second_try_is_the_choice() -> None:
    line = menu("play: m, invalid: wrong", {3.0: "9", 3.5: "2"})
    assert outcome(line) == "2"
    assert line.told[-1][0] == 3.5


@pytest.mark.parametrize(
    ("keys", "taken", "at"),
    [
        ({3.0: "12"}, "12", 3.0),
        ({3.0: "1", 5.0: "2"}, "12", 5.0),
        ({3.0: "1", 5.9: "2"}, "12", 5.9),
        ({3.0: "1"}, "1", 6.0),  # 12 could have followed: the time between keys has to pass
        ({3.0: "2"}, "2", 3.0),  # nothing longer begins with 2
        ({3.0: "45"}, "invalid", 3.0),
        ({3.0: "4"}, "invalid", 6.0),
    ],
)
def test_choices_of_several_keys(keys: Mapping[float, str], taken: str, at: float) -> None:
    ways = "next: {1: one, 2: one, 12: two, 345: two, invalid: wrong, timeout: late}"
    line = menu("play: m, digits: 2, between_s: 3, retries: 0", keys, ways.replace(" 345: two,", ""))
    assert outcome(line) == taken
    assert line.told[-1][0] == at


def test_what_was_pressed_is_noted_as_it_was_pressed() -> None:
    line = menu("play: m, digits: 2, retries: 0", {3.0: "4", 4.0: "7"})
    assert [fields for kind, fields in line.notes if kind == "input"] == [{"path": "main/m", "digits": "47"}]


def test_in_a_flow_that_was_called_the_step_is_told_not_the_way_to_it() -> None:
    other = f"steps:\n  m:\n    menu: {{play: m}}\n    {WAYS}{ENDS}"
    line = call("steps: {a: {flow: other}}", Script(keys={3.0: "1"}), others={"other": other})
    assert [fields["path"] for kind, fields in line.notes if kind == "input"] == ["other/m"]


def test_a_menu_whose_prompt_cannot_be_played_can_still_be_used() -> None:
    assert outcome(menu("play: not-there", {3.0: "2"})) == "2"
    assert outcome(menu("say: unspeakable", {3.0: "2"})) == "2"
