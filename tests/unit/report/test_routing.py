"""`holdfast report routing`: an ideal router beside the one that was."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from calllog.events import encode
from calllog.figures import routing as figures
from calllog.figures.period import Period
from calllog.report.model import Report, Table
from calllog.report.routing import routing
from calllog.report.sheet import csv_of
from calllog.report.source import Source
from ivr.cli.log import log
from tests.unit.calllog.shift import DAY, Shift
from tests.unit.report.archives import of_log, on_terminal, source_of

HOUR = 3_600_000
BEGIN = 12 * HOUR
PERIOD = Period(DAY + BEGIN, DAY + BEGIN + HOUR, "UTC")


def shift() -> Shift:
    """Ann has been ready since 8, bob comes at 12. In sales all goes in turn, in tech the last is first."""
    made = Shift(ann=8 * HOUR, bob=BEGIN)
    made.joined(BEGIN + 1000, "a")
    made.served(BEGIN + 3000, "a", "ann", ring_ms=500, until=BEGIN + 9000)
    made.joined(BEGIN + 20_000, "b", "tech")
    made.joined(BEGIN + 21_000, "c", "tech")
    made.served(BEGIN + 22_000, "c", "bob", ring_ms=0, until=BEGIN + 30_000)
    made.served(BEGIN + 30_000, "b", "bob", ring_ms=0, until=BEGIN + 40_000)
    made.joined(BEGIN + 2 * HOUR, "d")
    made.served(BEGIN + 2 * HOUR + 5000, "d", "ann", ring_ms=0, until=BEGIN + 2 * HOUR + 9000)
    return made


@contextmanager
def source(path: Path, made: Shift) -> Iterator[Source]:
    engine = of_log(path / "archive.db", map(encode, made.events))
    with closing(source_of(engine, PERIOD, PERIOD.to_at)) as opened:
        yield opened
    engine.dispose()


def table(report: Report, name: str) -> dict[str, dict[str, Any]]:
    """Its rows, by what stands in the first column."""
    found = next(each for each in report.tables() if each.name == name)
    return {str(row["queue"] if name == "routing" else row["call"]): row for row in _rows(found)}


def _rows(found: Table) -> Iterator[dict[str, Any]]:
    for row in found.all_rows():
        yield {column.name: cell.value for column, cell in zip(found.columns, row, strict=True)}


def test_each_wait_beside_that_of_an_ideal_router(tmp_path: Path) -> None:
    """a: ann was free for 2 s. In turn b has bob at once, and c waits for b's 10 s; c had him after 1 s."""
    with source(tmp_path, shift()) as opened:
        report = routing(opened)
    assert {
        name: (row["router_regret_waits"], row["router_regret_ms"], row["out_of_turn"])
        for name, row in table(report, "routing").items()
    } == {"sales": (1, 2000, 0), "tech": (2, (10_000 + 1000 - 9000) / 2, 1)}
    assert {name: row["router_regret_error_ms"] for name, row in table(report, "routing").items()} == {
        "sales": None,  # of one wait nothing can be said
        "tech": pytest.approx(9000),
    }
    assert {call: row["regret_ms"] for call, row in table(report, "regretted").items()} == {
        "b": 10_000,
        "a": 2000,
    }
    assert table(report, "out_of_turn")["c"]["at"] == DAY + BEGIN + 22_000
    assert "longer on average" in report.sections[0].lead
    assert "1 times" not in report.sections[0].lead
    assert "once somebody was served out of turn" in report.sections[0].lead


def test_the_list_is_the_first_of_all(tmp_path: Path) -> None:
    made = Shift(ann=BEGIN)
    for number in range(60):
        at = BEGIN + 1000 + number * 20_000
        made.joined(at, f"call-{number}")
        made.served(at + 10 + number, f"call-{number}", "ann", ring_ms=0, until=at + 5000)
    with source(tmp_path, made) as opened:
        report = routing(opened)
    assert "call-59" in on_terminal(report)
    assert csv_of(report).count("call-") == 60


def test_more_than_can_be_worked_out_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_WAITS", 2)
    with source(tmp_path, shift()) as opened:
        (section,) = routing(opened).sections
    assert section.lead.startswith("3 callers waited in this time")
    assert "at most 2. Choose a shorter time." in section.lead


def test_nobody_came(tmp_path: Path) -> None:
    with source(tmp_path, Shift(ann=BEGIN)) as opened:
        report = routing(opened)
    assert report.sections[0].lead == "Nobody was answered in this time."
    assert "Nobody waited longer." in on_terminal(report)


def test_a_time_without_waits_tells_of_no_error_of_its_mean(tmp_path: Path) -> None:
    with source(tmp_path, Shift(ann=8 * HOUR)) as opened:
        shown = on_terminal(routing(opened))
    assert "of 0 answered waits\n" in "\n".join(map(str.rstrip, shown.splitlines())) + "\n"
    assert "give or take" not in shown
    assert "holdfast log" not in shown


def test_the_command_below_the_list_can_be_given(tmp_path: Path) -> None:
    with source(tmp_path, shift()) as opened:
        found = next(each for each in routing(opened).tables() if each.name == "regretted")
    given = re.findall("`holdfast log ([^`]*)`", found.note)
    assert given
    for words in given:
        log.make_context("log", words.split())
