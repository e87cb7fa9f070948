"""Walking a call at the terminal: whoever sits there is the caller, and decides what the others do."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from select import select
from time import monotonic

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from tests.unit.flow.small_company import build, write

FLOW = """\
steps:
  open: {hours: office, next: {open: crowded, closed: shut}}
  shut: {hangup: busy}
  crowded: {branch: queue.sales.waiting > 2, next: {yes: bye, no: look}}
  look:
    http: {url: https://shop.test/, save: {name: customer.name}, timeout_s: 4}
    next: {done: greet, not_found: partner, timeout: sales, failed: bye}
  greet: {say: "Hello {name}", next: sales}
  partner:
    transfer: "+49 30 901820"
    next: {busy: sales, failed: bye}
  sales:
    queue: {name: sales, max_wait_s: 30}
    next: {timeout: bye, answered: bye}
  bye: {say: Good bye, next: end}
  end: {hangup: }
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    build(tmp_path)
    write(tmp_path, "flows/main.yaml", FLOW)
    hours = "timezone: Europe/Berlin\nhours: {office: {week: {monday-friday: 9:00-17:00}}}\n"
    write(tmp_path, "hours.yaml", hours)
    return tmp_path


def walk(company: Path, *typed: str, options: tuple[str, ...] = ()) -> Result:
    arguments = ["simulate", "100", "-d", str(company), *options]
    return CliRunner().invoke(main, arguments, input="".join(f"{line}\n" for line in typed))


def outcomes(result: Result) -> list[str]:
    """The outcome of each step, and how the call ended."""
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.output.splitlines()]
    return [line.split()[1] for line in lines if line.startswith("→")] + [lines[-1].rpartition(": ")[2]]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["3"], ["open", "yes"]),
        (["2", ""], ["open", "no", "done", "done", "answered"]),
        (["", ""], ["open", "no", "done"]),
        (["", '={"customer": {"name": "Ada"}}'], ["open", "no", "done"]),
        (["", "=timeout", "=nobody"], ["open", "no", "timeout", "timeout"]),
        (["", "=500"], ["open", "no", "failed"]),
        (["", "=unreachable"], ["open", "no", "failed"]),
        (["", "=404", "=busy", "=nobody"], ["open", "no", "not_found", "busy", "timeout"]),
        (["", "=404", "=failed"], ["open", "no", "not_found", "failed"]),
        (["", "=404", "", ""], ["open", "no", "not_found"]),
        (
            ["", "=404", "=nonsense", "=busy", "=busy", "=nobody"],
            ["open", "no", "not_found", "busy", "timeout"],
        ),
        (["", "=99", "=404", "=busy"], ["open", "no", "not_found", "busy"]),
    ],
)
def test_the_others_do_what_is_decided(company: Path, typed: list[str], expected: list[str]) -> None:
    assert outcomes(walk(company, *typed, *[""] * 9))[: len(expected)] == expected


def test_what_a_server_says_is_heard_with_the_letters_it_has(company: Path) -> None:
    told = walk(company, "", '={"customer": {"name": "Ada B"}}').output
    assert "→ done   name = Ada B\n" in told
    assert "“Hello Ada B”" in told


def test_a_server_that_does_not_answer_takes_its_time(company: Path) -> None:
    assert "     4.0 s  main/sales\n" in walk(company, "", "=timeout").output
    assert "     0.0 s  main/bye\n" in walk(company, "", "=unreachable").output


def test_each_question_says_what_is_awaited_and_how_long(company: Path) -> None:
    told = walk(company, "", "=404", "+2", "=busy", "=nobody", "+1", "+100").output
    questions = [line.strip() for line in told.splitlines() if line.strip().startswith("…")]
    assert [each.partition(" >")[0] for each in questions] == [
        "… queue sales: how many wait, longest wait in s, ready, staffed (Enter: not known)",
        "… the server thinks, and answers {}, 1.0 s (=404 ={…} =timeout =unreachable)",
        "… it rings there, 5.0 s (=busy =no_answer =failed)",
        "… it rings there, 3.0 s (=busy =no_answer =failed)",
        "… in line, 10.0 s (=nobody)",
        "… in line, and nobody comes, 30.0 s",
        "… in line, and nobody comes, 29.0 s",
    ]
    assert told.endswith("the flow ended the call: overflowed\n"), "100 seconds are let pass at once"


def test_who_answers_and_talks_is_told(company: Path) -> None:
    told = walk(company, "", "=404", "", "").output
    assert "somebody answers there" in told
    assert "… they talk, 60.0 s > " in told
    assert "an agent answers" in walk(company, "", "=timeout", "", "").output


def test_the_call_comes_when_and_from_where_it_is_said(company: Path) -> None:
    late = walk(company, options=("--at", "2026-12-24 17:30", "--from", ""))
    assert outcomes(late) == ["closed", "rejected"]
    assert (
        "A call from a hidden number to 100, in `en`, on Thursday, 2026-12-24 17:30 (Europe/Berlin)"
        in late.output
    )
    wrong = walk(company, options=("--at", "soon"))
    assert wrong.exit_code == 2
    assert "--at: `soon` is no day and time (such as `2026-12-24 17:30`)" in wrong.output


def test_what_happens_in_a_test_is_told(company: Path) -> None:
    tests = "tests:\n  late: {to: '100', at: 2026-12-24 17:30, verdict: rejected}\n"
    write(company, "tests/main.yaml", tests + "  other: {to: '100', verdict: completed}\n")
    told = CliRunner().invoke(main, ["test", "-v", "-k", "late", str(company)]).output
    assert "tests/main.yaml: late\n" in told
    assert "0.0 s  main/open\n            → closed   opens = 2026-12-25 09:00\n" in told
    assert "other" not in told


def test_ctrl_c_hangs_up(company: Path) -> None:
    """In a terminal of its own: there the key becomes a signal while the line is being read."""
    near, far = pty.openpty()
    holdfast = str(Path(sys.executable).with_name("holdfast"))
    command = ["setsid", "--ctty", "--wait", holdfast, "simulate", "100", "-d", str(company)]
    with subprocess.Popen(command, stdin=far, stdout=far, stderr=far) as call:
        os.close(far)
        try:
            told = until(near, b"ready, staffed (Enter: not known) > ", b"")
            os.write(near, b"\n")
            told = until(near, b"=unreachable) > ", told)
            os.write(near, b"\x03")
            told = until(near, b"the caller hung up", told)
            assert call.wait(20) == 0
        finally:
            call.kill()
    os.close(near)
    assert b"0.0 s  the caller hung up: ivr_exit" in told


def until(near: int, words: bytes, told: bytes) -> bytes:
    """What was printed by the time the words came."""
    limit = monotonic() + 30
    while words not in told:
        assert monotonic() < limit, told
        if select([near], [], [], 1)[0]:
            told += os.read(near, 65536)
    return told
