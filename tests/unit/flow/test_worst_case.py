"""The longest a flow can keep a caller from people, worked out by hand. `hello` is 2 s, `question` 3 s."""

from pathlib import Path

import pytest

from ivr.flow.check import callflows_of, check_callflows
from ivr.flow.simulation import Company, sounds_of
from ivr.flow.worst_case import WorstCase, worst_case
from tests.unit.flow.small_company import build, record, write

SLOW_MENU = "menu: {play: question, retries: 1, timeout_s: 4}"  # 2 x (3 + 4)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    build(tmp_path)
    write(tmp_path, "queues.yaml", "queues: {sales: {}, chiefs: {level: 2}}\n")
    record(tmp_path / "prompts/en/hello.wav", samples=16_000)
    record(tmp_path / "prompts/en/question.wav", samples=24_000)
    return tmp_path


HI = "hi: {play: hello, next: sales}\n"
IN_SALES = "sales: {queue: {name: sales, max_wait_s: 5}, next: {timeout: back}}\n"


def worst(place: Path, main: str, **others: str) -> WorstCase | None:
    """Of the flow `main`, whose steps stand in one line each."""
    for name, text in {"main": main, **others}.items():
        write(place, f"flows/{name}.yaml", "steps:\n" + "".join(f"  {line}\n" for line in text.splitlines()))
    folder = check_callflows(place)
    assert not [problem for problem in folder.problems if "never reached" not in problem.text]
    company = Company(callflows_of(folder, place / "prompts"), sounds_of(callflows_of(folder, place), place))
    found = worst_case(company, company.callflows.flows["main"], "en")
    return found and until(found.seconds, found.loops)


def until(seconds: float, loops: bool = False) -> WorstCase:
    return WorstCase(round(seconds, 6), loops)


ENDS = "sales: {queue: sales}\nbye: {hangup: }\n"


def only(step: str, following: str) -> str:
    return f"one: {{{step}, next: {following}}}\n{ENDS}"


@pytest.mark.parametrize(
    ("step", "following", "seconds"),
    [
        ("play: hello", "sales", 2),
        ("play: [hello, question]", "sales", 5),
        ("say: fourteen chars", "sales", 0.4 + 1),
        ('say: "fourteen chars{caller.name:digits}"', "sales", 0.4 + 1 + 2),
        ("set: {x: 1}", "sales", 0),
        ('http: {url: "https://x.test/", timeout_s: 7}', "{done: sales, failed: sales}", 7),
        ("offer: {name: a, when: no, play: hello, timeout_s: 3}", "sales", 5),
        ("record: {into: x, max_s: 20}", "sales", 20),
        # 3 recordings, of which 2 are heard again, with the question and 5 s for an answer
        ("record: {into: x, max_s: 20, review: question}", "sales", 3 * 20 + 2 * (20 + 3 + 5)),
        # asked twice; 4 s without a key, and the words after it, or after a key in the last moment
        ("menu: {play: question, retries: 0, timeout_s: 4}", "{1: sales, invalid: bye, timeout: bye}", 7),
        ("menu: {play: question, retries: 1, timeout_s: 4}", "{1: sales, invalid: bye, timeout: bye}", 14),
        (
            "menu: {play: question, retries: 1, timeout_s: 4, timeout: hello}",
            "{1: sales, invalid: bye, timeout: bye}",
            7 + 2 + 7,
        ),
        (
            "menu: {play: question, retries: 1, timeout_s: 4, invalid: question, timeout: hello}",
            "{1: sales, invalid: bye, timeout: bye}",
            7 + 3 + 7,
        ),
        # the second key 3 s after the first
        (
            "menu: {play: question, digits: 2, retries: 2, timeout_s: 4}",
            "{12: sales, invalid: bye, timeout: bye}",
            3 * (3 + 4 + 3),
        ),
        (
            "gather: {play: question, into: x, max_digits: 6, retries: 1, timeout_s: 4, between_s: 2}",
            "{done: sales, invalid: bye, timeout: bye}",
            2 * (3 + 4 + 5 * 2),
        ),
        # read back ("zero zero": 0.4 s and 9 characters), asked if it is right, and corrected once
        (
            "gather: {play: question, into: x, max_digits: 2, retries: 1, timeout_s: 4, confirm: hello}",
            "{done: sales, invalid: bye, timeout: bye}",
            2 * (3 + 4 + 3 + 0.4 + 9 / 14 + 2 + 4),
        ),
    ],
)
def test_a_step_takes_as_long_as_it_can(place: Path, step: str, following: str, seconds: float) -> None:
    assert worst(place, only(step, following)) == until(seconds)


@pytest.mark.parametrize(
    "people",
    [
        "queue: sales",
        "queue: {name: sales, max_wait_s: 60}, next: {timeout: late}",
        "escalate: {queue: chiefs, reason: x}",
        "transfer: {agent: alice}, next: {no_answer: late}",
        'transfer: "+49 30 901820", next: {failed: late}',
        'transfer: "{caller.number}", next: {failed: late}',
    ],
)
def test_people_are_queues_agents_and_numbers_and_there_it_ends(place: Path, people: str) -> None:
    text = f"one: {{play: hello, next: people}}\npeople: {{{people}}}\nlate: {{{SLOW_MENU}, next: {{1: more, "
    assert worst(
        place, f"{text}invalid: bye, timeout: bye}}}}\nmore: {{queue: sales}}\nbye: {{hangup: }}\n"
    ) == (until(2))


def test_the_slowest_of_several_ways_counts_and_one_without_people_does_not(place: Path) -> None:
    ways = """\
which: {branch: {a: called == "1", b: called == "2"}, next: {a: short, b: long, default: lost}}
short: {play: hello, next: sales}
long: {play: [question, question], next: partner}
partner: {transfer: "+49 30 901820", next: {failed: bye}}
lost: {play: [question, question, question, question], next: bye}
"""
    assert worst(place, ways + ENDS) == until(6)
    assert worst(place, ways.replace("next: partner", "next: bye") + ENDS.replace("\n", "\n", 1)) == until(2)
    assert worst(place, "a: {play: hello, next: b}\nb: {hangup: }\n") is None


def test_a_round_that_nobody_counts_is_gone_once_and_told(place: Path) -> None:
    rounds = f"hello: {{play: hello, next: menu}}\nmenu: {{{SLOW_MENU}, next: "
    assert worst(place, f"{rounds}{{1: sales, invalid: bye, timeout: hello}}}}\n{ENDS}") == until(
        16, loops=True
    )
    assert worst(place, f"{rounds}{{1: sales, invalid: menu, timeout: bye}}}}\n{ENDS}") == until(
        16, loops=True
    )
    aside = "{1: sales, 2: bye, invalid: bye, timeout: bye}}"
    assert worst(place, f"{rounds}{aside}\n{ENDS}") == until(16)


def test_a_round_that_is_counted_is_gone_as_often_as_it_may_be(place: Path) -> None:
    once = "menu: {play: question, retries: 0, timeout_s: 4}"
    menu = f"menu: {{{once}, next: {{1: sales, invalid: tries, timeout: tries}}}}"
    tries = "tries: {loop: 3, next: {again: menu, done: sales}}"
    assert worst(place, f"{tries}\n{menu}\n{ENDS}") == until(3 * 7)
    assert worst(place, f"{menu}\n{tries}\n{ENDS}") == until(4 * 7)
    assert worst(place, f"{menu}\n{tries.replace('done: sales', 'done: bye')}\n{ENDS}") == until(4 * 7)
    begins_anew = tries.replace("done: sales", "done: menu")
    assert worst(place, f"{menu}\n{begins_anew}\n{ENDS}") == until(4 * 7, loops=True)


def test_counted_rounds_within_counted_rounds_multiply(place: Path) -> None:
    text = """\
outer: {loop: 2, next: {again: hello, done: sales}}
hello: {play: hello, next: inner}
inner: {loop: 3, next: {again: ask, done: outer}}
ask: {play: question, next: inner}
"""
    assert worst(place, text + ENDS) == until(2 * (2 + 3 * 3))


def test_too_many_counters_are_not_followed(place: Path) -> None:
    count = 8
    loops = [
        f"l{n}: {{loop: 20, next: {{again: p{n}, done: l{n + 1}}}}}\np{n}: {{play: hello, next: l0}}\n"
        for n in range(count)
    ]
    found = worst(place, "".join(loops) + f"l{count}: {{queue: sales}}\nbye: {{hangup: }}\n")
    assert found == until(2 * count, loops=True)


PIN = """\
ask:
    menu: {play: question, retries: 0, timeout_s: 9}
    next: {1: right, 2: quick, invalid: wrong, timeout: wrong}
right: {back: right}
quick: {back: right}
wrong: {play: hello, next: back}
back: {back: wrong}
"""


def test_a_flow_that_is_called_takes_its_time_for_each_outcome(place: Path) -> None:
    calling = "pin: {flow: pin, next: {right: %s, wrong: %s}}\n" + ENDS
    assert worst(place, calling % ("sales", "bye"), pin=PIN) == until(12)
    assert worst(place, calling % ("bye", "sales"), pin=PIN) == until(14)
    assert worst(place, calling % ("sales", "pin"), pin=PIN) == until(14, loops=True)
    assert worst(place, calling % ("bye", "bye"), pin=PIN) is None


def test_people_in_a_flow_that_is_called_and_in_one_that_that_calls(place: Path) -> None:
    back = f"{IN_SALES}back: {{back: done}}\n"
    calling = "one: {play: question, next: two}\ntwo: {flow: %s, next: {done: late}}\nlate: {queue: sales}\n"
    assert worst(place, calling % "inner", inner=HI + back) == until(3 + 2)
    skips = "hi: {branch: called == '1', next: {yes: long, no: sales}}\n"
    skips += "long: {play: [question, question], next: back}\n"
    assert worst(place, calling % "inner", inner=skips + back) == until(3 + 6)
    middle = "m: {play: hello, next: n}\nn: {flow: inner, next: {done: back}}\n"
    assert worst(place, calling % "middle", middle=middle + "back: {back: done}\n", inner=HI + back) == until(
        3 + 2 + 2
    )


def test_a_round_inside_a_called_flow_is_told(place: Path) -> None:
    inner = f"ask: {{{SLOW_MENU}, next: {{1: back, invalid: ask, timeout: ask}}}}\nback: {{back: done}}\n"
    assert worst(place, "a: {flow: inner, next: {done: b}}\nb: {queue: sales}\n", inner=inner) == until(
        14, loops=True
    )
    people = inner.replace("back: {back: done}", "back: {queue: sales}")
    assert worst(place, "a: {flow: inner}\n", inner=people) == until(14, loops=True)


def test_flows_of_hundreds_of_steps_are_worked_out_at_once(place: Path) -> None:
    chain = "".join(
        f"s{n}: {{branch: called == '{n}', next: {{yes: s{n + 1}, no: p{n}}}}}\n"
        f"p{n}: {{play: hello, next: s{n + 1}}}\n"
        for n in range(300)
    )
    assert worst(place, f"{chain}s300: {{queue: sales}}\n") == until(600)
