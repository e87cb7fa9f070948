"""Rows of the archive as tests of facts look at them."""

from typing import Any

from calllog.facts import call_facts
from calllog.grammar import violations
from tests.unit.calllog.drafts import (
    Drafts,
    left,
    offered,
)
from tests.unit.calllog.held_call import BEGAN_AT, events_of

Rows = list[dict[str, Any]]


def facts(drafts: Drafts, live: bool = False) -> dict[str, Rows]:
    """The rows of a call that breaks no rule."""
    events = events_of(drafts)
    assert violations(events, live=live) == []
    return call_facts(events)


def only(rows: Rows, **wanted: Any) -> None:
    """There is one row, and it says this (instants: ms after the beginning)."""
    assert len(rows) == 1
    said(rows[0], **wanted)


def said(row: dict[str, Any], **wanted: Any) -> None:
    after = {
        name: value - BEGAN_AT if isinstance(value, int) and value >= BEGAN_AT else value
        for name, value in row.items()
    }
    assert {name: after[name] for name in wanted} == wanted


def bridged(at: int, agent: str) -> Drafts:
    """The offer to him is answered, in the queue joined at 100."""
    return [
        offered(at - 100, agent, 1),
        *left(at, "answered", at - 100),
        (at, {"kind": "bridged", "agent": agent}),
    ]


def unbridged(at: int, agent: str, by: str = "agent", talk_ms: int = 0, held_ms: int = 0) -> Drafts:
    parts = {"talk_ms": talk_ms, "held_ms": held_ms, "ended_by": by}
    return [(at, {"kind": "unbridged", "agent": agent, **parts})]


def held(begin: int, end: int, by: str = "agent") -> Drafts:
    return [
        (begin, {"kind": "hold_started", "by": by}),
        (end, {"kind": "hold_ended", "by": by, "held_ms": end - begin}),
    ]
