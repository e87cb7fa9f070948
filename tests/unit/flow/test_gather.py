"""What `gather` takes for an answer, when it asks again, and what it leaves for the next step."""

from collections.abc import Mapping

import pytest

from tests.unit.flow.calls import Script, ScriptedLine, call, draft_of

ENDS = "\n  a: {hangup: }\n  b: {hangup: }\n  c: {hangup: }\n"
NEXT = "next: {done: a, invalid: b, timeout: c}"


def gather(fields: str, keys: Mapping[float, str]) -> ScriptedLine:
    """A call whose only step is this one; the question takes 2 s."""
    return call(
        f"steps:\n  g:\n    gather: {{play: q, into: n, {fields}}}\n    {NEXT}{ENDS}", Script(keys=keys)
    )


def outcome(line: ScriptedLine) -> str:
    return next(passed.outcome for passed in line.passed)


def entered(line: ScriptedLine) -> list[object]:
    return [fields.get("digits") for kind, fields in line.notes if kind == "input"]


@pytest.mark.parametrize(
    ("fields", "keys", "kept", "at"),
    [
        ("max_digits: 4", {3.0: "1234"}, "1234", 3.0),
        ("max_digits: 4", {3.0: "12#"}, "12", 3.0),
        ("max_digits: 4", {3.0: "12"}, "12", 6.0),
        ("max_digits: 4, between_s: 1", {3.0: "1", 3.5: "2"}, "12", 4.5),
        ("end_key: '*'", {3.0: "12#*"}, "12#", 3.0),
        ("end_key: none, max_digits: 3", {3.0: "1#2"}, "1#2", 3.0),
        ("min_digits: 0", {3.0: "#"}, "", 3.0),
        ("pattern: 1X", {3.0: "15#"}, "15", 3.0),
        ("pattern: [2X, 1X]", {3.0: "15#"}, "15", 3.0),
    ],
)
def test_what_is_taken_and_when(fields: str, keys: Mapping[float, str], kept: str, at: float) -> None:
    line = gather(fields, keys)
    assert outcome(line) == "done"
    assert line.variables == {"n": kept}
    assert line.told[-1][0] == at


@pytest.mark.parametrize(
    ("fields", "keys", "how"),
    [
        ("", {}, "timeout"),
        ("", {3.0: "#"}, "invalid"),
        ("min_digits: 3", {3.0: "12#"}, "invalid"),
        ("min_digits: 3", {3.0: "12"}, "invalid"),
        ("pattern: 1X", {3.0: "25#"}, "invalid"),
    ],
)
def test_what_is_not_taken(fields: str, keys: Mapping[float, str], how: str) -> None:
    line = gather(f"retries: 0, {fields}".removesuffix(", "), keys)
    assert outcome(line) == how
    assert line.variables == {}


def test_the_caller_is_asked_again_with_words_for_what_went_wrong() -> None:
    line = gather("max_digits: 2, pattern: 1X, invalid: no, timeout: well", {3.0: "22", 20.0: "15"})
    assert [what for what in line.story if what.startswith("play")] == [
        "play en/q",
        "play en/no",
        "play en/q",
        "play en/well",
        "play en/q",
    ]
    assert line.variables == {"n": "15"}
    assert entered(line) == ["22", "15"]


def test_a_key_stops_the_question_and_digits_pressed_ahead_spare_it() -> None:
    line = gather("max_digits: 2", {0.5: "1", 0.8: "2"})
    assert line.told[-1][0] == 0.8
    assert line.variables == {"n": "12"}


MENU_AFTER = """
steps:
  g: {gather: {play: q, into: n, max_digits: 2}, next: {done: m, invalid: m, timeout: m}}
  m: {menu: {play: m, retries: 0, timeout_s: 9}, next: {1: a, invalid: b, timeout: c}}
""" + ENDS.removeprefix("\n")


@pytest.mark.parametrize("keys", [{3.0: "12#1"}, {3.0: "12", 3.4: "#", 4.0: "1"}])
def test_the_end_key_after_the_last_digit_is_no_key_of_the_next_step(keys: Mapping[float, str]) -> None:
    assert [passed.outcome for passed in call(MENU_AFTER, Script(keys=keys)).passed] == ["done", "1"]


@pytest.mark.parametrize("keys", [{3.0: "12", 7.0: "#"}, {3.0: "12", 3.2: "2", 3.4: "#"}])
def test_only_right_after_it(keys: Mapping[float, str]) -> None:
    assert [passed.outcome for passed in call(MENU_AFTER, Script(keys=keys)).passed] == ["done", "invalid"]


CONFIRM = "max_digits: 4, confirm: {say: right}"


def test_what_is_read_back_is_taken_with_1() -> None:
    line = gather(CONFIRM, {3.0: "1234", 8.0: "1"})
    assert outcome(line) == "done"
    assert line.story[3:5] == ["play say:one two three, four", "play say:right"]
    assert line.variables == {"n": "1234"}
    assert line.passing == ["one two three, four"]


def test_another_key_lets_him_correct_it_without_reproach() -> None:
    line = gather(f"{CONFIRM}, invalid: no", {3.0: "1234", 8.0: "2", 10.5: "4321", 15.0: "1"})
    assert line.variables == {"n": "4321"}
    assert "play en/no" not in line.story
    assert entered(line) == ["1234", "2", "4321", "1"]


def test_silence_after_the_read_back_is_no_yes() -> None:
    line = gather(f"{CONFIRM}, retries: 0", {3.0: "1234"})
    assert outcome(line) == "invalid"
    assert line.variables == {}


def test_what_is_sensitive_is_a_secret_and_noted_by_its_length_alone() -> None:
    line = gather("sensitive: yes", {3.0: "4711#"})
    assert outcome(line) == "done"
    assert (line.variables, line.secrets) == ({}, {"n": "4711"})
    assert [fields for kind, fields in line.notes if kind == "input"] == [{"path": "main/g", "length": 4}]
    assert "4711" not in repr((line.notes, line.told))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("into: n, min_digits: 5, max_digits: 4", "`min_digits` is 5 and `max_digits` 4: no number has both"),
        ("into: n, sensitive: yes, confirm: x", "what is `sensitive` is not spoken: leave out `confirm`"),
    ],
)
def test_what_makes_no_sense_is_found(fields: str, problem: str) -> None:
    draft, _ = draft_of(f"steps:\n  g: {{gather: {{play: q, {fields}}}, {NEXT}}}{ENDS}")
    assert draft
    assert draft.steps["g"].nonsense() == problem


def test_wrong_fields_are_reported_where_they_stand() -> None:
    _, problems = draft_of(
        f"steps:\n  g: {{gather: {{play: q, into: 1st, pattern: 1a}}, {NEXT}}}{ENDS}", "main"
    )
    assert [str(problem).split(": ", 2)[0] for problem in problems] == [
        "flows/main.yaml:2:31",
        "flows/main.yaml:2:45",
    ]
    assert "`1a` is no pattern of digits" in str(problems[1])
