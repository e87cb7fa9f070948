"""`http` and `webhook`: what is sent, what an answer becomes, and what `check` refuses."""

import pytest

from ivr.flow.expressions import SecretTemplate, Template, written_in
from ivr.flow.virtual_time import run
from ivr.flow.web import Reply, WebFailed, WebTimeout
from ivr.steps import verbs
from tests.unit.flow.calls import Script, ScriptedLine, call, draft_of, flow_of

NEXT = "next: {done: ok, not_found: none, rejected: no, timeout: late, failed: broken}"
ENDS = "\n".join(f"  {name}: {{hangup: }}" for name in ("ok", "none", "no", "late", "broken"))


def asked(fields: str, *replies: Reply | WebFailed, script: Script | None = None) -> ScriptedLine:
    text = f"steps:\n  a:\n    http: {{url: 'https://x.test/', {fields}}}\n    {NEXT}\n{ENDS}\n"
    return call(text, script or Script(replies=replies))


def outcome(line: ScriptedLine) -> object:
    return line.notes[0][1]["outcome"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200), "done"),
        (Reply(204), "done"),
        (Reply(404), "not_found"),
        (Reply(403), "rejected"),
        (Reply(304), "rejected"),
        (Reply(500), "failed"),
        (Reply(429), "failed"),
        (WebFailed("x"), "failed"),
        (WebTimeout("x"), "timeout"),
    ],
)
def test_outcomes(reply: Reply | WebFailed, expected: str) -> None:
    assert outcome(asked("retries: 0", reply)) == expected


ANSWER = b"""{"customer": {"name": "Ada", "vip": true, "since": 1815, "rate": 0.5, "none": null},
"orders": [{"price": 12.5}], "many": 1e300, "0": "zero"}"""


@pytest.mark.parametrize(
    ("within", "value"),
    [
        ("customer.name", "Ada"),
        ("customer.vip", True),
        ("customer.since", 1815),
        ("customer.rate", 0.5),
        ("customer.none", None),
        ("customer.nothing", None),
        ("customer.name.first", None),
        ("orders.0.price", 12.5),
        ("orders.1.price", None),
        ("orders.x", None),
        ("'0'", "zero"),
        ("many", None),
    ],
)
def test_a_value_of_the_answer(within: str, value: object) -> None:
    line = asked(f"save: {{x: {within}}}", Reply(200, ANSWER))
    assert outcome(line) == "done"
    assert line.variables == {"x": value}
    assert type(line.variables["x"]) is type(value)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\xff", b'{"a": {}}', b'{"a": []}', b'{"a": "' + b"x" * 4001 + b'"}', b"[" * 9000],
)
def test_an_answer_that_does_not_fit_changes_nothing(body: bytes) -> None:
    line = asked("save: {b: b, a: a}", Reply(200, body))
    assert outcome(line) == "failed"
    assert line.variables == {}


def test_what_is_put_into_an_address_is_escaped() -> None:
    line = call(
        "steps:\n  a:\n    webhook: {url: 'https://x.test/{x}?q={x}', send: {a: b}}\n    next: b\n"
        "  b: {hangup: }",
        Script(variables={"x": "../ü?&#/ @evil.test"}),
    )
    escaped = "..%2F%C3%BC%3F%26%23%2F%20%40evil.test"
    assert line.asked[0].url == f"https://x.test/{escaped}?q={escaped}"


def test_json_keeps_types_and_forms() -> None:
    send = "{n: '{n}', t: 'n={n}', yes: '{vip}', deep: [{x: '{none}'}, '{n}'], gap: }"
    line = asked(f"method: post, send: {send}", script=Script(variables={"n": 5, "vip": True}))
    assert line.asked[0].body == b'{"n":5,"t":"n=5","yes":true,"deep":[{"x":null},5],"gap":null}'


def test_each_run_has_a_key_of_its_own_and_a_resumed_one_its_old_one() -> None:
    text = """
steps:
  "täg":
    http: {url: "https://x.test/"}
    next: {done: ask, failed: ask}
  ask:
    menu: {say: x, retries: 0, timeout_s: 1}
    next: {1: "täg", invalid: end, timeout: end}
  end: {hangup: }
"""
    line = call(text, Script(keys={4.0: "1"}))
    assert [each.key for each in line.asked] == ["test-1.1:main/t%C3%A4g:1", "test-1.1:main/t%C3%A4g:2"]


def test_the_caller_need_not_be_answered() -> None:
    assert "answer" not in asked("").story


def test_a_secret_goes_to_the_server_and_nowhere_else() -> None:
    step = flow_of(
        f"steps:\n  a:\n    http: {{url: 'https://x.test/', method: post, send: {{pin: '{{pin}}'}}}}\n"
        f"    {NEXT}\n{ENDS}"
    ).steps["a"]

    async def play() -> ScriptedLine:
        line = ScriptedLine(Script())
        line.secrets["pin"] = "0815"
        await step.run(line)
        return line

    line = run(play())
    assert line.asked[0].body == b'{"pin":"0815"}'
    assert line.variables == {}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("http: {url: shop.example.com}", "3:17: step `a`: an address begins with `https://`"),
        ("http: {url: 'https://{host}/'}", "an address begins with `https://`"),
        ("http: {url: 'https://x.test:{port}/'}", "an address begins with `https://`"),
        ("http: {url: 'https://me:pw@x.test/'}", "an address begins with `https://`"),
        ("http: {url: 'file:///etc/passwd'}", "an address begins with `https://`"),
        ("http: {url: 'https://x.test/{1 +}'}", "3:17: step `a`: `1 +` cannot"),
        ("http: {url: 'https://x.test/', timeout_s: 11}", "`timeout_s`"),
        ("http: {url: 'https://x.test/', retries: 6}", "`retries`"),
        ("http: {url: 'https://x.test/', method: patsch}", "did you mean `patch`?"),
        ("http: {url: 'https://x.test/', send: {a: b}}", "a `get` sends nothing"),
        ("http: {url: 'https://x.test/', save: {1x: a}}", "`1x` cannot be a variable"),
        ("http: {url: 'https://x.test/', save: {x: a..b}}", "3:46: step `a`: `a..b` is no place"),
        ("http: {url: 'https://x.test/', headers: {Host: a}}", "the header `Host` is written by us"),
        ("http: {url: 'https://x.test/', headers: {'a b': c}}", "`a b` cannot be a header"),
        ("webhook: {url: 'https://x.test/'}", "field `send` is missing"),
        ("webhook: {url: 'https://x.test/', send: {}}", "`send`"),
        ("webhook: {url: 'https://x.test/', send: {a: '{b +}'}}", "3:49: step `a`: `b +` cannot"),
    ],
)
def test_what_check_refuses(step: str, said: str) -> None:
    text = f"steps:\n  a:\n    {step}\n    next: b\n  b: {{hangup: }}"
    draft, problems = draft_of(text)
    found = [str(problem) for problem in problems]
    if draft is not None and not found:
        found = [draft.steps["a"].nonsense() or ""]
    assert any(said in each for each in found), found


@pytest.mark.parametrize("verb", ["http", "webhook"])
def test_the_example_is_right(verb: str) -> None:
    flow_of(verbs()[verb].example)


def test_only_what_the_server_is_sent_may_be_sensitive() -> None:
    text = """
steps:
  ask:
    http: {url: "https://x.test/{a}", method: post, headers: {X: "{b}"}, send: {c: {d: ["{c}"]}}}
    next: {done: tell, failed: tell}
  tell:
    webhook: {url: "https://x.test/{a}", headers: {X: "{b}"}, send: {c: {d: ["{c}"]}}}
    next: end
  end: {hangup: }
"""
    steps = flow_of(text).steps
    kinds = {
        name: {written.written: type(written) for written in written_in(step)} for name, step in steps.items()
    }
    assert kinds["ask"] == {"https://x.test/{a}": Template, "{b}": SecretTemplate, "{c}": SecretTemplate}
    assert kinds["tell"] == {"https://x.test/{a}": Template, "{b}": Template, "{c}": Template}
