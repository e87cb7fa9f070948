"""Sections that are there when there is something to say: overtaking, first contact, the line, offers."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Engine, Executable, insert

from calllog.archive.instants import touch_all
from calllog.archive.schema import metadata
from calllog.events import encode
from calllog.figures.period import Period
from calllog.figures.thresholds import QueueThresholds, Thresholds
from calllog.report import calls as calls_report
from calllog.report import surveys as surveys_report
from calllog.report.calls import calls
from calllog.report.chosen import Chosen
from calllog.report.listings import rows_of
from calllog.report.model import Report, Table
from calllog.report.numbers import numbers
from calllog.report.page import page_of
from calllog.report.queues import queues
from calllog.report.sheet import json_of
from calllog.report.source import Source
from calllog.report.surveys import surveys
from tests.unit.calllog.audited import busy_log
from tests.unit.report.archives import EVERY, empty, of_log, source_of
from tests.unit.report.busy_day import DAY, DAY_AT, HOUR, MINUTE, NOW, S

SOMETIMES = {
    "Who was not let in?",
    "Who was overtaken?",
    "Was it settled at the first contact?",
    "Was the line there?",
    "What was sold",
}
NINE = DAY_AT + 9 * HOUR


def rows() -> dict[str, list[dict[str, Any]]]:
    """Four calls of two people: one calls again, one was overtaken, one was offered something."""
    who = {"a": "+49301", "b": "+49301", "c": "+49302", "d": "+49303"}
    at = {call: NINE + number * HOUR for number, call in enumerate(who)}
    end = {call: each + 5 * MINUTE for call, each in at.items()}
    same = {"queue": "sales", "campaign": "spring"}
    return {
        "calls": [
            {"call": call, "arrived_at": at[call], "ended_at": end[call], "caller": who[call],
             "number": "100", "verdict": "completed", "agent": "alice", **same}
            for call in who
        ],
        "waits": [
            {"call": call, "n": 2, "joined_at": at[call], "left_at": at[call] + MINUTE, "waited_ms": MINUTE,
             "reason": "answered", "class": "A", "agent": "alice", **same}
            for call in who
        ],
        "talks": [
            {"call": call, "n": 5, "agent": "alice", "bridged_at": at[call] + MINUTE,
             "unbridged_at": end[call], "talk_ms": 4 * MINUTE, "last": True, **same}
            for call in who
        ],
        "overtakings": [
            {"call": "a", "n": 3, "at": at["b"] + MINUTE, "queue": "sales", "by_call": "b", "reason": "vip"},
            {"call": "a", "n": 4, "at": at["c"] + MINUTE, "queue": "sales", "by_call": "c", "reason": "vip"},
        ],
        "dispositions": [
            {"id": "alice:7", "at": end["a"], "agent": "alice", "call": "a", "queue": "sales",
             "code": "other"}
        ],
        "sales": [
            {"call": "a", "n": 6, "path": "main/x", "offer": "oil", "made_at": at["a"], "took_ms": 8 * S,
             "accepted_at": at["a"] + S, "queue": "sales"},
            {"call": "b", "n": 6, "path": "main/x", "offer": "oil", "made_at": at["b"], "took_ms": 4 * S,
             "queue": "sales"},
        ],
        "refusals": [
            {"call": call, "n": n, "at": NINE + n, "queue": queue, "reason": reason}
            for n, (call, queue, reason) in enumerate(
                (
                    ("a", "sales", "no_agents"),
                    ("b", "sales", "full"),
                    ("c", "sales", "full"),
                    ("d", "hot line", "full"),
                )
            )
        ],
        "system": [
            {"id": "1", "at": NINE, "kind": "asterisk_lost", "asterisk": "main"},
            {"id": "2", "at": NINE + 6 * MINUTE, "kind": "asterisk_connected", "asterisk": "main"},
        ],
    }  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Source]:
    engine = empty(tmp_path / "archive.db")
    with engine.begin() as connection:
        for name, some in rows().items():
            for row in some:
                connection.execute(insert(metadata.tables[name]).values(row))
        touch_all(connection)
    with closing(source_of(engine, DAY, NOW + 8 * 24 * HOUR)) as source:
        yield source
    engine.dispose()


def section(report: Report, title: str) -> dict[str, Any]:
    page_of(report)
    (found,) = [one for one in json.loads(json_of(report))["sections"] if one["title"] == title]
    assert isinstance(found, dict)
    return found


def tiles(found: dict[str, Any]) -> dict[str, Any]:
    return {tile["defined"]: tile["value"] for tile in found["blocks"][0]["tiles"]}


def test_who_was_overtaken_and_why(told: Source) -> None:
    found = section(queues(told), "Who was overtaken?")
    assert tiles(found) == {"overtaken": 2, "overtaken_ms": 3 * HOUR}
    assert found["blocks"][1]["rows"] == [
        {"reason": "vip", "times": 2, "ms": 3 * HOUR, "mean_ms": 1.5 * HOUR}
    ]


def opened(report: Report, command: str) -> Table:
    """The list behind a figure, whose command ends like that."""
    (table,) = (behind.table for behind in report.behind.values() if behind.command.endswith(command))
    return table


def shown(table: Table, *names: str) -> list[tuple[Any, ...]]:
    places = [[column.name for column in table.columns].index(name) for name in names]
    return [tuple(row[place].value for place in places) for row in table.rows]


def chosen(source: Source, **which: Any) -> list[tuple[Any, ...]]:
    """The calls that `report calls` shows."""
    *_, last = calls(source, Chosen(**which)).sections
    (table,) = last.blocks
    assert isinstance(table, Table)
    return shown(table, "call")


def test_an_overtaking_opens_who_was_overtaken_and_by_whom(told: Source) -> None:
    report = queues(told)
    both = [("a", "vip", 2 * HOUR, "c"), ("a", "vip", HOUR, "b")]
    for command in ("--overtaken vip", "--overtaken any", "--overtaken any --queue sales"):
        assert shown(opened(report, command), "call", "reason", "ms", "by_call") == both
    assert chosen(told, overtaken="vip") == chosen(told, overtaken="any", queue="sales") == [("a",)]
    assert chosen(told, overtaken="weight") == chosen(told, overtaken="vip", queue="other") == []


def test_first_contact_opens_what_has_not_been_settled(told: Source) -> None:
    report = numbers(told)
    assert shown(opened(report, "--called-again"), "call", "queue", "agent", "next_at") == [
        ("a", "sales", "alice", NINE + HOUR)
    ]
    assert shown(opened(report, "--unresolved"), "call", "agent", "code") == [("a", "alice", "other")]
    assert chosen(told, called_again=True) == chosen(told, unresolved=True, agent="alice") == [("a",)]
    assert chosen(told, called_again=True, queue="other") == []


def test_who_calls_again_after_the_days_of_his_queue_is_not_opened(told: Source) -> None:
    told.thresholds = Thresholds(queues={"sales": QueueThresholds(fcr_days=0.01)})
    report = numbers(told)
    assert tiles(section(report, "Was it settled at the first contact?"))["fcr"] == 1.0
    assert not [each for each in report.behind.values() if each.command.endswith("--called-again")]
    assert chosen(told, called_again=True) == []


def test_answers_to_whether_it_was_settled_open_the_worst_first(told: Source, tmp_path: Path) -> None:
    other = empty(tmp_path / "asked.db")
    asked = {"survey": "resolved", "lowest": 0, "highest": 1, "queue": "sales", "agent": "alice"}
    with other.begin() as connection:
        for name, some in rows().items():
            for row in some:
                connection.execute(insert(metadata.tables[name]).values(row))
        for n, call in enumerate("abc"):
            answer = {"call": call, "offered_at": NINE + n, "answered_at": NINE + S, "score": n % 2}
            connection.execute(insert(metadata.tables["surveys"]).values({**asked, **answer}))
        touch_all(connection)
    with closing(source_of(other, DAY, told.now)) as source:
        report = numbers(source)
        assert tiles(section(report, "Was it settled at the first contact?"))["fcr_survey"] == 1 / 3
        assert shown(opened(report, "--surveyed"), "call", "score") == [("a", 0), ("c", 0), ("b", 1)]
    other.dispose()


def test_who_was_not_let_in_and_why_with_the_callers(told: Source) -> None:
    report = queues(told)
    found = section(report, "Who was not let in?")
    assert found["lead"] == "4 times the door of a queue stayed shut, most often: sales, full."
    (table,) = (block for one in report.sections if one.title == found["title"] for block in one.blocks)
    assert isinstance(table, Table)
    assert {tuple(cell.value for cell in row) for row in table.rows} == {
        ("sales", "full", 2),
        ("sales", "no agents", 1),
        ("hot line", "full", 1),
    }
    lists = {(row[0].value, row[1].value): report.behind[row[2].calls] for row in table.rows}
    assert shown(lists["sales", "full"].table, "call") == [("b",), ("c",)]
    assert lists["hot line", "full"].command.endswith("--refused full --queue 'hot line'")
    assert chosen(told, refused="full", queue="sales") == [("b",), ("c",)]
    assert chosen(told, refused="any", queue="sales") == [("a",), ("b",), ("c",)]


def test_whether_it_was_settled_in_the_ways_that_are_known(told: Source) -> None:
    found = section(numbers(told), "Was it settled at the first contact?")
    assert tiles(found) == {"fcr": 0.75, "fcr_agent": 0.0}
    assert found["lead"] == "After 1 of 4 calls with an agent the same person called again within 7 days."


def test_calls_of_later_days_count_for_the_first_contact(told: Source, tmp_path: Path) -> None:
    """The third person calls again on the sixth day: more than is read for all other figures."""
    again = NINE + 6 * 24 * HOUR
    other = empty(tmp_path / "later.db")
    with other.begin() as connection:
        for name, some in rows().items():
            for row in some:
                connection.execute(insert(metadata.tables[name]).values(row))
        later = {"call": "e", "arrived_at": again, "ended_at": again + S, "caller": "+49303", "number": "100"}
        connection.execute(insert(metadata.tables["calls"]).values(later))
        touch_all(connection)
    with closing(source_of(other, DAY, told.now)) as source:
        found = section(numbers(source), "Was it settled at the first contact?")
    assert tiles(found)["fcr"] == 0.5
    other.dispose()


def test_an_archive_without_later_days_is_not_read_twice(told: Source) -> None:
    assert told.later is told.engine


def test_when_the_line_was_away(told: Source) -> None:
    found = section(numbers(told), "Was the line there?")
    assert found["lead"] == "Not always: main could not be reached for 6 min 00 s."
    assert tiles(found) == {"availability": pytest.approx(1 - 6 * MINUTE / (24 * HOUR))}
    assert found["blocks"][2]["rows"] == [
        {
            "asterisk": "main",
            "from_at": "2026-11-22T09:00:00.000+01:00",
            "to_at": "2026-11-22T09:06:00.000+01:00",
            "away_ms": 6 * MINUTE,
        }
    ]


def test_what_was_offered_and_the_calls_behind_it(told: Source) -> None:
    report = surveys(told)
    found = section(report, "What was sold")
    assert tiles(found) == {"sales_rate": 0.5, "sales_took_ms": 6 * S}
    (key,) = {tile["calls"] for tile in found["blocks"][0]["tiles"]}
    behind = report.behind[key]
    assert [row[-1].value for row in behind.table.rows] == ["a", "b"]
    assert "--sales" in behind.command
    (listed,) = [table for table in calls(told, Chosen(sales=True)).tables() if table.name == "calls"]
    assert [row[-1].value for row in listed.rows] == ["a", "b"]


def test_of_nothing_there_is_no_section(tmp_path: Path) -> None:
    engine = empty(tmp_path / "nothing.db")
    with closing(source_of(engine, DAY, NOW)) as source:
        for make in (queues, numbers, surveys):
            titles = {one.title for one in make(source).sections}
            assert not titles & SOMETIMES
    engine.dispose()


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """A log on whose days many things happened equally often."""
    log = busy_log()
    end = max(event.at for event in log) + 1
    engine = of_log(tmp_path_factory.mktemp("made-up") / "archive.db", map(encode, log))
    with closing(source_of(engine, Period(log[0].at, end), end)) as source:
        yield source
    engine.dispose()


@pytest.mark.parametrize(("name", "reader"), [("calls", calls_report), ("surveys", surveys_report)])
def test_in_which_order_the_archive_answers_shows_nowhere(
    made_up: Source, monkeypatch: pytest.MonkeyPatch, name: str, reader: ModuleType
) -> None:
    """Where a statement leaves that open, two readings of one archive may differ."""

    def backwards(engine: Engine, statement: Executable) -> list[dict[str, Any]]:
        found = rows_of(engine, statement)
        return found if re.search(r"ORDER BY [^()]*$", str(statement)) else found[::-1]

    usual = json_of(EVERY[name](made_up))
    monkeypatch.setattr(reader, "rows_of", backwards)
    assert json_of(EVERY[name](made_up)) == usual
