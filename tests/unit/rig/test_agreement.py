"""What SIPp saw beside what the log says: every difference that matters is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from calllog.call_events import AnyCallEvent
from calllog.events import decode
from tests.rig.agreement import SLACK_MS, disagreements
from tests.rig.sip_view import Leg

NUMBER, AGENT = "49301", "hanna"
AT = 1_700_000_000_000


def event(kind: str, at: int, **fields: Any) -> AnyCallEvent:
    common = {"id": "c:1", "site": "main", "call": "c", "seq": 1, "source": "observed"}
    body = {**common, "kind": kind, "at": AT + at, "logged_at": AT + at, **fields}
    return decode(msgspec.json.encode(body))  # type: ignore[return-value]


EVENTS = [
    event("arrived", 10, **{"from": NUMBER, "to": "201"}),
    event("answered", 20),
    event("joined", 30, queue="held", position=1, score=1.0),
    event("hold_started", 30, by="queue"),
    event("offered", 1000, agent=AGENT, attempt=1),
    event("declined", 2000, agent=AGENT, reason="busy", ring_ms=900, attempt=1),
    event("offered", 3000, agent=AGENT, attempt=2),
    event("hold_ended", 4010, by="queue", held_ms=3980),
    event(
        "queue_left", 4010, queue="held", reason="answered", waited_ms=3980, position=1, original_position=1
    ),
    event("bridged", 4010, agent=AGENT),
    event("hold_started", 5000, by="agent"),
    event("hold_ended", 7000, by="agent", held_ms=2000),
    event("unbridged", 9000, agent=AGENT, talk_ms=2990, held_ms=2000, ended_by="caller"),
    event(
        "ended",
        9000,
        verdict="completed",
        reason="caller-hangup",
        ended_by="caller",
        cause=16,
        lifetime_ms=8990,
        flow_ms=20,
        wait_ms=3980,
        held_ms=2000,
        talk_ms=2990,
    ),
]
CALLER = Leg("1-1@h", AT, "sip:201@h", answered_at=AT + 21, status=200, ended_at=AT + 8999, ended_by="us")
BUSY = Leg("x", AT + 1001, "sip:h@h", ringing_at=AT + 1002, status=486)
TALK = Leg(
    "y",
    AT + 3001,
    "sip:h@h",
    answered_at=AT + 4000,
    status=200,
    ended_at=AT + 9003,
    ended_by="them",
    reinvited_at=[AT + 5001, AT + 7001],
)


def told(events: list[AnyCallEvent], caller: Leg = CALLER, legs: tuple[Leg, ...] = (BUSY, TALK)) -> list[str]:
    return disagreements(NUMBER, caller, events, {AGENT: list(legs)})


def changed(kind: str, nth: int = 0, **fields: Any) -> list[AnyCallEvent]:
    places = [at for at, found in enumerate(EVENTS) if found.kind == kind]
    events = list(EVENTS)
    events[places[nth]] = msgspec.structs.replace(events[places[nth]], **fields)
    return events


def test_they_agree() -> None:
    assert told(EVENTS) == []


LATE = SLACK_MS + 50

WRONG_LOGS: dict[str, Callable[[], list[AnyCallEvent]]] = {
    "another caller": lambda: changed("arrived", from_="4711"),
    "another number called": lambda: changed("arrived", to="100"),
    "late arrival": lambda: changed("arrived", at=AT + LATE),
    "no answer": lambda: [found for found in EVENTS if found.kind != "answered"],
    "late answer": lambda: changed("answered", at=AT + 21 + LATE),
    "no end": lambda: EVENTS[:-1],
    "early end": lambda: changed("ended", at=AT + 8999 - LATE),
    "ended by us": lambda: changed("ended", ended_by="system"),
    "offer unheard of": lambda: [*EVENTS[:5], event("offered", 1000, agent="other", attempt=1), *EVENTS[5:]],
    "one offer less": lambda: [*EVENTS[:4], *EVENTS[6:]],
    "late offer": lambda: changed("offered", 1, at=AT + 3001 + LATE),
    "declined for another reason": lambda: changed("declined", reason="no_answer"),
    "another hangs up first": lambda: changed("unbridged", ended_by="agent"),
    "late bridge": lambda: changed("bridged", at=AT + 4000 + LATE),
    "talk that does not add up": lambda: changed("unbridged", talk_ms=1000),
    "hold not seen": lambda: [found for found in EVENTS if getattr(found, "by", "") != "agent"],
    "hold at another time": lambda: changed("hold_started", 1, at=AT + 5001 + LATE),
}


@pytest.mark.parametrize("name", WRONG_LOGS)
def test_a_wrong_log_is_told(name: str) -> None:
    assert told(WRONG_LOGS[name]()) != []


WRONG_PHONES: dict[str, Callable[[], list[str]]] = {
    "never answered": lambda: told(EVENTS, replace(CALLER, answered_at=0, status=503)),
    "let go by the server": lambda: told(EVENTS, replace(CALLER, ended_by="them")),
    "rung once more": lambda: told(EVENTS, legs=(BUSY, TALK, BUSY)),
    "not rung": lambda: told(EVENTS, legs=()),
    "the agent did not answer": lambda: told(EVENTS, legs=(BUSY, replace(TALK, answered_at=0, status=487))),
    "the agent did not decline": lambda: told(EVENTS, legs=(replace(BUSY, status=200), TALK)),
}


@pytest.mark.parametrize("name", WRONG_PHONES)
def test_a_phone_that_saw_something_else_is_told(name: str) -> None:
    assert WRONG_PHONES[name]() != []
