"""Whether and where agents may transfer: `transfers` of policy.yaml, extensions, what `check` refuses."""

from pathlib import Path

import pytest

from ivr.flow.check import check_callflows, load_callflows
from ivr.transfers import Errand, Stop, Transfers, Unknown, stop_at
from queues.models import Agent, Queue
from tests.unit.flow.small_company import build, write

AGENTS = {"bob": Agent(extension="71"), "_x": Agent()}
QUEUES = {"sales": Queue(extension="81"), "_bob": Queue(), "bob": Queue()}
AGENTS_YAML = 'agents:\n  alice: {queues: [sales], extension: "71"}\n  bob: {extension: "%s"}\n'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("71", Stop(agent="bob")),
        ("bob", Stop(agent="bob")),
        ("81", Stop(queue="sales")),
        ("sales", Stop(queue="sales")),
        ("030123", Stop(number="030123")),
        ("+4930123", Stop(number="+4930123")),
    ],
)
def test_who_is_meant(written: str, expected: Stop) -> None:
    assert stop_at(written, Transfers(), AGENTS, QUEUES) == expected


@pytest.mark.parametrize(
    "written", ["", "1", "_bob", "nobody", "sip:x", "+", "1" * 50, "12a", "\uff11\uff12"]
)
def test_nobody_is_meant(written: str) -> None:
    with pytest.raises(Unknown):
        stop_at(written, Transfers(), AGENTS, QUEUES)


@pytest.mark.parametrize(
    ("to", "written"), [("agents", "71"), ("queues", "81"), ("outside", "030123")], ids=str
)
def test_where_they_may(to: str, written: str) -> None:
    only = Transfers.model_validate({"to": [to]})
    others = Transfers.model_validate(
        {"to": [each for each in ("agents", "queues", "outside") if each != to]}
    )
    assert stop_at(written, only, AGENTS, QUEUES)
    with pytest.raises(Unknown):
        stop_at(written, others, AGENTS, QUEUES)
    with pytest.raises(Unknown, match="has no `transfers`"):
        stop_at(written, None, AGENTS, QUEUES)


def test_an_errand_is_kept_as_it_is() -> None:
    errand = Errand((Stop(agent="bob"), Stop(number="+49", tag=7), Stop(queue="sales")))
    assert Errand.read(errand.write()) == errand
    assert Errand.read("") == Errand()
    assert errand.after() == Errand(errand.stops[1:])
    assert [stop.line for stop in errand.stops] == ["_bob", "", "sales"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("transfers: {to: [friends]}\n", "policy.yaml:1:18"),
        ("transfers: {ring_s: 0}\n", "policy.yaml:1:21"),
        ('transfers: {keys: {blind: "1"}}\n', "policy.yaml:1:27"),
        ('transfers: {keys: {blind: "*1", consult: "*12"}}\n', "tell them apart"),
        ('transfers: {keys: {blind: "*2"}}\n', "tell them apart"),
        ("transfers: {key: {}}\n", "policy.yaml:1:13"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    company = build(tmp_path)
    write(company, "policy.yaml", text)
    (problem,) = check_callflows(company).problems
    assert expected in str(problem)


def test_policy_without_numbers(tmp_path: Path) -> None:
    company = build(tmp_path)
    write(company, "policy.yaml", "transfers:\n")
    flows = load_callflows(company, tmp_path)
    assert flows.transfers == Transfers()
    assert flows.transfers.keys is None
    assert set(flows.queues) >= {f"_{agent}" for agent in flows.agents}, "each may get his caller back"


@pytest.mark.parametrize(("other", "found"), [("72", []), ("71", ["agents.yaml:3:20"])])
def test_an_extension_is_one_persons(tmp_path: Path, other: str, found: list[str]) -> None:
    company = build(tmp_path)
    write(company, "agents.yaml", AGENTS_YAML % other)
    problems = [problem for problem in map(str, check_callflows(company).problems) if "extension" in problem]
    assert [problem.split(": ")[0] for problem in problems] == found
    write(company, "queues.yaml", 'queues:\n  sales: {extension: "71"}\n')
    problems = [problem for problem in map(str, check_callflows(company).problems) if "extension" in problem]
    assert "queue `sales` has the extension 71" in problems[0]


@pytest.mark.parametrize(
    ("nailed_up", "place"),
    [('nailed_up: {end_key: "*1"}\n', "agents.yaml:4:22"), ("", "policy.yaml:2:9")],
)
def test_keys_that_begin_alike_are_refused(tmp_path: Path, nailed_up: str, place: str) -> None:
    code = "*1" if nailed_up else "*0"
    company = build(tmp_path)
    write(company, "policy.yaml", f'transfers:\n  keys: {{blind: "{code}"}}\n')
    write(company, "agents.yaml", AGENTS_YAML % "72" + nailed_up)
    (problem,) = check_callflows(company).problems
    assert "is a key for transfers" in str(problem)
    assert str(problem).startswith(place)
