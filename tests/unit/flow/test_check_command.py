"""`holdfast check`: what it prints, and its exit status."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from tests.unit.flow.small_company import build, edit


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path / "callflows")


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


def test_no_error(company: Path) -> None:
    result = check(company)
    assert result.exit_code == 0
    assert (
        result.output
        == f"{company}: no errors (flows 1, steps 4, queues 1, agents 1, numbers 1, prompts 2)\n"
    )


def test_errors_with_their_lines(company: Path) -> None:
    edit(company, "flows/main.yaml", "play: hello", "pley: hello")
    edit(company, "queues.yaml", "title:", "titel:")
    result = check(company)
    assert result.exit_code == 1
    assert result.output == (
        "flows/main.yaml:4:5: step `welcome`: unknown verb `pley` (did you mean `play`?)\n"
        "     4 |     pley: hello\n"
        "       |     ^\n"
        "queues.yaml:3:5: queue `sales`: unknown field `titel` (did you mean `title`?)\n"
        "     3 |     titel: Sales\n"
        "       |     ^\n"
        f"2 errors in 2 files of {company}\n"
    )


def test_json(company: Path) -> None:
    edit(company, "queues.yaml", "title:", "titel:")
    result = check(company, "--json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["ok"] is False
    assert report["problems"] == [
        {
            "file": "queues.yaml",
            "line": 3,
            "column": 5,
            "source": "    titel: Sales",
            "text": "queue `sales`: unknown field `titel`",
            "hint": "did you mean `title`?",
        }
    ]
    assert json.loads(check(build(company), "--json").output)["ok"] is True


def test_sarif(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(company, "queues.yaml", "title:", "titel:")
    (company / "agents.yaml").write_bytes(bytes(1_000_001))
    monkeypatch.chdir(company.parent)
    result = check("callflows", "--sarif")
    assert result.exit_code == 1
    (run,) = json.loads(result.output)["runs"]
    assert run["tool"]["driver"]["name"] == "holdfast check"
    whole, line = run["results"]
    assert whole["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "callflows/agents.yaml"}}}
    ]
    assert line == {
        "ruleId": "callflows",
        "level": "error",
        "message": {"text": "queue `sales`: unknown field `titel` (did you mean `title`?)"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "callflows/queues.yaml"},
                    "region": {"startLine": 3, "startColumn": 5},
                }
            }
        ],
    }
    monkeypatch.chdir("/")
    elsewhere = json.loads(check(company, "--sarif").output)["runs"][0]["results"][0]
    uri = elsewhere["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == str(company / "agents.yaml").removeprefix("/")
    edit(company, "queues.yaml", "titel:", "title:")
    (company / "agents.yaml").unlink()
    right = check(company, "--sarif")
    assert (right.exit_code, json.loads(right.output)["runs"][0]["results"]) == (0, [])
    assert check(company, "--sarif", "--json").exit_code == 2


def test_the_line_shown_cannot_move_the_cursor(company: Path) -> None:
    (company / "queues.yaml").write_bytes(b"queues:\n  sales: {ti\x1b[2Jtle: x}\n")
    result = check(company)
    assert result.exit_code == 1
    assert "\x1b" not in result.output


def test_no_such_directory(tmp_path: Path) -> None:
    assert check(tmp_path / "none").exit_code == 2
    assert check("--no-such-option").exit_code == 2


def test_the_installations_directory_is_meant_when_none_is_given(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(company))
    assert check().exit_code == 0
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(company / "none"))
    assert check().exit_code == 2


def test_help_says_the_exit_codes() -> None:
    assert "0 no error · 1 errors were found · 2 no such directory" in check("--help").output
