"""Router regret: how much longer callers waited than with an ideal router, worked out by hand."""

import pytest

from calllog.regret import regret
from calllog.routing import Serves
from tests.unit.calllog.rules import EVERYBODY, LATER
from tests.unit.calllog.shift import Shift


def test_an_ideal_router_has_nothing_to_regret() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1000, "1", "ann", ring_ms=300, until=9000)
    shift.joined(2000, "2")
    shift.served(9000, "2", "ann", ring_ms=300, until=12_000)
    assert regret(shift.events, EVERYBODY) == (2, 0, {"1": 0, "2": 0}, 0)


def test_each_delay_is_regretted() -> None:
    """One agent. 1 is offered 10 ms late and connected 20 ms late, so 2 could have been offered at 8,990."""
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1010, "1", "ann", ring_ms=300, until=9000, late_ms=20)
    shift.joined(2000, "2")
    shift.served(9005, "2", "ann", ring_ms=300, until=12_000)
    found = regret(shift.events, EVERYBODY)
    assert found.by_call == {"1": 10 + 20, "2": 15}
    assert found.mean_ms == 22.5
    assert found.error_ms == pytest.approx(7.5 / 2**0.5)


def test_a_talk_that_ended_unnoticed_is_regretted() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.offered(1000, "1", "ann")
    shift.answered(1300, "1", "ann", 1300)
    shift.joined(2000, "2")
    shift.parted(9000, "1", "ann", ready_at=9040)
    shift.served(9040, "2", "ann", ring_ms=300, until=12_000)
    assert regret(shift.events, EVERYBODY).by_call == {"1": 0, "2": 40}


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
    assert regret(shift.events, EVERYBODY).by_call == {"1": 0, "2": 0, "3": 3000}


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
    assert regret(shift.events, EVERYBODY).by_call == {"1": 30, "2": 0}


def test_who_was_away_by_his_own_wish_is_away_in_the_ideal() -> None:
    shift = Shift(ann=0)
    shift.state(500, "ann", "paused", "lunch")
    shift.joined(1000, "1")
    shift.state(6000, "ann", "ready")
    shift.served(6000, "1", "ann", ring_ms=0, until=7000)
    assert regret(shift.events, EVERYBODY).by_call == {"1": 0}


def test_who_gave_up_is_not_served_in_the_ideal() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.left(3000, "1", "caller_hangup")
    shift.joined(3000, "2")
    shift.served(3000, "2", "ann", ring_ms=0, until=7000)
    assert regret(shift.events, EVERYBODY).by_call == {"2": 0}


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
    assert regret(shift.events, EVERYBODY).by_call == {"2": 1000}


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
    assert regret(shift.events, EVERYBODY).by_call == {"1": 3000, "2": -2500}


def test_rules_of_another_log_are_noticed() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.served(1000, "1", "ann", ring_ms=0, until=7000)
    assert regret(shift.events, Serves({"ann": ["tech"]})) == (0, 0.0, {}, 1)


def test_the_ideal_follows_tiers() -> None:
    """bob's tier opens at 3 s: he could have had the caller then, and had him at 3,400."""
    shift = Shift(bob=0)
    shift.joined(1000, "1")
    shift.served(4400, "1", "bob", ring_ms=100, until=6000)
    assert regret(shift.events, LATER).by_call == {"1": 400}
