"""Figures of routing, worked out by hand; and planted violations, each of which is found."""

from collections.abc import Sequence

import pytest

from calllog.audit import audit
from calllog.call_events import Joined
from calllog.regret import regret
from calllog.routing import PickCheck, Serves, free_while_waiting, wrong_picks
from calllog.turns import TurnCheck
from tests.unit.calllog.shift import Shift

EVERYBODY = Serves({"ann": ["sales"], "bob": ["sales"], "cat": ["sales"]})


class Later(Serves):
    """Bob is in the second tier, which opens after 3 s."""

    def can_serve(self, agent: str, joined: Joined, waited_ms: int) -> bool:
        return super().can_serve(agent, joined, waited_ms) and (agent != "bob" or waited_ms >= 3000)

    def changes_ms(self, joined: Joined) -> Sequence[int]:  # noqa: ARG002
        return (3000,)

    def tier(self, agent: str, queue: str) -> int:  # noqa: ARG002
        return 2 if agent == "bob" else 1


LATER = Later({"ann": ["sales"], "bob": ["sales"]})


class ByAndBy(Later):
    """The same, but there is one tier only."""

    def tier(self, agent: str, queue: str) -> int:  # noqa: ARG002
        return 1


BY_AND_BY = ByAndBy({"ann": ["sales"], "bob": ["sales"]})


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


# Turns


def passed_over(shift: Shift) -> list[str]:
    check = TurnCheck()
    found = [str(one) for event in shift.events if hasattr(event, "call") for one in check.call(event)]  # type: ignore[arg-type]
    assert check.passed_over == len(found)
    return found


def test_first_come_first_served() -> None:
    shift = Shift(ann=0)
    shift.joined(1000, "1")
    shift.joined(1001, "2")
    shift.offered(1002, "1", "ann")
    shift.declined(1500, "1", "ann")
    shift.joined(1600, "3")
    shift.offered(2000, "1", "ann")
    shift.offered(2100, "2", "bob")
    shift.offered(2200, "3", "cat")
    assert passed_over(shift) == []


def test_who_is_passed_over_is_found() -> None:
    shift = Shift()
    for number in (1, 2, 3):
        shift.joined(1000 + number, f"{number}")
    shift.offered(2000, "2", "ann")
    shift.left(2500, "1", "caller_hangup")
    shift.offered(3000, "3", "bob")
    assert passed_over(shift) == [
        "2 (event 2): turn: offered to ann while 1 waits, who came before with the same claim"
    ]
    assert "turn" in {violation.rule for violation in audit(shift.events).violations}


@pytest.mark.parametrize(
    "claim", [{"queue": "tech"}, {"needs": "spanish >= 3"}, {"head_start_s": 60.0}], ids=str
)
def test_who_has_another_claim_may_be_served_first(claim: dict[str, object]) -> None:
    shift = Shift()
    shift.joined(1000, "1")
    shift.joined(2000, "2", **claim)  # type: ignore[arg-type]
    shift.offered(3000, "2", "ann")
    assert passed_over(shift) == []


def test_who_is_on_hold_is_passed_over_and_keeps_his_turn() -> None:
    shift = Shift()
    for number in (1, 2, 3):
        shift.joined(1000 + number, f"{number}")
    shift.hold(1500, "1", begins=True)
    shift.offered(2000, "2", "ann")
    assert passed_over(shift) == []
    shift.hold(2500, "1", begins=False)
    shift.offered(3000, "3", "bob")
    assert len(passed_over(shift)) == 1


def test_who_is_rung_at_several_phones_waits_again_when_the_last_has_declined() -> None:
    shift = Shift(ann=0, bob=0, cat=0)
    shift.joined(1000, "1")
    shift.joined(1001, "2")
    shift.offered(1001, "1", "ann", why="ring_all")
    shift.offered(1001, "1", "bob", attempt=2, why="ring_all")
    shift.declined(2000, "1", "ann", reason="withdrawn")
    shift.offered(2000, "2", "cat", why="ring_all")  # cat was free for 999 ms while 2 waited
    assert passed_over(shift) == []
    shift.declined(2500, "2", "cat")
    shift.declined(2600, "1", "bob")
    shift.offered(3000, "2", "ann", why="ring_all")
    assert len(passed_over(shift)) == 1
    assert (
        free_while_waiting(shift.events, EVERYBODY).ms == 3 + 999 + 500
    )  # the last: ann, until she is rung for 2


# Router regret


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
