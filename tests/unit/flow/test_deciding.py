"""Steps that decide and remember: what each of their fields changes, and how other flows are called."""

import pytest

from ivr.flow.line import Figures
from ivr.flow.opening import Hours
from tests.unit.flow.calls import Agents, Script, call

FIELDS = {"flow", "back", "set", "branch", "loop", "split", "hours", "tag", "language", "escalate"}
"""Verbs whose every field is tested here."""

END = "  end: {hangup: }\n"


def steps(story: list[str]) -> list[str]:
    return [what.removeprefix("step ") for what in story if what.startswith("step ")]


def outcome(fields: str, script: Script | None = None, names: str = "a, b") -> str:
    """The outcome of one step, given all it may have."""
    following = ", ".join(f"{name.strip()}: end" for name in names.split(","))
    line = call(f"steps:\n  s:\n    {fields}\n    next: {{{following}}}\n{END}", script)
    return line.passed[0].outcome


# set


def test_set_gives_values_that_later_steps_read() -> None:
    text = "steps:\n  s:\n    set: {price: 12.5, total: '{price}', who: 'Hi {caller.name}'}\n    next: t\n"
    text += "  t: {set: {total: '{price * 2}', vip: yes, code: 007, same: '{code}'}, next: end}\n" + END
    line = call(text)
    assert line.variables == {
        "price": 12.5,
        "total": 25.0,
        "who": "Hi Ada",
        "vip": True,
        "code": "007",
        "same": None,
    }


def test_set_and_branch_do_not_answer_the_call() -> None:
    line = call(
        "steps:\n  s: {set: {a: 1}, next: t}\n  t: {branch: a == 1, next: {yes: end, no: end}}\n" + END
    )
    assert "answer" not in line.story


# branch


def test_branch_takes_the_first_condition_that_holds() -> None:
    cases = 'branch: {a: caller.number == "1", b: "yes", c: "yes"}'
    assert outcome(cases, names="a, b, c, default") == "b"
    assert outcome('branch: {a: language == "xx", b: called == 5}', names="a, b, default") == "default"


def test_a_single_condition_is_yes_or_no() -> None:
    busy = Script(figures={"sales": Figures(waiting=6)})
    assert outcome("branch: queue.sales.waiting > 5", busy, "yes, no") == "yes"
    assert outcome("branch: queue.sales.waiting > 6", busy, "yes, no") == "no"
    assert outcome("branch: queue.sales.waiting > 6", names="yes, no") == "no"


# loop

LOOP = """
steps:
  l: {loop: 2, next: {again: l2, done: x}}
  l2: {loop: 1, next: {again: l, done: l}}
  x: {hangup: }
"""


def test_a_loop_counts_and_begins_anew() -> None:
    line = call(LOOP)
    assert [(each.path[5:], each.outcome) for each in line.passed] == [
        ("l", "again"),
        ("l2", "again"),
        ("l", "again"),
        ("l2", "done"),
        ("l", "done"),
    ]
    assert [each.outcome for each in call(LOOP.replace("loop: 2", "loop: 1")).passed] == [
        "again",
        "again",
        "done",
    ]


def test_a_loop_that_is_done_begins_anew() -> None:
    line = call(LOOP.replace("loop: 2", "loop: 4"))
    assert [each.outcome for each in line.passed if each.path == "main/l2"] == ["again", "done"] * 2


def test_a_loop_goes_on_counting_after_a_take_over() -> None:
    line = call(LOOP, start="main/l", visits={"main/l": 2, "main/l2": 1})
    assert [(each.path[5:], each.outcome) for each in line.passed] == [
        ("l", "again"),
        ("l2", "done"),
        ("l", "done"),
    ]


# split


@pytest.mark.parametrize(("shares", "ways"), [("{a: 1, b: 3}", "babbbabb"), ("{a: 1, b: 1}", "abab")])
def test_split_counts_so_that_every_round_has_the_shares(shares: str, ways: str) -> None:
    taken = [outcome(f"split: {shares}", Script(counts={"main/s": number})) for number in range(len(ways))]
    assert "".join(taken) == ways


# hours

OFFICE = Hours.model_validate({"week": {"monday": "9:00-17:00", "wednesday": "10:00-11:00"}})
CLOSED = Hours.model_validate({"week": {"wednesday": "10:00-11:00"}})
SHUT = Hours.model_validate({"week": {"monday": "closed"}})
HOLIDAY = Hours.model_validate({"week": {"monday-sunday": "0:00-24:00"}, "holidays": "JP"})


@pytest.mark.parametrize(
    ("name", "way", "opens"),
    [
        ("office", "open", None),
        ("late", "closed", "2026-11-25 10:00"),
        ("shut", "closed", None),
        ("japan", "holiday", "2026-11-24 00:00"),
        ("removed", "open", None),
    ],
)
def test_hours_go_by_the_clock_and_tell_when_it_opens(name: str, way: str, opens: str | None) -> None:
    script = Script(hours={"office": OFFICE, "late": CLOSED, "shut": SHUT, "japan": HOLIDAY})
    line = call(
        f"steps:\n  s: {{hours: {name}, next: {{open: end, closed: end, holiday: end}}}}\n{END}", script
    )
    assert line.passed[0].outcome == way
    assert line.variables.get("opens") == opens


def test_a_holiday_goes_the_way_of_closed_if_nothing_else_is_said() -> None:
    text = "steps:\n  s: {hours: japan, next: {open: a, closed: b}}\n  a: {hangup: busy}\n  b: {hangup: }\n"
    assert steps(call(text, Script(hours={"japan": HOLIDAY})).story) == ["main/s", "main/b"]


# tag, language, escalate


def test_tag_marks_the_call() -> None:
    line = call(f"steps:\n  s: {{tag: {{topic: delivery, campaign: spring}}, next: end}}\n{END}")
    assert line.about.campaign == "spring"
    assert line.notes[0] == ("tagged", {"path": "main/s", "topic": "delivery", "campaign": "spring"})
    line = call(f"steps:\n  s: {{tag: returns, next: end}}\n{END}")
    assert line.about.campaign == "web"
    assert line.notes[0][1] == {"path": "main/s", "topic": "returns", "campaign": ""}


def test_language_changes_what_is_heard_from_there_on() -> None:
    line = call(
        "steps:\n  a: {play: x, next: b}\n  b: {language: es, next: c}\n  c: {play: x, next: end}\n" + END
    )
    assert [what for what in line.story if what.startswith("play")] == ["play en/x", "play es/x"]


def test_escalate_says_why_and_waits() -> None:
    text = (
        "steps:\n  s:\n   escalate: {queue: chiefs, reason: angry, max_wait_s: 5}\n   next: {timeout: end}\n"
        + END
    )
    line = call(text, Script(agents={"chiefs": Agents(after_s=3)}))
    assert line.notes[0] == ("escalated", {"path": "main/s", "queue": "chiefs", "reason": "angry"})
    assert line.story[-3:] == ["talk", "hangup normal", "over by system"]
    late = call(text, Script(agents={"chiefs": Agents(after_s=6)}))
    assert late.told[2:4] == [(0.0, "wait in chiefs"), (5.0, "step main/end")]


# flow and back

MAIN = """
steps:
  login:
    flow: {name: pin, give: {tries: 2, prompt: 'Your code for {called}'}}
    next: {right: sales, wrong: end}
  sales: {queue: sales}
  end: {hangup: busy}
after_agent:
  thanks: {say: Thanks, next: end}
"""
PIN = """
steps:
  ask:
    menu: {say: x, retries: 0}
    next: {1: ok, invalid: no, timeout: no}
  ok: {back: right}
  no: {back: wrong}
"""


def test_a_flow_calls_another_and_takes_the_way_of_its_outcome() -> None:
    line = call(MAIN, Script(keys={1.0: "1"}), others={"pin": PIN})
    assert steps(line.story)[:4] == ["main/login", "pin/ask", "pin/ok", "main/sales"]
    assert line.variables == {"tries": 2, "prompt": "Your code for 100"}
    assert [(each.path, each.outcome) for each in line.passed[:3]] == [
        ("pin/ask", "1"),
        ("pin/ok", "right"),
        ("main/login", "right"),
    ]
    other = call(MAIN, Script(keys={1.0: "2"}), others={"pin": PIN})
    assert steps(other.story) == ["main/login", "pin/ask", "pin/no", "main/end"]


def test_one_way_for_all_outcomes_of_a_flow() -> None:
    text = f"steps:\n  a: {{flow: pin, next: end}}\n{END}"
    assert steps(call(text, others={"pin": PIN}).story)[-1] == "main/end"


def test_back_without_a_caller_ends_the_call() -> None:
    assert call("steps: {a: {back: }}").story == ["step main/a", "hangup normal", "over by system"]


def test_a_flow_that_ends_without_back_ends_the_call() -> None:
    line = call(MAIN, others={"pin": "steps: {a: {hangup: rejected}}"})
    assert line.story[-2:] == ["hangup rejected", "over by system"]


def test_the_checkpoint_has_the_whole_way_in_and_the_call_goes_on_there() -> None:
    line = call(MAIN, Script(keys={1.0: "1"}), start="main/login>pin/ask", others={"pin": PIN})
    assert steps(line.story)[:3] == ["pin/ask", "pin/ok", "main/sales"]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("main/login>pin/gone", "pin/ask"),
        ("main/login>other/ask", "main/login"),
        ("main/gone>pin/ask", "main/login"),
        ("main/sales>pin/ask", "main/sales"),
        ("other/x", "main/login"),
    ],
)
def test_what_a_checkpoint_names_and_the_flows_no_longer_have(start: str, first: str) -> None:
    assert steps(call(MAIN, start=start, others={"pin": PIN}).story)[0] == first


# after_agent


def test_after_an_agent_has_left_the_part_for_it_begins() -> None:
    line = call(MAIN, Script(keys={1.0: "1"}), others={"pin": PIN})
    assert steps(line.story)[-2:] == ["main/thanks", "main/end"]
    assert "play say:Thanks" in line.story


def test_it_is_the_callers_if_the_called_flow_has_none() -> None:
    line = call(MAIN, others={"pin": "steps: {q: {queue: sales}}"})
    assert steps(line.story) == ["main/login", "pin/q", "main/thanks", "main/end"]
    own = "steps: {q: {queue: sales}}\nafter_agent: {more: {play: x, next: b}, b: {back: right}}"
    line = call(MAIN, others={"pin": own})
    assert steps(line.story)[:5] == ["main/login", "pin/q", "pin/more", "pin/b", "main/sales"]


def test_where_a_way_is_written_that_one_is_taken() -> None:
    text = (
        "steps: {q: {queue: sales, next: {answered: e}}, e: {hangup: }}\nafter_agent: {t: {say: x, next: e}}"
    )
    assert steps(call(text).story) == ["main/q", "main/e"]


def test_the_steps_after_the_agent_follow_only_an_agent() -> None:
    text = MAIN.replace("sales: {queue: sales}", "sales: {play: x, next: end}")
    assert "main/thanks" not in steps(call(text, Script(keys={1.0: "1"}), others={"pin": PIN}).story)


def test_escalate_gives_a_head_start() -> None:
    steps = "steps:\n  s:\n   escalate: {queue: chiefs, reason: angry, head_start_s: 90}\n"
    assert "wait in chiefs, 90 s ahead" in call(steps).story
