"""What is kept of what a caller says, and when he may say it again."""

import pytest

from tests.unit.flow.calls import Script, ScriptedLine, call

NAME = "test-1-1-1"


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
        ("silence_s: 3", Script(speaks_s=0.4), "empty", 3.4),
        ("silence_s: 0", Script({0.4: "#"}), "empty", 0.4),
        ("min_s: 0", Script(speaks_s=0), "done", 5.0),
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


def test_what_cannot_be_reviewed_is_kept() -> None:
    line = record("review: not-there", Script({2.0: "#"}))
    assert line.passed[0].outcome == "done"
    assert [kind for kind, _ in line.notes] == ["recorded", "step"]


def kept(line: ScriptedLine) -> list[dict[str, object]]:
    return [fields for kind, fields in line.notes if kind == "recorded"]


def test_the_log_has_what_was_kept_once() -> None:
    line = record("review: {say: again}", Script({2.0: "#", 7.0: "2", 9.0: "#", 15.0: "1"}))
    assert kept(line) == [
        {"path": "main/r", "recording": NAME, "length_ms": 2000, "from": "030123456"},
    ]


@pytest.mark.parametrize(
    ("script", "length_ms"),
    [
        (Script(gone_at=3.0), 3000),
        (Script({4.0: "#"}, gone_at=5.0), 4000),
        (Script({2.0: "#", 7.0: "2"}, gone_at=8.5), 1500),
        (Script({2.0: "#", 7.0: "2"}, gone_at=7.4), None),
        (Script(gone_at=0.4), None),
        (Script(speaks_s=0.4, gone_at=3.0), None),
    ],
    ids=["speaking", "reviewing", "again", "again, nothing", "at once", "silent"],
)
def test_what_he_has_said_when_he_hangs_up_is_kept(script: Script, length_ms: int | None) -> None:
    line = record("review: {say: again}", script)
    assert [fields["length_ms"] for fields in kept(line)] == ([] if length_ms is None else [length_ms])
    assert "wish" not in line.variables


def test_two_recordings_of_one_call_have_two_names() -> None:
    text = """
steps:
  "姓名":
    record: {into: one, max_s: 2}
    next: "地址"
  "地址":
    record: {into: two, max_s: 2}
    next: end
  end: {hangup: }
"""
    line = call(text)
    assert line.variables == {"one": "test-1-1-1", "two": "test-1-1-2"}
