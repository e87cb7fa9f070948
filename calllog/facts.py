"""From the events of the log to the derived rows of the archive (calllog.archive.schema). Pure: no I/O.

    events of one call   ──► call_facts  ──► its rows in calls, waits, offers, talks, …
    events of one agent  ──► agent_facts ──► the intervals of his states
    one other event      ──► other_facts ──► its row in dispositions or system

The same events give the same rows, whoever asks and whenever: that is what makes a rebuild of the archive
equal to what was written as the events came. Rows are plain dictionaries with every column of their table.
"""

from collections.abc import Sequence

from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import (
    AgentEvent,
    AgentStateChanged,
    AnyEvent,
    AsteriskConnected,
    AsteriskLost,
    Disposition,
    FallbackTaken,
    FlowPublished,
    WorkerRecovered,
    WorkerStarted,
)
from calllog.facts_flow import FLOW_RULES
from calllog.facts_queue import QUEUE_RULES
from calllog.facts_story import Facts, Row, Rule, Story

VERSION = 1
"""Of the derivation: when it changes, tables derived before it need a rebuild."""

_RULES: dict[type, Rule] = {**FLOW_RULES, **QUEUE_RULES}

CALL_TABLES = (
    "calls",
    "waits",
    "refusals",
    "offers",
    "talks",
    "holds",
    "transfers",
    "steps",
    "overtakings",
    "surveys",
    "sales",
    "escalations",
)
"""Tables whose rows belong to one call, each with a column `call`."""


def call_facts(events: Sequence[AnyCallEvent]) -> Facts:
    """Table → rows, from the events of one call in the order of `seq`; of a live call, so far."""
    if not events:
        return {}
    story = Story(events[0].call)
    for event in events:
        if event.source == "inferred":
            story.call["inferred"] = True
        rule = _RULES.get(type(event))
        if rule is not None:
            rule(story, event)
    return story.facts()


def agent_facts(events: Sequence[AgentEvent]) -> list[Row]:
    """The intervals of one agent's states, from his events in the order of their numbers; the last is open.

    Of a later part of his events that begins with a change of state it gives the later part of the intervals.
    """
    rows: list[Row] = []
    for event in events:
        if not isinstance(event, AgentStateChanged):
            continue
        if rows:
            rows[-1]["to_at"] = event.at
        rows.append(
            {
                "agent": event.agent,
                "n": owner_and_number(event)[1],
                "state": event.to,
                "reason": event.reason,
                "queue": event.queue,
                "call": event.call,
                "by": event.by,
                "from_at": event.at,
                "to_at": None,
            }
        )
    return rows


def other_facts(event: AnyEvent) -> Facts:
    """The row of an event that stands for itself; of events of calls and changes of state none."""
    match event:
        case Disposition():
            row = {name: getattr(event, name) for name in ("id", "at", "agent", "call", "queue", "code")}
            return {"dispositions": [row]}
        case FlowPublished():
            return _system(event, worker=event.worker, what=str(event.version))
        case AsteriskConnected():
            return _system(event, worker=event.worker, asterisk=event.asterisk)
        case AsteriskLost():
            return _system(event, worker=event.worker, asterisk=event.asterisk, what=event.reason)
        case FallbackTaken():
            facts = {"worker": event.worker, "asterisk": event.asterisk, "caller": event.from_}
            return _system(event, what=event.result or event.to, **facts)
        case WorkerStarted() | WorkerRecovered():
            return _system(event, worker=event.worker)
    return {}


def _system(event: AnyEvent, **more: str) -> Facts:
    row: Row = {"id": event.id, "at": event.at, "kind": event.kind}
    return {"system": [row | dict.fromkeys(("worker", "asterisk", "what", "caller"), "") | more]}


def owner_and_number(event: AnyEvent) -> tuple[str, int]:
    """Whose event it is, and its number among his: a call and `seq`, `agent:NAME`, `worker:NAME:START`.

    An id that ends in no number counts as 0.
    """
    if isinstance(event, CallEvent):
        return event.call, event.seq
    owner, _, number = event.id.rpartition(":")
    return owner, int(number) if number.isascii() and number.isdecimal() and len(number) <= 9 else 0
