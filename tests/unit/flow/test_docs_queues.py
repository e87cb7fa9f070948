"""docs/queues.md: all examples of a section together, put into a small company, pass the check."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.flow.check import check_callflows
from tests.unit.flow.small_company import build, record, write

PAGE = (Path(__file__).parents[3] / "docs/queues.md").read_text()
SECTIONS = {
    title: re.findall(r"```yaml\n(.*?)```", body, re.S)
    for title, body in re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
}
FILES = {"queues": "queues", "vips": "queues", "agents": "agents", "devices": "agents", "pauses": "agents"}
FILES |= {"nailed_up": "agents", "numbers": "numbers", "dial": "policy", "transfers": "policy"}
FILES |= {"steps": "flows/main", "title": "flows/main", "tests": "tests/example"}
"""First word of an example → the file it belongs to, unless its first line names one."""
MAIN: dict[str, Any] = {"steps": {"welcome": {"play": "hello", "next": "sales"}, "sales": {"queue": "sales"}}}
BESIDE: dict[str, Any] = {
    "The door and the ways out": {"sorry": {"hangup": None}, "message": {"hangup": None}},
    "A menu in the queue": {"sales": {"next": {"exit": "message"}}, "message": {"hangup": None}},
}
"""What else the flow has to have that a section speaks of."""


def merged(old: Any, new: Any) -> Any:
    """What both say; the new one where they differ."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}


def add(company: Path, name: str, settings: Any) -> None:
    path = company / f"{name}.yaml"
    there = yaml.safe_load(path.read_text()) if path.exists() else {}
    write(company, f"{name}.yaml", yaml.safe_dump(merged(there, settings), sort_keys=False))


def company_of(section: str, directory: Path) -> Path:
    """The small company with all that the section's examples say."""
    company = build(directory)
    (company / "flows/main.yaml").unlink()
    add(company, "flows/main", MAIN)
    add(company, "flows/main", {"steps": BESIDE.get(section, {})})
    add(company, "queues", {"queues": {"sales": {}, "gold": {}}})
    devices: dict[str, Any] = {"alice-phone": {}, "bob-phone": {}}
    add(company, "agents", {"agents": {"alice": {"device": "alice-phone"}}, "devices": devices})
    add(company, "hours", {"hours": {"office": {"week": {"monday-friday": "9:00-17:00"}}}})
    for sound in (
        "prompts/en/stay-on-the-line",
        "prompts/en/connecting-you",
        "music/jazz/a",
        "music/quiet/a",
    ):
        record(company / f"{sound}.wav")
    for text in SECTIONS[section]:
        named = re.match(r"# (\S+)\.yaml\n", text)
        told = yaml.safe_load(text)
        for word in told:
            add(company, named[1] if named else FILES[word], {word: told[word]})
    return company


@pytest.mark.parametrize("section", [title for title, examples in SECTIONS.items() if examples])
def test_every_example_passes_the_check(section: str, tmp_path: Path) -> None:
    problems = check_callflows(company_of(section, tmp_path)).problems
    assert [str(problem) for problem in problems] == []


def test_there_are_examples() -> None:
    assert sum(map(len, SECTIONS.values())) >= 12
