"""Texts with values in them: spoken in words of the call's language, and kept for nobody else."""

import pytest

from ivr.flow.values import Value
from tests.unit.flow.calls import Script, ScriptedLine, call, draft_of

CHRISTMAS = "vierundzwanzigster Dezember zweitausendsechsundzwanzig"
ENDS = "\n  a: {hangup: }\n  b: {hangup: }\n"


def say(text: str, language: str = "en", **variables: Value) -> ScriptedLine:
    flow = f"steps:\n  s:\n    say: '{text}'\n    next: {{done: a, failed: b}}{ENDS}"
    return call(flow, Script(variables=variables), language=language)


@pytest.mark.parametrize(
    ("text", "language", "value", "words"),
    [
        ("Code {x}.", "en", "12", "Code 12."),
        ("Code {x:digits}.", "en", "1234", "Code one two three, four."),
        ("Code {x:digits}.", "es", 42, "Code cuatro dos."),
        ("It is {x:money EUR}.", "en", "1.50", "It is one euro and fifty cents."),
        ("Number {x:ordinal}", "en", 3, "Number third"),
        (
            "On {x:date}",
            "de",
            "2026-12-24",
            "On Donnerstag, " + CHRISTMAS,
        ),
        ("About {x:duration}", "en", 90, "About one minute and 30 seconds"),
        ("{x + 1:number}", "en", 1, "two"),
    ],
)
def test_values_are_spoken_in_the_language_of_the_call(
    text: str, language: str, value: Value, words: str
) -> None:
    line = say(text, language, x=value)
    assert line.heard == [words]
    assert line.passing == [words]


def test_a_text_without_values_is_kept_for_the_next_caller() -> None:
    line = say("Hello {{you}}")
    assert line.heard == ["Hello {you}"]
    assert line.passing == []


@pytest.mark.parametrize("value", ["tomorrow", None, True])
def test_a_value_that_cannot_be_spoken_so_is_a_failed_step(value: Value) -> None:
    line = say("{x:money EUR}", x=value)
    assert line.passed[0].outcome == "failed"
    assert line.heard == []


BOTH = '{text: {en: "{x:number} bike", es: "{x:number} bicicleta"}}'


def say_both(language: str) -> ScriptedLine:
    flow = f"steps:\n  s:\n    say: {BOTH}\n    next: {{done: a, failed: b}}{ENDS}"
    return call(flow, Script(variables={"x": 1}), language=language)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "one bike"), ("es", "uno bicicleta"), ("es-mx", "uno bicicleta")]
)
def test_a_text_can_be_written_for_each_language(language: str, words: str) -> None:
    assert say_both(language).heard == [words]


def test_a_language_without_its_text_is_a_failed_step() -> None:
    line = say_both("fr")
    assert (line.passed[0].outcome, line.heard) == ("failed", [])


def test_a_question_can_have_values_too() -> None:
    menu = "menu: {say: 'Is it {x:digits}?', retries: 0}"
    flow = f"steps:\n  m:\n    {menu}\n    next: {{1: a, invalid: b, timeout: b}}"
    line = call(flow + ENDS, Script(variables={"x": "12"}))
    assert line.heard == ["Is it one two?"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{x:shout}", "there is no format `shout`"),
        ("{x:money}", "`` is no currency, such as EUR or USD"),
        ("{x:money DM}", "`DM` is no currency, such as EUR or USD"),
        ("  ", "a text to be spoken has 1 to 1000 characters"),
        ("x" * 1001, "a text to be spoken has 1 to 1000 characters"),
    ],
)
def test_what_cannot_be_spoken_is_found_where_it_stands(text: str, problem: str) -> None:
    _, problems = draft_of(f"steps:\n  s: {{say: '{text}', next: a}}{ENDS}")
    assert str(problems[0]).startswith(f"flows/main.yaml:2:12: step `s`: {problem}")
