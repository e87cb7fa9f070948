"""The interpreter: the way through a flow, what it tells the log, and that a hangup ends it anywhere."""

from dataclasses import replace

import pytest

from tests.unit.flow.calls import Agents, Script, call

WHOLE = """
steps:
  welcome:
    play: [hello, welcome]
    next: spoken
  spoken:
    say: Good day
    next: choose
  choose:
    menu:
      play: menu
      timeout_s: 5
      retries: 1
      invalid: wrong
      timeout: {say: Press a key}
    next:
      1: sales
      2: support
      invalid: sorry
      timeout: bye
  sales:
    queue: sales
  support:
    queue: {name: support, max_wait_s: 30}
    next: {answered: bye, timeout: sorry}
  sorry:
    play: sorry
    next: bye
  bye:
    hangup:
"""


def test_the_way_of_a_caller_who_is_served() -> None:
    line = call(WHOLE, Script(keys={9.0: "1"}, agents={"sales": Agents(after_s=12, talk_s=30)}))
    assert line.told == [
        (0.0, "step main/welcome"),
        (0.0, "answer"),
        (0.0, "play en/hello"),
        (2.0, "play en/welcome"),
        (4.0, "step main/spoken"),
        (4.0, "play say:Good day"),
        (6.0, "step main/choose"),
        (6.0, "play en/menu"),
        (9.0, "step main/sales"),
        (9.0, "wait in sales"),
        (21.0, "talk"),
        (51.0, "hangup normal"),
        (51.0, "over by system"),
    ]


def test_a_wrong_key_then_nothing_and_the_flow_lets_him_go() -> None:
    line = call(WHOLE, Script(keys={8.5: "9"}))
    assert line.story[7:] == [
        "play en/menu",
        "play en/wrong",
        "play en/menu",
        "step main/bye",
        "hangup normal",
        "over by system",
    ]
    assert line.told[-1][0] == 8.5 + 2 + 2 + 5


def test_every_outcome_takes_its_own_way() -> None:
    late = Script(keys={9.0: "2"}, agents={"support": Agents(after_s=31)})
    assert call(WHOLE, late).story[-5:] == [
        "step main/sorry",
        "play en/sorry",
        "step main/bye",
        "hangup normal",
        "over by system",
    ]
    soon = Script(keys={9.0: "2"}, agents={"support": Agents(after_s=30)})
    assert "talk" in call(WHOLE, soon).story


def test_the_log_hears_of_each_step_and_of_each_key() -> None:
    line = call(WHOLE, Script(keys={9.0: "92"}))
    assert [kind for kind, _ in line.notes] == ["step", "step", "input", "input", "step", "step"]
    steps = [fields for kind, fields in line.notes if kind == "step"]
    assert [(each["path"], each["outcome"]) for each in steps] == [
        ("main/welcome", "done"),
        ("main/spoken", "done"),
        ("main/choose", "2"),
        ("main/support", "answered"),
    ]
    assert all(each["flow"] == "main" and each["version"] == 7 for each in steps)
    assert all(isinstance(each["took_ms"], int) for each in steps)
    assert [fields for kind, fields in line.notes if kind == "input"] == [
        {"path": "main/choose", "digits": "9"},
        {"path": "main/choose", "digits": "2"},
    ]


def test_took_ms_is_the_steps_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([1_000_000_000, 1_250_000_000])
    monkeypatch.setattr("ivr.flow.run.monotonic_ns", lambda: next(instants))
    line = call("steps: {a: {queue: sales}}")
    assert line.notes[-1][1]["took_ms"] == 250


def test_a_call_goes_on_at_its_checkpoint() -> None:
    line = call(WHOLE, Script(), start="main/support")
    assert line.story[:3] == ["step main/support", "answer", "wait in support"]
    assert "step main/welcome" not in line.story


def test_a_checkpoint_of_a_step_that_is_gone_starts_the_flow_anew() -> None:
    assert call(WHOLE, Script(), start="main/gone").story[0] == "step main/welcome"


def test_start_may_name_another_step_than_the_first() -> None:
    text = "start: b\nsteps:\n  a: {hangup: busy}\n  b: {hangup: congestion}\n"
    assert call(text).story == ["step main/b", "hangup congestion", "over by system"]


def _awaited_calls(script: Script) -> int:
    return call(WHOLE, script).calls


@pytest.mark.parametrize(
    "script",
    [
        Script(keys={9.0: "1"}),
        Script(keys={8.5: "9"}),
        Script(keys={9.0: "2"}, agents={"support": Agents(after_s=31)}),
        Script(sounds={"en/menu": -1}),
    ],
    ids=["served", "wrong-then-nothing", "waits-too-long", "broken-prompt"],
)
def test_a_hangup_at_any_await_point_ends_the_flow_there(script: Script) -> None:
    for number in range(_awaited_calls(script)):
        line = call(WHOLE, replace(script, dies_at_call=number))
        assert line.story[-1] == "over by caller", f"call {number}"
        assert line.calls == number + 1, "the line was used after the hangup"


@pytest.mark.parametrize("second", [0.5, 3.0, 5.0, 7.0, 9.0, 10.5, 15.0])
def test_a_hangup_at_any_time_is_raised_at_what_is_waited_for(second: float) -> None:
    line = call(WHOLE, Script(gone_at=second))
    assert line.told[-1] == (second, "over by caller")
