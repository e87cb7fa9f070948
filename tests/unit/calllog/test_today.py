"""Today's figures of queues: formulas, what counts when, and other limits for what has been."""

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from calllog.call_events import Ended, Joined, QueueLeft, QueueRefused
from calllog.events import AnyEvent
from calllog.today import Limits, QueueToday, Today
from calllog.vocabulary import LEFT_CLASS

BEGINS, ENDS = 1_000_000_000, 1_086_400_000
_NUMBERS = itertools.count()


def common(call: str, at: int) -> dict[str, Any]:
    number = next(_NUMBERS)
    return {
        "id": f"{call}:{number}",
        "site": "main",
        "call": call,
        "seq": number,
        "at": at,
        "logged_at": at,
        "source": "observed",
    }


def joined(call: str, at: int, queue: str = "sales") -> AnyEvent:
    return Joined(queue=queue, position=1, score=1.0, **common(call, at))


def left(call: str, at: int, reason: Any, waited_ms: int, queue: str = "sales") -> AnyEvent:
    places: dict[str, Any] = {"position": 1, "original_position": 1}
    return QueueLeft(queue=queue, reason=reason, waited_ms=waited_ms, **places, **common(call, at))


def today(**limits: Limits) -> Today:
    return Today(BEGINS, ENDS, limits)


def wait(day: Today, call: str, reason: str, waited_ms: int, at: int = BEGINS) -> None:
    day.count_all([joined(call, at), left(call, at + waited_ms, reason, waited_ms)])


def test_a_morning_worked_by_hand() -> None:
    day = today()
    wait(day, "a", "answered", 12_000)
    wait(day, "b", "answered", 20_000)  # just in time
    wait(day, "c", "answered", 20_001)
    wait(day, "d", "caller_hangup", 4_999)  # short
    wait(day, "e", "caller_hangup_ringing", 5_000)  # not short
    wait(day, "f", "timeout", 60_000)
    wait(day, "g", "system_error", 1_000)
    day.count(joined("h", BEGINS))
    day.count(QueueRefused(queue="sales", reason="full", **common("i", BEGINS)))
    assert day.figures("sales") == QueueToday(
        offered=8,
        answered=3,
        abandoned=2,
        short=1,
        flowed=1,
        failed=1,
        waiting=1,
        refused=1,
        in_time=2,
        service_level=2 / 7,
        abandon_rate=1 / 7,
        asa_ms=17_334,
        wait_longest_ms=20_001,
        abandon_mean_ms=5_000,
    )
    assert day.figures("nobody-called") == QueueToday()


def test_nothing_but_short_abandons_is_no_figure() -> None:
    day = today()
    wait(day, "a", "caller_hangup", 100)
    figures = day.figures("sales")
    assert (figures.service_level, figures.abandon_rate) == (None, None)


def test_who_joined_yesterday_or_joins_tomorrow_does_not_count() -> None:
    day = today()
    wait(day, "a", "answered", 10_000, at=BEGINS - 5_000)
    wait(day, "b", "answered", 10_000, at=ENDS)
    assert day.figures("sales") == QueueToday()
    wait(day, "c", "answered", 10_000, at=ENDS - 1)
    assert day.figures("sales").answered == 1, "though he was answered tomorrow"


def test_who_goes_on_to_another_queue_is_offered_to_both() -> None:
    day = today()
    wait(day, "a", "overflow", 30_000)
    day.count_all([joined("a", BEGINS + 30_000, "support")])
    assert (day.figures("sales").flowed, day.figures("sales").waiting) == (1, 0)
    assert (day.figures("support").offered, day.figures("support").waiting) == (1, 1)


def test_other_limits_apply_to_what_has_been() -> None:
    day, other = today(), Limits(10_000, 10_000)
    wait(day, "a", "answered", 12_000)
    wait(day, "b", "caller_hangup", 7_000)
    assert (day.figures("sales").in_time, day.figures("sales").short) == (1, 0)
    assert day.measure_by({"sales": other, "support": other}) == {"sales"}
    assert (day.figures("sales").in_time, day.figures("sales").short) == (0, 1)
    assert day.measure_by({"sales": other}) == set()
    wait(day, "c", "caller_hangup", 7_000)
    assert day.figures("sales").short == 2


def test_an_event_that_is_none_is_passed_over() -> None:
    assert today().count_all([None, left("x", BEGINS, "answered", 1)]) == set()


reasons = some.sampled_from(sorted(LEFT_CLASS))


@given(some.lists(some.tuples(some.integers(0, 5), reasons, some.integers(0, 100_000), some.booleans())))
def test_it_adds_up_whatever_happens(waits: list[tuple[int, str, int, bool]]) -> None:
    day = today()
    for number, (queue, reason, waited_ms, stays) in enumerate(waits):
        name = f"q{queue}"
        day.count(joined(f"c{number}", BEGINS, name))
        if not stays:
            day.count(left(f"c{number}", BEGINS, reason, waited_ms, name))
    for name in {f"q{queue}" for queue, *_ in waits}:
        found = day.figures(name)
        parts = found.answered + found.abandoned + found.flowed + found.failed + found.waiting
        assert found.offered == parts
        assert found.short <= found.abandoned
        assert found.in_time <= found.answered


def test_a_call_that_ends_is_forgotten() -> None:
    day = today()
    day.count(joined("a", BEGINS))
    nothing = {"lifetime_ms": 0, "flow_ms": 0, "wait_ms": 0, "held_ms": 0, "talk_ms": 0, "cause": 16}
    ended: dict[str, Any] = {"verdict": "abandoned", "reason": "", "ended_by": "caller", **nothing}
    day.count(Ended(**ended, **common("a", BEGINS)))
    assert day._open == {}
