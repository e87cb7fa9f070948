"""Names that are attacks, numbers that are formulas, archives that are empty or odd: shown, never obeyed."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from calllog.figures.keys import By
from calllog.figures.period import Period
from calllog.report.model import Cell, Column, Report, Section, Table, redacted
from calllog.report.page import page_of
from calllog.report.queues import intervals, queues
from calllog.report.sheet import csv_of, json_of
from calllog.report.source import Source
from tests.figures.days import day, setting
from tests.unit.report.archives import EVERY, HOSTILE, empty, of_log, on_terminal, source_of
from tests.unit.report.busy_day import DAY, NOW
from tests.unit.report.test_report import Page


@pytest.mark.parametrize("name", EVERY)
def test_hostile_names_stay_words(hostile: Source, name: str) -> None:
    report = EVERY[name](hostile)
    page = page_of(report)
    read = Page(page)
    assert read.tags.count("script") == 1
    assert not {"img", "b>"} & set(read.tags)
    assert read.tags.count("style") == 1
    assert "\x1b" not in page
    assert "\u202e" not in page
    told = on_terminal(report)
    assert "\x1b[31m" not in told
    assert "\u202e" not in told
    for row in csv.reader(StringIO(csv_of(report))):
        assert [cell for cell in row if cell.startswith(("=", "@", "|"))] == []
    assert "\x1b" not in json_of(report)
    json.loads(json_of(report))


def test_hostile_names_are_seen(hostile: Source) -> None:
    report = queues(hostile)
    assert HOSTILE["sales"] in Page(page_of(report)).words
    assert f"'{HOSTILE['support']}" in csv_of(report)


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_archive_is_told_in_words(tmp_path: Path, name: str) -> None:
    report = EVERY[name](source_of(empty(tmp_path / "archive.db"), DAY, NOW))
    Page(page_of(report))
    assert json.loads(json_of(report))["behind"] == {}
    told = on_terminal(report)
    assert "Nobody" in told or "No agent" in told or "no such call" in told or "What has changed" in told


@pytest.mark.parametrize("seed", range(3))
def test_any_day_of_a_made_up_log_can_be_shown(tmp_path: Path, seed: int) -> None:
    """Changes of the clock, crashes, calls across midnight, callers who still wait."""
    chosen = setting(seed)
    engine = of_log(tmp_path / "archive.db", day(seed))
    source = source_of(engine, Period(chosen.from_at, chosen.to_at, chosen.zone), chosen.now)
    for make in EVERY.values():
        report = make(source)
        Page(page_of(report))
        json.loads(json_of(report))
        on_terminal(report)
        csv_of(report)
    engine.dispose()


@pytest.mark.parametrize("by", ["queue", "campaign", "flow"])
def test_intervals_by_something(hostile: Source, by: By) -> None:
    table = intervals(hostile, by).tables()[0]
    whole = intervals(hostile).tables()[0]
    at = [column.name for column in table.columns].index("offered")
    other = [column.name for column in whole.columns].index("offered")
    assert _sum(table, at) == _sum(whole, other) > 0


def _sum(table: Table, at: int) -> int:
    return sum(value for row in table.rows if isinstance(value := row[at].value, int))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1-800-CALL", "'+1-800-CALL"),
        ("-1+1", "'-1+1"),
        ("@A1", "'@A1"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("+493012345", "+493012345"),
        ("plain", "plain"),
    ],
)
def test_no_text_is_a_formula_in_a_spreadsheet(text: str, written: str) -> None:
    (_, _, row) = csv.reader(StringIO(csv_of(one_cell(text))))
    assert row == [written]


def test_comments_of_csv_stay_on_their_line() -> None:
    lines = csv_of(one_cell("x", title="two\nlines,=1")).splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["name", "x"]


def test_only_what_is_personal_is_hidden() -> None:
    columns = (Column(name="name", title="Name"), Column(name="caller", title="Caller", personal=True))
    rows = ((Cell("sales", "w0"), Cell("+4930123", "w0")), (Cell("sales"), Cell("")))
    table = Table(name="t", title="T", columns=columns, rows=rows)
    hidden = redacted(_report(table)).tables()[0]
    assert [[cell.value for cell in row] for row in hidden.rows] == [["sales", "(hidden)"], ["sales", ""]]


def one_cell(text: str, title: str = "T") -> Report:
    columns = (Column(name="name", title="Name"),)
    return _report(Table(name="t", title=title, columns=columns, rows=((Cell(text),),)))


def _report(table: Table) -> Report:
    section = Section(title="S", blocks=(table,))
    return Report(name="r", title="R", period=DAY, made_at=NOW, sections=(section,))
