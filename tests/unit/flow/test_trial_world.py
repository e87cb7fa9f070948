"""The world of a flow test: the clock where the company is, and other servers that answer, or do not."""

from datetime import timedelta
from pathlib import Path

import pytest

from ivr.flow.cases import read_cases
from ivr.flow.check import check_callflows
from ivr.flow.script import Script
from ivr.flow.simulation import Company, Outcome, simulate
from ivr.flow.trial import differences, run_case, walked
from tests.unit.flow.small_company import build, write

HOURS = """\
timezone: {zone}
hours:
  office: {{week: {{monday-friday: 9:00-17:30}}, exceptions: {{2026-12-24: 9:00-12:00}}}}
"""
OPENING = """\
steps:
  open: {hours: office, next: {open: a, closed: b}}
  a: {say: "We are open at {now.hour}", next: end}
  b: {hangup: busy}
  end: {hangup: }
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    place = build(tmp_path)
    write(place, "flows/main.yaml", OPENING)
    write(place, "hours.yaml", HOURS.format(zone="America/New_York"))
    return place


def made(company: Path, fields: str) -> tuple[Outcome, list[str]]:
    """The call of a test with these fields, and what the test complains of."""
    write(company, "tests/main.yaml", f"tests:\n  it: {{to: '100', {fields}}}\n")
    assert check_callflows(company).problems == []
    (case,) = read_cases(company, [])
    outcome = run_case(Company.load(company), case.case)
    return outcome, [str(each) for each in differences(case, outcome)]


@pytest.mark.parametrize(
    ("at", "way", "hour"),
    [
        ("2026-12-23 8:59", "closed", 8),
        ("2026-12-23 9:00", "open", 9),
        ("2026-12-23 09:00", "open", 9),
        ("2026-12-23 17:29", "open", 17),
        ("2026-12-23 17:30", "closed", 17),
        ("2026-12-24 12:01", "closed", 12),
        ("2026-12-23 17:29Z", "open", 12),
        ("2026-12-23 22:29:00+00:00", "open", 17),
        ("2026-12-23 15:00+01:00", "open", 9),
        ("2026-12-23 14:59+01:00", "closed", 8),
    ],
)
def test_a_time_is_that_of_the_clock_at_the_company(company: Path, at: str, way: str, hour: int) -> None:
    outcome, wrong = made(company, f'at: "{at}", steps: [open: {way}]')
    assert all("went on" in each for each in wrong)
    assert outcome.line.now().hour == hour
    assert outcome.line.now().utcoffset() == timedelta(hours=-5)


def test_a_call_whose_time_is_not_written_comes_in_the_morning_there(company: Path) -> None:
    for zone in ("America/New_York", "Asia/Tokyo", "Europe/Berlin"):
        write(company, "hours.yaml", HOURS.format(zone=zone))
        outcome, wrong = made(company, "hears: We are open at 9")
        assert wrong == []
        alone = simulate(Company.load(company), "main", "en", Script())
        assert f"{outcome.line.now():%A %H:%M}" == f"{alone.line.now():%A %H:%M}" == "Monday 09:30"


def test_seconds_pass_evenly_while_the_clocks_are_changed(company: Path) -> None:
    write(company, "hours.yaml", HOURS.format(zone="Europe/Berlin"))
    waiting = "steps: {a: {queue: {name: sales, max_wait_s: 3600}, next: {timeout: b}}, b: {hangup: }}\n"
    write(company, "flows/main.yaml", waiting)
    outcome, _ = made(
        company,
        'at: "2026-03-29 01:59", agents: {sales: {nobody: yes}}, hangs_up_at_s: 120, verdict: abandoned',
    )
    assert f"{outcome.line.now():%H:%M}" == "03:01"


@pytest.mark.parametrize("at", ["17:30", "1795314029", "tomorrow", "2026-13-01 10:00"])
def test_what_is_no_day_and_time_is_refused(company: Path, at: str) -> None:
    write(company, "tests/main.yaml", f"tests:\n  it: {{to: '100', at: \"{at}\", verdict: rejected}}\n")
    (problem,) = check_callflows(company).problems
    assert f"`{at}` is no day and time (such as `2026-12-24 17:30`)" in str(problem)
    assert problem.place[1:] == (2, 23)


ASKING = """\
steps:
  ask: {{http: {{url: https://shop.test/, save: {{x: x}}{fields}}}, next: {{done: a, {next}}}}}
  a: {{set: {{seen: "{{x}}"}}, next: end}}
  lost: {{set: {{seen: lost}}, next: end}}
  end: {{hangup: }}
"""


def asked(
    company: Path, replies: str, fields: str = "", following: str = "failed: lost"
) -> tuple[str, float]:
    """The outcome of an `http` step, and how long it took."""
    write(company, "flows/main.yaml", ASKING.format(fields=fields, next=following))
    outcome, _ = made(company, f"replies: {replies}, verdict: rejected")
    (_, way), (after, _) = walked(outcome)[:2]
    assert (after == "main/lost") == (way != "done"), "every failure goes the way of `failed`"
    return str(way), outcome.line.passed[0].took_s


@pytest.mark.parametrize(
    ("replies", "fields", "expected"),
    [
        ("[{fails: timeout}]", "", ("timeout", 5)),
        ("[{fails: timeout}]", ", retries: 5, timeout_s: 9", ("timeout", 9)),
        ("[{fails: timeout}]", ", retries: 0, timeout_s: 0.5", ("timeout", 0.5)),
        ("[{fails: unreachable}]", "", ("failed", 2)),
        ("[{fails: unreachable}]", ", retries: 0", ("failed", 1)),
        ("[{fails: unreachable}, {body: '{}'}]", "", ("done", 2)),
        ("[{fails: unreachable}, {fails: timeout}]", "", ("timeout", 5)),
        ("[{fails: unreachable}]", ", retries: 5", ("timeout", 5)),
        ("[{status: 503}]", "", ("failed", 2)),
        ("[{status: 503}, {status: 404}]", "", ("not_found", 2)),
        ("[{status: 400}]", "", ("rejected", 1)),
        ("[{body: nonsense}]", "", ("failed", 1)),
        ("[]", "", ("done", 1)),
    ],
)
def test_a_server_that_fails_in_a_test_fails_the_step(
    company: Path, replies: str, fields: str, expected: tuple[str, float]
) -> None:
    assert asked(company, replies, fields) == expected


def test_the_next_question_gets_the_next_answer(company: Path) -> None:
    two = """\
steps:
  one: {http: {url: https://shop.test/}, next: {done: two, failed: two}}
  two: {http: {url: https://shop.test/, save: {x: x}}, next: {done: end, failed: end}}
  end: {hangup: }
"""
    write(company, "flows/main.yaml", two)
    outcome, _ = made(company, "replies: [{fails: timeout}, {body: '{\"x\": 3}'}], verdict: rejected")
    assert [each.outcome for each in outcome.line.passed] == ["timeout", "done"]
    assert outcome.line.variables["x"] == 3
