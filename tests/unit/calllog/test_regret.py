"""Router regret: how much longer callers waited than with an ideal router, worked out by hand."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import msgspec
import pytest

from calllog.call_events import Joined
from calllog.regret import Record, answered_waits, regret
from calllog.routing import AsOffered, Rules, Serves
from tests.unit.calllog.rules import EVERYBODY, LATER
from tests.unit.calllog.shift import Shift


def by_call(shift: Shift, rules: Rules = EVERYBODY) -> dict[str, int]:
    """Call → its regret, ms."""
    return {wait.call: wait.regret_ms for wait in answered_waits(shift.events, rules)}


def test_an_ideal_router_has_nothing_to_regret() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1000, "1", "ann", ring_ms=300, until=9000)
    shift.joined(2000, "2")
    shift.served(9000, "2", "ann", ring_ms=300, until=12_000)
    assert by_call(shift) == {"1": 0, "2": 0}
    assert regret(answered_waits(shift.events, EVERYBODY)) == (2, 0, 0, 0)


def test_each_delay_is_regretted() -> None:
    """One agent. 1 is offered 10 ms late and connected 20 ms late, so 2 could have been offered at 8,990."""
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1010, "1", "ann", ring_ms=300, until=9000, late_ms=20)
    shift.joined(2000, "2")
    shift.served(9005, "2", "ann", ring_ms=300, until=12_000)
    assert by_call(shift) == {"1": 10 + 20, "2": 15}
    found = regret(answered_waits(shift.events, EVERYBODY))
    assert found.mean_ms == 22.5
    assert found.error_ms == pytest.approx(7.5)


def test_a_talk_that_ended_unnoticed_is_regretted() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.answered(1300, "1", "ann", 1300)
    shift.joined(2000, "2")
    shift.parted(9000, "1", "ann", ready_at=9040)
    shift.served(9040, "2", "ann", ring_ms=300, until=12_000)
    assert by_call(shift) == {"1": 0, "2": 40}


def test_two_agents_first_come_first_served() -> None:
    """Two servers: 3 should have had ann's end at 5,000; he was left to wait for bob's at 8,000."""
    shift = Shift(ann=0, bob=1)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.answered(1000, "1", "ann", 1000)
    shift.joined(1500, "2")
    shift.offered(1500, "2", "bob")
    shift.answered(1500, "2", "bob", 1500)
    shift.joined(2000, "3")
    shift.parted(5000, "1", "ann", ready_at=5000)
    shift.parted(8000, "2", "bob", ready_at=8000)
    shift.served(8000, "3", "bob", ring_ms=0, until=9000)
    assert by_call(shift) == {"1": 0, "2": 0, "3": 3000}


def test_a_decline_takes_its_time_in_the_ideal_too() -> None:
    """ann rings in vain for 2 s and cools down for 5 s; then bob answers, 30 ms later than he could have."""
    shift = Shift(ann=0, bob=1)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.declined(3000, "1", "ann")
    shift.offered(3030, "1", "bob", attempt=2)
    shift.answered(3530, "1", "bob", 3530)
    shift.joined(4000, "2")
    shift.state(8000, "ann", "ready")
    shift.served(8000, "2", "ann", ring_ms=500, until=11_000)
    shift.parted(12_000, "1", "bob", ready_at=12_000)
    assert by_call(shift) == {"1": 30, "2": 0}


def test_who_was_away_by_his_own_wish_is_away_in_the_ideal() -> None:
    shift = Shift(ann=0)
    shift.state(500, "ann", "paused", "lunch")
    shift.joined(1000, "1")
    shift.state(6000, "ann", "ready")
    shift.served(6000, "1", "ann", ring_ms=0, until=7000)
    assert by_call(shift) == {"1": 0}


def test_who_gave_up_is_not_served_in_the_ideal() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.left(3000, "1", "caller_hangup")
    shift.joined(3000, "2")
    shift.served(3000, "2", "ann", ring_ms=0, until=7000)
    assert by_call(shift) == {"2": 0}


def test_a_cool_down_goes_with_its_offer() -> None:
    """1 was offered a second late: so the agent's cool-down ended a second late, and 2 waited for that."""
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.offered(2000, "1", "ann")
    shift.declined(3000, "1", "ann")
    shift.joined(3000, "2")
    shift.left(5000, "1", "timeout")
    shift.state(8000, "ann", "ready")
    shift.served(8000, "2", "ann", ring_ms=0, until=9000)
    assert by_call(shift) == {"2": 1000}


def test_who_was_served_too_early_waits_longer_in_the_ideal() -> None:
    """2 came last and was served first, at his second offer: 2,500 ms earlier than he should have been."""
    shift = Shift(ann=2000)
    shift.joined(1000, "1")
    shift.joined(1500, "2")
    shift.events.sort(key=lambda event: event.at)
    shift.offered(2000, "2", "ann")
    shift.declined(2500, "2", "ann", reason="withdrawn")
    shift.offered(2500, "2", "ann", attempt=2)
    shift.answered(2600, "2", "ann", 2600)
    shift.parted(5000, "2", "ann", ready_at=5000)
    shift.served(5000, "1", "ann", ring_ms=100, until=7500)
    assert by_call(shift) == {"1": 3000, "2": -2500}


def test_rules_of_another_log_are_noticed() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1000, "1", "ann", ring_ms=0, until=7000)
    assert regret(answered_waits(shift.events, Serves({"ann": ["tech"]}))) == (0, 0, None, 1)


def test_the_ideal_follows_tiers() -> None:
    """bob's tier opens at 3 s: he could have had the caller then, and had him at 3,400."""
    shift = Shift(bob=0)
    shift.joined(1000, "1")
    shift.served(4400, "1", "bob", ring_ms=100, until=6000)
    assert by_call(shift, LATER) == {"1": 400}


def test_who_is_ready_as_the_log_begins_is_there_in_the_ideal() -> None:
    """Nothing is said of ann before she is rung, 2 s late; else she comes when she says so, at 7,000."""
    shift = Shift()
    shift.joined(1000, "1")
    shift.served(3000, "1", "ann", ring_ms=0, until=7000)
    assert by_call(shift) == {"1": 2000 - 6000}
    record = Record(["ann"])
    for event in shift.events:
        record.add(event)
    assert [wait.regret_ms for wait in record.answered(EVERYBODY)] == [2000]


def test_in_the_ideal_a_caller_may_still_wait_in_the_queue_that_he_has_left_in_truth() -> None:
    """2 came first and was served last; 1 came back to the place that he had had."""
    shift = Shift(bob=0)
    shift.joined(500, "2")
    shift.joined(1000, "1")
    shift.served(1000, "1", "bob", ring_ms=0, until=3000)
    shift.joined(3000, "1", head_start_s=2)
    shift.served(3000, "1", "bob", ring_ms=0, until=6000)
    shift.served(6000, "2", "bob", ring_ms=0, until=16_000)
    found = [(wait.call, wait.ideal_ms) for wait in answered_waits(shift.events, EVERYBODY)]
    assert found == [("2", 0), ("1", 9_500), ("1", 9_500)]


def test_rules_as_the_log_shows_them() -> None:
    shift = Shift(ann=0, bob=0)
    shift.joined(1000, "1", "sales", needs="de")
    shift.served(1000, "1", "ann", ring_ms=0, until=7000)
    shift.joined(2000, "2", "tech")
    shift.offered(2000, "2", "bob")
    shift.declined(2500, "2", "bob")
    shift.offered(9000, "1", "cat")
    rules = AsOffered()
    for event in shift.events:
        rules.add(event)
    joined = {event.call: event for event in shift.events if isinstance(event, Joined)}
    able = {
        (agent, call)
        for agent in ("ann", "bob", "cat")
        for call in joined
        if rules.can_serve(agent, joined[call], 0)
    }
    assert able == {("ann", "1"), ("bob", "2")}, "cat was asked by ann, no caller waited"
    assert not rules.can_serve("ann", msgspec.structs.replace(joined["1"], needs=""), 0)


def longest_waits(arrivals: Sequence[tuple[int, int]], agents: int) -> list[int]:
    """How long each waits of who comes (`at`, for how long he is served), first come, first served.

    The recursion of Kiefer and Wolfowitz (1955): the work that is ahead of the next one, at each agent.
    """
    ahead, before, waits = [0] * agents, 0, []
    for at, takes in arrivals:
        ahead = sorted(max(work - (at - before), 0) for work in ahead)
        waits.append(ahead[0])
        ahead[0] += takes
        before = at
    return waits


@pytest.mark.parametrize("seed", range(20))
def test_of_one_queue_the_ideal_is_the_recursion_of_a_first_come_queue(seed: int) -> None:
    """A careless router: it lets callers wait for up to 3 s though agents are free, and picks any of them."""
    random, names = Random(seed), ("ann", "bob", "cat")
    shift, free_at = Shift(**dict.fromkeys(names, 0)), dict.fromkeys(names, 1)
    arrivals, told, at = [], list[tuple[int, Callable[[], None]]](), 1000
    for number in range(200):
        at += random.randint(1, 4000)
        takes = random.randint(500, 9000)
        agent = random.choice(names)
        begins = max(at, free_at[agent]) + random.randint(0, 3000)
        free_at[agent] = begins + takes
        arrivals.append((at, takes))
        told.append((at, partial(shift.joined, at, f"{number}")))
        told.append((begins, partial(shift.served, begins, f"{number}", agent, 0, begins + takes)))
    for _, tell in sorted(told, key=lambda each: each[0]):
        tell()
    shift.events.sort(key=lambda event: event.at)
    found = answered_waits(shift.events, EVERYBODY)
    assert [wait.ideal_ms for wait in found] == longest_waits(arrivals, len(names))
    assert regret(found).mean_ms > 0
