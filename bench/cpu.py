"""CPU time by process, read from /proc: what a call costs, whoever else uses the machine."""

import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

_TICKS_MS = 1000 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """CPU time of one process since it started, with that of its ended children.

    `pid` and `started` together name one process for ever.
    """

    pid: int
    started: int
    role: str
    cpu_ms: float


def parse_stat(text: str) -> tuple[int, float]:
    """Start time (ticks since boot) and CPU ms (own and of ended children) from /proc/<pid>/stat.

    The command in brackets may hold anything, so fields count from the last bracket. See proc_pid_stat(5).
    """
    fields = text.rpartition(")")[2].split()
    return int(fields[19]), sum(int(value) for value in fields[11:15]) * _TICKS_MS


def role_of(command: list[str], native_dir: Path) -> str:
    """What a process is in the bench, by its command line; "other" for what is none of the parts."""
    if not command:
        return "kernel"
    name = Path(command[0]).name
    if name == "asterisk":
        return "native asterisk" if any(str(native_dir) in word for word in command) else "asterisk"
    if name.startswith("redis-server"):
        return "redis"
    if name == "sipp":
        return "sipp"
    if "ivr.worker" in command:
        return f"hf-{command[-1]}"
    return "other"


def snapshot(native_dir: Path, proc: Path = Path("/proc")) -> list[Usage]:
    """CPU time of every process in this process' name space; one that ends while it is read is left out."""
    usages = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
            started, cpu_ms = parse_stat((entry / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        usages.append(Usage(int(entry.name), started, role_of(command, native_dir), cpu_ms))
    return usages


def spent(before: list[Usage], after: list[Usage]) -> dict[str, float]:
    """CPU ms by role between two snapshots. A process that started in between counts from its start."""
    base = {(usage.pid, usage.started): usage.cpu_ms for usage in before}
    total: dict[str, float] = defaultdict(float)
    for usage in after:
        total[usage.role] += usage.cpu_ms - base.get((usage.pid, usage.started), 0.0)
    return {role: round(cpu_ms, 1) for role, cpu_ms in sorted(total.items())}


def machine_ms(proc: Path = Path("/proc")) -> float:
    """CPU ms the whole machine has worked since it started: all but idle, I/O wait and stolen time."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
        int, (proc / "stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) * _TICKS_MS
