"""`holdfast queue-log`, as an admin calls it: a period, and a file that grows, whoever is killed when."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from calllog.append import Appender
from calllog.call_events import CallEvent
from calllog.events import AnyEvent, decode, encode
from calllog.queue_log import QueueLog
from ivr.cli import AWAY, OK, REFUSED, USAGE, main
from tests.figures.days import day
from tests.unit.calllog.archived import archived
from tests.unit.calllog.conftest import Planted

ROOT = Path(__file__).parents[3]
PERIOD = ("--from", "2026-06-14", "--to", "2026-06-19", "--zone", "UTC")
NOON = "2026-06-15T11:01"
NOON_S = 1_781_521_260
Exported = Callable[..., Result]


@pytest.fixture
def log() -> list[AnyEvent]:
    lines = day(5, now=1 << 60, calls=30, days=2, zone="UTC", day="2026-06-15", faults=True)
    return [decode(line) for line in lines]


@pytest.fixture
def site(planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Planted:
    monkeypatch.setenv("HOLDFAST_SITE", planted.site)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", planted.url)
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path / "data"))
    return planted


def fill(site: Planted, tmp_path: Path, log: list[AnyEvent], count: int) -> None:
    """The log on the stream; its first `count` events archived, and trimmed."""
    pipe = site.client.pipeline(transaction=False)
    for event in log:
        pipe.xadd(site.key, {"e": encode(event)}, id=f"{event.logged_at}-*")
    positions = pipe.execute()
    if count:
        path = tmp_path / "data" / "archive" / "archive.db"
        archived(path, log[:count], positions[:count])
        site.client.xtrim(site.key, minid=positions[count] if count < len(log) else "9999999999999-0")


def lines_of(log: list[AnyEvent]) -> list[str]:
    made = QueueLog()
    return [line.text for event in log for line in made.add(event)]


def run(*options: str) -> Result:
    return CliRunner().invoke(main, ["queue-log", *options])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_period_from_archive_and_stream(
    site: Planted, tmp_path: Path, log: list[AnyEvent], share: float
) -> None:
    fill(site, tmp_path, log, int(share * len(log)))
    told = run(*PERIOD)
    assert told.exit_code == OK, told.output
    lines = told.stdout.splitlines()
    assert sorted(lines) == sorted(lines_of(log))
    assert len(lines) > 100


def test_two_halves_are_the_whole(site: Planted, tmp_path: Path, log: list[AnyEvent]) -> None:
    """Calls that began in the first half and go on in the second one are caught up with."""
    fill(site, tmp_path, log, len(log) * 3 // 4)
    first = run("--from", "2026-06-14", "--to", NOON, "--zone", "UTC").stdout.splitlines()
    second = run("--from", NOON, "--to", "2026-06-19", "--zone", "UTC").stdout.splitlines()
    assert max(int(line.partition("|")[0]) for line in first) < NOON_S
    assert min(int(line.partition("|")[0]) for line in second) >= NOON_S
    assert sorted(first + second) == sorted(lines_of(log))


def test_a_worker_that_writes_later_than_others(site: Planted, tmp_path: Path, log: list[AnyEvent]) -> None:
    """Records stand in the order of their seconds all the same."""
    calls = sorted({event.call for event in log if isinstance(event, CallEvent)})
    late = [
        replace(event, logged_at=event.logged_at + 20_000)
        if isinstance(event, CallEvent) and calls.index(event.call) % 2
        else event
        for event in log
    ]
    late.sort(key=lambda event: event.logged_at)
    assert [event.at for event in late] != sorted(event.at for event in late)
    fill(site, tmp_path, late, 0)
    seconds = [int(line.partition("|")[0]) for line in run(*PERIOD).stdout.splitlines()]
    assert len(seconds) > 100
    assert seconds == sorted(seconds)


def test_json_and_redact(site: Planted, tmp_path: Path, log: list[AnyEvent]) -> None:
    fill(site, tmp_path, log, 0)
    told = [json.loads(line) for line in run(*PERIOD, "--json", "--redact").stdout.splitlines()]
    assert len(told) == len(lines_of(log))
    entered = [one for one in told if one["record"] == "ENTERQUEUE"]
    assert entered
    assert {one["data"][1] for one in entered} == {""}
    assert "+49" not in str(told)
    assert "+49" in run(*PERIOD).stdout


@pytest.mark.usefixtures("site")
def test_wrong_usage_and_what_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--follow", str(tmp_path / "x"), "--json").exit_code == USAGE
    told = run("--follow", str(tmp_path / "none" / "x"))
    assert told.exit_code == REFUSED
    assert "No such file" in told.stderr
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "unix:///nowhere/redis.sock")
    assert run(*PERIOD).exit_code == AWAY


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    code = "from ivr.cli import main; main()"

    def start() -> subprocess.Popen[bytes]:
        words = ["queue-log", "--follow", str(tmp_path / "queue_log"), *PERIOD]
        started.append(
            subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, env=os.environ.copy())
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def grown(path: Path, lines: list[str]) -> bool:
    """Waits until the file has so many lines."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if path.exists() and path.read_text().count("\n") >= len(lines):
            return True
        time.sleep(0.05)
    return False


def test_a_file_that_is_followed_has_each_line_once_though_its_writer_is_killed(
    site: Planted, tmp_path: Path, log: list[AnyEvent], follow: Callable[[], subprocess.Popen[bytes]]
) -> None:
    path, third = tmp_path / "queue_log", len(log) // 3
    fill(site, tmp_path, log[:third], third // 2)
    process = follow()
    assert grown(path, lines_of(log[:third]))
    site.add(*log[third : 2 * third])
    assert grown(path, lines_of(log[: 2 * third]))
    process.send_signal(signal.SIGKILL)
    process.wait()
    site.add(*log[2 * third :])
    follow()
    assert grown(path, lines_of(log))
    assert path.read_text().splitlines() == lines_of(log)


def test_killed_at_any_byte_nothing_is_twice_or_missing(tmp_path: Path) -> None:
    """What was appended behind the last note is recognised, also a line that is cut."""
    path, lines = tmp_path / "queue_log", [[f"{n}|a", f"{n}|b"] for n in range(4)]
    whole = "".join(f"{line}\n" for batch in lines for line in batch)
    for cut in range(len("".join(f"{line}\n" for line in lines[1])) + 1):
        for old in tmp_path.iterdir():
            old.unlink()
        Appender(path, 7).append(lines[0], "event 0")
        noted = (tmp_path / "queue_log.position").read_bytes()
        with path.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines[1])[:cut])
        (tmp_path / "queue_log.position").write_bytes(noted)
        again = Appender(path, 8)
        assert (again.noted.after, again.noted.since) == ("event 0", 7)
        for number, batch in enumerate(lines[1:], 1):
            again.append(batch, f"event {number}")
        assert path.read_text() == whole, cut
        assert Appender(path, 9).noted.after == "event 3"


def test_a_file_that_was_put_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    path.write_text("what Asterisk wrote before\n")
    appender = Appender(path, 0)
    appender.append(["1|a"], "event 1")
    path.rename(tmp_path / "queue_log.1")
    appender.append(["2|b"], "event 2")
    Appender(path, 0).append(["3|c"], "event 3")
    assert path.read_text() == "2|b\n3|c\n"
    assert (tmp_path / "queue_log.1").read_text() == "what Asterisk wrote before\n1|a\n"
