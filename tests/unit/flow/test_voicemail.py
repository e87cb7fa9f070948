"""`voicemail`: greeting, tone, message; what is kept in the box, and who is told."""

import json

import pytest

from ivr.flow.line import About
from tests.unit.flow.calls import Script, ScriptedLine, call, draft_of

NAME = "test-1-1-1"


def leave(fields: str = "", script: Script | None = None, greeting: str = "say: Hello") -> ScriptedLine:
    ends = "  a: {hangup: }\n  b: {hangup: }\n  c: {hangup: }\n"
    step = f"voicemail: {{box: office, {greeting}, {fields}}}"
    text = f"steps:\n  v:\n    {step}\n    next: {{done: a, empty: b, failed: c}}\n{ends}"
    return call(text, script or Script())


def kept(line: ScriptedLine) -> list[dict[str, object]]:
    return [fields for kind, fields in line.notes if kind == "recorded"]


def test_a_message() -> None:
    line = leave()
    assert line.story == [
        *("step main/v", "answer", "play say:Hello", "beep", f"record {NAME}", "step main/a"),
        *("hangup normal", "over by system"),
    ]
    assert kept(line) == [
        {"path": "main/v", "recording": NAME, "length_ms": 10_000, "from": "030123456", "box": "office"}
    ]
    assert [kind for kind, _ in line.notes][:2] == ["recorded", "step"]


def test_a_key_takes_him_to_the_tone_and_does_not_end_the_message() -> None:
    line = leave(script=Script({1.0: "#"}))
    assert line.told[3] == (1.0, "stop")
    assert kept(line)[0]["length_ms"] == 10_000


def test_who_says_nothing_has_left_nothing() -> None:
    line = leave(script=Script(speaks_s=0))
    assert line.passed[0].outcome == "empty"
    assert kept(line) == []


def test_who_hangs_up_in_the_middle_has_left_what_he_said() -> None:
    line = leave("notify: https://x.test/", Script(gone_at=6.0))
    assert [(fields["length_ms"], fields["box"]) for fields in kept(line)] == [(4000, "office")]
    assert len(line.asked) == 1, "who wants to be told is told of this one, too"
    assert line.story[-1] == "over by caller"


@pytest.mark.parametrize("gone_at", [1.0, 2.4], ids=["greeting", "at once"])
def test_who_hangs_up_before_has_left_nothing(gone_at: float) -> None:
    line = leave("notify: https://x.test/", Script(gone_at=gone_at))
    assert kept(line) == []
    assert line.asked == []


def test_who_wants_to_be_told_is_told_once_of_what_was_kept() -> None:
    script = Script({4.0: "#", 9.0: "2", 13.0: "#", 19.0: "1"}, about=About("4930", "Ada", "100", "web"))
    line = leave('notify: "https://x.test/{called}?by={caller.number}", review: {say: ok}', script)
    (letter,) = line.asked
    assert (letter.method, letter.url, letter.key) == (
        *("post", "https://x.test/100?by=4930", "test-1.1:main/v:1"),
    )
    assert json.loads(letter.body) == {
        "box": "office",
        "message": NAME,
        "call": "test-1.1",
        "caller": "4930",
        "called": "100",
        "length_s": 4.0,
    }


def test_a_hangup_at_any_moment_leaves_one_message_or_none() -> None:
    keys = {4.0: "#", 9.0: "2", 13.0: "#", 19.0: "1"}
    seen = set()
    for moment in range(60):
        line = leave("notify: https://x.test/, review: {say: ok}", Script(keys, dies_at_call=moment))
        assert len(kept(line)) == len(line.asked) <= 1
        if line.story[-1] == "over by system":
            assert kept(line)
            break
        seen.add(len(kept(line)))
    else:
        pytest.fail("the call never came to its end")
    assert seen == {0, 1}


@pytest.mark.parametrize("greeting", ["play: not-there", "say: unspeakable"])
def test_without_its_greeting_it_takes_a_message_all_the_same(greeting: str) -> None:
    line = leave(greeting=greeting)
    assert line.passed[0].outcome == "done"
    assert line.story[2] == "beep"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("voicemail: {box: a}", "write either `play:`"),
        ("voicemail: {box: a, play: x, say: y}", "write either `play:`"),
        ("voicemail: {say: y}", "field `box` is missing"),
        ("voicemail: {box: A b, say: y}", "`box` cannot be `A b`"),
        ("voicemail: {box: a, say: y, notify: ftp://x}", "an address begins with `https://`"),
        ("voicemail: {box: a, say: y, max_s: 4000}", "`max_s`"),
    ],
)
def test_what_check_refuses(step: str, said: str) -> None:
    _, problems = draft_of(f"steps:\n  a:\n    {step}\n    next: b\n  b: {{hangup: }}")
    assert any(said in str(each) and ":3:" in str(each) for each in problems), problems
