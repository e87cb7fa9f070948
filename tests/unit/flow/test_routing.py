"""Check finds what cannot be right about skills, tiers, lanes and order, at its place."""

from pathlib import Path

import pytest

from ivr.flow.check import check_callflows, load_callflows
from tests.unit.flow.small_company import build, edit, write

QUEUES = """\
queues:
  sales:
    strategy: linear
    needs: spanish >= 3 and not trainee
    relax:
      - {after_s: 30, needs: spanish}
      - {after_s: 60, needs: anybody}
    tiers: {2: 45}
"""
AGENTS = """\
agents:
  alice:
    skills: {spanish: 5, trainee: 1}
    queues: [{name: sales, tier: 2, head_start_s: 30}]
"""

WRONG = [
    (
        "queues",
        "not trainee",
        "not traine",
        "queues.yaml:4:12: queue `sales`: no agent has the skill `traine` (did you mean `trainee`?)",
    ),
    (
        "queues",
        "needs: spanish}",
        "needs: spansh}",
        "queues.yaml:6:30: queue `sales`: no agent has the skill `spansh` (did you mean `spanish`?)",
    ),
    (
        "queues",
        ">= 3",
        ">= 300",
        "queues.yaml:4:12: queue `sales`: `needs`: a level from 0 to 100 must follow `>=`",
    ),
    ("queues", "and not", "and or", "queues.yaml:4:12: queue `sales`: `needs`: "),
    (
        "queues",
        "not trainee",
        "(trainee",
        "queues.yaml:4:12: queue `sales`: `needs`: this bracket is not closed (write `)` behind it)",
    ),
    (
        "queues",
        "and not trainee",
        "and trainee spanish",
        "queues.yaml:4:12: queue `sales`: `needs`: `spanish` cannot stand here (`and` or `or`",
    ),
    (
        "queues",
        "and not trainee",
        "& trainee",
        "queues.yaml:4:12: queue `sales`: `needs`: `&` cannot stand here (write skills as",
    ),
    (
        "queues",
        "after_s: 60",
        "after_s: 30",
        "queues.yaml:3:5: queue `sales`: each `relax` step must begin later than the one before it",
    ),
    (
        "queues",
        "{2: 45}",
        "{1: 45}",
        "queue `sales`: tier 1 is rung from the beginning: leave it out of `tiers`",
    ),
    ("queues", "{2: 45}", "{2: 45, 3: 9}", "queue `sales`: a higher tier cannot open before a lower one"),
    (
        "queues",
        "linear",
        "liner",
        "queues.yaml:3:15: queue `sales`: `strategy` cannot be `liner` (did you mean `linear`?)",
    ),
    ("queues", "strategy: linear", "weight_s: -1", "queues.yaml:3:15: queue `sales`: `weight_s`: "),
    (
        "queues",
        "{2: 45}",
        "{3: 45}",
        "agents.yaml:4:34: agent `alice`: queue `sales` never opens tier 2 (write `tiers: {2: SECONDS}`",
    ),
    ("agents", "trainee: 1", "not: 1", "agents.yaml:3:26: agent `alice`: a skill cannot be called `not`"),
    ("agents", "spanish: 5", "spanish: 101", "agents.yaml:3:23: agent `alice`: `spanish`"),
    (
        "agents",
        "head_start_s: 30",
        "head_start: 30",
        "agents.yaml:4:37: agent `alice`: unknown field `head_start`",
    ),
    ("agents", "head_start_s: 30", "weight: 11", "agents.yaml:4:45: agent `alice`: `weight`: "),
    ("agents", "head_start_s: 30", "order: 0", "agents.yaml:4:44: agent `alice`: `order`: "),
]


STEPS = [
    ("{needs: spansh}", "13:", "step `sales`: no agent has the skill `spansh` (did you mean `spanish`?)"),
    ("{needs: spanish >}", "13:", "step `sales`: `needs`: a level from 0 to 100 must follow `>`"),
    ("{relax: [{after_s: 5, needs: anybody}]}", "", "`relax` is for `needs`: write what he needs first"),
    (
        "{needs: spanish, relax: [{after_s: 5, needs: trainee}, {after_s: 5, needs: anybody}]}",
        "",
        "each `relax` step must begin later than the one before it",
    ),
    ("{head_start_s: -1}", "", "step `sales`: `head_start_s`: "),
]

VIPS = [
    ('"+49 30 90!8": 5', "queues.yaml:2:3: `+49 30 90!8` is no number"),
    ('"+49 30 901820": 5\n  "+4930901820": 6', "are the same number"),
    ('"+49 30 901820": soon', "queues.yaml:2:20: vips: `+49 30 901820` must be a whole number, not `soon`"),
    ('"+49 30 901820": 0', "vips: "),
]


@pytest.fixture
def company(tmp_path: Path) -> Path:
    company = build(tmp_path / "callflows")
    write(company, "queues.yaml", QUEUES)
    write(company, "agents.yaml", AGENTS)
    return company


def found(company: Path) -> list[str]:
    return [str(problem) for problem in check_callflows(company).problems]


def test_it_is_right_as_it_is(company: Path) -> None:
    assert found(company) == []
    sales = load_callflows(company, company).queues["sales"]
    assert sales.tiers == {2: 45}
    assert [step.after_s for step in sales.relax] == [30, 60]


@pytest.mark.parametrize(("file", "right", "wrong", "said"), WRONG, ids=[f"{a[0]}: {a[2]}" for a in WRONG])
def test_each_error_is_found_at_its_place(
    company: Path, file: str, right: str, wrong: str, said: str
) -> None:
    text = {"queues": QUEUES, "agents": AGENTS}[file]
    assert right in text
    write(company, f"{file}.yaml", text.replace(right, wrong))
    assert any(said in each for each in found(company)), found(company)


def test_more_lanes_than_an_agent_can_look_into(company: Path) -> None:
    names = [f"q{number}" for number in range(33)]
    queues = "".join(f"  {name}:\n    tiers: {{2: 5}}\n" for name in names)
    write(company, "queues.yaml", f"queues:\n  sales:\n{queues}")
    write(company, "agents.yaml", f"agents:\n  alice:\n    queues: [{', '.join(names[:32])}]\n")
    assert found(company) == []
    write(company, "agents.yaml", f"agents:\n  alice:\n    queues: [{', '.join(names)}]\n")
    (said,) = found(company)
    assert said.startswith("agents.yaml:3:13: agent `alice` serves 66 lanes; 64 are the most (a lane is ")


@pytest.mark.parametrize(("fields", "place", "said"), STEPS, ids=[one[0] for one in STEPS])
def test_a_step_that_cannot_be(company: Path, fields: str, place: str, said: str) -> None:
    edit(company, "flows/main.yaml", "queue: sales", f"queue: {{name: sales, {fields[1:-1]}}}")
    assert any(each.startswith(f"flows/main.yaml:{place}") and said in each for each in found(company)), (
        found(company)
    )


@pytest.mark.parametrize(("vips", "said"), VIPS, ids=[one[0] for one in VIPS])
def test_a_vip_who_cannot_be(company: Path, vips: str, said: str) -> None:
    write(company, "queues.yaml", f"vips:\n  {vips}\n{QUEUES}")
    assert any(said in each for each in found(company)), found(company)


def test_a_vip_is_known_by_his_number(company: Path) -> None:
    write(company, "numbers.yaml", "default: {flow: main}\ncountry: DE\n")
    write(company, "queues.yaml", f'vips:\n  "+49 30 901820": 60\n  "+49 30 9018XX": 5\n{QUEUES}')
    vip = load_callflows(company, company).vip
    assert [vip(number) for number in ("030901820", "+493090182", "004930901821", "", "030901820123")] == [
        60,
        0,
        5,
        0,
        0,
    ]


def test_lanes_that_flows_bring_count_too(company: Path) -> None:
    edit(company, "flows/main.yaml", "queue: sales", "queue: {name: sales, needs: anybody}")
    assert load_callflows(company, company).ladders == {"sales": frozenset({""})}
    write(company, "agents.yaml", AGENTS.replace("spanish: 5", "spanish: 100"))
    steps = "".join(f"  s{n}:\n    queue: {{name: sales, needs: spanish >= {n}}}\n" for n in range(1, 65))
    main = (company / "flows/main.yaml").read_text()
    write(company, "flows/main.yaml", main + steps)
    said = [each for each in found(company) if "lanes" in each]
    assert said, found(company)
