"""What the archive derives from the events of 1,000 made-up days is what the naive twin reads in them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.figures import naive, naive_answers
from tests.figures.days import day, setting
from tests.figures.filled import Facts, facts_of
from tests.figures.naive import Log, Record

BLOCKS, BLOCK = 10, 100
NOW = 10**15

FLOW = ("campaign", "flow", "version")
COLUMNS: dict[str, tuple[str, ...]] = {
    "calls": (
        "call",
        "arrived_at",
        "ended_at",
        "verdict",
        "caller",
        "queue",
        "agent",
        "served",
        "inferred",
        "hold_abandon",
        *FLOW,
    ),
    "waits": ("call", "queue", "joined_at", "reason", "class", "waited_ms", "agent", *FLOW),
    "refusals": ("call", "at", "queue", "campaign"),
    "talks": (
        "call",
        "queue",
        "agent",
        "bridged_at",
        "talk_ms",
        "held_ms",
        "transferred",
        "last",
        "only",
        *FLOW,
    ),
    "offers": ("call", "queue", "agent", "offered_at", "result"),
    "agent_states": ("agent", "state", "call", "queue", "from_at", "to_at"),
    "overtakings": ("call", "at", "queue", "reason"),
    "surveys": ("call", "survey", "offered_at", "score", "lowest", "highest", "queue", "agent"),
    "sales": ("call", "offer", "made_at", "accepted", "took_ms", "queue"),
}


def rows(table: str, facts: Facts) -> list[Record]:
    """The archive's, in the words of the comparison."""
    found: list[dict[str, Any]] = [dict(row) for row in facts.get(table, [])]
    if table == "talks":
        found = [row for row in found if row["unbridged_at"] is not None]
    for row in found:
        if table == "sales":
            row["accepted"] = row["accepted_at"] is not None
        if table == "agent_states" and row["to_at"] is None:
            row["to_at"] = NOW
    return found


def surveys(log: Log) -> list[Record]:
    nothing = {"score": None, "lowest": None, "highest": None}
    return [
        {**one, **(one["answer"] or nothing), "offered_at": one["at"]} for one in naive_answers.surveys(log)
    ]


def calls(log: Log) -> list[Record]:
    """With queue and agent of the last talk, as first contact counts it."""
    last = {leg["call"]: leg for leg in sorted(naive.legs(log), key=lambda leg: leg["over_at"])}
    nothing = {"queue": "", "agent": ""}
    return [{**last.get(call["call"], nothing), **call} for call in naive.calls(log)]


def legs(log: Log) -> list[Record]:
    """With whether the agent has talked in that call later on, and whether anybody else has in it."""
    every = naive.legs(log)
    latest = {
        (leg["call"], leg["agent"]): leg["over_at"] for leg in sorted(every, key=lambda leg: leg["over_at"])
    }
    many = Counter(leg["call"] for leg in every)
    return [
        {**leg, "last": leg["over_at"] == latest[leg["call"], leg["agent"]], "only": many[leg["call"]] == 1}
        for leg in every
    ]


PLAINLY: dict[str, Callable[[Log], list[Record]]] = {
    "calls": calls,
    "waits": lambda log: [{**wait, "waited_ms": wait["ms"] or 0} for wait in naive.waits(log)],
    "refusals": naive.refusals,
    "talks": legs,
    "offers": lambda log: [{**one, "offered_at": one["at"]} for one in naive.offers(log)],
    "agent_states": lambda log: naive.states(log, NOW),
    "overtakings": naive.overtakings,
    "surveys": surveys,
    "sales": lambda log: [
        {**one, "made_at": one["at"], "took_ms": one["ms"]} for one in naive_answers.sales(log)
    ],
}


def cut(table: str, found: list[Record]) -> list[str]:
    """Only the columns that are compared, in an order that does not depend on how they were found."""
    return sorted(repr([row[name] for name in COLUMNS[table]]) for row in found)


def differences(seed: int) -> list[str]:
    lines = day(seed)
    facts, log = facts_of(lines), Log(lines)
    found = []
    for table, plainly in PLAINLY.items():
        ours, theirs = cut(table, rows(table, facts)), cut(table, plainly(log))
        if ours != theirs:
            only = sorted(set(ours) ^ set(theirs))
            found.append(f"day {seed} ({setting(seed).zone}), {table}: {only[:3]}")
    return found


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_archive_and_the_twin_read_the_same(block: int) -> None:
    found = [what for seed in range(block * BLOCK, (block + 1) * BLOCK) for what in differences(seed)]
    assert found == []
