"""How a queue's settings decide in which ways a step can end: in the check, and in tests of flows."""

from pathlib import Path

import pytest

from ivr.flow.cases import read_cases
from ivr.flow.check import check_callflows
from ivr.flow.script import Agents, Exit
from ivr.flow.simulation import Company
from ivr.flow.trial import differences, run_case
from ivr.flow.waiting import EXITS
from tests.unit.flow.calls import Script, call
from tests.unit.flow.small_company import build, record, write

FIELDS = {
    "timeout": "max_wait_s: 30",
    "full": "max_waiting: 3",
    "closed": "hours: office",
    "no_agents": "leave_if: [offline]",
    "ratio": "callers_per_agent: 2",
    "exit": "exit_key: '9'",
}
NOBODY = "agents: {sales: {nobody: yes}}\n"
HOURS = "hours: {office: {week: {monday-friday: 9:00-9:40}}}\n"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    directory = build(tmp_path)
    for name in ("hello", "question"):
        record(directory / f"prompts/en/{name}.wav", samples=8000)
    write(directory, "hours.yaml", HOURS)
    return directory


def publish(company: Path, settings: str, ways: str = "", verb: str = "queue: sales") -> list[str]:
    """The problems of a company whose queue has these settings and whose flow has these ways."""
    flow = f"steps:\n  wait:\n    {verb}\n{f'    next: {ways}' if ways else ''}\n  bye: {{hangup: busy}}\n"
    flow += "  more: {hangup: }\n"
    flow = flow if "more" in ways else flow.replace("  more: {hangup: }\n", "")
    write(company, "flows/main.yaml", flow if "bye" in ways else "steps:\n  wait:\n    " + verb + "\n")
    write(company, "queues.yaml", f"queues:\n  sales: {{level: 2, {settings}}}\n")
    return [str(problem) for problem in check_callflows(company).problems]


def trial(company: Path, fields: str) -> list[str]:
    indented = "\n".join(f"    {line}" for line in fields.splitlines())
    write(company, "tests/main.yaml", f"tests:\n  it:\n    to: '100'\n{indented}\n")
    problems: list[object] = []
    (case,) = read_cases(company, problems)  # type: ignore[arg-type]
    assert not problems
    outcome = run_case(Company.load(company), case.case)
    return [str(problem) for problem in differences(case, outcome)]


@pytest.mark.parametrize("outcome", EXITS)
def test_what_the_settings_make_possible_needs_a_way(company: Path, outcome: str) -> None:
    field = FIELDS[outcome].partition(":")[0]
    assert publish(company, FIELDS[outcome], f"{{{outcome}: bye}}") == []
    assert publish(company, FIELDS[outcome], "bye") == [], "one way for all"
    (problem,) = publish(company, FIELDS[outcome])
    where = f"flows/main.yaml:2:3: step `wait`: outcome `{outcome}` leads nowhere"
    assert problem.startswith(f"{where}, and queue `sales` has `{field}` in queues.yaml (")
    assert f"name the step for `{outcome}` under `next:`" in problem


@pytest.mark.parametrize("outcome", EXITS)
def test_what_they_do_not_make_possible_has_none(company: Path, outcome: str) -> None:
    problems = publish(company, "title: x", f"{{{outcome}: bye}}")
    assert (
        f"flows/main.yaml:4:12: step `wait`: outcome `{outcome}` cannot happen: queue `sales` has no"
        in (problems[0])
    )


def test_whoever_is_escalated_meets_the_same_door(company: Path) -> None:
    verb = "escalate: {queue: sales, reason: x}"
    assert publish(company, "max_waiting: 3", "{full: bye}", verb) == []
    assert publish(company, "max_waiting: 3", "", verb) != []


def test_a_broken_file_of_queues_is_not_blamed_on_flows(company: Path) -> None:
    write(company, "flows/main.yaml", "steps: {wait: {queue: sales, next: {full: bye}}, bye: {hangup: }}\n")
    write(company, "queues.yaml", "queues:\n  sales: {max_waiting: many}\n")
    assert all("queues.yaml:2" in str(each) for each in check_callflows(company).problems)


def test_a_refused_caller_does_not_knock_for_ever(company: Path) -> None:
    (problem,) = publish(company, "max_waiting: 3", "{full: wait, answered: bye}")
    assert "turn for ever" in problem


def test_hours_of_a_queue_must_be_there(company: Path) -> None:
    (problem,) = publish(company, "hours: offise", "{closed: bye}")
    assert problem.startswith("queues.yaml:2:28: queue `sales`: there are no opening hours `offise`")
    assert "`office`" in problem


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ("max_waiting: 3", "exits: {sales: full}\nsteps: [wait: full, bye]\nverdict: self_served"),
        ("max_waiting: 3", "steps: [wait: answered]\nverdict: completed"),
        ("hours: office", "at: 2026-11-23 18:00\nsteps: [wait: closed, bye]\nverdict: self_served"),
        (
            "hours: office",
            f"{NOBODY}at: 2026-11-23 09:38\nsteps: [wait: closed, bye]\nverdict: overflowed",
        ),
        ("hours: office", "at: 2026-11-23 09:38\nagents: {sales: {after_s: 119}}\nverdict: completed"),
        (
            "leave_if: [offline]",
            "exits: {sales: {outcome: no_agents, after_s: 5}}\nsteps: [wait: no_agents, bye]",
        ),
        ("callers_per_agent: 2", "exits: {sales: {outcome: ratio, after_s: 50}}\nverdict: completed"),
        ("max_wait_s: 4", "steps: [wait: timeout, bye]"),
        ("exit_key: '9'", "keys_at_s: {1: 7, 3: 9}\nsteps: [wait: exit, bye]\nverdict: overflowed"),
        ("exit_key: '9'", "keys_at_s: {1: 7}\nsteps: [wait: answered]"),
    ],
)
def test_a_test_of_a_flow_can_say_it(company: Path, settings: str, fields: str) -> None:
    outcome = next(name for name, field in FIELDS.items() if field.split(":")[0] == settings.split(":")[0])
    assert publish(company, settings, f"{{{outcome}: bye}}") == []
    assert trial(company, fields) == []


def test_the_shorter_wait_counts(company: Path) -> None:
    verb = "queue: {name: sales, max_wait_s: 8}"
    for settings, ends in (("max_wait_s: 4", 4.0), ("max_wait_s: 9", 8.0), ("title: x", 8.0)):
        assert publish(company, settings, "{timeout: bye}", verb) == []
        write(company, "tests/main.yaml", "tests: {it: {to: '100', verdict: overflowed}}\n")
        (case,) = read_cases(company, [])
        assert run_case(Company.load(company), case.case).lasted_s == ends


def test_an_exit_that_cannot_be_is_an_error_in_a_test(company: Path) -> None:
    publish(company, "max_waiting: 3", "{full: bye}")
    case = "{to: '100', verdict: overflowed, exits: {sales: ratio}}"
    write(company, "tests/main.yaml", f"tests:\n  it: {case}\n")
    (problem,) = check_callflows(company).problems
    assert str(problem) == (
        "tests/main.yaml:2:48: test `it`: queue `sales` is never left with `ratio` "
        "(write `callers_per_agent` for it in queues.yaml)"
    )


def test_a_rule_for_which_the_flow_has_no_way_touches_nobody() -> None:
    flow = "steps: {a: {queue: {name: q, max_wait_s: 60}, next: {timeout: b}}, b: {hangup: }}"
    agents = {"q": Agents(after_s=20, talk_s=1)}
    line = call(flow, Script(agents=agents, exits={"q": Exit("full")}))
    assert "talk" in line.story
    late = call(flow, Script(agents=agents, exits={"q": Exit("timeout", 5)}))
    assert "talk" not in late.story
