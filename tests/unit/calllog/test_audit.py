"""The audit passes sound logs and finds every planted corruption, with the call's name."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calllog.audit import AgentCounters, Audit, audit
from calllog.call_events import Arrived, Bridged, Ended, Joined, Unbridged
from calllog.events import decode, encode
from calllog.grammar import violations
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.held_call import CALL, held_call
from tests.unit.calllog.plants import PLANTS

seeds = st.integers(min_value=0, max_value=2**32)


@given(seed=seeds, calls=st.integers(min_value=0, max_value=8))
def test_a_sound_log_has_no_findings(seed: int, calls: int) -> None:
    report = audit(made_log(seed, calls))
    assert [str(violation) for violation in report.violations] == []
    assert report.calls == report.ended == calls
    assert all(counts.balanced and counts.waiting == 0 for counts in report.queues.values())


@given(seed=seeds)
def test_every_event_survives_the_wire(seed: int) -> None:
    events = made_log(seed, 2)
    assert [decode(encode(event)) for event in events] == events


def test_there_are_enough_corruptions() -> None:
    assert len(PLANTS) >= 20


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_corruption_is_found(name: str) -> None:
    planted = 0
    for seed in range(200):
        log = made_log(seed, 6)
        call = PLANTS[name](log, Random(seed))
        if not call:
            continue
        planted += 1
        assert call in {violation.call for violation in audit(log).violations}, f"seed {seed}"
        if planted == 20:
            return
    pytest.fail(f"only {planted} places found for it: the check can hardly fail")


@settings(max_examples=400)
@given(seed=seeds, name=st.sampled_from(sorted(PLANTS)))
def test_any_corruption_in_any_log_is_found(seed: int, name: str) -> None:
    log = made_log(seed, 5)
    call = PLANTS[name](log, Random(seed))
    if call:
        assert call in {violation.call for violation in audit(log).violations}


@given(seed=seeds, cut=st.floats(min_value=0, max_value=1))
def test_a_log_cut_anywhere_is_sound_while_its_calls_live(seed: int, cut: float) -> None:
    log = made_log(seed, 5)
    end = int(len(log) * cut)
    while 0 < end < len(log) and log[end].logged_at == log[end - 1].logged_at:
        end += 1  # one script writes all its events or none
    fold = Audit()
    for event in log[:end]:
        fold.add(event)
    live = fold.open_calls
    report = fold.finish(live)
    assert [str(violation) for violation in report.violations] == []
    assert report.live == len(live)
    assert sum(counts.waiting for counts in report.queues.values()) <= len(live)


def test_a_call_that_nobody_holds_and_that_never_ended_is_found() -> None:
    log = [event for event in made_log(3, 1) if not isinstance(event, Ended)]
    (finding,) = audit(log).violations
    assert finding.rule == "end"
    assert "without `ended`" in finding.what
    assert audit(log, live={finding.call}).violations == []


def test_counters_of_routing_are_compared_with_the_fold() -> None:
    log = made_log(1, 8)
    talks = [event for event in log if isinstance(event, Unbridged)]
    agent = talks[0].agent
    bridges = sum(isinstance(event, Bridged) and event.agent == agent for event in log)
    talk_ms = sum(event.talk_ms for event in talks if event.agent == agent)
    assert audit(log, counters={agent: AgentCounters(bridges, talk_ms)}).violations == []
    (finding,) = audit(log, counters={agent: AgentCounters(bridges + 1, talk_ms)}).violations
    assert (finding.call, finding.rule) == (f"agent {agent}", "counters")


def test_an_unreadable_entry_is_counted_and_reported() -> None:
    fold = Audit()
    fold.broken("17-0", "not an event: cut off")
    report = fold.finish()
    assert (report.events, report.broken) == (1, 1)
    assert "17-0" in str(report.violations[0])


def test_a_lost_system_event_is_found() -> None:
    log = made_log(1, 0)
    started = next(event for event in log if event.kind == "worker_started")
    again = decode(encode(started).replace(b"worker:hf-1:1:1", b"worker:hf-1:2:3"))
    assert [violation.rule for violation in audit([*log, again]).violations] == ["seq"]


def test_an_empty_log_is_sound() -> None:
    assert violations([]) == []
    assert audit([]).violations == []


def test_the_message_names_call_event_and_rule() -> None:
    arrived = next(event for event in made_log(5, 1) if isinstance(event, Arrived))
    assert str(violations([arrived])[0]) == (
        f"{arrived.call} (event 1): end: the log stops in the flow, without `ended`"
    )


def test_counts_that_do_not_add_up_are_found_for_the_queue_and_for_the_call() -> None:
    without = [event for event in held_call() if not isinstance(event, Joined)]
    report = audit(without)
    assert not report.queues["sales"].balanced
    said = {(one.call, one.what) for one in report.violations if one.rule == "balance"}
    assert (CALL, "left sales without having joined it, 1 times") in said
    assert {owner for owner, _ in said} == {CALL, "sales"}


def test_arriving_twice_or_never_is_found() -> None:
    first, *rest = held_call()
    for events, times in (([first, first, *rest], 2), (rest, 0)):
        found = [one.what for one in audit(events).violations if one.rule == "arrived"]
        assert found == [f"{times} times `arrived`, one is due"]
