"""Tests of call flows: each thing a test can say, seen right and seen wrong; coverage."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.flow.cases import Case, read_cases
from ivr.flow.check import BrokenCallflows, check_callflows
from ivr.flow.coverage import branches, coverage, taken
from ivr.flow.document import Problem
from ivr.flow.line import About, Figures
from ivr.flow.script import Script
from ivr.flow.simulation import Company, Outcome, simulate
from ivr.flow.simulator import SimulatedLine
from ivr.flow.trial import differences, run_case
from tests.unit.flow.calls import flow_of
from tests.unit.flow.small_company import build, record, write

FLOW = """\
steps:
  welcome: {play: hello, next: choose}
  choose:
    menu: {play: question, retries: 1, timeout_s: 4}
    next: {1: sales, invalid: bye, timeout: bye}
  sales:
    queue: {name: sales, max_wait_s: 30}
    next: {timeout: bye, answered: bye}
  bye: {say: Good bye, next: end}
  end: {hangup: }
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    place = build(tmp_path)
    write(place, "flows/main.yaml", FLOW)
    record(place / "prompts/en/hello.wav", samples=16_000)
    record(place / "prompts/en/question.wav", samples=24_000)
    return place


def written(company: Path, fields: str) -> None:
    write(company, "tests/main.yaml", f"tests:\n  it:\n    to: '100'\n{fields}")


def trial(company: Path, fields: str) -> list[str]:
    """What a test with these fields complains of."""
    written(company, "".join(f"    {line}\n" for line in fields.splitlines()))
    problems: list[Problem] = []
    cases = read_cases(company, problems)
    assert problems == []
    loaded = Company.load(company)
    return [str(each) for case in cases for each in differences(case, run_case(loaded, case.case))]


RIGHT = [
    "presses: {choose: 1}\nsteps: [welcome, choose: 1, sales: answered, bye, end]",
    "presses: {main/choose: 1}\nsteps: [main/welcome, main/choose: 1, sales, bye, end]",
    "presses: {choose: ['', 1]}\nsteps: [welcome, choose: 1, sales, bye, end]",
    "presses: {choose: [7, 1]}\nsteps: [welcome, choose: 1, sales, bye, end]",
    "keys_at_s: {3: 1}\nhears: [hello, question]\nhuman_within_s: 13",
    "keys_at_s: {0.5: 1}\nhears_not: [question]\nverdict: completed",
    "presses: {choose: 1}\nhangs_up_in: {sales: 3}\nverdict: abandoned\nsteps: [welcome, choose, sales]",
    "hangs_up_at_s: 1\nverdict: ivr_exit\nsteps: [welcome]",
    "presses: {choose: 1}\nagents: {sales: {nobody: yes}}\nverdict: overflowed\n"
    "steps: [welcome, choose, sales: timeout, bye, end]",
    "presses: {choose: 1}\nagents: {sales: {after_s: 31}}\nverdict: overflowed\nhears: Good bye",
    "presses: {choose: 1}\nagents: {sales: {after_s: 2, talk_s: 5}}\n"
    "hangs_up_at_s: 15\nverdict: completed\nhears: bye",
    "verdict: self_served\nhears: [question, question, Good]",
    "cannot_play: question\nhears: hello\nhears_not: question\nverdict: self_served",
]
WRONG = [
    ("presses: {choose: 1}\nsteps: [welcome, bye]", "step 2 was `main/choose`, not `bye`"),
    (
        "presses: {choose: 1}\nsteps: [welcome, choose: timeout]",
        "step 2, `choose`, ended with `1`, not with `timeout`",
    ),
    ("hangs_up_at_s: 1\nsteps: [welcome: done]", "step 1, `welcome`, had not ended when the call was over"),
    ("hangs_up_at_s: 1\nsteps: [welcome, choose]", "`choose` was not reached"),
    ("steps: [welcome]", "the call went on to `main/choose` after the last step of the test"),
    ("hears: [question, hello]", "`hello` was not heard"),
    ("hears_not: Good", "`Good` was heard"),
    ("verdict: abandoned", "the call was `self_served`, not `abandoned`"),
    ("keys_at_s: {3: 1}\nhuman_within_s: 12.9", "an agent was there after 13.0 s"),
    ("human_within_s: 12", "an agent was there never"),
]


@pytest.mark.parametrize("fields", RIGHT)
def test_what_happens_as_it_is_written_passes(company: Path, fields: str) -> None:
    assert trial(company, fields) == []


@pytest.mark.parametrize(("fields", "complaint"), WRONG, ids=[complaint for _, complaint in WRONG])
def test_what_happens_otherwise_is_told_with_its_place(company: Path, fields: str, complaint: str) -> None:
    (told,) = trial(company, fields)
    assert complaint in told
    line = 4 + len(fields.splitlines()) - 1
    assert told.startswith(f"tests/main.yaml:{line}:")


def test_a_region_hears_its_language(company: Path) -> None:
    for name in ("hello", "question"):
        record(company / f"prompts/pt/{name}.wav", samples=8000)
    assert trial(company, "language: pt-br\nhears: [hello, question]") == []
    assert trial(company, "language: pt-br\ncannot_play: question\nhears_not: question") == []


def test_a_language_of_its_own(company: Path) -> None:
    record(company / "prompts/es/hello.wav", samples=8000)
    record(company / "prompts/es/question.wav", samples=8000)
    fields = "language: es\npresses: {choose: 1}\nhuman_within_s: 13"
    assert trial(company, fields) == []
    assert trial(company, f"{fields}\nhears_not: question") == [
        "tests/main.yaml:7:16: test `it`: `question` was heard"
    ]
    assert trial(company, fields.replace(": es", ": en"))


def test_a_test_may_begin_in_any_flow(company: Path) -> None:
    write(company, "flows/other.yaml", "steps: {a: {hangup: busy}}\n")
    write(company, "tests/main.yaml", "tests: {it: {flow: other, steps: [a], verdict: rejected}}\n")
    (case,) = read_cases(company, [])
    assert differences(case, run_case(Company.load(company), case.case)) == []


def test_what_a_flow_can_ask_of_the_world(company: Path) -> None:
    fields = "caller: '0170'\nat: 2026-12-24 17:30\nvariables: {pin: '1'}\nhangs_up_at_s: 3\n"
    assert trial(company, f"{fields}figures: {{sales: {{waiting: 3, staffed: 2}}}}\nverdict: ivr_exit") == []
    (case,) = read_cases(company, [])
    line = run_case(Company.load(company), case.case).line
    assert line.about == About("0170", "Ada", "100", "web")
    assert line.now().isoformat() == "2026-12-24T17:30:03+00:00"
    assert line.variables == {"pin": "1"}
    assert asyncio.run(_figures(case.case)) == Figures(waiting=3, staffed=2)


async def _figures(case: Case) -> Figures | None:
    return await SimulatedLine(case.script("en", "")).figures("sales")


def test_mistakes_in_tests_are_found_by_check(company: Path) -> None:
    written(company, "    presses: {chose: 1}\n    agents: {sale: {}}\n    steps: [welcom]\n")
    write(
        company,
        "tests/b.yaml",
        "tests:\n  x: {to: 1, verdict: fine}\n  y: {to: 1}\n  z: {flow: man, hears: x}\n",
    )
    assert [str(problem) for problem in check_callflows(company).problems] == [
        "tests/b.yaml:2:23: test `x`: `verdict` cannot be `fine` (did you mean `failed`?)",
        "tests/b.yaml:3:6: test `y`: a test needs what must happen: `steps`, `hears`, `hears_not`, `verdict` "
        "or `human_within_s`",
        "tests/b.yaml:4:13: test `z`: there is no file flows/man.yaml (did you mean `main`?)",
        "tests/main.yaml:4:15: test `it`: there is no step `chose` (did you mean `choose`?)",
        "tests/main.yaml:5:14: test `it`: there is no queue `sale` in queues.yaml (did you mean `sales`?)",
        "tests/main.yaml:6:13: test `it`: there is no step `welcom` (did you mean `welcome`?)",
    ]


def test_while_a_flow_cannot_be_read_nobody_knows_which_steps_there_are(company: Path) -> None:
    written(company, "    steps: [elsewhere]\n")
    assert len(check_callflows(company).problems) == 1
    write(company, "flows/other.yaml", "steps: [")
    (problem,) = check_callflows(company).problems
    assert problem.place.file == "flows/other.yaml"


def test_the_branches_that_no_test_takes_are_named(company: Path) -> None:
    flow = Company.load(company).callflows.flows["main"]
    assert branches(flow) == [
        ("main/welcome", "done"),
        ("main/choose", "1"),
        ("main/choose", "invalid"),
        ("main/choose", "timeout"),
        ("main/sales", "answered"),
        ("main/sales", "timeout"),
        ("main/bye", "done"),
        ("main/end", ""),
    ]
    written(company, "    presses: {choose: 1}\n    verdict: completed\n")
    loaded = Company.load(company)
    seen = {branch for case in read_cases(company, []) for branch in taken(run_case(loaded, case.case))}
    found = coverage(flow, seen)
    assert (found.covered, found.percent) == (5, 62)
    assert found.missed == (("main/choose", "invalid"), ("main/choose", "timeout"), ("main/sales", "timeout"))


def test_a_failure_with_a_way_of_its_own_is_a_branch(company: Path) -> None:
    write(
        company,
        "flows/main.yaml",
        FLOW.replace("play: hello, next: choose", "play: hello, next: {done: choose, failed: bye}"),
    )
    assert ("main/welcome", "failed") in branches(Company.load(company).callflows.flows["main"])


def ended(story: list[str], by: str = "system", in_line: bool = False) -> str:
    """The verdict of a call that went so."""

    async def made() -> SimulatedLine:
        return SimulatedLine(Script())

    line = asyncio.run(made())
    line.answered, line.in_line = True, in_line
    line.told = [(0.0, what) for what in story]
    return Outcome(line, by, 1.0).verdict


def test_the_verdict_is_that_of_the_call_log() -> None:
    assert ended(["wait in sales", "talk", "hangup normal"]) == "completed"
    assert ended(["call 4930123", "talk"], "caller") == "transferred"
    assert ended(["call 4930123", "talk", "wait in sales", "talk"]) == "completed"
    assert ended(["call 4930123"]) == "self_served"
    assert ended(["wait in sales", "call 4930123"]) == "overflowed"
    assert ended(["wait in sales"], "caller", in_line=True) == "abandoned"
    assert ended(["play x"], "caller") == "ivr_exit"


def test_a_flow_that_turns_for_ever_ends_as_failed(company: Path) -> None:
    loaded = Company.load(company)
    turning = flow_of("steps: {a: {set: {n: 1}, next: b}, b: {set: {n: 2}, next: a}}")
    callflows = replace(loaded.callflows, flows={"main": turning})
    outcome = simulate(Company(callflows, {}), "main", "en", Script())
    assert (outcome.verdict, outcome.lasted_s) == ("failed", 0.0)


PIN = """\
steps:
  ask: {menu: {play: question, retries: 0, timeout_s: 9}, next: {1: yes, invalid: no, timeout: no}}
  yes: {back: right}
  no: {back: wrong}
"""
CALLING = """\
steps:
  pin: {flow: pin, next: {right: sales, wrong: end}}
  sales: {queue: sales, next: {answered: survey}}
  survey: {play: hello, next: end}
  end: {hangup: }
"""


@pytest.fixture
def calling(company: Path) -> Path:
    write(company, "flows/pin.yaml", PIN)
    write(company, "flows/main.yaml", CALLING)
    return company


SPLIT = """\
steps:
  try-out: {split: {new: 1, old: 2}, next: {new: end, old: sales}}
  sales: {queue: sales, next: {answered: end}}
  end: {hangup: }
"""


def test_a_test_says_which_of_the_callers_of_a_split_it_is(company: Path) -> None:
    write(company, "flows/main.yaml", SPLIT)
    ways = []
    for number, step in enumerate(("try-out", "main/try-out", "try-out", "try-out")):
        (told,) = trial(company, f"counted: {{{step}: {number}}}\nsteps: [try-out: none]")
        ways.append(told.split("ended with `")[1].split("`")[0])
    assert sorted(ways[:3]) == ["new", "old", "old"]
    assert ways[3] == ways[0]
    for field, said in (("sales: 1", "step `sales` counts nobody"), ("try: 1", "there is no step `try`")):
        with pytest.raises(BrokenCallflows, match=said):
            trial(company, f"counted: {{{field}}}\nverdict: completed")


def test_steps_of_a_flow_that_is_called_are_steps_of_the_test(calling: Path) -> None:
    fields = "presses: {ask: 1}\nsteps: [pin: right, ask: 1, 'yes': right, sales: answered, survey, end]"
    assert trial(calling, fields) == []
    assert trial(calling, "presses: {pin/ask: 1}\nhangs_up_in: {sales: 1}\nverdict: abandoned") == []
    (told,) = trial(calling, "presses: {ask: 2}\nsteps: [pin: right]")
    assert "step 1, `pin`, ended with `wrong`, not with `right`" in told


def test_coverage_goes_through_called_flows(calling: Path) -> None:
    written(calling, "    presses: {ask: 1}\n    verdict: completed\n")
    loaded = Company.load(calling)
    flows = loaded.callflows.flows
    seen = {branch for case in read_cases(calling, []) for branch in taken(run_case(loaded, case.case))}
    assert coverage(flows["main"], seen).missed == (("main/pin", "wrong"),)
    assert coverage(flows["pin"], seen).missed == (
        ("pin/ask", "invalid"),
        ("pin/ask", "timeout"),
        ("pin/no", ""),
    )


def holdfast(*arguments: str | Path, keys: str = "") -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], input=keys)


def test_the_command_reports_and_its_exit_code_tells(company: Path) -> None:
    written(company, "    verdict: self_served\n")
    result = holdfast("test", company)
    assert result.exit_code == 0, result.output
    assert "main: 50 % of branches, at most 16.0 s until a human\n" in result.output
    assert "    not taken: main/sales → timeout\n" in result.output
    assert "1 of 1 tests passed in 0." in result.output
    written(company, "    verdict: completed\n")
    result = holdfast("test", company)
    assert result.exit_code == 1
    assert result.output.startswith(
        "tests/main.yaml:4:14: test `it`: the call was `self_served`, not `completed`\n"
        "     4 |     verdict: completed\n"
    )
    report = json.loads(holdfast("test", company, "--json").output)
    assert (report["ok"], report["tests"], report["passed"]) == (False, 1, 0)
    assert report["flows"][0]["worst_until_human_s"] == pytest.approx(16)
    assert holdfast("test", company, "--only", "another").exit_code == 0
    assert holdfast("test", company / "none").exit_code == 2


def test_a_call_is_walked_at_the_terminal(company: Path) -> None:
    result = holdfast("simulate", "main", "-d", company, keys="\n+1\n1\n+2\nh\n")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if " s  " in line]
    assert lines == [
        "     0.0 s  main/welcome",
        "     0.0 s    the call is answered",
        "     0.0 s    ♪ en/hello",
        "     2.0 s  main/choose",
        "     2.0 s    ♪ en/question",
        "     3.0 s    (stopped)",
        "     3.0 s  main/sales",
        "     3.0 s    waits in sales",
        "     5.0 s  the caller hung up: abandoned",
    ]


def test_the_end_of_the_input_hangs_up(company: Path) -> None:
    assert "0.0 s  the caller hung up: ivr_exit" in holdfast("simulate", "100", "-d", company).output


def test_a_call_without_a_terminal(company: Path) -> None:
    result = holdfast(
        "simulate", "main", "-d", company, "--press", "choose=5", "--press", "choose=1", "--json"
    )
    facts = json.loads(result.output)
    assert facts["verdict"] == "completed"
    assert [step["outcome"] for step in facts["steps"]] == ["done", "1", "answered", "done"]
    assert facts["steps"][1]["took_s"] == pytest.approx(3 + 1 + 3 + 1)
    early = holdfast("simulate", "main", "-d", company, "--hang-up", "2.5").output
    assert early.endswith("     2.5 s  the caller hung up: ivr_exit\n")
    assert holdfast("simulate", "man", "-d", company).exit_code == 2
    assert "did you mean `main`" in holdfast("simulate", "man", "-d", company).output
    write(company, "flows/main.yaml", FLOW.replace("play: hello", "pley: hello"))
    assert holdfast("simulate", "main", "-d", company).exit_code == 1
