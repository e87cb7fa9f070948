"""What is kept of what a caller says, and when he may say it again."""

import pytest

from tests.unit.flow.calls import Script, ScriptedLine, call

NAME = "test-1-1-main-r-1"


def record(fields: str, script: Script) -> ScriptedLine:
    ends = "  a: {hangup: }\n  b: {hangup: }\n  c: {hangup: }\n"
    step = f"record: {{into: wish, {fields}}}"
    return call(f"steps:\n  r:\n    {step}\n    next: {{done: a, empty: b, failed: c}}\n{ends}", script)


@pytest.mark.parametrize(
    ("fields", "script", "outcome", "at"),
    [
        ("silence_s: 3", Script(speaks_s=5), "done", 8.0),
        ("silence_s: 0, max_s: 30", Script(speaks_s=5), "done", 30.0),
        ("max_s: 4", Script(speaks_s=60), "done", 4.0),
        ("end_key: any", Script({2.0: "7"}), "done", 2.0),
        ("end_key: '#'", Script({2.0: "7", 3.0: "#"}), "done", 3.0),
        ("silence_s: 3", Script(speaks_s=0.5), "empty", 3.5),
        ("silence_s: 0", Script({0.5: "#"}), "empty", 0.5),
    ],
)
def test_how_a_recording_ends(fields: str, script: Script, outcome: str, at: float) -> None:
    line = record(fields, script)
    assert line.passed[0].outcome == outcome
    assert line.told[-1][0] == at
    assert line.variables == ({"wish": NAME} if outcome == "done" else {})


def test_the_key_that_ends_it_is_no_key_of_the_next_step() -> None:
    line = record("max_s: 10", Script({2.0: "#"}))
    assert not line.has_keys


def test_keys_pressed_before_do_not_end_it() -> None:
    assert record("end_key: any", Script({0.0: "#"}, speaks_s=5)).told[-1][0] == 10.0


def test_he_hears_it_and_may_say_it_again() -> None:
    line = record("review: {say: again}", Script({2.0: "#", 7.0: "2", 9.0: "#", 15.0: "1"}))
    assert [what for what in line.story if not what.startswith(("step", "over", "hangup", "answer"))] == [
        "beep",
        f"record {NAME}",
        f"play recording:{NAME}",
        "play say:again",
        "beep",
        f"record {NAME}",
        f"play recording:{NAME}",
        "play say:again",
    ]
    assert line.passed[0].outcome == "done"


def test_silence_after_the_review_keeps_it() -> None:
    assert record("review: {say: again}", Script({2.0: "#"})).passed[0].outcome == "done"


def test_what_fails_is_a_failed_step() -> None:
    assert record("review: not-there", Script({2.0: "#"})).passed[0].outcome == "failed"
