"""The mixed run is judged by its log, its wire and its workers' words; each kind of fault is seen."""

import pytest

from bench import mixed_company
from bench.mixed import Seen, judge, report
from bench.report import Facts
from calllog.call_events import Joined
from calllog.events import AnyEvent
from calllog.routing import Serves
from queues.models import Queue
from queues.published import ladder_of, stages
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.shift import Shift

RULES = Serves({"ann": ["sales"], "bob": ["sales"]})
FACTS = Facts(2, "cpu", 4.0, "kernel", "3.11", "22", "8", "3.8", "abc")


def seen(events: list[AnyEvent], placed: int = 1000, failed: int = 0, swept: tuple[str, ...] = ()) -> Seen:
    return Seen(events, 0, [], placed, failed, list(swept))


def missed(run: Seen) -> set[str]:
    goals, _ = judge(run, RULES)
    return {goal.what for goal in goals if not goal.met}


def test_a_good_run_meets_every_goal() -> None:
    assert missed(seen(made_log(1, calls=0))) == set()
    assert missed(seen([], placed=1000, failed=1)) == set()


def test_each_fault_is_seen() -> None:
    late = Shift(ann=0, bob=1)
    late.joined(1000, "1")
    late.served(1100, "1", "bob", ring_ms=100, until=5000)  # bob: not idle longest, and 100 ms late
    assert missed(seen(late.events)) >= {
        "free while somebody waited, % of agents' time",
        "router regret, mean ms",
        "picks that were not of the one idle longest",
    }
    order = Shift(ann=0)
    order.joined(1000, "1")
    order.joined(1001, "2")
    order.offered(1002, "2", "ann")
    order.joined(1003, "3")
    order.offered(1004, "3", "ann")
    assert missed(seen(order.events)) >= {
        "calls served out of turn",
        "agents offered two calls, by the log",
        "what the audit found besides",
    }
    assert missed(seen([], swept=("the sweeper found 1: ['overdue']",))) == {"found by the sweeper"}
    assert missed(seen([], placed=1000, failed=2)) == {"failed calls"}


def test_rules_of_another_company_are_seen() -> None:
    shift = Shift(cat=0)
    shift.joined(1000, "1")
    shift.served(1000, "1", "cat", ring_ms=100, until=5000)
    assert "answered calls that the ideal router never served" in missed(seen(shift.events))


def test_what_the_report_counts() -> None:
    shift = Shift(ann=0)
    for number, reason in ((1, "no_answer"), (2, "caller_gone")):
        shift.joined(1000 * number, f"{number}")
        shift.offered(1000 * number, f"{number}", "ann")
        shift.declined(1000 * number + 500, f"{number}", "ann", reason)
        shift.state(1000 * number + 600, "ann", "paused", "lunch")
        shift.state(1000 * number + 700, "ann", "ready")
    shift.left(2500, "2", "caller_hangup_ringing")
    shift.served(5000, "1", "ann", ring_ms=300, until=9000)
    made = report(seen(shift.events), RULES, "now", FACTS, {"rate": 1})
    assert (made.answered, made.abandoned, made.offers, made.declined_share, made.picks) == (
        1,
        1,
        3,
        0.667,
        3,
    )
    assert made.wait.longest_ms == 4300


def test_the_company_is_whole() -> None:
    """Every number leads to a queue that somebody serves."""
    content = mixed_company.callflows(12)
    agents = content["agents.yaml"]["agents"].values()
    served = {queue["name"] for agent in agents for queue in agent["queues"]}
    flows = {number["flow"] for number in content["numbers.yaml"]["numbers"].values()}
    assert flows == served == set(content["queues.yaml"]["queues"]) == set(mixed_company.QUEUES)
    assert {len(agent["queues"]) for agent in agents} == {1, 2, 4}


QUEUE = {"needs": "spanish >= 3", "relax": [{"after_s": 10, "needs": "anybody"}], "tiers": {"2": 5}}
AGENTS = {
    "ann": {"queues": ["q"], "skills": {"spanish": 3}},
    "bob": {"queues": [{"name": "q", "tier": 2}], "skills": {"spanish": 9}},
    "cat": {"queues": ["q"]},
    "dan": {"queues": ["other"], "skills": {"spanish": 9}},
}


@pytest.mark.parametrize(
    ("waited_ms", "able"),
    [(0, ["ann"]), (4999, ["ann"]), (5000, ["ann", "bob"]), (10_000, ["ann", "bob", "cat"])],
)
def test_who_may_serve_whom_by_skill_tier_and_waiting_time(waited_ms: int, able: list[str]) -> None:
    published = mixed_company.Published({"q": QUEUE, "other": {}}, AGENTS)
    shift = Shift()
    shift.joined(0, "1", queue="q")
    (joined,) = shift.events
    assert isinstance(joined, Joined)
    assert [agent for agent in AGENTS if published.can_serve(agent, joined, waited_ms)] == able
    assert published.changes_ms(joined) == [5000, 10_000]
    assert published.tier("bob", "q") == 2


@pytest.mark.parametrize("queue", mixed_company.QUEUES)
def test_stages_are_those_of_the_scripts(queue: str) -> None:
    settings = Queue.model_validate(mixed_company.QUEUES[queue])
    published = stages(settings, ladder_of(settings.needs, settings.relax))
    assert [(stage.need, stage.tier) for stage in mixed_company.stages_of(settings)] == list(published)
