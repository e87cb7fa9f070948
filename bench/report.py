"""What a run says: the table on the terminal and the JSON beside it."""

import os
import platform
import re
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.figures import Spread
from bench.segment import Segment
from bench.world import REPOSITORY
from ivr.runtime import Runtime, dotted

REFERENCE_CPS = 160
"""What native Queue() with 500 agents reached where the facts were measured."""
ENOUGH = 0.9
"""Share of it that the native side must reach without a failed call, or a run compares nothing."""
KEPT_UP_MS = 1000
"""INVITE→talk p99 above which a server has not reached a rate but only worked it off later."""


class Facts(msgspec.Struct, frozen=True):
    """The machine and the programs, without names of hosts or people."""

    cores: int
    cpu: str
    memory_gb: float
    kernel: str
    python: str
    asterisk: str
    redis: str
    sipp: str
    commit: str


class Report(msgspec.Struct, frozen=True):
    """One run, as it is kept in `bench/results`."""

    at: str
    """When it began, UTC."""
    facts: Facts
    options: dict[str, object]
    void: str
    """Why the run compares nothing; empty when it counts."""
    segments: list[Segment]


def facts(runtime: Runtime) -> Facts:
    """Looked up now. The commit carries `+` when the work tree differs from it."""
    return Facts(
        cores=os.cpu_count() or 0,
        cpu=_first(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text()),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        asterisk=dotted(runtime.asterisk_version()),
        redis=dotted(runtime.redis_version()),
        sipp=_first(r"SIPp v([\d.]+)", _said([*runtime.enter(), "sipp", "-v"])),
        commit=_commit(),
    )


def void_reason(segments: Sequence[Segment]) -> str:
    """Why the native side was not at its best, so that nothing may be said about ours; empty when it was."""
    needed = REFERENCE_CPS * ENOUGH
    native = [segment for segment in segments if segment.server == "native"]
    if any(segment.rate >= needed and _reached(segment) for segment in native):
        return ""
    best = max((segment.rate for segment in native if _reached(segment)), default=0)
    return (
        f"native Queue() kept up with {best} calls/s without a failed call; it must be {needed:.0f} "
        f"({ENOUGH:.0%} of {REFERENCE_CPS}) on this machine for the comparison to count"
    )


def _reached(segment: Segment) -> bool:
    p99_ms = segment.wire.invite_to_talk.p99_ms
    return not segment.failed and p99_ms is not None and p99_ms <= KEPT_UP_MS


def save(report: Report, directory: Path) -> Path:
    """Writes the report as JSON; the file is named by time and commit."""
    directory.mkdir(parents=True, exist_ok=True)
    stamp = re.sub(r"[^0-9TZ]", "", report.at)
    target = directory / f"{stamp}-{report.facts.commit.replace('+', '-dirty')}.json"
    target.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return target


def show(report: Report, console: Console) -> None:
    """Prints the tables: what callers saw, what it cost, and the verdict."""
    console.print(_served(report.segments))
    console.print(_cost(report.segments))
    told = report.facts
    console.print(
        f"{told.cores} cores {told.cpu}, Linux {told.kernel}, Asterisk {told.asterisk}, Redis {told.redis}, "
        f"SIPp {told.sipp}, Python {told.python}, commit {told.commit}"
    )
    if report.void:
        console.print(f"[bold red]VOID[/]: {report.void}")


def _served(segments: Sequence[Segment]) -> Table:
    table = Table(title="What callers and agents saw (ms: p50 / p95 / p99)")
    for name in (
        "server",
        "calls/s",
        "calls",
        "failed",
        "INVITE→200",
        "joined→agent's INVITE",
        "INVITE→talk",
    ):
        table.add_column(name, justify="left" if name == "server" else "right")
    for segment in segments:
        wire = segment.wire
        table.add_row(
            segment.server,
            str(segment.rate),
            str(segment.sipp.placed),
            str(segment.failed),
            _spread(wire.invite_to_200),
            _spread(wire.joined_to_ring),
            _spread(wire.invite_to_talk),
        )
    return table


def _cost(segments: Sequence[Segment]) -> Table:
    roles = sorted({role for segment in segments for role in segment.cpu_ms_per_call} - {"kernel"})
    table = Table(title="CPU ms per served call, by process; last column: the whole machine")
    for name in ("server", "calls/s", *roles, "server's sum", "machine"):
        table.add_column(name, justify="left" if name == "server" else "right")
    for segment in segments:
        table.add_row(
            segment.server,
            str(segment.rate),
            *(f"{segment.cpu_ms_per_call.get(role, 0):.2f}" for role in roles),
            f"{server_sum(segment):.2f}",
            f"{segment.machine_ms_per_call:.2f}",
        )
    return table


def server_sum(segment: Segment) -> float:
    """CPU ms per served call of all processes that belong to the server that was driven."""
    costs: dict[bool, float] = defaultdict(float)
    for role, ms in segment.cpu_ms_per_call.items():
        if role not in ("sipp", "other", "kernel"):
            costs[role.startswith("native")] += ms
    return costs[segment.server == "native"]


def _spread(spread: Spread) -> str:
    if spread.p50_ms is None:
        return "-"
    return f"{spread.p50_ms:.1f} / {spread.p95_ms:.1f} / {spread.p99_ms:.1f}"


def _commit() -> str:
    git = ["git", "--no-optional-locks", "-C", str(REPOSITORY)]
    differs = bool(_said([*git, "status", "--porcelain", "--untracked-files=no"]))
    return _said([*git, "rev-parse", "--short", "HEAD"]).strip() + "+" * differs


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else ""
