"""`holdfast report` over a busy day: every report, every way to show it."""

import csv
import json
import os
import pty
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from calllog.report.model import redacted
from calllog.report.page import page_of
from calllog.report.sheet import csv_of, json_of
from ivr.cli import AWAY, OK, REFUSED, USAGE, main
from tests.unit.report.archives import EVERY, on_terminal
from tests.unit.report.busy_day import DAY, ZONE
from tests.unit.report.conftest import Holdfast, Made

DAY_OPTIONS = ("--day", "2026-11-22", "--zone", ZONE)
REPORTS = tuple(EVERY)
WAYS = ("--html", "--csv", "--json")


def arguments(report: str) -> tuple[str, ...]:
    """The report of the busy day; compared, with the day before."""
    days = ("2026-11-21", "2026-11-22") if report == "compare" else ()
    return ("report", report, *days, *DAY_OPTIONS)


def counted(data: Path, sql: str) -> int:
    engine = create_engine(f"sqlite:///{data / 'archive' / 'archive.db'}")
    with engine.connect() as connection:
        found = connection.scalar(text(sql))
    engine.dispose()
    assert isinstance(found, int)
    return found


class Page(HTMLParser):
    """Elements of a page: every one is closed in its place; ids, links, and what could load something."""

    VOID = ("meta", "br", "path", "rect", "polygon", "polyline")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""
        self.scrolled: list[dict[str, str | None]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        if "scroll" in (named.get("class") or "").split():
            self.scrolled.append(named)
        self.attributes |= named.keys()
        if named.get("id"):
            self.ids.append(named["id"] or "")
        if "href" in named:
            self.links.append(named["href"] or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data + " "


@pytest.mark.parametrize("report", REPORTS)
def test_on_the_terminal_it_answers_first(holdfast: Holdfast, report: str) -> None:
    told = holdfast(*arguments(report))
    assert told.exit_code == OK, told.output
    lines = told.stdout.splitlines()
    assert "22 November 2026 (Europe/Berlin)" in lines[0]
    assert max(map(len, lines)) <= 140
    assert told.stderr == ""


@pytest.mark.parametrize("report", REPORTS)
def test_the_page_needs_nothing_and_leads_somewhere(made: Made, report: str) -> None:
    page = page_of(made(report))
    read = Page(page)
    assert not re.search(r"(?:src|href|action|url\()\s*=?\s*[\"']?\s*(?:https?:)?//", page)
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    assert len(read.ids) == len(set(read.ids))
    missing = {link for link in read.links if link != "#_"} - {f"#{name}" for name in read.ids}
    assert missing == set()
    assert read.tags.count("script") == 1
    assert "default-src 'none'" in page
    assert not {name for name in read.attributes if name.startswith("on")}


@pytest.mark.parametrize("report", REPORTS)
def test_the_page_is_read_and_scrolled_without_a_mouse(made: Made, report: str) -> None:
    read = Page(page_of(made(report)))
    assert "`" not in read.words
    assert "ivr exit" not in read.words, "a word of the log, not of people"
    for each in read.scrolled:
        assert (each.get("tabindex"), each.get("role")) == ("0", "region")
        assert each.get("aria-label"), "it says what it is"


@pytest.mark.parametrize("report", REPORTS)
def test_no_list_is_made_that_nothing_opens(made: Made, report: str) -> None:
    found = made(report)
    assert {f"#l-{key}" for key in found.behind} <= {*Page(page_of(found)).links}


@pytest.mark.parametrize("report", REPORTS)
def test_csv_has_a_table_after_its_definitions(made: Made, report: str) -> None:
    told = csv_of(made(report))
    tables = [table.splitlines() for table in told.split("\n\n")]
    for table in tables:
        rows = list(csv.reader(line for line in table if not line.startswith("# ")))
        assert table[0].startswith("# ")
        assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize("report", REPORTS)
def test_json_has_all_of_it(made: Made, report: str) -> None:
    told = json.loads(json_of(made(report)))
    assert (told["report"], told["zone"], told["from"]) == (report, ZONE, "2026-11-22T00:00:00.000+01:00")
    defined = {
        column["defined"]
        for section in told["sections"]
        for block in section["blocks"]
        for column in (*block.get("columns", ()), *block.get("tiles", ()))
        if column["defined"]
    }
    assert defined <= told["definitions"].keys()
    opened = {tile["calls"] for section in told["sections"] for block in section["blocks"]
              for tile in block.get("tiles", ()) if tile["calls"]}  # fmt: skip
    assert opened <= told["behind"].keys()


def test_who_was_lost_stands_in_the_list(holdfast: Holdfast, data: Path) -> None:
    lost = counted(data, "SELECT count(*) FROM waits WHERE class = 'B'")
    told = json.loads(holdfast(*arguments("abandoned"), "--json").stdout)
    tiles = {tile["title"]: tile["value"] for tile in told["sections"][0]["blocks"][0]["tiles"]}
    assert tiles["Hung up while waiting"] == lost
    assert len(told["sections"][1]["blocks"][0]["rows"]) == lost
    curve = next(block for block in told["sections"][0]["blocks"] if block["type"] == "bars")
    assert sum(curve["series"][0]["values"]) == lost


def test_bars_of_waits_hold_everybody_who_was_answered_or_lost(holdfast: Holdfast, data: Path) -> None:
    blocks = json.loads(holdfast(*arguments("queues"), "--json").stdout)["sections"][0]["blocks"]
    waits = next(block for block in blocks if block.get("title") == "How long they waited")
    for series, kind in zip(waits["series"], "AB", strict=True):
        sql = f"SELECT count(*) FROM waits WHERE class = '{kind}'"  # noqa: S608  (A or B)
        assert sum(series["values"]) == counted(data, sql)
    assert len(waits["places"]) == len(waits["full"]) == len(waits["series"][0]["values"])


def test_a_figure_opens_the_calls_behind_it_and_the_command_lists_all(holdfast: Holdfast) -> None:
    told = json.loads(holdfast(*arguments("queues"), "--json").stdout)
    checked = 0
    for behind in told["behind"].values():
        command = behind["command"].split()
        assert command[:3] == ["holdfast", "report", "calls"]
        listed = json.loads(holdfast(*command[1:], "--json").stdout)
        calls = {row["call"] for block in listed["sections"][-1]["blocks"] for row in block["rows"]}
        shown = {row["call"] for row in behind["rows"]}
        assert shown <= calls, behind["title"]
        assert behind["total"] >= len(calls)
        if behind["title"].endswith("not in time"):
            assert all(row["waited_ms"] > 20_000 for row in behind["rows"])
        checked += 1
        if checked == 8:
            break
    assert checked == 8


def test_what_is_late_is_counted_as_the_service_level_counts_it(holdfast: Holdfast) -> None:
    told = json.loads(holdfast(*arguments("queues"), "--json").stdout)
    tile = told["sections"][0]["blocks"][0]["tiles"][0]
    listed = holdfast("report", "calls", *DAY_OPTIONS, "--left", "late", "--json")
    rows = json.loads(listed.stdout)["sections"][-1]["blocks"][0]["rows"]
    each = next(block for block in told["sections"][1]["blocks"] if block.get("name") == "queues")["rows"]
    offered, short, answered = (sum(row[name] for row in each) for name in ("offered", "short", "answered"))
    late = answered - round(tile["value"] * (offered - short))
    assert told["behind"][tile["calls"]]["total"] == len(rows) == late > 0


@pytest.mark.parametrize(
    ("option", "misspelt", "told"),
    [
        ("--queue", "slaes", "has queue slaes; nearest is: sales."),
        ("--agent", "nobody-knows-her", "has agent nobody-knows-her; there is: "),
        ("--verdict", "abandonned", "has verdict abandonned; nearest is: abandoned."),
        ("--queue", "\x1b[31mfar away", "has queue \\x1b[31mfar away; there is: "),
        ("--flow", "", ""),
    ],
)
def test_a_name_that_none_of_the_calls_has_is_told(
    holdfast: Holdfast, option: str, misspelt: str, told: str
) -> None:
    shown = " ".join(holdfast("report", "calls", *DAY_OPTIONS, option, misspelt).output.split())
    if told:
        assert f"There is no such call in this time. None of its calls {told}" in shown
    else:
        assert "None of its calls" not in shown


@pytest.mark.parametrize("report", REPORTS)
def test_redacted_no_byte_is_of_a_callers_number(made: Made, data: Path, report: str) -> None:
    engine = create_engine(f"sqlite:///{data / 'archive' / 'archive.db'}")
    with engine.connect() as connection:
        numbers = {caller.lstrip("+") for (caller,) in connection.execute(text("SELECT caller FROM calls"))}
    engine.dispose()
    for way in (page_of, csv_of, json_of, on_terminal):
        hidden = way(redacted(made(report)))
        assert [number for number in numbers if number in hidden] == []
        if report in ("abandoned", "calls"):
            assert any(number in way(made(report)) for number in numbers)
            assert "(hidden)" in hidden


@pytest.mark.parametrize("way", ["--wide", *WAYS])
def test_every_way_can_be_redacted(holdfast: Holdfast, way: str) -> None:
    options = ("report", "calls", *DAY_OPTIONS, "--verdict", "ivr_exit", way)
    assert "+4930" in holdfast(*options).stdout
    assert "+4930" not in holdfast(*options, "--redact").stdout


def test_the_time_and_zone_are_what_is_asked_for(holdfast: Holdfast) -> None:
    none = holdfast("report", "queues", "--day", "2026-11-21", "--zone", ZONE)
    assert "Nobody came to a queue in this time." in none.stdout
    noon = json.loads(
        holdfast("report", "intervals", "--from", "2026-11-22T12:00", "--to", "2026-11-22T13:00",
                 "--zone", ZONE, "--interval", "30m", "--json").stdout
    )  # fmt: skip
    rows = noon["sections"][0]["blocks"][-1]["rows"]
    assert [row["interval"] for row in rows] == ["Sun 22 Nov, 12:00 to 12:30", "Sun 22 Nov, 12:30 to 13:00"]
    assert DAY.zone == ZONE


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("queues", "--html", "--csv"), "--html and --csv exclude each other"),
        (("queues", "--day", "tomorrow"), "`tomorrow` is no day"),
        (("compare", "2026-W99", "today"), "is not in the calendar"),
        (("calls", "--left", "gone"), "Invalid value for '--left'"),
        (("intervals", "--interval", "7m"), "Invalid value for '--interval'"),
    ],
)
def test_wrong_usage(holdfast: Holdfast, options: tuple[str, ...], said: str) -> None:
    told = holdfast("report", *options)
    assert told.exit_code == USAGE
    assert said in told.stderr


def test_no_archive_yet(holdfast: Holdfast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    told = holdfast("report", "queues", "--day", "today", "--zone", "UTC")
    assert told.exit_code == AWAY
    assert "there is no archive" in told.stderr
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "archive.db").write_bytes(b"this is no database at all" * 100)
    broken = holdfast("report", "queues", "--day", "today", "--zone", "UTC")
    assert broken.exit_code == AWAY
    assert "the archive cannot be read" in broken.stderr


def test_a_file_is_written_whole_and_for_its_owner(holdfast: Holdfast, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = holdfast(*arguments("queues"), "--html", "--output", str(page))
    assert (told.exit_code, told.stdout) == (OK, "")
    assert page.read_text("utf-8").endswith("</html>\n")
    assert page.stat().st_mode & 0o777 == 0o600
    nowhere = holdfast(*arguments("queues"), "--csv", "-o", str(tmp_path / "none" / "x.csv"))
    assert nowhere.exit_code == REFUSED
    assert "cannot be written" in nowhere.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


STALLS = """
import sys
from ivr.cli import main, reporting

def pieces(made):
    yield "half of it" * 10_000
    print("writing", flush=True)
    sys.stdin.read()

reporting.csv_pieces = pieces
main()
"""


def test_a_report_killed_while_it_writes_leaves_nothing_after_the_next(
    holdfast: Holdfast, data: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.csv"
    options = (*arguments("queues"), "--csv", "-o", str(sheet))
    command, place = [sys.executable, "-c", STALLS, *options], {"HOLDFAST_DATA": str(data)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | place, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "writing\n"
        run.kill()
    (left,) = tmp_path.iterdir()
    assert left != sheet
    assert holdfast(*options).exit_code == OK
    assert [*tmp_path.iterdir()] == [sheet]


def test_progress_is_told_on_a_terminal_and_only_there(data: Path) -> None:
    """What it does now, on standard error; the report itself is not touched by it."""
    master, slave = pty.openpty()
    command = [sys.executable, "-c", "from ivr.cli import main; main()", *arguments("queues"), "--json"]
    place = {"HOLDFAST_DATA": str(data), "HOLDFAST_CALLFLOWS": str(data / "none"), "TERM": "xterm"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=slave, env=os.environ | place, text=True
    ) as run:
        os.close(slave)
        assert run.stdout is not None
        out = run.stdout.read()
        told = b""
        try:
            while piece := os.read(master, 65536):
                told += piece
        except OSError:
            pass  # the terminal's other end is closed: it is over
    os.close(master)
    assert b"figures of queues" in told or b"the tables" in told
    assert json.loads(out)["report"] == "queues"


@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_value_is_cut_and_what_has_no_room_is_named(
    holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """A cut figure would be a wrong one."""
    listed = json.loads(holdfast(*arguments("abandoned"), "--json").stdout)
    calls = [row["call"] for row in listed["sections"][1]["blocks"][0]["rows"]]
    monkeypatch.setenv("COLUMNS", str(width))
    told = CliRunner().invoke(main, arguments("abandoned")).stdout
    assert max(map(len, told.splitlines())) <= width
    assert [call for call in calls if call not in told] == []
    assert "…" not in told
    assert ("Without room here: " in told) == (width < 110)
