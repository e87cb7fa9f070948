"""Loops without the caller: also on the ways of steps that would wait, and do not when they fail at once."""

from pathlib import Path

import pytest

from ivr.flow.check import check_callflows
from ivr.flow.graph import check_graph
from ivr.flow.ways import Inner
from tests.unit.flow.calls import draft_of
from tests.unit.flow.small_company import build, edit, write

END = "  end: {hangup: }\n"
MAIN = "flows/main.yaml"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path / "callflows")


def found(company: Path) -> list[str]:
    return [str(problem) for problem in check_callflows(company).problems]


def turning(text: str, **others: str) -> list[str]:
    """What the check says of loops in the flow `main`."""
    drafts = {}
    for name, steps in {"main": text, **others}.items():
        draft, problems = draft_of(f"steps:\n{steps}", name)
        assert draft
        assert problems == []
        drafts[name] = draft
    found = check_graph(drafts["main"], Inner(drafts))
    return [problem.text for problem in found if "for ever" in problem.text]


@pytest.mark.parametrize(
    ("step", "turns"),
    [
        ('transfer: "+49301", next: {done: end, failed: a}', True),
        ('transfer: "+49301", next: {done: end, refused: a, failed: end}', True),
        ('transfer: "+49301", next: {done: end, busy: a, failed: end}', False),
        ('transfer: "+49301", next: {done: a, failed: end}', False),
        ("transfer: {agent: alice}, next: {no_answer: a}", False),
        ("record: {into: x}, next: {done: end, empty: a}", True),
        ("record: {into: x}, next: {done: end, empty: a, failed: end}", False),
        ("queue: {name: sales, max_wait_s: 5}, next: {timeout: a}", False),
        ("menu: {say: x}, next: {1: end, invalid: a, timeout: a}", False),
        ("say: x, next: {done: end, failed: a}", True),
        ("loop: 3, next: {again: a, done: end}", False),
        ("loop: 3, next: {again: end, done: a}", True),
    ],
)
def test_a_step_after_which_it_begins_again(step: str, turns: bool) -> None:
    assert turning(f"  a: {{{step}}}\n{END}") == (["steps `a` → `a` turn for ever"] if turns else [])
    within = f"  a: {{{step.replace(': a', ': b')}}}\n  b: {{tag: x, next: a}}\n{END}"
    assert turning(within) == (["steps `a` → `b` → `a` turn for ever"] if turns else [])


ASK = (
    "  ask: {menu: {say: x}, next: {1: yes, invalid: no, timeout: no}}\n"
    "  'yes': {back: agreed}\n  'no': {back: refused}\n"
)
QUICK = "  which: {branch: called == '1', next: {yes: ask, no: quick}}\n  quick: {back: quick}\n"


def test_a_flow_that_is_called_waits_on_some_of_its_ways() -> None:
    calling = "  a: {{flow: inner, next: {{agreed: {}, refused: {}, quick: {}}}}}\n" + END.replace(
        "{", "{{"
    ).replace("}", "}}")
    assert turning(calling.format("a", "a", "end"), inner=QUICK + ASK) == []
    assert turning(calling.format("end", "end", "a"), inner=QUICK + ASK) == ["steps `a` → `a` turn for ever"]
    assert turning(calling.format("a", "a", "a"), inner=ASK) == []
    middle = "  m: {flow: inner, next: {agreed: b, refused: b, quick: q}}\n"
    middle += "  b: {back: agreed}\n  q: {back: quick}\n"
    assert turning(calling.format("a", "end", "end"), middle=middle, inner=QUICK + ASK) == []
    through = calling.replace("inner", "middle")
    assert turning(through.format("a", "end", "end"), middle=middle, inner=QUICK + ASK) == []
    assert turning(through.format("end", "end", "a"), middle=middle, inner=QUICK + ASK)


def test_a_loop_that_never_waits_for_anybody(company: Path) -> None:
    edit(company, MAIN, "next: choose", "next: again")
    write(company, MAIN, (company / MAIN).read_text() + "  again:\n    say: Hello\n    next: welcome\n")
    assert (
        f"{MAIN}:3:3: steps `welcome` → `again` → `welcome` turn for ever "
        "(let the loop pass a step that waits for the caller, such as `menu`, or a `loop` that counts)"
    ) in found(company)


def test_every_loop_is_named_once(company: Path) -> None:
    steps = "".join(f"  s{number}: {{play: hello, next: s{number ^ 1}}}\n" for number in range(6))
    write(
        company,
        MAIN,
        f"steps:\n  s: {{menu: hello, next: {{1: s0, 2: s2, invalid: s4, timeout: s}}}}\n{steps}",
    )
    assert [text.split("steps ")[1][:10] for text in found(company)] == [
        "`s0` → `s1",
        "`s2` → `s3",
        "`s4` → `s5",
    ]


def test_a_step_that_only_leads_into_a_loop_is_no_part_of_it(company: Path) -> None:
    write(company, MAIN, "steps:\n  a: {play: hello, next: b}\n  b: {play: hello, next: b}\n")
    assert [text.split(" (")[0] for text in found(company)] == [f"{MAIN}:3:3: steps `b` → `b` turn for ever"]
    write(company, MAIN, "steps:\n  b: {play: hello, next: b}\n  a: {play: hello, next: b}\n")
    assert [text.split(" (")[0] for text in found(company)] == [
        f"{MAIN}:2:3: steps `b` → `b` turn for ever",
        f"{MAIN}:3:3: step `a` is never reached",
    ]


def test_a_loop_through_a_menu_is_no_error(company: Path) -> None:
    edit(company, MAIN, "invalid: bye", "invalid: welcome")
    assert found(company) == []
