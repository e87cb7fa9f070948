"""What is wrong with what callers are to hear in a queue, and the usual sentences."""

from pathlib import Path

import pytest

from ivr.flow.check import check_callflows
from ivr.flow.queue_sounds import media_of, position_of
from ivr.flow.virtual_time import run
from queues.heard import PositionNews
from tests.unit.flow.calls import Script, ScriptedLine
from tests.unit.flow.small_company import build, write


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path)


def problems(company: Path, announce: str, language: str = "en") -> list[str]:
    write(company, "queues.yaml", f"queues:\n  sales:\n    announce: {announce}\n")
    write(company, "numbers.yaml", f"default: {{flow: main, language: {language}}}\n")
    write(company, "flows/main.yaml", "steps: {wait: {queue: sales}}\n")
    return [str(problem) for problem in check_callflows(company).problems]


@pytest.mark.parametrize(
    ("announce", "said"),
    [
        ("{reminders: {sounds: [helo]}}", "3:37: queue `sales`: there is no file prompts/en/helo.wav"),
        ("{position: {say: 'Number {place}'}}", "3:32: queue `sales`: nobody knows a value `place` here"),
        ("{position: {say: 'Number {position:ordinl}'}}", "3:32: queue `sales`: there is no format `ordinl`"),
        ("{position: {say: {es: hola}}}", "3:32: queue `sales`: this text is not there in `en` (write it"),
        ("{reminders: {sounds: [{say: '{position}'}]}}", "3:37: queue `sales`: nobody knows a value `pos"),
        ("{position: {say: ''}}", "3:32: queue `sales`: "),
        ("{reminders: {sounds: [{say: a, play: hello}]}}", "3:37: queue `sales`: write either `play:`"),
        ("{reminders: {sounds: []}}", "3:36: queue `sales`: `sounds`: "),
        ("{positon: {}}", "3:16: queue `sales`: unknown field `positon`"),
    ],
)
def test_it_is_said_where_it_stands(company: Path, announce: str, said: str) -> None:
    found = problems(company, announce)
    assert any(each.startswith(f"queues.yaml:{said}") for each in found), found


@pytest.mark.parametrize("language", ["en", "es", "de"])
def test_some_languages_need_no_text(company: Path, language: str) -> None:
    assert problems(company, "{position: {}}", language) == []
    (problem,) = problems(company, "{position: {}}", "fr")
    assert "this text is not there in `fr`" in problem


def test_prompts_and_texts_that_are_there(company: Path) -> None:
    assert problems(company, "{reminders: {sounds: [hello, {play: [hello, question]}, {say: Hi}]}}") == []


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "You are number three in line."),
        ("es", "Usted es el número tres de la fila."),
        ("de", "Sie sind Nummer drei in der Warteschlange."),
    ],
)
def test_the_usual_sentence(language: str, said: str) -> None:
    async def whole() -> tuple[list[str], list[str]]:
        line = ScriptedLine(Script(), language)
        media = await media_of(position_of(PositionNews()), line, {"position": 3}, kept=True)
        return media, line.passing

    assert run(whole()) == ([f"say:{said}"], []), "it is not one caller's only"


def test_a_sentence_of_ones_own_knows_the_flow_s_values_too() -> None:
    async def whole() -> list[str]:
        line = ScriptedLine(Script())
        news = PositionNews(say={"en": "The {position:ordinal} of many"})
        return await media_of(position_of(news), line, {"position": 2})

    assert run(whole()) == ["say:The second of many"]
