"""What is made from the models is current: each step's page, with an example that runs, and the schemas."""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ivr.cli import main
from ivr.flow.check import check_callflows
from ivr.flow.files import SETTINGS
from ivr.flow.pages import pages
from ivr.flow.reading import FLOW_FIELDS
from ivr.flow.schema import schema_of, schemas
from ivr.flow.script import Script
from ivr.flow.simulation import Company, simulate
from ivr.steps import verbs
from tests.unit.flow.json_schema import fits
from tests.unit.flow.small_company import FILES, build, edit, record, write

ROOT = Path(__file__).parents[3]
MAKE = "they are not what the models say: run `make docs`"
VERBS = sorted(verbs())


def test_the_pages_are_current() -> None:
    found = {path.name: path.read_text() for path in (ROOT / "docs/steps").iterdir()}
    assert found == pages(), MAKE


def test_the_schemas_are_current() -> None:
    found = {path.name: json.loads(path.read_text()) for path in (ROOT / "docs/schema").iterdir()}
    assert found == schemas(), MAKE


def test_every_settings_file_has_a_schema() -> None:
    found = schemas()
    for file, fields in SETTINGS.items():
        assert set(found[schema_of(file)]["properties"]) == set(fields), f"{file}: a line in TABLES or SINGLE"
    assert set(schemas()["flow.json"]["properties"]) == set(FLOW_FIELDS)


def test_the_page_about_editors_maps_every_schema_to_its_files() -> None:
    text = (ROOT / "docs/editor.md").read_text()
    mapped = json.loads(text.partition("```json\n")[2].partition("```")[0])["yaml.schemas"]
    assert {name.removeprefix("docs/schema/") for name in mapped} == set(schemas())
    for name, files in mapped.items():
        assert name.endswith(f"/{schema_of(files.removeprefix('callflows/'))}")


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_says_everything_about_its_step(verb: str) -> None:
    kind, text = verbs()[verb], pages()[f"{verb}.md"]
    for name, field in kind.model_fields.items():
        if name != "next":
            assert f"| `{name}` |" in text
            assert field.description, f"{verb}.{name} has no sentence"
    for outcome in kind.outcomes:
        assert f"- `{outcome}`" in text
    assert f"[{verb}]({verb}.md)" in pages()["README.md"]


def with_example(company: Path, verb: str) -> Path:
    """A company in which the step's example is a flow, with all that it plays."""
    build(company)
    edit(company, "queues.yaml", "queues:\n", "queues:\n  chiefs: {level: 2}\n")
    write(company, "hours.yaml", "hours: {office: {week: {monday-friday: 9:00-17:00}}}\n")
    write(company, "flows/consent.yaml", verbs()["back"].example)
    write(company, "flows/example.yaml", verbs()[verb].example)
    for draft in check_callflows(company).drafts.values():
        for step in draft.steps.values():
            for prompt in step.prompts():
                record(company / f"prompts/en/{prompt}.wav", samples=8000)
    return company


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_of_a_step_passes_the_check_and_runs(verb: str, tmp_path: Path) -> None:
    company = with_example(tmp_path, verb)
    checked = check_callflows(company)
    assert [str(problem) for problem in checked.problems] == []
    assert any(type(step) is verbs()[verb] for step in checked.drafts["example"].steps.values())
    for keys in ("", "1", "2", "12345#"):
        script = Script(turns={step: [keys] * 3 for step in checked.drafts["example"].steps})
        assert simulate(Company.load(company), "example", "en", script).ended_by in ("caller", "system")


def strings(value: object) -> object:
    """The value with names as JSON has them."""
    if isinstance(value, dict):
        return {str(name): strings(each) for name, each in value.items()}
    if isinstance(value, date):
        return str(value)  # PyYAML knows days; editors have texts there
    return [strings(each) for each in value] if isinstance(value, list) else value


def passes(file: str, text: str) -> bool:
    schema = schemas()[schema_of(file)]
    return fits(strings(yaml.safe_load(text)), schema, schema)


@pytest.mark.parametrize("verb", VERBS)
def test_the_schema_takes_each_example(verb: str) -> None:
    assert passes("flows/example.yaml", verbs()[verb].example)


def test_the_schema_takes_what_the_check_takes() -> None:
    for top in ("callflows", "tests/live/callflows"):
        for path in sorted((ROOT / top).rglob("*.yaml")):
            assert passes(str(path.relative_to(ROOT / top)), path.read_text()), path
    for file, text in FILES.items():
        assert passes(file, text), file


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("flows/a.yaml", "steps: {a: {pley: hello}}"),
        ("flows/a.yaml", "steps: {a: {play: {fils: hello}}}"),
        ("flows/a.yaml", "steps: {a: {play: {interrupt: yes}}}"),
        ("flows/a.yaml", "steps: {a: {play: hello, say: hello}}"),
        ("flows/a.yaml", "steps: {a: {next: b}}"),
        ("flows/a.yaml", "steps: {a: {play: hello, next: {dune: b}}}"),
        ("flows/a.yaml", "steps: {a: {menu: {play: a, digits: many}}}"),
        ("flows/a.yaml", "steps: {a: {menu: {play: a, digits: 9}}}"),
        ("flows/a.yaml", "steps: {a: {hangup: bussy}}"),
        ("flows/a.yaml", "steps: {a: {menu: {play: a, invalid: {sai: x}}}}"),
        ("flows/a.yaml", "steps: {}"),
        ("flows/a.yaml", "titel: x\nsteps: {a: {hangup: }}"),
        ("queues.yaml", "queues: {sales: {ring_s: 0}}"),
        ("queues.yaml", "quues: {}"),
        ("numbers.yaml", "default: {flow: main, langage: en}"),
        ("numbers.yaml", "default: {flow: main}\ncountry: [DE]"),
        ("numbers.yaml", "numbers: {'1': {}}"),
        ("tests/a.yaml", "tests: {x: {to: 1, verdict: fine}}"),
        ("tests/a.yaml", "tests: {x: {to: 1, replies: [{fails: never}]}}"),
        ("agents.yaml", "agents: {a: {queues: sales}}"),
        ("agents.yaml", "agents: {a: {at_start: asleep}}"),
        ("agents.yaml", "devices: {a: {kontakt: x}}"),
        ("hours.yaml", "hours: {office: {}}"),
        ("hours.yaml", "hours: {office: {week: {monday: 9:00-17:00}, holiday: DE}}"),
        ("trunks.yaml", "trunks: {a: {}}"),
        ("policy.yaml", "dial: {trunk: a, country: DE}"),
        ("policy.yaml", "dial: {trunk: a, country: DE, allow: ['+49'], per_hour: 0}"),
        ("flows/a.yaml", "steps: {a: {say: hello, menu: {play: a}, next: b}}"),
        ("flows/a.yaml", "steps: {a: {say: }}"),
        ("flows/a.yaml", "steps: {a: {gather: hello, next: b}}"),
        ("flows/a.yaml", "steps: {a: {queue: sales, next: [b]}}"),
        ("flows/a.yaml", "steps: {a: {play: {files: a, interrupt: maybe}, next: b}}"),
        ("flows/a.yaml", "steps: {a: {loop: 99, next: {again: a, done: a}}}"),
    ],
)
def test_the_schema_marks_a_mistake(file: str, text: str) -> None:
    assert not passes(file, text)


def holdfast(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_the_commands(tmp_path: Path) -> None:
    code, text = holdfast("steps", "menu")
    assert (code, text.startswith("# menu\n\nPlay a prompt and take a key.")) == (0, True)
    assert "| [menu](menu.md) |" in holdfast("steps")[1]
    code, text = holdfast("steps", "menue")
    assert (code, "did you mean `menu`?" in text) == (2, True)
    told = json.loads(holdfast("steps", "menu", "--json")[1])["menu"]
    assert (told["main"], told["fields"]["properties"]["digits"]["maximum"]) == ("play", 8)
    assert sorted(json.loads(holdfast("steps", "--json")[1])) == VERBS
    assert "tests" in json.loads(holdfast("schema", "--json")[1])["schemas"]
    code, text = holdfast("schema", "queues")
    assert (code, json.loads(text)) == (0, schemas()["queues.json"])
    assert "flow\n" in holdfast("schema")[1]
    assert holdfast("schema", "flows")[0] == 2
    (tmp_path / "gone.md").write_text("a verb that is no more")
    assert holdfast("steps", "--write", str(tmp_path))[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == set(pages())
