"""The audit passes sound days and finds each of these corruptions: it names whom, and the rule."""

from functools import cache
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from calllog.audit import audit
from calllog.call_events import (
    Answered,
    Bridged,
    CallEvent,
    Consulted,
    Declined,
    Ended,
    HoldEnded,
    Joined,
    Offered,
    QueueLeft,
    Step,
    SurveyAnswered,
    Unbridged,
)
from calllog.events import AgentStateChanged, Disposition, decode
from tests.figures.days import day
from tests.unit.calllog.plants import PLANTS, Log, Plant, another, changed, doubled, lost, more, pick

DAYS = 500
PLACES = 4
"""In so many days each corruption is planted."""


@cache
def sound_day(seed: int) -> Log:
    """A generated day that is over: every call has ended."""
    return [decode(line) for line in day(seed, now=1 << 60)]


def call_lost(log: Log, rng: Random) -> str:
    """Nothing is left of a call but what its agents say of it."""
    index = pick(log, rng, Bridged)
    if index is None:
        return ""
    gone: Any = log[index]
    log[:] = [event for event in log if not (isinstance(event, CallEvent) and event.call == gone.call)]
    return str(gone.call)


def agents_gap(log: Log, rng: Random) -> str:
    """A change of an agent's state is not there, and the later ones are renumbered."""
    index = pick(log, rng, AgentStateChanged, to="talking")
    if index is None:
        return ""
    gone: Any = log.pop(index)
    number = 0
    for place, event in enumerate(log):
        if isinstance(event, AgentStateChanged | Disposition) and event.agent == gone.agent:
            number += 1
            log[place] = replace(event, id=f"agent:{gone.agent}:{number}")
    return str(gone.call)


def agents_overlap(log: Log, rng: Random) -> str:
    """A change of an agent's state happened before the one before it."""
    index = pick(log, rng, AgentStateChanged, from_="offered")
    if index is None:
        return ""
    second: Any = log[index]
    before = [e for e in log[:index] if isinstance(e, AgentStateChanged) and e.agent == second.agent]
    log[index] = replace(second, at=before[-1].at - 50)
    return f"agent {second.agent}"


def foreign_disposition(log: Log, rng: Random) -> str:
    """An agent speaks of a talk that he did not have last."""
    index = pick(log, rng, Disposition)
    if index is None:
        return ""
    said: Any = log[index]
    log[index] = replace(said, call="hf-0.0")
    return f"agent {said.agent}"


def by_50_ms(kind: type, name: str) -> Plant:
    return changed(kind, to=more(name, 50))


NOT_THE_LAST = (Answered, Joined, Offered, QueueLeft, Step)
"""What is lost at the end of a call is no gap: a rule of its own finds it."""

CORRUPTIONS: dict[str, tuple[Plant, str]] = {
    "an event lost": (lost(*NOT_THE_LAST, renumbered=False), "seq"),
    "an event doubled": (doubled(*NOT_THE_LAST, renumbered=False), "seq"),
    "an event with a wrong seq": (changed(CallEvent, to=lambda event: {"seq": event.seq + 1}), "seq"),
    "an event with another's id": (PLANTS["an id of another call"], "id"),
    "two events swapped": (PLANTS["two events swapped"], "order"),
    "arrived lost": (PLANTS["arrived lost"], "arrived"),
    "ended lost": (PLANTS["ended lost"], "end"),
    "a second ended": (PLANTS["ended doubled"], "order"),
    "a step after ended": (PLANTS["a step after ended"], "order"),
    "a whole call lost": (call_lost, "agent"),
    "joined lost": (lost(Joined), "balance"),
    "queue_left lost": (lost(QueueLeft), "balance"),
    "queue_left of another queue": (PLANTS["queue_left of another queue"], "queue"),
    "the queue's hold not closed": (PLANTS["the queue's hold never ends"], "hold"),
    "an agent's hold not closed": (PLANTS["an agent's hold never ends"], "hold"),
    "an offer not closed": (PLANTS["an offer never closed"], "offer"),
    "an offer closed twice": (PLANTS["an offer closed twice"], "offer"),
    "two agents at once": (PLANTS["an agent rung for two callers"], "agent"),
    "bridged with somebody else": (PLANTS["bridged without an offer to him"], "offer"),
    "a consult lost": (lost(Consulted), "consult"),
    "waited 50 ms more": (by_50_ms(QueueLeft, "waited_ms"), "duration"),
    "talked 50 ms more": (by_50_ms(Unbridged, "talk_ms"), "duration"),
    "held 50 ms more": (by_50_ms(HoldEnded, "held_ms"), "duration"),
    "lived 50 ms more": (by_50_ms(Ended, "lifetime_ms"), "duration"),
    "in the flow 50 ms more": (by_50_ms(Ended, "flow_ms"), "duration"),
    "rang for an hour": (PLANTS["ring_ms longer than the offer"], "duration"),
    "a wrong verdict": (PLANTS["completed turned into abandoned"], "verdict"),
    "answered turned into timeout": (PLANTS["answered turned into timeout"], "order"),
    "logged before the one before": (PLANTS["logged before the one before"], "time"),
    "in the future": (PLANTS["happened in the future"], "time"),
    "an instant in seconds": (PLANTS["an instant in seconds"], "time"),
    "a foreign site": (PLANTS["an event of another site"], "site"),
    "inferred without bounds": (
        changed(Ended, to=lambda _: {"source": "inferred"}, source="observed"),
        "inferred",
    ),
    "a gap in an agent's states": (agents_gap, "tile"),
    "an agent's states overlap": (agents_overlap, "tile"),
    "an agent's change lost": (PLANTS["an agent's change lost"], "agent"),
    "an agent talks to another call": (PLANTS["an agent talking to another call"], "agent"),
    "a disposition of another's talk": (foreign_disposition, "disposition"),
    "a survey's score off its scale": (
        changed(SurveyAnswered, to=lambda event: {"score": event.highest + 1}),
        "survey",
    ),
    "an attempt left out": (changed(Offered, to=more("attempt", 1)), "offer"),
    "declined by another agent": (changed(Declined, to=another("agent", "alice", "bob")), "offer"),
}
"""What is wrong → how it is planted, and the rule by which it must be found in whom it returns."""


def test_there_are_thirty_corruptions_at_least() -> None:
    assert len(CORRUPTIONS) >= 30


@pytest.mark.parametrize("block", range(10))
def test_five_hundred_sound_days_have_no_finding(block: int) -> None:
    size = DAYS // 10
    for seed in range(block * size, (block + 1) * size):
        assert [str(one) for one in audit(sound_day(seed)).violations] == [], f"day {seed}"


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_found_in_whom_it_is_by_its_rule(name: str) -> None:
    plant, rule = CORRUPTIONS[name]
    planted = 0
    for seed in range(DAYS):
        log = list(sound_day(seed))
        owner = plant(log, Random(seed))
        if not owner:
            continue
        found = audit(log).violations
        named = [(one.call, one.what) for one in found if one.rule == rule]
        assert any(owner == call or f"{owner} " in what for call, what in named), f"day {seed}: {found}"
        planted += 1
        if planted == PLACES:
            return
    pytest.fail(f"only {planted} places found for it in {DAYS} days: the check can hardly fail")
