"""A verb is a file: dropping one in is all it takes."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import ivr.steps
from ivr.flow.pages import pages
from ivr.flow.schema import schemas
from ivr.flow.sound import Sound
from ivr.steps import verbs
from tests.unit.flow.calls import Script, call, draft_of

WHISTLE = '''
"""`whistle`: blow a whistle."""

from typing import ClassVar

from ivr.flow.line import Line
from ivr.flow.step import Step


class Whistle(Step):
    """Whistle to the caller."""

    outcomes: ClassVar = ("done",)
    main: ClassVar = "times"

    times: int = 1
    """How often."""

    async def run(self, line: Line) -> str:
        await line.play(["whistle"] * self.times)
        return "done"
'''


@pytest.fixture
def new_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file in a directory that is a part of `ivr.steps`."""
    monkeypatch.setattr(ivr.steps, "__path__", [*ivr.steps.__path__, str(tmp_path)])
    file = tmp_path / "whistle.py"
    file.write_text(WHISTLE)
    yield file
    sys.modules.pop("ivr.steps.whistle", None)


@pytest.mark.usefixtures("new_verb")
def test_a_file_dropped_in_is_a_verb() -> None:
    assert "whistle" in verbs()
    line = call("steps:\n  a: {whistle: 2, next: b}\n  b: {hangup: }\n", Script())
    assert line.story[:4] == ["step main/a", "answer", "play whistle", "play whistle"]


@pytest.mark.usefixtures("new_verb")
def test_its_fields_and_outcomes_are_checked_like_any_others() -> None:
    _, problems = draft_of("steps:\n  a: {whistle: {timse: 2}, next: b}\n  b: {whistle: often, next: a}\n")
    assert [str(problem) for problem in problems] == [
        "flows/main.yaml:2:17: step `a`: unknown field `timse` (did you mean `times`?)",
        "flows/main.yaml:3:16: step `b`: `times` must be a whole number, not `often`",
    ]


@pytest.mark.usefixtures("new_verb")
def test_it_has_a_page_and_is_in_the_schema() -> None:
    assert "# whistle\n\nWhistle to the caller.\n" in pages()["whistle.md"]
    assert "whistle" in schemas()["flow.json"]["$defs"]["step"]["properties"]


def test_without_the_file_there_is_no_such_verb() -> None:
    assert "whistle" not in verbs()


def test_a_file_that_is_no_step_is_refused(new_verb: Path) -> None:
    new_verb.write_text("x = 1\n")
    with pytest.raises(ImportError, match="exactly one Step"):
        verbs()


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_verb_explains_itself(verb: str) -> None:
    kind = verbs()[verb]
    assert kind.__doc__
    for name in kind.model_fields.keys() - {"next"}:
        declared_in = next(each for each in kind.__mro__ if name in each.__annotations__)
        source = Path(sys.modules[declared_in.__module__].__file__ or "").read_text()
        declaration = source.rsplit(f"\n    {name}:", 1)[1]
        assert declaration.split("\n", 2)[1].strip().startswith('"""'), f"{verb}.{name} has no sentence"
    assert set(kind.otherwise) <= set(kind.outcomes)
    assert kind.main is None or kind.main in kind.model_fields


def test_a_sound_is_one_of_two() -> None:
    assert set(Sound.model_fields) == {"play", "say"}
    assert get_args(get_type_hints(Sound)["say"])
