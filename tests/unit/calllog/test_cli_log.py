"""`holdfast log` and `holdfast audit`, as an admin calls them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from calllog.call_events import CallEvent
from calllog.events import encode
from ivr.cli import AWAY, FAMILIES, FINDINGS, OK, USAGE, main
from tests.queues.redis_process import RedisProcess
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.conftest import Planted
from tests.unit.calllog.plants import PLANTS

Holdfast = Callable[..., Result]


@pytest.fixture
def holdfast(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Holdfast:
    monkeypatch.setenv("HOLDFAST_SITE", planted.site)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", planted.url)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *args: CliRunner().invoke(main, args)


def test_the_whole_log_is_one_line_per_event(planted: Planted, holdfast: Holdfast) -> None:
    log = made_log(1, 3)
    planted.add(*log)
    result = holdfast("log")
    assert result.exit_code == OK
    assert len(result.stdout.splitlines()) == len(log)
    assert holdfast("log", "--last", "2").stdout.splitlines() == result.stdout.splitlines()[-2:]
    assert holdfast("log", "--last", "0").stdout == ""


def test_json_is_the_log_itself(planted: Planted, holdfast: Holdfast) -> None:
    log = made_log(1, 3)
    planted.add(*log)
    lines = holdfast("log", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(encode(event)) for event in log]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_redacted_it_holds_no_number(planted: Planted, holdfast: Holdfast, options: tuple[str]) -> None:
    planted.add(*made_log(1, 3))
    assert "+442079460001" in holdfast("log", *options).stdout
    hidden = holdfast("log", "--redact", *options).stdout
    assert "+442079460001" not in hidden
    assert "(hidden)" in hidden


def test_one_call_is_a_table_and_the_last_one_has_a_short_name(planted: Planted, holdfast: Holdfast) -> None:
    log = made_log(1, 3)
    planted.add(*log)
    call = next(event.call for event in reversed(log) if isinstance(event, CallEvent))
    result = holdfast("log", "--call", call)
    assert result.exit_code == OK
    assert result.stdout.startswith(f"Call {call}")
    assert "✓ It adds up" in result.stdout
    assert holdfast("log", "--call", "last").stdout == result.stdout
    numbers = [json.loads(line)["seq"] for line in holdfast("log", "--json", "-c", call).stdout.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_following_a_call_that_is_over_ends(planted: Planted, holdfast: Holdfast) -> None:
    planted.add(*made_log(1, 1))
    result = holdfast("log", "--follow", "--call", "last")
    assert result.exit_code == OK
    assert "ended" in result.stdout.splitlines()[-1]


def test_a_terminal_without_unicode_gets_a_table_too(planted: Planted) -> None:
    planted.add(*made_log(1, 1))
    shown = subprocess.run(
        [sys.executable, "-c", "from ivr.cli import main; main()", "log", "--call", "last"],
        env={
            **os.environ,
            "HOLDFAST_SITE": planted.site,
            "HOLDFAST_REDIS_URL": planted.url,
            "PYTHONIOENCODING": "ascii",
        },
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
    )
    assert shown.stdout.isascii()
    assert b"arrived" in shown.stdout


def test_an_unknown_call_is_said(holdfast: Holdfast) -> None:
    result = holdfast("log", "--call", "no\x1b[31mbody")
    assert result.exit_code == FINDINGS
    assert "knows no call" in result.stderr
    assert "\x1b" not in result.stderr


def test_what_cannot_be_read_is_told_and_never_shown(planted: Planted, holdfast: Holdfast) -> None:
    planted.raw(b'{"from":"+4420 secret')
    result = holdfast("log")
    assert result.exit_code == FINDINGS
    assert "cannot be read: not an event" in result.stderr
    assert "secret" not in result.output
    note = json.loads(holdfast("log", "--json").stdout)
    assert note["broken"].startswith("not an event")


def test_a_hostile_name_stays_on_its_line(planted: Planted, holdfast: Holdfast) -> None:
    event = encode(made_log(1, 1)[-1])
    planted.raw(event.replace(b'"made"', b'"\\u001b[2J\\nx\\u009b"'))
    for options in ([], ["--json"]):
        text = holdfast("log", *options).stdout
        assert text.count("\n") == 1
        assert text.rstrip("\n").isprintable()


def test_without_redis_the_exit_code_says_so(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "unix:///nowhere/redis.sock")
    for command in ("log", "audit"):
        result = holdfast(command)
        assert (result.exit_code, result.stdout) == (AWAY, "")
        assert result.stderr.startswith("holdfast: ")


def test_wrong_usage_is_exit_code_2(holdfast: Holdfast) -> None:
    assert holdfast("log", "--call", "x", "--last", "1").exit_code == USAGE
    assert holdfast("log", "--nonsense").exit_code == USAGE


def test_a_sound_log_passes_the_audit(planted: Planted, holdfast: Holdfast) -> None:
    planted.add(*made_log(1, 8))
    result = holdfast("audit")
    assert result.exit_code == OK, result.output
    assert "Sound" in result.stdout
    facts = json.loads(holdfast("audit", "--json").stdout)
    assert facts["sound"]
    assert facts["calls"] == facts["ended"] == 8
    for counts in facts["queues"].values():
        assert counts["offered"] == sum(counts[name] for name in counts if name != "offered")


@pytest.mark.parametrize("name", ["ended lost", "waited_ms wrong", "an offer never closed"])
def test_the_audit_names_the_call_that_breaks_a_rule(planted: Planted, holdfast: Holdfast, name: str) -> None:
    log = made_log(1, 8)
    call = PLANTS[name](log, Random(1))
    assert call
    planted.add(*log)
    planted.raw(b"{}")
    result = holdfast("audit")
    assert result.exit_code == FINDINGS
    assert call in result.stdout
    assert "not an event" in result.stdout
    facts = json.loads(holdfast("audit", "--json").stdout)
    assert not facts["sound"]
    assert call in {violation["call"] for violation in facts["violations"]}


def test_following_prints_what_comes_and_waits_for_a_redis_that_goes_away(tmp_path: Path) -> None:
    server = RedisProcess(tmp_path, durable=True)
    server.start()
    planted = Planted(server.url, "follow", server.client())
    log = [event for event in made_log(1, 1) if isinstance(event, CallEvent)]
    planted.add(log[0])
    follower = subprocess.Popen(
        [sys.executable, "-c", "from ivr.cli import main; main()", "log", "--follow", "--call", log[0].call],
        env={**os.environ, "HOLDFAST_SITE": "follow", "HOLDFAST_REDIS_URL": server.url},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stderr is not None
    assert "arrived" in follower.stdout.readline()
    planted.add(log[1])
    assert log[1].kind in follower.stdout.readline()
    server.kill()
    assert "waiting for it" in follower.stderr.readline()
    server.start()
    planted.add(*log[2:])
    rest, complaints = follower.communicate(timeout=30)
    server.kill()
    assert len(rest.splitlines()) == len(log) - 2
    assert (follower.returncode, complaints) == (OK, "")


@pytest.mark.parametrize("command", FAMILIES)
def test_every_command_takes_json_and_tells_its_exit_codes(holdfast: Holdfast, command: str) -> None:
    result = holdfast(command, "--help")
    assert result.exit_code == OK
    assert "--json" in result.stdout
    assert "Exit codes: 0" in result.stdout
    assert f"  {command} " in holdfast("--help").stdout
