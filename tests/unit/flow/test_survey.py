"""`survey`: who is asked, what counts as an answer, and that the rate of answers can be told honestly."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from ivr.flow.check import check_callflows
from tests.unit.flow.calls import Agents, Script, ScriptedLine, call, draft_of
from tests.unit.flow.small_company import build, write

QUESTION = """survey: {name: csat, ask: {say: How was it}, invalid: {say: From 1 to 5}}
    next: {done: thanks, invalid: bye, timeout: bye, skipped: bye}"""
TEXT = f"""
steps:
  invite:
    survey: {{name: csat, invite: {{say: Take part}}}}
    next: sales
  sales:
    queue: sales
after_agent:
  rate:
    {QUESTION}
  thanks:
    play: hello
    next: bye
  bye: {{hangup: }}
"""
TALK = {"sales": Agents(after_s=10, talk_s=60)}
ASKED_AT = 3.0 + 10 + 60
"""The invitation takes 3 s with the key."""


def told(line: ScriptedLine) -> list[tuple[str, object]]:
    return [
        (kind, fields.get("score", fields.get("survey")))
        for kind, fields in line.notes
        if kind.startswith("survey")
    ]


def survey(keys: dict[float, str], **rest: float) -> ScriptedLine:
    return call(TEXT, Script(keys={3.0: "1", **keys}, agents=TALK, **rest))  # type: ignore[arg-type]


def outcome(line: ScriptedLine) -> str:
    return next(each.outcome for each in line.passed if each.path == "main/rate")


def test_who_accepts_is_asked_after_the_agent_and_answers() -> None:
    line = survey({ASKED_AT + 3: "4"})
    assert line.story == [
        *("step main/invite", "answer", "play say:Take part", "step main/sales", "wait in sales", "talk"),
        *("step main/rate", "play say:How was it", "step main/thanks", "play en/hello", "step main/bye"),
        *("hangup normal", "over by system"),
    ]
    assert told(line) == [("survey_offered", "csat"), ("survey_answered", 4)]
    answer = next(fields for kind, fields in line.notes if kind == "survey_answered")
    assert answer == {"path": "main/rate", "survey": "csat", "score": 4, "lowest": 1, "highest": 5}


@pytest.mark.parametrize("key", ["2", ""], ids=["another key", "none"])
def test_who_does_not_accept_is_not_asked(key: str) -> None:
    line = call(TEXT, Script(keys={3.0: key} if key else {}, agents=TALK))
    assert outcome(line) == "skipped"
    assert told(line) == []
    assert "play say:How was it" not in line.story


def test_a_wrong_answer_is_asked_again_and_the_question_counts_once() -> None:
    line = survey({ASKED_AT + 3: "7", ASKED_AT + 8: "*", ASKED_AT + 13: "5"})
    assert line.heard == ["Take part", "How was it", *["From 1 to 5", "How was it"] * 2, "hello"]
    assert told(line) == [("survey_offered", "csat"), ("survey_answered", 5)]


def test_wrong_answers_have_an_end() -> None:
    line = survey({ASKED_AT + 3 + 5 * each: "9" for each in range(5)})
    assert outcome(line) == "invalid"
    assert told(line) == [("survey_offered", "csat")]


def test_no_answer_has_an_end() -> None:
    line = survey({})
    assert outcome(line) == "timeout"
    assert line.heard.count("How was it") == 3
    assert told(line) == [("survey_offered", "csat")]


def test_who_hangs_up_at_the_question_was_asked() -> None:
    line = survey({}, gone_at=ASKED_AT + 1)
    assert told(line) == [("survey_offered", "csat")]


def test_a_hangup_at_any_moment_leaves_no_answer_without_its_question() -> None:
    seen = set()
    for moment in range(60):
        keys = {3.0: "1", ASKED_AT + 3: "7", ASKED_AT + 8: "4"}
        line = call(TEXT, Script(keys=keys, agents=TALK, dies_at_call=moment))
        kinds = tuple(kind for kind, _ in told(line))
        assert kinds in ((), ("survey_offered",), ("survey_offered", "survey_answered"))
        seen.add(kinds)
        if line.story[-1] == "over by system":
            break
    else:
        pytest.fail("the call never came to its end")
    assert len(seen) == 3


def test_keys_of_the_talk_are_no_answer() -> None:
    line = survey({ASKED_AT - 30: "1", ASKED_AT + 3: "5"})
    assert told(line)[-1] == ("survey_answered", 5)


def test_a_question_that_cannot_be_heard_was_not_put() -> None:
    text = TEXT.replace("ask: {say: How was it}", "ask: not-there")
    line = call(text, Script(keys={3.0: "1"}, agents=TALK))
    assert outcome(line) == "skipped"
    assert told(line) == []


def test_an_invitation_that_cannot_be_heard_is_not_accepted() -> None:
    text = TEXT.replace("invite: {say: Take part}", "invite: not-there")
    line = call(text, Script(keys={0.5: "1"}, agents=TALK))
    assert [each.outcome for each in line.passed] == ["declined", "answered", "skipped"]


def test_the_consent_is_kept_with_the_call() -> None:
    """Another worker goes on in the queue, knowing no more than the checkpoint."""
    line = call(
        TEXT, Script(keys={73.0: "5"}, variables={"survey csat": "accepted"}, agents=TALK), "main/sales"
    )
    assert told(line) == [("survey_offered", "csat"), ("survey_answered", 5)]


@pytest.mark.parametrize(
    ("consent", "asked"),
    [({}, True), ({"survey csat": "accepted"}, True), ({"survey csat": "declined"}, False)],
)
def test_uninvited_asks_all_but_those_who_declined(consent: dict[str, str], asked: bool) -> None:
    text = TEXT.replace("name: csat, ask", "name: csat, uninvited: yes, ask")
    line = call(text, Script(keys={73.0: "5"}, variables=dict(consent), agents=TALK), "main/sales")
    assert (told(line) != []) is asked


def csat(lines: Iterable[ScriptedLine]) -> tuple[float, float]:
    """Share of 4 and 5 among the answers, and the share of answers among those who were asked."""
    notes = [dict(line.notes) for line in lines]
    offered = [each for each in notes if "survey_offered" in each]
    scores = [each["survey_answered"]["score"] for each in offered if "survey_answered" in each]
    return sum(score in (4, 5) for score in scores) / len(scores), len(scores) / len(offered)


def test_the_figure_comes_out_of_the_events() -> None:
    answers = ["5", "4", "2", "9", ""]
    lines = [survey({ASKED_AT + 3: key} if key else {}) for key in answers]
    lines.append(survey({}, gone_at=ASKED_AT + 1))
    lines.append(call(TEXT, Script(keys={3.0: "2"}, agents=TALK)))
    assert csat(lines) == (2 / 3, 3 / 6)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("name: a", "write either `invite:`"),
        ("name: a, invite: x, ask: y", "write either `invite:`"),
        ("ask: y", "field `name` is missing"),
        ("name: a, ask: y, highest: 10", "`highest`"),
        ("name: a, ask: y, lowest: -1", "`lowest`"),
    ],
)
def test_what_check_refuses(fields: str, said: str) -> None:
    _, problems = draft_of(f"steps:\n  a:\n    survey: {{{fields}}}\n    next: b\n  b: {{hangup: }}")
    assert any(said in str(each) and ":3:" in str(each) for each in problems), problems


def found(tmp_path: Path, old: str, new: str, **more: str) -> list[str]:
    company = build(tmp_path)
    assert old in TEXT
    write(company, "flows/main.yaml", TEXT.replace(old, new))
    for name, text in more.items():
        write(company, f"flows/{name}.yaml", text)
    return [str(problem) for problem in check_callflows(company).problems]


INNER = "steps:\n  invite:\n    survey: {name: csat, invite: hello}\n    next: b\n  b: {back: done}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "csat, ask",
            "cast, ask",
            "flows/main.yaml:10:20: step `rate`: no step invites callers to the survey `cast`: nobody is "
            "asked (did you mean `csat`?)",
        ),
        (
            "survey: {name: csat, invite: {say: Take part}}",
            "play: hello",
            "flows/main.yaml:10:20: step `rate`: no step invites callers to the survey `csat`: nobody is "
            "asked (invite them before, or write `uninvited: yes`)",
        ),
        (
            QUESTION,
            "play: hello\n    next: thanks",
            "flows/main.yaml:4:20: step `invite`: no step asks a question of the survey `csat`"
            " (ask it in `after_agent:`, with a `survey` step)",
        ),
        (
            "ask: {say: How was it}",
            "lowest: 5, highest: 5, ask: {say: How was it}",
            "flows/main.yaml:9:3: step `rate`: no answer is on a scale from 5 to 5",
        ),
        (
            "invite: {say: Take part}",
            "invite: {say: Take part}, highest: 4",
            "flows/main.yaml:3:3: step `invite`: `highest` belongs to the question: write it where `ask:` is",
        ),
    ],
)
def test_what_is_wrong_between_the_steps(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in found(tmp_path, old, new)


def test_a_right_survey_has_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path, "csat", "csat") == []
    assert found(tmp_path, "survey: {name: csat, invite: {say: Take part}}", "flow: inner", inner=INNER) == []
    unasked = found(tmp_path, "survey: {name: csat, invite: {say: Take part}}", "play: hello", inner=INNER)
    assert len(unasked) == 2, "nobody in this family invites, and the other's invitation is for nothing"
