"""Archives for reports: a busy day, one of hostile names, one of a made-up log, an empty one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Engine, insert

from calllog.archive.database import connect
from calllog.archive.instants import touch_all
from calllog.archive.schema import metadata
from calllog.call_events import CallEvent
from calllog.events import AgentEvent, decode
from calllog.facts import agent_facts, call_facts, other_facts, owner_and_number
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from calllog.report.abandoned import abandoned
from calllog.report.agents import agents
from calllog.report.calls import calls
from calllog.report.chosen import Chosen
from calllog.report.compare import compare
from calllog.report.flows import flows
from calllog.report.model import Report
from calllog.report.numbers import numbers
from calllog.report.queues import intervals, queues
from calllog.report.routing import routing
from calllog.report.source import Source
from calllog.report.surveys import surveys
from calllog.report.terminal import Shown

HOSTILE = {
    "sales": '<script>alert("x")</script>',
    "support": "=cmd|'/c calc'!A0",
    "office": "\x1b[31mred\x1b[0m\u202e",
    "alice": '"><img src=x onerror=alert(1)>',
    "bob": "@SUM(1+1)",
    "main": "</style></title><b>",
}
"""What is called like that comes from files that admins write; callers choose their numbers."""


def empty(path: Path) -> Engine:
    """An archive in which nothing has ever happened."""
    engine = connect(path)
    metadata.create_all(engine)
    return engine


def of_log(path: Path, lines: Iterable[bytes]) -> Engine:
    """An archive of this log, by the archive's own derivation."""
    calls: defaultdict[str, list[Any]] = defaultdict(list)
    agents: defaultdict[str, list[Any]] = defaultdict(list)
    facts: list[dict[str, list[dict[str, Any]]]] = []
    written: list[dict[str, Any]] = []
    for line in lines:
        event = decode(line)
        owner, seq = owner_and_number(event)
        written.append(
            {"id": event.id, "at": event.at, "kind": event.kind, "owner": owner, "seq": seq, "raw": line}
        )
        if isinstance(event, CallEvent):
            calls[event.call].append(event)
        else:
            facts.append(dict(other_facts(event)))
        if isinstance(event, AgentEvent):
            agents[event.agent].append(event)
    facts += [dict(call_facts(sorted(events, key=lambda event: event.seq))) for events in calls.values()]
    facts.append({"events": written})
    facts += [{"agent_states": list(agent_facts(events))} for events in agents.values()]
    engine = empty(path)
    with engine.begin() as connection:
        for tables in facts:
            for name, rows in tables.items():
                if rows:
                    connection.execute(insert(metadata.tables[name]), rows)
        touch_all(connection)
    return engine


def source_of(engine: Engine, period: Period, now: int, **options: Any) -> Source:
    """What a report is made from, with the usual thresholds."""
    return Source(engine, period, Thresholds(), now, **options)


EVERY: Mapping[str, Callable[[Source], Report]] = {
    "abandoned": abandoned,
    "queues": queues,
    "agents": agents,
    "calls": lambda source: calls(source, Chosen()),
    "flows": flows,
    "numbers": numbers,
    "intervals": intervals,
    "surveys": surveys,
    "routing": routing,
    "compare": lambda source: compare(source, source),
}
"""Each report, by the name of its command."""


def on_terminal(report: Report, *, wide: bool = True) -> str:
    out = StringIO()
    Console(file=out, width=300, force_terminal=True, color_system=None).print(Shown(report, wide=wide))
    return out.getvalue()
