"""Time in which somebody waits and an agent is free, and whom the router picks: worked out by hand."""

import pytest

from calllog.routing import PickCheck, Serves, free_while_waiting, wrong_picks
from tests.unit.calllog.rules import BY_AND_BY, EVERYBODY, LATER
from tests.unit.calllog.shift import Shift

# Free while waiting


def test_nobody_is_free_while_somebody_waits() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1000, "1", "ann", ring_ms=500, until=5000)
    shift.joined(6000, "2")
    shift.served(6000, "2", "ann", ring_ms=500, until=10_000)
    found = free_while_waiting(shift.events, EVERYBODY)
    assert (found.ms, found.agent_ms, found.share) == (0, 10_000, 0.0)


def test_the_time_of_each_agent_who_could_have_served_counts() -> None:
    shift = Shift(ann=0, bob=0, dan=0)
    shift.state(500, "dan", "offline")
    shift.joined(1000, "1")
    shift.joined(1500, "2")
    shift.offered(2000, "1", "ann")  # ann was free for 1,000 ms of it, for 1 alone and then for both
    shift.offered(4000, "2", "bob")  # bob for 3,000 ms; dan is not there
    shift.state(10_000, "ann", "ready")
    found = free_while_waiting(shift.events, EVERYBODY)
    assert found == (4000, 20_500, 3000, "bob")
    assert found.share == pytest.approx(4000 / 20_500)


def test_only_who_could_serve_him_counts() -> None:
    shift = Shift(ann=0, bob=0)
    shift.joined(1000, "1", queue="tech")
    shift.left(9000, "1", "timeout", queue="tech")
    assert free_while_waiting(shift.events, EVERYBODY).ms == 0
    rules = Serves({"ann": ["tech"], "bob": ["sales"]})
    assert free_while_waiting(shift.events, rules) == (8000, 18_000, 8000, "ann")


def test_a_tier_counts_from_when_it_opens() -> None:
    shift = Shift(bob=0)
    shift.joined(1000, "1")
    shift.served(4250, "1", "bob", ring_ms=100, until=6000)  # 250 ms late
    assert free_while_waiting(shift.events, LATER).ms == 250


def test_who_is_offered_or_on_hold_does_not_wait() -> None:
    shift = Shift(ann=0, bob=0, cat=0)
    shift.joined(1000, "1")
    shift.hold(1000, "1", begins=True)
    shift.hold(3000, "1", begins=False)
    shift.offered(3200, "1", "ann")  # all three were free for 200 ms
    shift.hold(4000, "1", begins=True)
    shift.hold(4500, "1", begins=False)  # while he is offered: he does not wait
    shift.declined(5000, "1", "ann")
    shift.offered(5100, "1", "bob", attempt=2)  # bob and cat for 100 ms
    shift.hold(5200, "1", begins=True)
    shift.hold(5300, "1", begins=False)
    shift.answered(5600, "1", "bob", 5600)
    assert free_while_waiting(shift.events, EVERYBODY).ms == 3 * 200 + 2 * 100


def test_who_still_waits_at_the_end_counts() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.state(4000, "cat", "ready")
    assert free_while_waiting(shift.events, EVERYBODY).ms == 3000


def test_who_comes_to_work_while_somebody_waits() -> None:
    shift = Shift(ann=5000)
    shift.joined(1000, "1")
    shift.events.sort(key=lambda event: event.at)
    shift.offered(5600, "1", "ann")
    assert free_while_waiting(shift.events, EVERYBODY).ms == 600


# Picks


def test_every_pick_was_the_one_idle_longest() -> None:
    shift = Shift(ann=0, bob=100, cat=50)
    for at, call, agent in ((1000, "1", "ann"), (1100, "2", "cat"), (1200, "3", "bob")):
        shift.joined(at, call)
        shift.offered(at, call, agent)
    check = PickCheck(EVERYBODY)
    assert [check.add(event) for event in shift.events] == [None] * len(shift.events)
    assert check.checked == 3


def test_a_pick_of_another_is_found() -> None:
    shift = Shift(ann=0, bob=100)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "bob")
    (found,) = wrong_picks(shift.events, EVERYBODY)
    assert found == ("1", 1, "bob", 900, "ann", 1000)
    assert str(found) == "1: attempt 1 went to bob, idle for 900 ms, while ann was idle for 1000 ms"


def test_a_pick_of_somebody_who_is_not_ready_is_found() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.joined(1000, "2")
    shift.offered(1000, "1", "ann")
    shift.offered(1000, "2", "ann")
    (found,) = wrong_picks(shift.events, EVERYBODY)
    assert (found.call, found.other) == ("2", "nobody who was ready")


def test_a_pick_of_somebody_who_may_not_serve_him_is_found() -> None:
    shift = Shift(bob=0)
    shift.joined(1000, "1")
    shift.offered(3999, "1", "bob")  # his tier opens a millisecond later
    (found,) = wrong_picks(shift.events, LATER)
    assert found.other == "nobody who may serve him"


@pytest.mark.parametrize(("offered_at", "wrong"), [(4040, 0), (4060, 1)])
def test_who_may_serve_him_only_just_now_was_not_passed_over(offered_at: int, wrong: int) -> None:
    shift = Shift(bob=0, ann=4030)
    shift.joined(1000, "1")
    shift.events.sort(key=lambda event: event.at)
    shift.offered(offered_at, "1", "ann")
    assert len(wrong_picks(shift.events, BY_AND_BY)) == wrong


def test_who_cannot_serve_him_was_not_passed_over() -> None:
    shift = Shift(ann=0, bob=100)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "bob")
    assert wrong_picks(shift.events, Serves({"ann": ["tech"], "bob": ["sales"]})) == []


def test_other_strategies_are_not_judged() -> None:
    shift = Shift(ann=0, bob=100)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "bob", why="random")
    assert wrong_picks(shift.events, EVERYBODY) == []


def test_what_was_not_his_fault_does_not_cost_him_his_place() -> None:
    shift = Shift(ann=0, bob=100)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.declined(1500, "1", "ann", reason="caller_gone")
    shift.joined(2000, "2")
    shift.offered(2000, "2", "bob")
    assert [str(pick) for pick in wrong_picks(shift.events, EVERYBODY)] == [
        "2: attempt 1 went to bob, idle for 1900 ms, while ann was idle for 2000 ms"
    ]


@pytest.mark.parametrize(("next_one", "wrong"), [("bob", 0), ("ann", 1)])
def test_who_has_given_him_away_is_asked_last(next_one: str, wrong: int) -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.answered(1100, "1", "ann", 1100)
    shift.given(2000, "1", "ann")
    shift.state(2100, "bob", "ready")
    shift.joined(2200, "1")
    shift.offered(2200, "1", next_one, attempt=2)
    assert len(wrong_picks(shift.events, EVERYBODY)) == wrong


def test_who_is_asked_by_an_agent_is_no_offer_to_a_waiting_caller() -> None:
    shift = Shift(ann=0, bob=0)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.answered(1100, "1", "ann", 1100)
    shift.offered(1500, "1", "bob", attempt=2, why="consult")
    shift.parted(2000, "1", "ann", 2000)
    shift.joined(3000, "1")
    shift.offered(3000, "1", "ann", attempt=3)
    shift.declined(3500, "1", "ann", reason="withdrawn")
    shift.offered(4500, "1", "ann", attempt=4)
    assert free_while_waiting(shift.events, EVERYBODY).ms == 1000, "he waited, and ann was free"


@pytest.mark.parametrize(("next_one", "wrong"), [("bob", 0), ("ann", 1)])
def test_who_has_declined_is_asked_again_only_if_there_is_no_other(next_one: str, wrong: int) -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.declined(1500, "1", "ann")
    shift.state(2500, "ann", "ready")
    shift.state(2600, "bob", "ready")
    shift.offered(2700, "1", next_one, attempt=2)
    assert len(wrong_picks(shift.events, EVERYBODY)) == wrong


@pytest.mark.parametrize(("waited_ms", "agent", "wrong"), [(0, "ann", 0), (5000, "ann", 0), (5000, "bob", 1)])
def test_the_lower_tier_goes_first(waited_ms: int, agent: str, wrong: int) -> None:
    shift = Shift(bob=0, ann=100)  # bob is idle longer
    shift.joined(1000, "1")
    shift.offered(1000 + waited_ms, "1", agent)
    assert len(wrong_picks(shift.events, LATER)) == wrong
