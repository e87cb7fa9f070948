"""One call, written out: declined once, answered, held by the agent for 2 s, hung up by the caller."""

from typing import Any

import msgspec

from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import decode

Draft = tuple[int, dict[str, Any]]
"""Milliseconds after the beginning, and the fields besides the common ones (which it may override)."""

CALL = "hf-1795309698.12"
BEGAN_AT = 1_795_309_698_051

HELD_CALL: list[Draft] = [
    (0, {"kind": "arrived", "from": "1001", "to": "100", "campaign": "web", "asterisk": "hf"}),
    (6, {"kind": "answered"}),
    (2840, {"kind": "input", "path": "main/menu_1", "digits": "1"}),
    (
        2841,
        {
            "kind": "step",
            "flow": "main",
            "version": 3,
            "path": "main/menu_1",
            "outcome": "1",
            "took_ms": 2835,
        },
    ),
    (2843, {"kind": "joined", "queue": "sales", "position": 2, "score": 1795309700894.0}),
    (2843, {"kind": "hold_started", "by": "queue"}),
    (5120, {"kind": "offered", "agent": "alice", "attempt": 1, "why": "longest_idle"}),
    (11200, {"kind": "declined", "agent": "alice", "reason": "busy", "ring_ms": 6080}),
    (11200, {"kind": "offered", "agent": "bob", "attempt": 2, "why": "longest_idle"}),
    (14021, {"kind": "hold_ended", "by": "queue", "held_ms": 11178}),
    (
        14021,
        {
            "kind": "queue_left",
            "queue": "sales",
            "reason": "answered",
            "waited_ms": 11178,
            "position": 1,
            "original_position": 2,
        },
    ),
    (14021, {"kind": "bridged", "agent": "bob"}),
    (17500, {"kind": "hold_started", "by": "agent"}),
    (19502, {"kind": "hold_ended", "by": "agent", "held_ms": 2002}),
    (
        25250,
        {"kind": "unbridged", "agent": "bob", "talk_ms": 9227, "held_ms": 2002, "ended_by": "caller"},
    ),
    (
        25251,
        {
            "kind": "ended",
            "verdict": "completed",
            "reason": "caller-hangup",
            "ended_by": "caller",
            "cause": 16,
            "lifetime_ms": 25251,
            "flow_ms": 2844,
            "wait_ms": 11178,
            "held_ms": 2002,
            "talk_ms": 9227,
        },
    ),
]


def events_of(drafts: list[Draft]) -> list[AnyCallEvent]:
    """The events of one call, with the common fields filled in."""
    events: list[AnyCallEvent] = []
    for seq, (offset, fields) in enumerate(drafts, 1):
        at = BEGAN_AT + offset
        common = {"id": f"{CALL}:{seq}", "site": "main", "call": CALL, "seq": seq, "source": "observed"}
        event = decode(msgspec.json.encode(common | {"at": at, "logged_at": at} | fields))
        assert isinstance(event, CallEvent)
        events.append(event)
    return events


def held_call() -> list[AnyCallEvent]:
    """The call as it is."""
    return events_of(HELD_CALL)
