"""Ways through flows, the line, agents' bars: on tables small enough to work them out by hand."""

from datetime import date
from typing import Any

from sqlalchemy import Engine

from calllog.figures.agent_days import Bar, agent_bars
from calllog.figures.line import line_figures, refused_reasons
from calllog.figures.paths import passages, steps_of
from calllog.figures.period import Period
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
HOUR = 3_600_000
NOON = DAY.from_at + 12 * HOUR
NOW = DAY.to_at + HOUR


def step(call: str, n: int, path: str, outcome: str, took_ms: int = 1_000, **more: Any) -> dict[str, Any]:
    row = {
        "call": call,
        "n": n,
        "at": NOON + n,
        "flow": "main",
        "version": "7",
        "path": path,
        "entry": "main",
    }
    return {**row, "outcome": outcome, "took_ms": took_ms, **more}


def test_steps_and_where_callers_hang_up(archive: Engine, fill: Fill) -> None:
    """Ann hangs up in the menu, at her second try. Bob is served. Cid hangs up while he waits."""
    fill(
        "steps",
        step("ann", 2, "main/menu", "invalid", 3_000, next="main/menu"),
        step("ann", 3, "main/menu", "hangup", 1_000, dropped=True),
        step("bob", 2, "main/menu", "1", 2_000, next="main/say"),
        step("bob", 3, "main/say", "done"),
        step("cid", 2, "main/menu", "1", 2_000),
        step("eve", 2, "old/menu", "1", flow="old", version="1", next="old/say"),
        step("eve", 3, "old/say", "done", flow="old", version="1", at=DAY.to_at, dropped=True),
    )
    moves = passages(archive, DAY)
    assert [
        (move.path, move.outcome, move.next, move.times) for move in moves if move.path == "main/menu"
    ] == [
        ("main/menu", "1", "", 1),
        ("main/menu", "1", "main/say", 1),
        ("main/menu", "hangup", "", 1),
        ("main/menu", "invalid", "main/menu", 1),
    ]
    menu, say, old = steps_of(moves)
    assert (menu.flow, menu.version, menu.path) == ("main", "7", "main/menu")
    assert (menu.entered, menu.dropped, menu.drop_rate, menu.took_mean_ms) == (4, 1, 0.25, 2_000)
    assert menu.outcomes == {"1": 2, "invalid": 1, "hangup": 1}
    assert (say.path, say.dropped, old.entered, old.dropped) == ("main/say", 0, 1, 0)
    assert passages(archive, Period(0, 5)) == []


def test_the_line(archive: Engine, fill: Fill) -> None:
    """pbx1 is away from 11:30 to 12:15, told by two workers; pbx2 is away from 23:00 on."""
    told = [
        ("asterisk_connected", "pbx1", DAY.from_at - HOUR),
        ("asterisk_connected", "pbx2", DAY.from_at - HOUR),
        ("asterisk_lost", "pbx1", NOON - HOUR // 2),
        ("asterisk_lost", "pbx1", NOON - HOUR // 4),
        ("asterisk_connected", "pbx1", NOON + HOUR // 4),
        ("asterisk_connected", "pbx1", NOON + HOUR // 2),
        ("asterisk_lost", "pbx2", NOON + 11 * HOUR),
        ("fallback_taken", "pbx1", NOON),
        ("worker_started", "", NOON),
    ]
    fill(
        "system", *({"id": f"s:{n}", "kind": k, "asterisk": a, "at": at} for n, (k, a, at) in enumerate(told))
    )
    rows = {row.key: row.values for row in line_figures(archive, DAY, "whole", now=NOW)}
    assert rows["pbx1"] == {"availability": 1 - 0.75 / 24, "away_ms": 45 * 60_000, "served_alone": 1}
    assert rows["pbx2"] == {"availability": 1 - 1 / 24, "away_ms": HOUR, "served_alone": 0}
    hours = {
        (row.from_at, row.key): row.values["availability"]
        for row in line_figures(archive, DAY, "60m", now=NOW)
    }
    assert (hours[NOON - HOUR, "pbx1"], hours[NOON, "pbx1"], hours[NOON, "pbx2"]) == (0.5, 0.75, 1)
    half_away = {
        row.key: row.values for row in line_figures(archive, DAY, "whole", now=NOON + 11 * HOUR + HOUR // 2)
    }
    assert half_away["pbx2"]["away_ms"] == HOUR // 2


def test_why_callers_were_refused(archive: Engine, fill: Fill) -> None:
    row = {"n": 1, "queue": "sales", "at": NOON}
    fill(
        "refusals",
        *({**row, "call": f"c{n}", "reason": why} for n, why in enumerate(["full", "full", "closed"])),
    )
    assert [(row.key, row.values) for row in refused_reasons(archive, DAY, "whole")] == [
        ("sales closed", {"refused_because": 1}),
        ("sales full", {"refused_because": 2}),
    ]


def test_bars_are_cut_at_midnight(archive: Engine, fill: Fill) -> None:
    def state(agent: str, n: int, state: str, begin: int, end: int | None) -> dict[str, Any]:
        return {"agent": agent, "n": n, "state": state, "from_at": begin, "to_at": end, "reason": "tea"}

    fill(
        "agent_states",
        state("ann", 1, "offline", DAY.from_at - 9, DAY.from_at - 5),
        state("ann", 2, "ready", DAY.from_at - 5, NOON),
        state("ann", 3, "paused", NOON, NOON),
        state("ann", 4, "ready", NOON, None),
        state("bob", 1, "offline", 5, None),
        state("cid", 1, "ready", DAY.to_at, None),
    )
    bars = list(agent_bars(archive, DAY, now=NOW))
    assert bars == [
        Bar("ann", DAY.from_at, NOON, "ready", "tea", "", ""),
        Bar("ann", NOON, DAY.to_at, "ready", "tea", "", ""),
        Bar("bob", DAY.from_at, DAY.to_at, "offline", "tea", "", ""),
    ]
    assert [bar.agent for bar in agent_bars(archive, DAY, now=NOW, agent="bob")] == ["bob"]
    assert list(agent_bars(archive, DAY, now=NOON + 5, agent="ann"))[-1].to_at == NOON + 5
