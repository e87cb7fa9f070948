"""Calls as tests of the log write them: short drafts of events, and what the grammar finds in them."""

from typing import Any

from calllog.grammar import violations
from tests.unit.calllog.held_call import HELD_CALL, Draft, events_of

Drafts = list[Draft]

ARRIVED: Draft = (0, {"kind": "arrived", "to": "100"})
ANSWERED: Draft = (10, {"kind": "answered"})


def ended(at: int, verdict: str, by: str = "caller", **durations: int) -> Draft:
    parts = {"flow_ms": at - sum(durations.values()), "wait_ms": 0, "held_ms": 0, "talk_ms": 0} | durations
    said = {"kind": "ended", "verdict": verdict, "reason": "x", "ended_by": by, "cause": 16}
    return at, {**said, "lifetime_ms": at, **parts}


def left(at: int, reason: str, waited_ms: int = 900, queue: str = "sales", **more: Any) -> Drafts:
    """The caller's way out of the queue he joined at 100."""
    place = {"position": 1, "original_position": 1} | more
    return [
        (at, {"kind": "hold_ended", "by": "queue", "held_ms": waited_ms}),
        (at, {"kind": "queue_left", "queue": queue, "reason": reason, "waited_ms": waited_ms, **place}),
    ]


JOINED: Drafts = [
    (100, {"kind": "joined", "queue": "sales", "position": 1, "score": 1.0}),
    (100, {"kind": "hold_started", "by": "queue"}),
]


def offered(at: int, agent: str, attempt: int) -> Draft:
    return at, {"kind": "offered", "agent": agent, "attempt": attempt}


def declined(at: int, agent: str) -> Draft:
    return at, {"kind": "declined", "agent": agent, "reason": "busy"}


def found(drafts: Drafts, live: bool = False) -> list[str]:
    return [f"{one.rule}: {one.what}" for one in violations(events_of(drafts), live=live)]


def changed(number: int, **fields: Any) -> Drafts:
    """The held call with other fields in this event (1 is the first)."""
    drafts = [(offset, dict(event)) for offset, event in HELD_CALL]
    drafts[number - 1][1].update(fields)
    return drafts


def transferred(at: int = 200, **fields: str) -> Draft:
    return at, {"kind": "transferred", "how": "blind", "by": "flow", **fields}


def goods(what: str, **fields: str) -> Draft:
    return 300, {"kind": f"offer_{what}", "path": "main/more", "offer": "cover", **fields}


ANSWER_AND_HOLD = [ARRIVED, ANSWERED, *JOINED]
