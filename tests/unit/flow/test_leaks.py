"""Every way in which a secret could leave: the check refuses it, or nothing of it is written down."""

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, ValidationError

from ivr.cli import main
from ivr.flow.document import Problem
from ivr.flow.expressions import Expression, Template, written_in
from ivr.flow.family import check_families
from ivr.flow.line import About, Figures
from ivr.flow.sound import Text
from ivr.flow.step import Step
from ivr.flow.web import Reply, Request, WebFailed, WebTimeout
from ivr.steps import verbs
from tests.unit.flow import calls
from tests.unit.flow.calls import Script, ScriptedLine, call, draft_of
from tests.unit.flow.small_company import build, write

PIN = "4711882"
ALLOWED = {("branch", "cases"), ("offer", "when"), ("http", "headers"), ("http", "send")}
"""What the docs promise; every other way must be refused."""


def kinds_in(annotation: object) -> Iterator[object]:
    """Every type in the annotation of a field, however deep; `Any` is what holds anything."""
    yield annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for field in annotation.model_fields.values():
            yield from kinds_in(field.annotation)
    for each in get_args(annotation):
        yield from kinds_in(each)


def worked_out(kind: type[Step]) -> list[str]:
    """Fields of a step in which something is worked out in the call."""
    return [
        name
        for name, field in kind.model_fields.items()
        if any(
            each is Any or (isinstance(each, type) and issubclass(each, Expression | Template | Text))
            for each in kinds_in(field.annotation)
        )
    ]


WAYS = [(verb, name) for verb, kind in verbs().items() for name in worked_out(kind)]
VALUES: list[Any] = [
    "https://x.test/{pin}",
    "{pin}",
    'pin == "1"',
    {"say": "{pin}"},
    {"a": "{pin}"},
    {"a": 'pin == "1"'},
    {"a": {"b": ["{pin}"]}},
    ["{pin}"],
]


def with_secret(verb: str, name: str) -> dict[str, Any]:
    """Fields of the step that are right, with a secret in one of them."""
    kind = verbs()[verb]
    steps = yaml.safe_load(kind.example)["steps"].values()
    written = next(step[verb] for step in steps if verb in step)
    fields = written if isinstance(written, dict) and not kind.only_main else {str(kind.main): written}
    fewer = [fields, *({key: fields[key] for key in fields if key != left_out} for left_out in fields), {}]
    for rest in fewer:
        for value in VALUES:
            wanted = {**rest, name: value}
            if name == "confirm":
                wanted |= {"say": "x"}
            if _fits(kind, wanted):
                return wanted[name] if kind.only_main else wanted
    raise AssertionError(f"no value was found that fits {verb}.{name}: add one to VALUES")


def _fits(kind: type[Step], fields: Mapping[str, Any]) -> bool:
    try:
        step = kind.model_validate(fields)
    except ValidationError:
        return False
    return "pin" in {name for written in written_in(step) for name in written.reads}


def complaints(step: dict[str, Any]) -> list[Problem]:
    """What the check says of a flow that asks for a PIN and then has this step."""
    asks = {"gather": {"say": "PIN?", "into": "pin", "sensitive": True}, "next": {"done": "use"}}
    draft, problems = draft_of(yaml.safe_dump({"steps": {"ask": asks, "use": step}}, sort_keys=False))
    assert draft
    assert problems == []
    return [problem for problem in check_families({"main": draft}, {"main"}) if "sensitive" in problem.text]


def test_the_ways_are_known() -> None:
    assert {("say", "text"), ("http", "url"), ("webhook", "send"), ("set", "values"), *ALLOWED} <= {*WAYS}
    assert {("transfer", "number"), ("flow", "give"), ("gather", "confirm"), ("menu", "timeout")} <= {*WAYS}


@pytest.mark.parametrize(("verb", "field"), WAYS, ids=[".".join(way) for way in WAYS])
def test_a_secret_leaves_by_no_way_but_those_that_are_promised(verb: str, field: str) -> None:
    found = complaints({verb: with_secret(verb, field)})
    if (verb, field) in ALLOWED:
        assert found == []
        return
    assert [problem.text for problem in found] == [
        "step `use`: `pin` is sensitive and cannot be spoken, kept or logged"
    ]
    assert found[0].place.line > 7
    assert found[0].hint == "use it in a condition, or under `send` or `headers` of an `http` step"


@pytest.mark.parametrize(
    "step",
    [
        {"set": {"pin": "1"}},
        {"http": {"url": "https://x.test/", "save": {"pin": "a"}}},
        {"flow": {"name": "main", "give": {"pin": "1"}}},
        {"record": {"into": "pin"}},
        {"gather": {"say": "Again?", "into": "pin"}},
    ],
)
def test_no_other_step_may_keep_something_under_the_name_of_a_secret(step: dict[str, Any]) -> None:
    text = "step `use`: `pin` is sensitive elsewhere: what is put there here would be logged"
    (found,) = (problem for problem in complaints(step) if "elsewhere" in problem.text)
    assert (found.text, found.hint) == (text, "give it another name")
    assert found.place.line > 7


NEXT = "next: {done: end, failed: end}"
USES = {
    "send": f'http: {{url: "https://x.test/", method: post, send: {{p: "{{pin}}"}}, save: {{x: x}}}}, {NEXT}',
    "headers": f'http: {{url: "https://x.test/", headers: {{X-Pin: "{{pin}}"}}}}, {NEXT}',
    "branch": f"branch: pin == '{PIN}', next: {{yes: end, no: end}}",
    "offer": f"offer: {{name: a, say: x, when: pin == '{PIN}'}}, next: {{accepted: end, declined: end}}",
    "queue": "queue: sales, next: {answered: end}",
    "escalate": "escalate: {queue: sales, reason: '{pin}'}, next: {answered: end}",
    "tag": "tag: topic, next: end",
    "loop": "loop: 2, next: {again: end, done: end}",
    "hangup": "hangup: ",
}
FLOW = """\
steps:
  ask:
    gather: {{say: PIN?, into: pin, sensitive: yes, retries: 1}}
    next: {{done: use, invalid: menu, timeout: menu}}
  use: {{{use}}}
  end: {{say: Bye, next: menu}}
  menu: {{menu: {{say: Done?, retries: 0}}, next: {{1: over, invalid: over, timeout: over}}}}
  over: {{hangup: }}
"""
REPLIES: Mapping[str, list[Reply | WebFailed]] = {
    "right": [Reply(200, b'{"x": 1}')],
    "no JSON": [Reply(200, b"\xff")],
    "refused": [Reply(401)],
    "error": [Reply(500)],
    "late": [WebTimeout("x.test: no answer")],
    "away": [WebFailed("x.test: refused")],
}


def everything_told(line: ScriptedLine) -> str:
    """All that a line writes down, shows or hands over to be kept."""
    kept = (line.notes, line.told, line.variables, line.visits, line.held, line.passed, line.asked, line.path)
    return repr((kept, line.passing, line.heard, line.about))


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("use", USES)
def test_what_is_allowed_is_written_down_nowhere(
    use: str, reply: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script(
        turns={"ask": [f"{PIN}#"]},
        replies=REPLIES[reply],
        figures={"sales": Figures()},
        about=About(called="100"),
    )
    line = call(FLOW.format(use=USES[use]), script)
    assert next(fields for kind, fields in line.notes if kind == "input") == {"path": "main/ask", "length": 7}
    assert PIN not in everything_told(line)
    assert PIN not in caplog.text
    if use in ("send", "headers"):
        assert PIN in line.asked[0].body.decode() + str(line.asked[0].headers), "the server is told"
        assert line.asked[0].secret
        assert line.secrets == {}


@pytest.mark.parametrize("keys", [f"{PIN}{PIN}#", f"{PIN}#{PIN}", f"#{PIN}", PIN])
def test_what_is_pressed_too_much_is_not_left_for_the_next_step(keys: str) -> None:
    text = FLOW.format(use=USES["branch"]).replace("retries: 1", "retries: 0, max_digits: 7")
    line = call(text, Script(keys={0.1: keys}))
    assert line.passed[0].path == "main/ask"
    assert [fields for kind, fields in line.notes if kind == "input" and "digits" in fields] == []
    assert PIN not in everything_told(line)


def test_an_error_of_ours_does_not_show_it() -> None:
    class Broken(ScriptedLine):
        async def ask(self, request: Request) -> Reply:
            raise RuntimeError(f"cannot ask: {request}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "ScriptedLine", Broken)
        with pytest.raises(RuntimeError) as caught:
            call(FLOW.format(use=USES["send"]), Script(turns={"ask": [f"{PIN}#"]}))
    told = "".join(traceback.format_exception(caught.value))
    assert "cannot ask: Request(method='post'" in told
    assert PIN not in told


@pytest.fixture
def company(tmp_path: Path) -> Path:
    build(tmp_path)
    write(tmp_path, "flows/main.yaml", FLOW.format(use=USES["send"]))
    given = f"    to: '100'\n    presses:\n      ask: '{PIN}#'\n"
    write(tmp_path, "tests/main.yaml", f"tests:\n  it:\n{given}    verdict: completed\n    hears: [x]\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "main", "-p", f"ask={PIN}#", "-d"],
        ["simulate", "main", "-p", f"ask={PIN}#", "--json", "-d"],
        ["test"],
        ["test", "-v"],
        ["test", "--json"],
    ],
    ids=" ".join,
)
def test_simulations_and_tests_show_that_it_is_sent_and_not_what(company: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, str(company)])
    assert PIN not in result.output
    if "-v" in arguments or "simulate" in arguments:
        assert "ask post https://x.test/ (what is sent is sensitive)" in result.output
    if arguments[-1] == "--json":
        assert json.loads(result.output)["failures"]


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ([], "flows/main.yaml:5:14: "),
        (["--json"], '"file":"flows/main.yaml","line":5,"column":14'),
        (["--sarif"], '"region":{"startLine":5,"startColumn":14}'),
    ],
)
def test_check_names_a_leak_with_its_place(company: Path, form: list[str], place: str) -> None:
    write(company, "flows/main.yaml", FLOW.format(use='say: "It is {pin}", next: end'))
    result = CliRunner().invoke(main, ["check", *form, str(company)])
    assert result.exit_code == 1
    assert "`pin` is sensitive and cannot be spoken, kept or logged" in result.output
    assert place in result.output
