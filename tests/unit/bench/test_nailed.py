"""What the bench of nailed-up agents reads in a log, and when it says that the goal is met."""

import pytest

from bench.nailed import Report, callflows, handings, report
from tests.unit.bench.test_mixed import FACTS
from tests.unit.calllog.shift import Shift


def run(hand_off_ms: int, served: bool = True, placed: int = 2) -> Report:
    shift = Shift(ann=0, bob=0)
    for at, call, queue, agent in ((1000, "1", "nailed", "ann"), (1001, "2", "rung", "bob")):
        shift.joined(at, call, queue)
        if served:
            shift.offered(at, call, agent)
            shift.answered(at + hand_off_ms, call, agent, at + hand_off_ms, queue)
    return report(shift.events, placed, "now", FACTS, {})


def test_each_queue_is_told_apart() -> None:
    made = run(40)
    assert {queue: (each.calls, each.unserved) for queue, each in made.queues.items()} == {
        "nailed": (1, 0),
        "rung": (1, 0),
    }
    assert made.queues["nailed"].hand_off.p99_ms == 40
    assert made.kept


@pytest.mark.parametrize("made", [run(51), run(40, served=False), run(40, placed=3)])
def test_too_slow_not_served_or_never_arrived_is_missed(made: Report) -> None:
    assert not made.kept


def test_nothing_measured_is_not_met() -> None:
    assert not report([], 0, "now", FACTS, {}).kept
    assert handings([])["nailed"].hand_off.p99_ms is None


def test_half_of_the_agents_can_only_be_reached_by_their_legs() -> None:
    devices = callflows(4)["agents.yaml"]["devices"]
    assert [contact is None for contact in devices.values()] == [True, True, False, False]
