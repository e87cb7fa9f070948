"""`holdfast trace`: a call's way through its flows, and what the interpreter tells of variables."""

import json

import msgspec
import pytest
from click.testing import CliRunner, Result

from calllog.events import AnyEvent, decode
from ivr.cli import main
from tests.unit.calllog.conftest import Planted
from tests.unit.flow.calls import call

AT = 1_795_309_698_000
DRAFTS: list[tuple[int, dict[str, object]]] = [
    (0, {"kind": "arrived", "from": "1", "to": "100", "campaign": "web", "language": "es"}),
    (3000, {"kind": "step", "path": "main/welcome", "outcome": "done", "took_ms": 2990}),
    (4000, {"kind": "input", "path": "main/login>pin/ask", "digits": "9"}),
    (5000, {"kind": "input", "path": "main/login>pin/ask", "length": 4}),
    (5001, {"kind": "step", "path": "pin/ask", "outcome": "done", "took_ms": 2001}),
    (
        5400,
        {
            "kind": "step",
            "path": "main/who",
            "outcome": "done",
            "took_ms": 399,
            "changed": {"name": "Ada\u001b[2J", "open": 3},
        },
    ),
    (
        6000,
        {"kind": "ended", "verdict": "ivr_exit", "reason": "x", "ended_by": "caller", "cause": 16}
        | dict.fromkeys(("flow_ms", "wait_ms", "held_ms", "talk_ms"), 0)
        | {"lifetime_ms": 6000},
    ),
]


def events(count: int) -> list[AnyEvent]:
    """The first so many events of a call."""
    found = []
    for seq, (offset, draft) in enumerate(DRAFTS[:count], 1):
        at = AT + offset
        whole = {"id": f"c1:{seq}", "site": "main", "call": "c1", "seq": seq, "source": "observed"}
        whole |= {"at": at, "logged_at": at} | draft
        if draft["kind"] == "step":
            whole |= {"flow": str(draft["path"]).partition("/")[0], "version": 1}
        found.append(decode(msgspec.json.encode(whole)))
    return found


@pytest.fixture
def site(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Planted:
    monkeypatch.setenv("HOLDFAST_SITE", planted.site)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", planted.url)
    monkeypatch.setenv("COLUMNS", "120")
    return planted


def trace(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["trace", *arguments])


def test_a_past_call(site: Planted) -> None:
    site.add(*events(len(DRAFTS)))
    result = trace("c1")
    assert result.exit_code == 0, result.output
    came, *lines = [line.split() for line in result.output.splitlines()]
    assert " ".join(came) == "from 1 to 100, campaign web, language es"
    assert lines[0] == ["began", "step", "outcome", "took", "keys", "changed"]
    assert lines[1] == ["+0.010", "s", "main/welcome", "done", "3.0", "s"]
    assert lines[2] == ["+3.000", "s", "pin/ask", "done", "2.0", "s", "9", "••••"]
    assert lines[3][:6] == ["+5.001", "s", "main/who", "done", "399", "ms"]
    assert result.output.endswith("ended after 6.0 s: ivr_exit, by caller\n")
    assert "\x1b" not in result.output
    assert 'name = "Ada' in result.output
    assert "open = 3" in result.output


def test_redacted_it_shows_no_digit_and_no_value(site: Planted) -> None:
    site.add(*events(len(DRAFTS)))
    hidden = trace("c1", "--redact").output
    assert "Ada" not in hidden
    assert hidden.startswith("from (hidden) to 100, campaign web")
    assert "name = (hidden)" in hidden.replace('"', "")
    told = json.loads(trace("c1", "--redact", "--json").output)["steps"]
    assert told[2]["changed"] == {"name": "(hidden)", "open": "(hidden)"}
    assert told[1]["keys"].startswith("(hidden)")


def test_json_and_a_call_that_nobody_has(site: Planted) -> None:
    site.add(*events(3))
    told = json.loads(trace("c1", "--json").output)
    assert told["now"] is None
    assert (told["from"], told["to"], told["campaign"], told["language"]) == ("1", "100", "web", "es")
    assert told["steps"] == [
        {
            "at_ms": 10,
            "path": "main/welcome",
            "outcome": "done",
            "took_ms": 2990,
            "keys": "",
            "changed": {},
        }
    ]
    assert trace("c1").output.endswith("it is not over, and no worker has it\n")
    assert trace("c2").exit_code == 1


def test_the_interpreter_tells_what_a_step_has_changed() -> None:
    line = call(
        "steps:\n"
        "  a: {set: {long: '" + "x" * 300 + "', n: 3}, next: b}\n"
        "  b: {set: {n: 3}, next: c}\n"
        "  c: {hangup: }\n"
    )
    told = [fields.get("changed") for kind, fields in line.notes if kind == "step"]
    assert told == [{"long": "x" * 200, "n": 3}, None]
