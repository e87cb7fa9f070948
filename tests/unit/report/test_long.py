"""Long lists: whole for programs, short for people, and asked for a few rows at a time."""

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import and_

from calllog.archive.schema import waits
from calllog.figures.period import HOUR_MS, Period
from calllog.report import agents, behind, calls, listings, lost, page_tables
from calllog.report.chosen import LEFT
from calllog.report.firsts import Wanted, callers_of, first_of
from calllog.report.listings import (
    LONGEST_WAITS,
    WAITS,
    Kind,
    left_as,
    listed,
    streamed,
    within,
)
from calllog.report.model import Report, redacted
from calllog.report.page import page_of
from calllog.report.sheet import csv_of, csv_pieces, json_of
from calllog.report.source import Source
from tests.unit.report.archives import EVERY, on_terminal

FEW = 5


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists for people are short."""
    for module in (lost, calls, agents, page_tables):
        monkeypatch.setattr(module, "FIRST", FEW)
    monkeypatch.setattr(listings, "PIECE", 7)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("name", "key"), [("abandoned", "call"), ("calls", "call"), ("agents", "agent")])
def test_a_long_list_is_whole_for_programs_and_short_for_people(day: Source, name: str, key: str) -> None:
    report = EVERY[name](day)
    (table,) = [one for one in report.tables() if one.name == name]
    assert len(table.rows) == FEW < table.count
    assert f"The first {FEW} of {table.count:,} rows" in page_of(report)
    assert f"… and {table.count - FEW:,} more rows" in on_terminal(report)
    listed = _in_csv(report, table.title, key)
    assert len(set(listed)) == len(listed) == table.count
    told = json.loads(json_of(report))
    (rows,) = [one["rows"] for part in told["sections"] for one in part["blocks"] if one.get("name") == name]
    assert [row[key] for row in rows] == listed


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("way", [csv_of, json_of])
def test_what_comes_later_is_redacted_too(day: Source, way: Callable[[Report], str]) -> None:
    report = EVERY["abandoned"](day)
    assert "+4930" in way(report)
    assert "+4930" not in way(redacted(report))


def test_a_long_sheet_comes_in_pieces(day: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    report = EVERY["calls"](day)
    whole = csv_of(report)
    monkeypatch.setattr("calllog.report.sheet.PIECE", 1000)
    pieces = list(csv_pieces(report))
    assert "".join(pieces) == whole
    assert max(map(len, pieces)) < 2000 < len(whole)


def test_of_many_figures_the_largest_lists_show_their_calls(
    day: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = EVERY["agents"](day)
    monkeypatch.setattr(behind, "LISTS", 3)
    few = EVERY["agents"](day)
    assert few.behind.keys() == every.behind.keys()
    shown = [key for key, one in few.behind.items() if one.table.rows]
    least = min(few.behind[key].total for key in shown)
    assert len(shown) == 3
    assert least >= max(one.total for key, one in few.behind.items() if key not in shown)
    page = page_of(few)
    assert all(one.command.split(" --zone")[0] in page for one in few.behind.values())


TIMES = [None, (8, 10), (9, 9.5), (12, 12.25)]
"""Hours of the day; None: all of them."""
QUEUES = ("sales", "support", "nobody's")
MANY: dict[str, list[tuple[Any, dict[str, str]]]] = {
    "the whole time": [(None, {})],
    "queues": [(None, {"queue": queue}) for queue in QUEUES],
    "parts of the time": [(hours, {}) for hours in TIMES],
    "parts of the time of queues": [(hours, {"queue": queue}) for hours in TIMES for queue in QUEUES],
}


@pytest.mark.parametrize("many", MANY)
def test_the_first_of_many_lists_are_those_of_each_alone(day: Source, many: str) -> None:
    """Asked for together, or each by a statement of its own."""
    kinds = [
        Kind(WAITS if group == "offered" else LONGEST_WAITS, group, "", left_as(group, day.thresholds))
        for group in LEFT
        if group not in ("waiting", "failed")
    ]
    wanted = [Wanted(_part(day.period, hours), own) for hours, own in MANY[many]]
    found = first_of(day.engine, kinds, wanted, 7)
    callers = callers_of(day.engine, [row["call"] for rows in found.values() for row in rows])
    for g, kind in enumerate(kinds):
        for k, one in enumerate(wanted):
            own = [waits.c[name] == value for name, value in one.own.items()]
            where = and_(within(waits.c.joined_at, one.period), kind.where, *own)
            alone = streamed(day.engine, listed(kind.listing, [where]).limit(7))
            rows = [{**row, "caller": callers[row["call"]]} for row in found.get((g, k), [])]
            assert [[row[each.name] for each in WAITS.columns] for row in rows] == [
                list(row) for row in alone
            ]
    assert {g for g, _ in found} == set(range(len(kinds)))


def _part(period: Period, hours: tuple[float, float] | None) -> Period:
    begin, end = hours or (0, 24)
    return Period(period.from_at + round(begin * HOUR_MS), period.from_at + round(end * HOUR_MS), period.zone)


def _in_csv(report: Report, title: str, key: str) -> list[Any]:
    text = csv_of(report)
    table = text[text.index(f"# {title} (") :].split("\n\n")[0]
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("# "))
    return [row[key] for row in rows]
