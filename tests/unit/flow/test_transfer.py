"""`transfer` and the dial policy: who may be called, what follows, and what `check` refuses."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ivr.flow.check import check_callflows, load_callflows
from ivr.flow.line import About
from ivr.flow.script import Party
from ivr.policy import DialPolicy, NotAllowed
from queues.models import direct_line
from tests.unit.flow.calls import Agents, Script, call, flow_of
from tests.unit.flow.small_company import build, edit, write

GERMAN = {"trunk": "carrier", "country": "DE", "allow": ("+49",)}


def policy(**fields: object) -> DialPolicy:
    return DialPolicy.model_validate(GERMAN | fields)


@pytest.mark.parametrize("written", ["+4930901820", "030 90 18 20", "0049 30 901820", "+49 (30) 90-18/20"])
def test_a_number_is_read_as_people_write_it(written: str) -> None:
    assert policy().number(written) == "+4930901820"


@pytest.mark.parametrize(
    ("written", "fields", "why"),
    [
        ("0900 1234567", {}, "it costs more"),
        ("0180 5123456", {}, "it costs more"),
        ("+34911234567", {}, "`allow`"),
        ("+4930901820", {"deny": ("+4930",)}, "`deny`"),
        ("112", {}, "no telephone number"),
        ("", {}, "no telephone number"),
        ("+4930901820;ext=3", {}, "no telephone number"),
        ("sip:+4930901820@evil.test", {}, "no telephone number"),
        ("+4930901820@evil.test", {}, "no telephone number"),
        ("+" + "49" * 40, {}, "too long"),
    ],
)
def test_a_number_that_may_not_be_called(written: str, fields: dict[str, object], why: str) -> None:
    with pytest.raises(NotAllowed, match=why) as caught:
        policy(**fields).number(written)
    assert not written or written not in str(caught.value)


def test_each_field_of_the_policy_counts() -> None:
    assert policy(premium=True).number("0900 1234567") == "+499001234567"
    assert policy(allow=("+34",)).number("+34911234567") == "+34911234567"
    assert policy(country="ES", allow=("+34",)).number("911 23 45 67") == "+34911234567"
    there = policy(per_hour=7).destination("+4930901820", "192.0.2.7:5070")
    assert there.endpoint == "carrier/sip:+4930901820@192.0.2.7:5070"
    assert (there.number, there.per_hour) == ("+4930901820", 7)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"country": "Germany"}, "there is no country"),
        ({"country": "XX"}, "there is no country"),
        ({"allow": ()}, "at least 1"),
        ({"allow": ("49",)}, "cannot begin a number"),
        ({"deny": ("+",)}, "cannot begin a number"),
        ({"per_hour": 0}, "greater"),
    ],
)
def test_a_policy_that_makes_no_sense(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        policy(**fields)


STEP = """
steps:
  out:
    transfer: {number: "{caller.number}", ring_s: 20}
    next: {done: thanks, busy: engaged, no_answer: nobody, refused: barred, failed: broken}
""" + "\n".join(f"  {name}: {{hangup: }}" for name in ("thanks", "engaged", "nobody", "barred", "broken"))


@pytest.mark.parametrize(
    ("party", "end"),
    [
        (Party(after_s=3, talk_s=10), (13.0, "step main/thanks")),
        (Party("busy", after_s=3), (3.0, "step main/engaged")),
        (Party(after_s=21), (20.0, "step main/nobody")),
        (Party("refused"), (0.0, "step main/barred")),
        (Party("failed", after_s=1), (1.0, "step main/broken")),
    ],
)
def test_every_outcome_takes_its_way(party: Party, end: tuple[float, str]) -> None:
    assert end in call(STEP, Script(outside={"030123456": party})).told


ASKING = (
    STEP.replace("ring_s: 20}", "ring_s: 20, announce: {say: 'Take {caller.name}?'}}").replace(
        "no_answer:", "declined: spurned, no_answer:"
    )
    + "\n  spurned: {hangup: busy}"
)


@pytest.mark.parametrize(
    ("party", "story"),
    [
        (
            Party(after_s=3, talk_s=10),
            ["announce say:Take Ada?", "the other presses 1", "talk", "main/thanks"],
        ),
        (Party("declined", after_s=3), ["announce say:Take Ada?", "the other presses 2", "main/spurned"]),
        (Party("busy", after_s=3), ["main/engaged"]),
        (Party(after_s=21), ["main/nobody"]),
    ],
)
def test_who_is_asked_takes_the_call_or_not(party: Party, story: list[str]) -> None:
    line = call(ASKING, Script(outside={"030123456": party}))
    told = [what.removeprefix("step ") for what in line.story[line.story.index("call 030123456") + 1 :]]
    assert told[: len(story)] == story
    assert line.passing == ["Take Ada?"], "whose name is in it: it is not kept"
    assert line.heard == [], "the caller hears nothing of it"


def test_nobody_is_connected_without_having_been_told() -> None:
    for words, sounds in (("unspeakable", {}), ("Hello", {"say:Hello": -1.0})):
        told = call(ASKING.replace("Take {caller.name}?", words), Script(sounds=sounds)).story
        assert "step main/broken" in told
        assert "talk" not in told


def test_an_agent_by_name() -> None:
    text = "steps:\n  a: {transfer: {agent: alice, ring_s: 9}, next: {no_answer: b}}\n  b: {hangup: busy}"
    assert call(text, Script(agents={"alice": Agents(5, 10)})).told[-2:] == [
        (15.0, "hangup normal"),
        (15.0, "over by system"),
    ]
    assert (9.0, "step main/b") in call(text, Script(agents={"alice": Agents(10, 10)})).told


def found(company: Path) -> list[str]:
    return [str(problem) for problem in check_callflows(company).problems]


def with_step(company: Path, transfer: str, following: str = "bye") -> Path:
    edit(
        company, "flows/main.yaml", "    queue: sales\n", f"    transfer: {transfer}\n    next: {following}\n"
    )
    return company


@pytest.mark.parametrize(
    ("transfer", "following", "said"),
    [
        ("030 901820", "bye", ""),
        ('"{caller.number}"', "bye", ""),
        ("{agent: alice}", "bye", ""),
        ("030 901820", "{failed: bye}", ""),
        ("0900 1234567", "bye", "13:15: step `sales`: policy.yaml does not allow this number: it costs more"),
        (
            "030 902000",
            "bye",
            "13:15: step `sales`: policy.yaml does not allow this number: it is under `deny`",
        ),
        (
            "{agent: alcie}",
            "bye",
            "13:23: step `sales`: there is no agent `alcie` in agents.yaml (did you mean `alice`?)",
        ),
        ("{agent: alice, number: 030 901820}", "bye", "13:15: step `sales`: write either `number:`"),
        ("{}", "bye", "step `sales`: write either `number:`"),
        ("{agent: alice}", "{done: bye}", "12:3: step `sales`: outcome `no_answer` leads nowhere"),
        ("030 901820", "{busy: bye}", "12:3: step `sales`: outcome `failed` leads nowhere"),
        ("{agent: alice}", "{no_answer: bye, busy: bye}", "outcome `busy` cannot happen with these fields"),
        ("{number: 030 901820, announce: {say: Yes?}}", "{failed: bye, declined: bye}", ""),
        ("030 901820", "{failed: bye, declined: bye}", "outcome `declined` cannot happen with these fields"),
        ("{agent: alice, announce: {say: Yes?}}", "bye", "12:3: step `sales`: an agent is not asked"),
        ("{number: 030 901820, accept: 3}", "bye", "without `announce` nobody is asked: leave out `accept`"),
        ("{number: 030 901820, asked_s: 9}", "bye", "nobody is asked: leave out `asked_s`"),
        ("{number: 030 901820, announce: {say: x}, accept: 2}", "bye", "are the same key, 2"),
        (
            "{number: 030 901820, announce: {say: x}, refuse: 12}",
            "bye",
            "`refuse` cannot be `12` (write one key: 0-9, * or #)",
        ),
        ("{number: 030 901820, announce: nowhere}", "bye", "there is no file prompts/en/nowhere.wav"),
    ],
)
def test_what_check_says_of_a_transfer(tmp_path: Path, transfer: str, following: str, said: str) -> None:
    problems = found(with_step(build(tmp_path), transfer, following))
    assert (
        any(f"flows/main.yaml:{said}" in each or said in each for each in problems) if said else not problems
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("policy.yaml", "trunk: local", "trunk: locla", "policy.yaml:2:10: dial: there is no trunk `locla`"),
        (
            "trunks.yaml",
            "    address: 127.0.0.1:5070\n",
            "",
            "policy.yaml:2:10: dial: the trunk `local` has no",
        ),
        ("trunks.yaml", "127.0.0.1:5070", "a b", "trunks.yaml:4:14: trunk `local`: `a b` is no address"),
        ("policy.yaml", "DE", "GE", ""),
        ("policy.yaml", "DE", "de", "policy.yaml:3:12: dial: there is no country `de`"),
        (
            "policy.yaml",
            "deny",
            "denny",
            "policy.yaml:5:3: dial: unknown field `denny` (did you mean `deny`?)",
        ),
        ("policy.yaml", "dial:", "dail:", "policy.yaml:1:1: `dial` is missing"),
    ],
)
def test_what_check_says_of_the_policy(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    company = build(tmp_path)
    edit(company, file, old, new)
    problems = found(company)
    assert any(each.startswith(said) for each in problems) if said else not problems, problems


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ('{number: "030 901820"}', ""),
        (
            '{number: "+49 30 902000"}',
            "device `alice-phone`: policy.yaml does not allow this number: it is under",
        ),
        ("{number: 03}", "this number: it is no telephone number"),
        ('{number: "030 901820", contact: "sip:a@b"}', "has a `contact` or a `number`, not both"),
    ],
)
def test_what_check_says_of_an_agent_at_a_number_outside(tmp_path: Path, device: str, said: str) -> None:
    company = build(tmp_path)
    edit(company, "agents.yaml", "  alice-phone:", f"  alice-phone: {device}")
    problems = found(company)
    assert any("agents.yaml:" in each and said in each for each in problems) if said else not problems, (
        problems
    )


def test_without_a_policy_nobody_is_called(tmp_path: Path) -> None:
    company = build(tmp_path / "a")
    (company / "policy.yaml").unlink()
    assert found(company) == []
    with pytest.raises(NotAllowed, match=r"policy\.yaml does not say"):
        load_callflows(company, tmp_path).destination("030 901820", About("1"))
    for number in ("030 901820", '"{caller.number}"'):
        broken = with_step(build(tmp_path / number[:1]), number)
        (broken / "policy.yaml").unlink()
        assert "without policy.yaml no number may be called" in found(broken)[0]
    remote = build(tmp_path / "remote")
    (remote / "policy.yaml").unlink()
    edit(remote, "agents.yaml", "  alice-phone:", '  alice-phone: {number: "030 901820"}')
    assert "device `alice-phone`: without policy.yaml no number may be called" in found(remote)[0]


def test_an_agent_asked_for_by_name_has_a_queue_of_his_own(tmp_path: Path) -> None:
    company = build(tmp_path)
    assert direct_line("alice") not in load_callflows(company, tmp_path).queues
    flows = load_callflows(with_step(company, "{agent: alice}"), tmp_path)
    assert flows.queues["_alice"].title == "alice, by name"
    assert [served.name for served in flows.agents["alice"].queues] == ["sales", "_alice"]
    write(company, "queues.yaml", "queues:\n  sales:\n  _alice:\n")
    assert any("queue `_alice`: a name has" in each for each in found(company))


def test_a_loaded_directory_knows_the_way_out(tmp_path: Path) -> None:
    there = load_callflows(build(tmp_path), tmp_path).destination("030 901820", About("1"))
    assert there.endpoint == "local/sip:+4930901820@127.0.0.1:5070"


def test_each_run_has_a_key_of_its_own() -> None:
    assert flow_of(STEP).steps["out"].counted
