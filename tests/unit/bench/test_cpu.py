"""CPU time is counted by process, children included; a process is known by its id and its start."""

from pathlib import Path

import pytest

from bench.cpu import Usage, machine_ms, parse_stat, role_of, snapshot, spent

STAT = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 100 50 20 10 20 0 3 0 12345 1 1\n"


def test_times_are_found_behind_any_command_name() -> None:
    started, cpu_ms = parse_stat(STAT)
    assert (started, cpu_ms) == (12345, 1800)


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["/usr/sbin/asterisk", "-C", "/b/native/etc/asterisk.conf"], "native asterisk"),
        (["asterisk", "-f", "-C", "/d/etc/asterisk/asterisk.conf"], "asterisk"),
        (["redis-server *:0"], "redis"),
        (["python", "-m", "ivr.worker", "2"], "hf-2"),
        (["sipp", "-sf", "/b/native/x"], "sipp"),
        (["bash"], "other"),
        ([], "kernel"),
    ],
)
def test_roles(command: list[str], role: str) -> None:
    assert role_of(command, Path("/b/native")) == role


def test_only_what_was_spent_in_between_counts() -> None:
    before = [Usage(1, 5, "redis", 100), Usage(2, 5, "hf-1", 10), Usage(3, 5, "sipp", 70)]
    after = [Usage(1, 5, "redis", 130), Usage(2, 9, "hf-1", 4), Usage(4, 8, "redis", 1)]
    assert spent(before, after) == {"hf-1": 4, "redis": 31}


def test_snapshot_reads_a_proc(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "stat").write_text(STAT)
    (tmp_path / "42" / "cmdline").write_bytes(b"redis-server\0--x\0")
    (tmp_path / "43").mkdir()
    (tmp_path / "self").mkdir()
    assert snapshot(Path("/none"), tmp_path) == [Usage(42, 12345, "redis", 1800)]


def test_the_machine_works_when_it_is_neither_idle_nor_robbed(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  1 2 3 1000 500 4 5 700 1 0\ncpu0 1\n")
    assert machine_ms(tmp_path) == 150
