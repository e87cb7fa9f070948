"""A menu in the queue: what `check` says of it, and how a simulated caller goes through it while he waits."""

from pathlib import Path

import pytest

from ivr.flow.cases import read_cases
from ivr.flow.check import check_callflows
from ivr.flow.picture import summary
from ivr.flow.script import Agents, Script
from ivr.flow.simulation import Company, CompanyLine, Outcome, simulate
from ivr.flow.trial import differences, run_case
from ivr.flow.virtual_time import run
from ivr.steps import verbs
from ivr.traffic import Folding
from tests.unit.calllog.test_traffic import a_call
from tests.unit.flow.small_company import build, write

MAIN = """\
steps:
  wait:
    queue: sales
    next: {answered: check, exit: message}
  check:
    branch: customer == "47"
    next: {yes: known, no: bye}
  known: {say: "Goodbye, {customer}.", next: bye}
  message: {say: Please write to us., next: bye}
  bye: {hangup: }
"""
MENU = """\
steps:
  choose:
    menu: {say: Press something., retries: 0, timeout_s: 4}
    next: {1: number, 2: leave, invalid: on, timeout: on}
  number:
    gather: {say: Your number., into: customer, max_digits: 2, retries: 0}
    next: {done: on, invalid: on, timeout: on}
  on: {back: waits}
  leave: {back: exit}
"""
SETTINGS = "menu: {flow: aside, key: '1'}"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return publish(build(tmp_path), SETTINGS)


def publish(company: Path, settings: str, menu: str = MENU, main: str = MAIN) -> Path:
    write(company, "flows/main.yaml", main)
    write(company, "flows/aside.yaml", menu)
    write(company, "queues.yaml", f"queues:\n  sales: {{{settings}}}\n")
    return company


def problems(company: Path) -> list[str]:
    return [str(problem) for problem in check_callflows(company).problems]


def called(company: Path, keys: dict[float, str], agents: Agents = Agents(60, 1), **more: object) -> Outcome:  # noqa: B008
    script = Script(keys=keys, agents={"sales": agents}, **more)  # type: ignore[arg-type]
    return simulate(Company.load(company), "main", "en", script)


def steps(outcome: Outcome) -> list[str]:
    return [what.removeprefix("step ") for what in outcome.line.story if what.startswith("step ")]


def test_a_menu_is_right(company: Path) -> None:
    assert problems(company) == []


@pytest.mark.parametrize("verb", sorted(verb for verb, kind in verbs().items() if not kind.while_waiting))
def test_steps_that_take_him_away_are_refused(company: Path, verb: str) -> None:
    body = {
        "hangup": "hangup: ",
        "queue": "queue: sales\n    next: on",
        "escalate": "escalate: {queue: sales, reason: x}\n    next: on",
        "transfer": "transfer: {number: '+49301'}\n    next: on",
        "language": "language: en\n    next: on",
        "record": "record: {into: x}\n    next: on",
        "voicemail": "voicemail: {box: x, say: Speak.}\n    next: on",
        "survey": "survey: {name: x, invite: {say: Well?}}\n    next: on",
    }[verb]
    publish(company, SETTINGS, f"steps:\n  one:\n    {body}\n  on: {{back: waits}}\n")
    wanted = (
        f"step `one`: no `{verb}` can be in the menu of queue `sales`: its callers wait (end the menu with"
    )
    assert any(each.startswith(f"flows/aside.yaml:2:3: {wanted}") for each in problems(company))


def test_steps_of_flows_that_it_calls_are_refused_too(company: Path) -> None:
    publish(company, SETTINGS, "steps:\n  in: {flow: deep, next: {x: on}}\n  on: {back: waits}\n")
    write(company, "flows/deep.yaml", "steps:\n  off:\n    language: en\n    next: x\n  x: {back: x}\n")
    assert any(
        each.startswith("flows/deep.yaml:2:3: step `off`: no `language`") for each in problems(company)
    )


def test_it_ends_in_one_of_two_ways(company: Path) -> None:
    publish(company, SETTINGS, MENU.replace("back: exit", "back: exti").replace("leave: {", "leave:  {"))
    main = "step `wait`: outcome `exit` cannot happen: queue `sales` has no `exit_key` or `menu`"
    told = problems(company)
    assert any("step `leave`: the menu of queue `sales` ends with `waits` or `exit`" in each for each in told)
    assert any(main in each for each in told)


def test_a_way_out_needs_a_way(company: Path) -> None:
    publish(company, SETTINGS, main=MAIN.replace(", exit: message", "").replace("message", "unused"))
    told = (
        "step `wait`: outcome `exit` leads nowhere, and the menu of queue `sales` can end with `back: exit`"
    )
    assert any(told in each for each in problems(company))


def test_who_waits_in_a_queue_whose_menu_is_broken_is_not_blamed(company: Path) -> None:
    publish(company, SETTINGS, MENU.replace("max_digits: 2", "max_digits: many"))
    assert all(each.startswith("flows/aside.yaml") for each in problems(company))
    publish(company, SETTINGS.replace("aside", "asise"))
    (problem,) = problems(company)
    assert problem.startswith(
        "queues.yaml:2:24: queue `sales`: there is no file flows/asise.yaml (did you mean"
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("menu: {flow: aside}", "write `key:`, by which callers begin it, or `after_s:`, or both"),
        (f"{SETTINGS}, exit_key: '1'", "`exit_key` and the key of `menu` are the same"),
        ("menu: {flow: aside, key: '12'}", "key"),
        ("menu: {flow: aside, after_s: 0}", "after_s"),
    ],
)
def test_settings_that_make_no_sense(company: Path, settings: str, told: str) -> None:
    publish(company, settings)
    assert any(each.startswith("queues.yaml:2") and told in each for each in problems(company))


def test_variables_are_those_of_the_flow_that_waits(company: Path) -> None:
    publish(company, SETTINGS, MENU.replace("into: customer", "into: other"))
    assert any("no step sets `customer`" in each for each in problems(company))
    publish(company, SETTINGS, MENU.replace("Your number.", '"{called_twice}"'))
    assert any("no step sets `called_twice`" in each for each in problems(company))


def test_it_is_heard_in_the_languages_of_those_who_wait(company: Path) -> None:
    write(company, "numbers.yaml", "default: {flow: main}\nnumbers:\n  '7': {flow: main, language: es}\n")
    publish(company, SETTINGS, MENU.replace("Press something.", "{en: Press something.}"))
    assert any("step `choose`: this text is not there in `es`" in each for each in problems(company))
    write(company, "numbers.yaml", "default: {flow: main}\nnumbers:\n  '7': {flow: bye, language: es}\n")
    write(company, "flows/bye.yaml", "steps: {bye: {hangup: }}\n")
    assert problems(company) == [], "nobody waits there in Spanish"


def test_he_goes_through_it_and_waits_on(company: Path) -> None:
    outcome = called(company, {3: "1", 6: "1", 8: "47"})
    assert steps(outcome) == [f"main/{each}" if "/" not in each else each for each in (
        "wait", "aside/choose", "aside/number", "aside/on", "check", "known", "bye",
    )]  # fmt: skip
    assert outcome.line.told[-5][0] == 61.0, "an agent came after 60 s, as if nothing had been"
    assert outcome.verdict == "completed"


def test_an_agent_ends_it_at_once(company: Path) -> None:
    outcome = called(company, {3: "1", 6: "1", 9.5: "4"}, Agents(10, 5))
    assert steps(outcome)[-2:] == ["main/check", "main/bye"], "half a number is none"
    assert (10.0, "talk") in outcome.line.told
    assert outcome.line.variables.get("customer") is None


def test_he_leaves_by_it(company: Path) -> None:
    outcome = called(company, {3: "1", 6: "2"})
    assert steps(outcome)[-3:] == ["aside/leave", "main/message", "main/bye"]
    assert outcome.verdict == "overflowed"
    late = called(company, {3: "1", 6: "2"}, Agents(4, 1))
    assert "main/message" not in steps(late), "the agent was quicker"


def test_who_has_no_way_out_waits_on(company: Path) -> None:
    loaded = Company.load(company)
    script = Script(keys={1: "1", 4: "2"}, agents={"sales": Agents(30, 1)})

    async def waits(exits: tuple[str, ...]) -> str:
        return await CompanyLine(loaded, script, "en").queue("sales", None, exits=exits)

    assert run(waits(("exit",))) == "exit"
    assert run(waits(())) == "answered"


def test_its_key_begins_it_as_often_as_he_likes(company: Path) -> None:
    outcome = called(company, {3: "1", 20: "1", 40: "7"})
    assert steps(outcome).count("aside/choose") == 2
    publish(company, SETTINGS.replace("'1'", "'7'"))
    assert steps(called(company, {3: "1", 20: "1", 40: "7"})).count("aside/choose") == 1


def test_it_begins_by_itself_once(company: Path) -> None:
    publish(company, "menu: {flow: aside, after_s: 25}")
    outcome = called(company, {})
    begun = [at for at, what in outcome.line.told if what == "menu aside"]
    assert begun == [25.0]
    publish(company, "menu: {flow: aside, after_s: 60}")
    assert "menu aside" not in called(company, {}).line.story, "the agent came"
    publish(company, "menu: {flow: aside, key: '1', after_s: 25}")
    assert called(company, {3: "1"}).line.story.count("menu aside") == 1


def test_in_it_the_exit_key_is_a_key_like_others(company: Path) -> None:
    publish(company, f"{SETTINGS}, exit_key: '2'")
    assert steps(called(company, {3: "2"}))[1:] == ["main/message", "main/bye"]
    publish(
        company,
        f"{SETTINGS}, exit_key: '2'",
        MENU.replace("{1: number, 2: leave", "{3: number, 2: on, 4: leave"),
    )
    inside = called(company, {3: "1", 6: "2", 20: "2"})
    assert steps(inside) == ["main/wait", "aside/choose", "aside/on", "main/message", "main/bye"]


def test_who_hangs_up_in_it_has_abandoned(company: Path) -> None:
    assert called(company, {3: "1"}, gone_at=5.0).verdict == "abandoned"
    assert called(company, {3: "1"}, gone_at=40.0).verdict == "abandoned"


def test_a_test_of_a_flow_can_say_it(company: Path) -> None:
    case = """\
tests:
  it:
    to: "100"
    presses: {wait: ["1", ""], choose: 1, number: 47}
    agents: {sales: {after_s: 90}}
    hears: [Press something, Your number, "Goodbye, 47"]
    steps: [wait: answered, choose: 1, number: done, on, check: yes, known, bye]
"""
    write(company, "tests/main.yaml", case)
    found: list[object] = []
    (written,) = read_cases(company, found)  # type: ignore[arg-type]
    assert not found
    assert differences(written, run_case(Company.load(company), written.case)) == []


def test_the_picture_tells_of_it(company: Path) -> None:
    flow = Company.load(company).callflows.flows["main"]
    assert summary(flow.steps["wait"]) == "sales (menu: aside)"


def test_who_hangs_up_after_the_menu_has_left_in_the_step_that_waits(company: Path) -> None:
    callflows = Company.load(company).callflows
    folding = Folding(callflows.flows["main"], callflows)
    for event in a_call(1, ["choose timeout", "on waits"], flow="aside"):
        folding.add(event)
    assert folding.traffic.left == {"wait": 1}
