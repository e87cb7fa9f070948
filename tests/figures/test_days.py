"""The generator of days makes what it says: sound logs, and everything that figures can trip over."""

from collections import Counter
from functools import cache
from typing import Any, get_args

import msgspec
import pytest

from calllog.audit import Audit
from calllog.events import AnyEvent, decode
from calllog.vocabulary import LEFT_CLASS, AgentState, DeclinedReason, Verdict
from tests.figures.days import PLACES, day, setting

BLOCKS, BLOCK = 10, 30


@cache
def log_of(seed: int) -> list[bytes]:
    return day(seed)


def everything() -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for seed in range(BLOCKS * BLOCK) for line in log_of(seed)]


def violations(events: list[AnyEvent]) -> list[str]:
    """What the audit finds, of each call's grammar and of the whole; what is open is not over yet."""
    fold = Audit()
    for event in events:
        fold.add(event)
    return [str(one) for one in fold.finish(live=fold.open_calls).violations]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_day_is_sound(block: int) -> None:
    for seed in range(block * BLOCK, block * BLOCK + BLOCK):
        assert violations([decode(line) for line in log_of(seed)]) == [], f"day {seed}"


def test_the_same_seed_is_the_same_day_and_another_is_another() -> None:
    assert day(4) == day(4) != day(5)
    assert setting(4) == setting(4)


def test_what_is_asked_for_is_not_drawn() -> None:
    kinds = Counter(
        msgspec.json.decode(line)["kind"] for line in day(3, calls=40, days=1, now=2_000_000_000_000)
    )
    assert kinds["arrived"] >= 40
    assert set(Counter(msgspec.json.decode(line)["kind"] for line in day(3, calls=0))) <= {
        "worker_started",
        "flow_published",
        "agent_state",
        "asterisk_lost",
        "asterisk_connected",
        "fallback_taken",
    }
    chosen = setting(3, zone="Europe/Berlin", day="2026-10-25", days=1)
    assert chosen.to_at - chosen.from_at == 25 * 3_600_000


def test_everything_that_can_be_written_is_in_some_day() -> None:
    events = everything()
    kinds = Counter(event["kind"] for event in events)
    known = {kind.__struct_config__.tag for kind in get_args(AnyEvent)}
    assert known - set(kinds) == set()
    left = Counter(event["reason"] for event in events if event["kind"] == "queue_left")
    assert set(LEFT_CLASS) - set(left) == set()
    declined = Counter(event["reason"] for event in events if event["kind"] == "declined")
    assert set(get_args(DeclinedReason)) - set(declined) == set()
    verdicts = Counter(event["verdict"] for event in events if event["kind"] == "ended")
    assert set(get_args(Verdict)) - set(verdicts) == set()
    states = Counter(event["to"] for event in events if event["kind"] == "agent_state")
    assert set(get_args(AgentState)) - set(states) == set()
    assert Counter(event["source"] for event in events)["inferred"] > 100
    assert kinds["overtaken"] > 50


def test_some_days_are_empty_and_in_some_callers_still_wait_or_talk() -> None:
    sizes, open_ones = Counter[int](), Counter[str]()
    for seed in range(BLOCKS * BLOCK):
        last: dict[str, str] = {}
        for line in log_of(seed):
            event = msgspec.json.decode(line)
            if "seq" in event:
                last[event["call"]] = event["kind"]
        sizes[len(last)] += 1
        open_ones.update(kind for kind in last.values() if kind != "ended")
    assert sizes[0] > 3
    assert sizes[1] > 3
    assert open_ones["hold_started"] > 3
    assert open_ones["bridged"] > 3


def test_every_zone_and_day_is_drawn() -> None:
    assert {(setting(seed).zone, setting(seed).date) for seed in range(BLOCKS * BLOCK)} == set(PLACES)
