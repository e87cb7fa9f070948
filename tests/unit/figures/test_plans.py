"""The figures of a day are read by the indexes made for them, or ten million calls take minutes."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, event

from calllog.figures.agents import agent_figures
from calllog.figures.calls import call_figures
from calllog.figures.contact import contact_figures
from calllog.figures.period import Period
from calllog.figures.queues import queue_figures
from calllog.figures.thresholds import Thresholds
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
AT = DAY.from_at + 1
USUAL = Thresholds()


def plans(engine: Engine, work: Callable[[], object]) -> str:
    """How SQLite goes about all that is asked of it."""
    told: list[str] = []

    def before(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            told.extend(row[3] for row in rows)

    event.listen(engine, "before_cursor_execute", before)
    work()
    event.remove(engine, "before_cursor_execute", before)
    return "\n".join(told)


@pytest.fixture(autouse=True)
def something(fill: Fill) -> None:
    fill("waits", {"call": "c", "n": 1, "queue": "sales", "reason": "answered", "joined_at": AT})
    fill("talks", {"call": "c", "n": 2, "agent": "ann", "bridged_at": AT, "unbridged_at": AT + 5})
    fill("offers", {"call": "c", "n": 1, "agent": "ann", "offered_at": AT, "result": "bridged"})
    fill("agent_states", {"agent": "ann", "n": 1, "state": "ready", "from_at": AT})
    fill(
        "calls",
        {"call": "c", "arrived_at": AT, "ended_at": AT + 9, "verdict": "completed", "caller": "49301"},
    )


def test_queues(archive: Engine) -> None:
    found = plans(archive, lambda: queue_figures(archive, DAY, "30m", "queue", USUAL))
    assert (
        "USING COVERING INDEX waits_of_queue (queue=? AND reason=? AND joined_at>? AND joined_at<?)" in found
    )
    assert "SCAN waits" not in found


def test_agents(archive: Engine) -> None:
    found = plans(archive, lambda: agent_figures(archive, DAY, "whole", "agent", USUAL, now=AT + 99))
    for index in (
        "talks_of_agent (agent=? AND bridged_at>? AND bridged_at<?)",
        "offers_of_agent (result=? AND agent=? AND offered_at>? AND offered_at<?)",
        "agent_states_of_agent (agent=? AND state=? AND from_at>? AND from_at<?)",
        "agent_states_of_agent (agent=? AND state=? AND from_at<?)",
    ):
        assert f"USING COVERING INDEX {index}" in found
    assert [
        line for line in found.splitlines() if line.startswith(("SCAN talks", "SCAN agent", "SCAN off"))
    ] == []


def test_calls(archive: Engine) -> None:
    found = plans(archive, lambda: call_figures(archive, DAY, "30m", "", USUAL))
    assert "USING COVERING INDEX calls_of_verdict (verdict=? AND arrived_at>? AND arrived_at<?)" in found
    assert "SCAN calls" not in found


def test_who_calls_again(archive: Engine) -> None:
    found = plans(archive, lambda: contact_figures(archive, DAY, "whole", "", USUAL, now=AT + 99))
    assert "calls_of_caller (caller=? AND arrived_at>?)" in found
