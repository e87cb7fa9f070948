"""`offer`: when it is made, what the log has of it, and when it is left out."""

import pytest

from ivr.flow.line import About, Figures
from tests.unit.flow.calls import Script, ScriptedLine, call, draft_of

TEXT = """
steps:
  more:
    offer: {name: cover, say: Buy it, when: queue.sales.waiting < 3}
    next: {accepted: yes, declined: no, skipped: not-now}
  "yes": {hangup: }
  "no": {hangup: }
  not-now: {hangup: busy}
"""
QUIET = {"sales": Figures(waiting=2)}


def told(line: ScriptedLine) -> list[tuple[str, object]]:
    return [
        (kind, fields.get("offer", fields.get("outcome"))) for kind, fields in line.notes if kind != "input"
    ]


def test_accepted() -> None:
    line = call(TEXT, Script(keys={3.0: "1"}, figures=QUIET))
    assert line.story[:4] == ["step main/more", "answer", "play say:Buy it", "step main/yes"]
    assert told(line) == [("offer_made", "cover"), ("offer_accepted", "cover"), ("step", "accepted")]
    assert all(fields["path"] == "main/more" for _, fields in line.notes)


@pytest.mark.parametrize("keys", [{3.0: "2"}, {}], ids=["another key", "no key"])
def test_declined(keys: dict[float, str]) -> None:
    line = call(TEXT, Script(keys=keys, figures=QUIET))
    assert told(line) == [("offer_made", "cover"), ("step", "declined")]


@pytest.mark.parametrize(
    "script",
    [
        Script(figures={"sales": Figures(waiting=3)}),
        Script(),
        Script(figures=QUIET, known=["offer cover"]),
    ],
    ids=["busy", "nobody knows", "asked lately"],
)
def test_skipped_without_answering_the_call(script: Script) -> None:
    line = call(TEXT, script)
    assert line.story == ["step main/more", "step main/not-now", "hangup busy", "over by system"]
    assert told(line) == [("step", "skipped")]


def test_who_hides_his_number_is_asked() -> None:
    line = call(TEXT, Script(figures=QUIET, known=["offer cover"], about=About()))
    assert told(line)[0] == ("offer_made", "cover")


def test_what_cannot_be_heard_is_not_made() -> None:
    text = TEXT.replace("say: Buy it", "play: not-there")
    assert told(call(text, Script(figures=QUIET))) == [("step", "skipped")]


def test_a_key_pressed_before_is_no_answer() -> None:
    text = TEXT.replace("steps:", "steps:\n  hello: {say: {text: Hello, interrupt: no}, next: more}")
    line = call(text, Script(keys={1.0: "1"}, figures=QUIET))
    assert ("offer_accepted", "cover") not in told(line)


def test_who_leaves_before_he_has_heard_it_was_not_offered_it() -> None:
    assert told(call(TEXT, Script(figures=QUIET, gone_at=1.0))) == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("offer: {name: a, say: x}", "field `when` is missing"),
        ("offer: {name: a, when: yes}", "write either `play:`"),
        ("offer: {name: a, when: nobody +, say: x}", "cannot be understood"),
        ("offer: {name: a b, when: yes, say: x}", "`name` cannot be `a b`"),
        ("offer: {name: a, when: yes, say: x, accept: 12}", "`accept`"),
        ("offer: {name: a, when: yes, say: x, again_days: -1}", "`again_days`"),
    ],
)
def test_what_check_refuses(step: str, said: str) -> None:
    _, problems = draft_of(f"steps:\n  a:\n    {step}\n    next: b\n  b: {{hangup: }}")
    assert any(said in str(each) and ":3:" in str(each) for each in problems), problems
