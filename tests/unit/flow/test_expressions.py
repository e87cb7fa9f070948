"""Expressions and templates: what they are worth, what they refuse, and that nothing in them can fail."""

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ivr.flow.expressions import Expression, Misnamed, SecretTemplate, Slot, Template, Value, written_in
from ivr.flow.formula import FIGURES, FUNCTIONS, NAMES
from ivr.flow.line import About, Figures
from ivr.flow.sound import Sound
from ivr.flow.step import Step
from tests.unit.flow.calls import Script, ScriptedLine, run

SCRIPT = Script(
    about=About("4930123", "Ada Byron", "100", "web"),
    came_at=datetime(2026, 11, 23, 9, 5, tzinfo=UTC),
    figures={"sales": Figures(3, 41.5, 0, 2), "2nd-line": Figures(7, 80.0, 1, 4)},
    variables={
        "code": "0042",
        "age": 17,
        "vip": True,
        "price": 12.5,
        "nothing": None,
        "infinite": inf,
        "nan": nan,
    },
)


def worth(written: str, script: Script = SCRIPT) -> Value:
    async def value() -> Value:
        return await Expression(written).value(ScriptedLine(script, "es"))

    return run(value())


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("caller.number", "4930123"),
        ("caller.name", "Ada Byron"),
        ("called", "100"),
        ("campaign", "web"),
        ("language", "es"),
        ("now", "2026-11-23 09:05"),
        ("now.date", "2026-11-23"),
        ("now.time", "09:05"),
        ("now.hour", 9),
        ("now.minute", 5),
        ("now.weekday", "monday"),
        ("queue.sales.waiting", 3),
        ("queue.sales.longest_wait_s", 41.5),
        ("queue.sales.ready", 0),
        ("queue.2nd-line.staffed", 4),
        ("queue.2nd-line.waiting-queue.sales.waiting", 4),
        ("vars.code", "0042"),
        ("code", "0042"),
        ("nobody_has_set_it", None),
    ],
)
def test_each_name_has_its_value(written: str, value: Value) -> None:
    assert worth(written) == value


def test_a_queue_whose_figures_cannot_be_known_is_not_known() -> None:
    assert worth("queue.support.waiting") is None
    assert worth("queue.support.waiting < 5") is False
    assert worth("queue.support.waiting >= 5") is False


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('code == "0042"', True),
        ("code == 42", True),
        ('code == "42"', False),
        ("code != 41", True),
        ("age < 18", True),
        ("age <= 17", True),
        ("age > 17", False),
        ("age >= 17", True),
        ("10 < age < 18", True),
        ("10 < age < 12", False),
        ('"9" < "10"', False),
        ('"9" < 10', True),
        ("vip == yes", True),
        ('vip == "yes"', True),
        ("vip == 1", False),
        ("nothing == none", True),
        ("nothing < 3", False),
        ("nothing >= 3", False),
        ("vip and age > 3", True),
        ("not vip or age > 30", False),
        ('nothing or "friend"', "friend"),
        ('code in ["1", 42]', True),
        ('code not in ["1", "2"]', True),
        ('"49" in caller.number', True),
        ('starts(caller.number, "4930")', True),
        ('starts(caller.number, "30")', False),
        ("starts(nothing, '')", False),
        ("length(code)", 4),
        ("number(code) + 1", 43),
        ('number("4 2")', None),
        ("round(price)", 12),
        ("age + 1", 18),
        ("code + 1", 43),
        ('"a" + 1', "a1"),
        ('code + "1"', "00421"),
        ("nothing + 1", None),
        ("price * 2", 25.0),
        ("7 - 10", -3),
        ("-age", -17),
        ("7 / 2", 3.5),
        ("7 % 4", 3),
        ("7 / 0", None),
        ("7 % 0", None),
        ('"abc" - 1', None),
        ("(1 + 2) * 3", 9),
        ("999999999999999 * 999999999999999", None),
        ('infinite + "s"', "infs"),
        ("round(infinite)", None),
        ("round(nan)", None),
    ],
)
def test_what_is_worked_out(written: str, value: Value) -> None:
    found = worth(written)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("written", "text", "hint"),
    [
        ("caler.number", "there is no name `caler.number`", "did you mean `caller.number`?"),
        ("caller", "there is no name `caller`", "did you mean"),
        ("queue.sales", "`queue.sales` is no figure of a queue", "write `queue.NAME.waiting`"),
        ("queue.sales.wating", "a queue has no figure `wating`", "did you mean `waiting`?"),
        ("lenght(code)", "there is no function `lenght`", "did you mean `length`?"),
        ("length(code, 2)", "`length` takes 1 value, not 2", ""),
        ('language = "en"', "cannot be understood", "to compare write `==`"),
        ("1 +", "cannot be understood", ""),
        ("2 ** 9", "cannot be calculated", "use + - * / %"),
        ("code is none", "cannot be compared", "use == != < <= > >= or in"),
        ("Code", "there is no name `Code`", "a variable has a-z, 0-9 and _"),
        ("code.__class__", "there is no name `code.__class__`", ""),
        ("__import__('os')", "there is no function `__import__`", ""),
        ("[x for x in code]", "cannot be used in an expression", ""),
        ("(lambda: 1)()", "cannot be used in an expression", ""),
        ("f'{code}'", "cannot be used in an expression", ""),
        ("b'x'", "cannot be used in an expression", ""),
        ("9999999999999999", "cannot be used in an expression", ""),
        ("code[0]", "cannot be used in an expression", ""),
        ("x := 1", "cannot be understood", ""),
        ("'\\d'", "cannot be understood", ""),
        ("1" * 501, "at most 500 characters, this has 501", ""),
        ("(" * 250 + "1" + ")" * 249, "cannot be understood", ""),
        ("a\0b", "cannot be understood", ""),
        ("", "cannot be understood", ""),
    ],
)
def test_what_is_refused_and_what_would_be_right(written: str, text: str, hint: str) -> None:
    with pytest.raises(Misnamed) as refused:
        Expression(written)
    assert text in str(refused.value)
    assert hint in refused.value.hint


def test_what_it_reads_is_known_without_working_it_out() -> None:
    expression = Expression("a > vars.b and queue.sales.ready == c or language == 'd'")
    assert expression.reads == {"a", "b", "c"}
    assert expression.queues == {"sales"}
    template = Template("{a} of {queue.sales.waiting}")
    assert template.reads == {"a"}
    assert template.queues == {"sales"}


def filled(written: str, **variables: Value) -> str:
    async def text() -> str:
        return await Template(written).text(ScriptedLine(Script(variables=variables)))

    return run(text())


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Your code is {code}.", "Your code is 0042."),
        ("{code}{age}", "004217"),
        ("{age + 1} {vip} {price} {nothing}.", "18 yes 12.5 ."),
        ("a {{b}} c", "a {b} c"),
        ('{"{x}"}', "{x}"),
        ("{ code : digits }", "0042"),
        ("no slot", "no slot"),
    ],
)
def test_a_template_is_filled(written: str, text: str) -> None:
    assert filled(written, **SCRIPT.variables) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a { b", "`{` has no counterpart"),
        ("a } b", "`}` has no counterpart"),
        ("{}", "`{}` has no name in it"),
        ("{ }", "has no name in it"),
        ("{code:digit}", "there is no format `digit`"),
        ("{caler.number}", "there is no name `caler.number`"),
    ],
)
def test_a_template_is_checked_when_it_is_read(written: str, text: str) -> None:
    with pytest.raises(Misnamed, match=re.escape(text)):
        Template(written)


def test_formats_are_for_who_shows_the_values() -> None:
    def show(value: Value, how: str) -> str:
        return f"<{value!r} {how}>"

    async def text() -> str:
        return await Template("{price:money  EUR}, {code}").text(ScriptedLine(SCRIPT), show)

    assert run(text()) == "<12.5 money EUR>, <'0042' >"


def test_a_template_that_is_one_slot_keeps_the_type() -> None:
    async def values() -> list[Value]:
        line = ScriptedLine(SCRIPT)
        return [
            await Template(each).value(line) for each in ("{price}", "{vip}", "a{price}", "{price}{age}", "x")
        ]

    assert run(values()) == [12.5, True, "a12.5", "12.517", "x"]


def test_a_text_without_a_slot_is_fixed() -> None:
    assert Template("a {{b}}").fixed == "a {b}"
    assert Template("a {b}").fixed is None
    assert [type(part) for part in Template("a {b}").parts] == [str, Slot]


def test_a_secret_is_read_where_it_may_be() -> None:
    async def text() -> str:
        line = ScriptedLine(Script())
        line.secrets["pin"] = "1234"
        return await SecretTemplate("{pin}").text(line)

    assert run(text()) == "1234"


def test_a_text_cannot_grow_without_end() -> None:
    assert len(filled("{a}" * 100, a="x" * 3000)) == 4000
    assert len(str(worth("a + a", Script(variables={"a": "x" * 3000})))) == 4000


def test_it_is_a_field_like_any_other() -> None:
    class Ask(Step):
        when: Expression
        say: Template
        more: Mapping[str, Template] = {}
        sound: Sound | None = None

    step = Ask.model_validate({"when": "a == 1", "say": "{b}", "more": {"x": "{c}"}})
    assert sorted(name for each in written_in(step) for name in each.reads) == ["a", "b", "c"]
    assert Ask.model_validate(step.model_dump()) == step
    assert Ask.model_json_schema()["properties"]["when"] == {
        "minLength": 1,
        "title": "When",
        "type": "string",
    }


words = some.sampled_from(
    [
        *NAMES,
        *(f"queue.sales.{each}" for each in FIGURES),
        "a",
        "vars.b",
        "1",
        "0",
        "2.5",
        "'x'",
        '"7"',
        "yes",
        "none",
        *"+-*/%()[],",
        *FUNCTIONS,
        *("==", "!=", "<", ">=", "and", "or", "not", "in"),
    ]
)
values = some.none() | some.booleans() | some.integers() | some.floats() | some.text()


@given(some.lists(words, max_size=12).map(" ".join), values, values)
def test_whatever_can_be_read_can_be_worked_out(written: str, a: Value, b: Value) -> None:
    try:
        expression = Expression(written)
    except Misnamed:
        return

    async def value() -> Value:
        return await expression.value(
            ScriptedLine(Script(figures=SCRIPT.figures, variables={"a": a, "b": b}))
        )

    assert isinstance(run(value()), Value)


@given(some.text(alphabet="{}ab\"': x", max_size=20))
def test_whatever_is_no_template_is_refused_and_nothing_else_happens(written: str) -> None:
    try:
        template = Template(written)
    except Misnamed:
        return
    assert isinstance(filled(str(template)), str)


def test_a_usual_expression_costs_a_few_microseconds() -> None:
    expression = Expression('age >= 18 and (language == "es" or vip) and code != "0000"')

    async def through() -> float:
        line = ScriptedLine(SCRIPT)
        began = time.process_time()
        for _ in range(2000):
            await expression.holds(line)
        return time.process_time() - began

    assert min(asyncio.run(through()) for _ in range(3)) / 2000 <= 15e-6
