"""Texts in several languages: what the check says of one that is missing."""

from pathlib import Path

import pytest

from ivr.flow.check import check_callflows
from tests.unit.flow.small_company import build, edit, record

MAIN = "flows/main.yaml"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path / "callflows")


def found(company: Path) -> list[str]:
    return [str(problem) for problem in check_callflows(company).problems]


def test_a_text_is_needed_in_each_language_a_number_leads_to(company: Path) -> None:
    edit(company, "numbers.yaml", "campaign: web", "language: es")
    for prompt in ("hello", "question"):
        record(company / f"prompts/es/{prompt}.wav")
    edit(company, "flows/main.yaml", "    play: hello\n", "    say: {text: {en: Hello}}\n")
    assert found(company) == [
        f"{MAIN}:4:22: step `welcome`: this text is not there in `es` (write it beside the others: `es: …`)"
    ]


def test_a_text_is_for_a_language(company: Path) -> None:
    edit(company, "flows/main.yaml", "    play: hello\n", "    say: {text: {English: Hello}}\n")
    assert found(company) == [
        f"{MAIN}:4:17: step `welcome`: `English` is no language (use its code, such as `en` or `pt-br`)"
    ]
