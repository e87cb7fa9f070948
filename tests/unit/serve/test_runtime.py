from pathlib import Path

import pytest

from ivr import runtime as runtimes
from ivr.runtime import Account, Runtime, RuntimeUnfit, find
from tests.unit.serve.conftest import say


@pytest.mark.parametrize(
    ("version", "fit"),
    [
        ("22.10.1", True),
        ("22.10.1~dfsg+~cs6.17", True),
        ("22.11.0", True),
        ("22.10.0", False),
        ("22.9.0", False),
        ("20.99.0", False),
        ("23.0.0", False),
    ],
)
def test_only_asterisks_in_the_accepted_range_are_taken(runtime: Runtime, version: str, fit: bool) -> None:
    say(runtime.root, "asterisk", f"Asterisk {version}")
    refusals = runtime.refusals()
    assert (not refusals) == fit
    assert fit or "22.10.1 ≤ version < 23.0.0" in refusals[0]
    assert fit or "make setup" in refusals[0]


def test_a_redis_that_is_too_old_is_refused(runtime: Runtime) -> None:
    say(runtime.root, "redis-server", "Redis server v=7.0.15 sha=00000000")
    assert "Redis 7.0.15" in runtime.refusals()[0]


def test_programs_that_do_not_run_are_told(runtime: Runtime) -> None:
    say(runtime.root, "asterisk", "I am a teapot")
    assert "does not tell its version" in runtime.refusals()[0]
    (runtime.root / "bin" / "asterisk").write_text("#!/bin/sh\nexit 1\n")
    assert "cannot be run" in runtime.refusals()[0]


def test_accounts_are_known_by_number(runtime: Runtime) -> None:
    (runtime.root / "etc" / "passwd").write_text("asterisk:x:5060:5061::/:\n")
    assert runtime.account("asterisk") == Account(5060, 5061)
    with pytest.raises(RuntimeUnfit, match="no user redis"):
        runtime.account("redis")


def test_the_machines_own_asterisk_is_taken_when_it_is_fit(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runtimes, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(Runtime, "refusals", lambda self: [] if self.root == Path("/") else ["unfit"])
    assert find(tmp_path / "nowhere").root == Path("/")
    monkeypatch.setattr(Runtime, "refusals", lambda self: ["unfit"] if self.root == Path("/") else [])
    assert find(runtime.root).root == runtime.root


def test_no_asterisk_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtimes, "which", lambda _: None)
    with pytest.raises(RuntimeUnfit, match="make setup"):
        find(tmp_path / "nowhere")
