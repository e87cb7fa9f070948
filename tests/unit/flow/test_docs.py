"""docs/callflows.md: it has every field of the settings, and every example in it passes the check."""

import re
from pathlib import Path

import pytest

from ivr.callflows import Route, Trunk
from ivr.flow.cases import Busy, Case, Staff
from ivr.flow.check import check_callflows
from ivr.flow.opening import Hours
from ivr.policy import DialPolicy
from ivr.steps import verbs
from ivr.transfers import Keys, Transfers
from queues.measured import Sla
from queues.models import Agent, Device, Queue
from tests.unit.flow.small_company import build, edit, record, write

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/callflows.md").read_text()
SECTIONS = dict(re.findall(r"^##+ ([\w.]+)[^\n]*\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
EXAMPLES = [
    (name, text) for name, body in SECTIONS.items() for text in re.findall(r"```yaml\n(.*?)```", body, re.S)
]
EXAMPLES += [(f"verb {verb}", kind.example) for verb, kind in verbs().items() if kind.example]
DESCRIBED_HERE = [verb for verb, kind in verbs().items() if verb in SECTIONS or not kind.example]


@pytest.mark.parametrize(("section", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_passes_the_check(section: str, text: str, tmp_path: Path) -> None:
    company = build(tmp_path)
    for prompt in ("welcome", "opening-hours", "main-menu", "wrong-key"):
        record(company / f"prompts/en/{prompt}.wav")
    edit(company, "queues.yaml", "queues:\n", "queues:\n  chiefs: {level: 2}\n")
    write(company, "hours.yaml", "hours: {office: {week: {monday-friday: 9:00-17:00}}}\n")
    write(company, "flows/consent.yaml", verbs()["back"].example)
    if section == "tests":
        write(company, "tests/example.yaml", text)
    elif section.endswith(".yaml"):
        write(company, section, text)
    else:
        write(company, "flows/example.yaml", text)
    assert [str(problem) for problem in check_callflows(company).problems] == []


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("numbers.yaml", Route),
        ("queues.yaml", Queue),
        ("agents.yaml", Agent),
        ("queues.yaml", Sla),
        ("agents.yaml", Device),
        ("trunks.yaml", Trunk),
        ("hours.yaml", Hours),
        ("policy.yaml", DialPolicy),
        ("policy.yaml", Transfers),
        ("policy.yaml", Keys),
        ("tests", Case),
        ("tests", Staff),
        ("tests", Busy),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_field_of_the_other_files_is_there(section: str, model: type[Queue]) -> None:
    for name in model.model_fields:
        assert f"`{name}`" in SECTIONS[section], name


def test_every_prompt_of_the_example_has_its_text() -> None:
    prompts = ROOT / "callflows/prompts"
    written = [line.split(" ", 2)[:2] for line in (prompts / "prompts.txt").read_text().splitlines()]
    assert sorted(f"{language.partition(':')[0]}/{name}.wav" for language, name in written) == sorted(
        str(path.relative_to(prompts)) for path in prompts.glob("*/*.wav")
    )
