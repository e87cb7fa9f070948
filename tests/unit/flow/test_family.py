"""`check` beyond one step: flows that call each other, variables, secrets, levels, languages, ways."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ivr.steps
from ivr.flow.check import check_callflows
from tests.unit.flow.small_company import build, record, write

MAIN = "flows/main.yaml"
END = "  end: {hangup: }\n"
PIN = """steps:
  ask: {menu: {say: x}, next: {1: ok, invalid: no, timeout: no}}
  ok: {back: right}
  no: {back: wrong}
"""

SPELL = '''
"""`spell`: learn a secret."""

from typing import ClassVar

from ivr.flow.line import Line
from ivr.flow.step import Step


class Spell(Step):
    """Learn a secret."""

    outcomes: ClassVar = ("done",)
    waits: ClassVar = True

    def sets(self) -> tuple[str, ...]:
        return ("pin",)

    def secrets(self) -> tuple[str, ...]:
        return ("pin",)

    async def run(self, line: Line) -> str:
        line.secrets["pin"] = "1234"
        return "done"
'''
SEND = (
    SPELL.replace("Spell", "Send")
    .replace("spell", "send")
    .replace(
        """    outcomes: ClassVar = ("done",)
    waits: ClassVar = True
""",
        '''    outcomes: ClassVar = ("done",)
    body: SecretTemplate
    """What is sent."""
''',
    )
    .replace("from ivr.flow.line", "from ivr.flow.expressions import SecretTemplate\nfrom ivr.flow.line")
    .partition("    def sets")[0]
    + '    async def run(self, line: Line) -> str:\n        return "done"\n'
)


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The small company, with two more verbs."""
    more = tmp_path / "verbs"
    write(more, "spell.py", SPELL)
    write(more, "send.py", SEND)
    monkeypatch.setattr(ivr.steps, "__path__", [*ivr.steps.__path__, str(more)])
    yield build(tmp_path / "callflows")
    for name in ("spell", "send"):
        sys.modules.pop(f"ivr.steps.{name}", None)


def found(company: Path, main: str, **others: str) -> list[str]:
    """What `check` says of these flows; `other` stands for the file flows/other.yaml."""
    write(company, MAIN, main)
    for name, text in others.items():
        write(company, f"flows/{name}.yaml", text)
    return [str(problem).removeprefix("flows/") for problem in check_callflows(company).problems]


def flow(name: str, following: str) -> str:
    return f"steps:\n  a:\n    flow: {name}\n    next: {following}\n{END}"


@pytest.mark.parametrize(
    ("name", "following", "problem"),
    [
        ("pin", "end", None),
        ("pin", "{right: end, wrong: end}", None),
        ("pni", "end", "main.yaml:3:11: step `a`: there is no file flows/pni.yaml (did you mean `pin`?)"),
        (
            "pin",
            "{right: end, wrong: end, rong: end}",
            "main.yaml:4:36: step `a`: flow `pin` has no outcome `rong` (did you mean `wrong`?)",
        ),
        (
            "pin",
            "{right: end}",
            "main.yaml:2:3: step `a`: outcome `wrong` of flow `pin` leads nowhere "
            "(name the step for `wrong` under `next:`)",
        ),
        (
            "pin",
            "{right: ende, wrong: end}",
            "main.yaml:4:19: step `a`: there is no step `ende` (did you mean `end`?)",
        ),
    ],
)
def test_a_call_of_a_flow(company: Path, name: str, following: str, problem: str | None) -> None:
    assert found(company, flow(name, following), pin=PIN) == ([problem] if problem else [])


def test_a_flow_that_never_comes_back_has_no_outcomes(company: Path) -> None:
    assert found(company, flow("pin", "{x: end}"), pin="steps: {a: {hangup: }}\n") == [
        "main.yaml:4:12: step `a`: flow `pin` has no outcome `x` (it has no `back` step: nothing follows `a`)"
    ]
    assert found(company, "steps: {a: {flow: pin}}\n", pin="steps: {a: {hangup: }}\n") == []


def test_flows_that_call_themselves(company: Path) -> None:
    assert found(company, flow("main", "end")) == [
        "main.yaml:2:3: step `a`: flow `main` calls itself (go to a step of the flow under `next:` instead)"
    ]
    assert found(company, flow("pin", "end"), pin=flow("main", "end")) == [
        "main.yaml:2:3: step `a`: flow `main` calls itself by way of `pin` "
        "(go to a step of the flow under `next:` instead)"
    ]


def test_flows_that_call_each_other_too_deep(company: Path) -> None:
    chain = {f"f{number}": flow(f"f{number + 1}", "end") for number in range(10)}
    assert found(company, flow("f1", "end"), **chain, f10="steps: {a: {hangup: }}\n") == []
    said = found(company, flow("f0", "end"), **chain, f10="steps: {a: {hangup: }}\n")
    assert said == [
        "f9.yaml:2:3: step `a`: flows call each other more than 10 deep here "
        "(let some of them follow each other instead)"
    ]


def test_a_wide_family_takes_no_time(company: Path) -> None:
    """Every way through these would be a million."""
    twice = "steps:\n  a: {{flow: {0}, next: b}}\n  b: {{flow: {0}, next: end}}\n  end: {{back: }}\n"
    flows = {f"f{number}": twice.format(f"f{number + 1}") for number in range(9)}
    assert found(company, flow("f1", "end"), **flows, f9="steps: {a: {back: }}\n") == []


# Variables


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("branch: price > 3", None),
        ("branch: pirce > 3", "main.yaml:4:13: step `b`: no step sets `pirce` (did you mean `price`?)"),
        (
            "branch: {yes: not pirce}",
            "main.yaml:4:19: step `b`: no step sets `pirce` (did you mean `price`?)",
        ),
        ("branch: caler.number == 1", "main.yaml:4:13: step `b`: there is no name `caler.number` "),
        ("branch: queue.sales.waiting > 3", None),
        (
            "branch: queue.sails.waiting > 3",
            "main.yaml:4:13: step `b`: there is no queue `sails` in queues.yaml (did you mean `sales`?)",
        ),
    ],
)
def test_what_is_read_must_be_set(company: Path, written: str, problem: str | None) -> None:
    first = "steps:\n  a: {set: {price: 1}, next: b}\n"
    text = f"{first}  b:\n    {written}\n    next: {{yes: end, no: end}}\n{END}"
    said = found(company, text)
    assert len(said) == (problem is not None)
    assert problem is None or said[0].startswith(problem)


def test_flows_of_a_family_know_each_others_variables(company: Path) -> None:
    given = "steps:\n  a: {flow: {name: pin, give: {tries: 2}}, next: b}\n"
    given += f"  b: {{branch: found, next: {{yes: end, no: end}}}}\n{END}"
    reads = "steps:\n  a: {branch: tries > 1, next: {yes: b, no: b}}\n"
    reads += "  b: {set: {found: yes}, next: c}\n  c: {back: }\n"
    assert found(company, given, pin=reads) == []
    alone = "steps:\n  a: {branch: tries > 1, next: {yes: b, no: b}}\n  b: {hangup: }\n"
    assert found(company, given, pin=reads, other=alone) == [
        "other.yaml:2:15: step `a`: no step sets `tries` (one of `called`, `caller.name`, `caller.number`, "
        "`campaign`, `language`, `now`, `now.date`, `now.hour`, `now.minute`, `now.time`, `now.weekday`)"
    ]


def test_while_a_step_is_broken_nobody_knows_what_it_would_set(company: Path) -> None:
    text = "steps:\n  a: {sett: {price: 1}, next: b}\n"
    text += f"  b: {{branch: price, next: {{yes: end, no: end}}}}\n{END}"
    assert [each.split(":")[1] for each in found(company, text)] == ["2"]


# Secrets


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("branch: pin == 1, next: {yes: end, no: end}", None),
        ('send: {body: "{pin}"}, next: end', None),
        (
            'set: {copy: "{pin}"}, next: end',
            "main.yaml:3:19: step `b`: `pin` is sensitive and cannot be spoken",
        ),
        (
            'flow: {name: pin, give: {copy: "{pin}"}}, next: end',
            "main.yaml:3:38: step `b`: `pin` is sensitive and cannot be spoken, kept or logged",
        ),
    ],
)
def test_a_secret_stays_one(company: Path, written: str, problem: str | None) -> None:
    said = found(company, f"steps:\n  a: {{spell: , next: b}}\n  b: {{{written}}}\n{END}", pin=PIN)
    assert len(said) == (problem is not None)
    assert problem is None or said[0].startswith(problem)


def test_a_secret_is_forgotten_after_its_use(company: Path) -> None:
    text = "steps:\n  a: {spell: , next: b}\n  b: {branch: pin == 1, next: {yes: end, no: c}}\n"
    again = text + '  c: {send: {body: "{pin}"}, next: end}\n' + END
    assert found(company, again) == [
        "main.yaml:4:3: step `c`: `pin` is sensitive and forgotten after step `b` "
        "(use it in one step, or ask again)"
    ]
    assert found(company, text.replace("no: c", "no: a") + END) == []


# Queues of a higher level, opening hours


def test_escalation_goes_up(company: Path) -> None:
    text = "steps:\n  a:\n    escalate: {queue: chiefs, reason: x}\n"
    write(company, "queues.yaml", "queues:\n  sales:\n  chiefs: {level: 2}\n")
    assert found(company, text) == []
    write(company, "queues.yaml", "queues:\n  sales:\n  chiefs:\n")
    assert found(company, text) == [
        "main.yaml:3:23: step `a`: queue `chiefs` has level 1: nobody is escalated to it "
        "(write `level: 2` or more for it in queues.yaml)"
    ]


def test_opening_hours_must_be_there(company: Path) -> None:
    text = f"steps:\n  a:\n    hours: ofice\n    next: {{open: end, closed: end}}\n{END}"
    write(company, "hours.yaml", "hours:\n  office:\n    week: {monday: 9:00-10:00}\n")
    assert found(company, text) == [
        "main.yaml:3:12: step `a`: there are no opening hours `ofice` in hours.yaml (did you mean `office`?)"
    ]
    write(company, "hours.yaml", "timezone: Europe/Berln\nhours:\n  ofice:\n    week: {mondy: 9:00-10:00}\n")
    assert found(company, text) == [
        "hours.yaml:1:11: there is no time zone `Europe/Berln` (such as `Europe/Berlin`)",
        "hours.yaml:4:11: opening hours `ofice`: `mondy` is no day of the week (did you mean `monday`?)",
    ]


# Languages


def test_a_prompt_is_needed_in_the_languages_that_reach_its_step(company: Path) -> None:
    text = "steps:\n  a: {play: hello, next: b}\n  b: {language: es, next: c}\n"
    text += "  c: {play: question, next: end}\n" + END
    assert found(company, text) == ["main.yaml:4:13: step `c`: there is no file prompts/es/question.wav"]
    record(company / "prompts/es/question.wav")
    assert found(company, text) == []


def test_the_language_goes_into_flows_and_comes_back_with_the_call(company: Path) -> None:
    choose = "steps:\n  a: {menu: {say: x}, next: {1: b, invalid: c, timeout: c}}\n"
    choose += "  b: {language: es, next: c}\n  c: {back: }\n"
    text = flow("choose", "b").replace(END, "  b: {play: hello, next: end}\n" + END)
    assert found(company, text, choose=choose) == [
        "main.yaml:5:13: step `b`: there is no file prompts/es/hello.wav"
    ]
    inside = "steps:\n  a: {play: hello, next: b}\n  b: {back: }\n"
    spanish = "steps:\n  a: {language: es, next: b}\n  b: {flow: choose, next: end}\n" + END
    assert found(company, spanish, choose=inside) == [
        "choose.yaml:2:13: step `a`: there is no file prompts/es/hello.wav"
    ]


def test_after_an_agent_the_language_is_what_it_was(company: Path) -> None:
    text = "steps:\n  a: {language: es, next: b}\n  b: {queue: sales}\n"
    text += "after_agent:\n  c: {play: hello, next: end}\n" + END
    assert found(company, text) == ["main.yaml:5:13: step `c`: there is no file prompts/es/hello.wav"]
    inner = "steps:\n  b: {queue: sales}\n"
    assert found(company, text.replace("b: {queue: sales}", "b: {flow: inner}"), inner=inner) == [
        "main.yaml:5:13: step `c`: there is no file prompts/es/hello.wav"
    ]


# Ways


def test_from_every_step_a_way_leads_to_an_end(company: Path) -> None:
    ring = "steps:\n  a: {menu: {say: x}, next: {1: b, invalid: a, timeout: end}}\n"
    ring += "  b: {menu: {say: x}, next: {1: b, invalid: b, timeout: b}}\n" + END
    assert found(company, ring) == [
        "main.yaml:3:3: from step `b` no way leads to an end of the call "
        "(let some outcome lead to a step that ends it, such as `hangup`)"
    ]
    assert found(company, ring.replace("timeout: b", "timeout: a")) == []


def test_an_end_in_a_called_flow_is_one(company: Path) -> None:
    text = "steps:\n  a: {flow: pin, next: a}\n"
    assert found(company, text, pin=PIN)[0].startswith("main.yaml:2:3: from step `a` no way leads to an end")
    assert found(company, text, pin=PIN.replace("no: {back: wrong}", "no: {hangup: }")) == []


def test_a_loop_through_a_flow_that_waits(company: Path) -> None:
    text = f"steps:\n  a: {{flow: pin, next: {{right: a, wrong: end}}}}\n{END}"
    assert found(company, text, pin=PIN) == []
    quick = "steps:\n  a: {set: {x: 1}, next: b}\n  b: {branch: x == 1, next: {yes: c, no: d}}\n"
    quick += "  c: {back: right}\n  d: {back: wrong}\n"
    assert found(company, text, pin=quick) == [
        "main.yaml:2:3: steps `a` → `a` turn for ever "
        "(let the loop pass a step that waits for the caller, such as `menu`, or a `loop` that counts)"
    ]


def test_a_loop_that_counts_is_no_endless_one(company: Path) -> None:
    text = f"steps:\n  a: {{play: hello, next: l}}\n  l: {{loop: 3, next: {{again: a, done: end}}}}\n{END}"
    assert found(company, text) == []
    assert "turn for ever" in found(company, text.replace("done: end", "done: a"))[0]
    nested = "steps:\n  l: {loop: 3, next: {again: m, done: end}}\n"
    nested += f"  m: {{loop: 3, next: {{again: l, done: l}}}}\n{END}"
    assert found(company, nested) == []


def test_the_steps_after_the_agent(company: Path) -> None:
    text = "steps:\n  q: {queue: sales}\nafter_agent:\n  t: {play: hello, next: u}\n  u: {hangup: }\n"
    assert found(company, text) == []
    assert found(company, text.replace("queue: sales", "hangup: busy")) == [
        "main.yaml:4:3: step `t` is never reached (name it under some `next:`, or delete it)",
        "main.yaml:5:3: step `u` is never reached (name it under some `next:`, or delete it)",
    ]
    assert found(company, text.replace("  u:", "  q:").replace("next: u", "next: q"))[1:] == [
        "main.yaml:5:3: step `q` is in `steps:` and in `after_agent:` (give it another name)"
    ]
    assert found(company, "steps:\n  q: {queue: sales}\nafter_agent: x\n") == [
        "main.yaml:3:1: `after_agent:` needs steps, as `steps:` has them"
    ]


def test_a_steps_name_cannot_look_like_a_path(company: Path) -> None:
    assert found(company, 'steps:\n  "a>b": {hangup: }\n') == [
        "main.yaml:2:3: a step's name has 1 to 40 characters, and no `/` or `>`"
    ]


def test_keys_that_begin_each_other_clash(company: Path) -> None:
    ways = "next: {1: end, 12: end, invalid: end, timeout: end}"
    text = f"steps:\n  a: {{menu: {{say: x, digits: 2}}, {ways}}}\n{END}"
    assert found(company, text) == [
        "main.yaml:2:3: step `a`: key 1 is also the beginning of 12: who presses 1 has to wait"
    ]
