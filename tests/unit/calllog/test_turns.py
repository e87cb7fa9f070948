"""Whose turn it is: planted violations of first come, first served, each of which is found."""

import pytest

from calllog.audit import audit
from calllog.routing import free_while_waiting
from calllog.turns import TurnCheck
from tests.unit.calllog.rules import EVERYBODY
from tests.unit.calllog.shift import Shift


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
    free = free_while_waiting(shift.events, EVERYBODY)
    assert free.ms == 3 + 999 + 500  # the last: ann, until she is rung for 2
