"""`make demo` and `make load`, run as people run them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.live.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def run(*words: str, **environment: str) -> tuple[int, str]:
    """Run a program of the rig; its exit code, and all it has printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *words,
        env={**os.environ, "COLUMNS": "100", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_the_demo_starts_a_server_of_its_own_and_is_right(tmp_path: Path) -> None:
    code, out = await run("tests.rig.demo", HOLDFAST_DATA=str(tmp_path))
    assert code == 0, out
    assert out.count("As it should be; SIPp saw the same.") == 3
    for letter, verdict in zip("abc", ("completed", "abandoned", "self served"), strict=True):
        assert verdict in out.partition(f"({letter}) ")[2].partition("It adds up")[0]


async def test_the_demo_fails_where_the_calls_go_otherwise(stage: Stage) -> None:
    code, out = await run("tests.rig.demo", **stage.server.environment)
    assert code == 1, out
    assert "not played" in out


async def test_a_load_shows_both_sides(stage: Stage) -> None:
    words = ("--number", "202", "--plot", "waits", "--rate", "20", "--calls", "40", "--stay-ms", "500")
    code, out = await run("tests.rig.load", *words, **stage.server.environment)
    assert code == 0, out
    assert "abandoned: 40" in out
    assert "differently by SIPp and the log: 0" in out


async def test_a_load_says_when_it_has_no_log_and_when_calls_fail(stage: Stage, tmp_path: Path) -> None:
    words = ("--number", "211", "--plot", "waits", "--calls", "2", "--stay-ms", "500")
    code, out = await run("tests.rig.load", *words, HOLDFAST_DATA=str(tmp_path))
    assert stage.server.target == "127.0.0.1:5060"
    assert code == 1, out
    assert "486: 2" in out
    assert "No call log beside it" in out
