"""`make bench`: Holdfast beside Asterisk's own `Queue()`, on one machine, in one run, under the same calls.

Exit codes: 0 measured · 1 our server failed more calls than allowed · 2 wrong usage · 3 the run is void.
"""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

from bench import report as reports
from bench.holdfast_server import HoldfastServer
from bench.native_queue import NativeQueue
from bench.profile import Profile
from bench.segment import Segment, run_segment, wait_until_serving
from bench.telephones import Telephones
from bench.world import REPOSITORY, Stage, enter
from ivr.runtime import find
from ivr.settings import Settings

FAILED_CALLS, VOID = 1, 3
ALLOWED_FAILED = 0.001
"""Share of calls that may fail on our side: the number of the issue that asked for this bench."""


class Leg(NamedTuple):
    """One entry of the plan."""

    server: str
    rate: int
    seconds: int


def plan(only: str, rate: int, seconds: int, rounds: int, quick_rate: int, proof_rate: int) -> list[Leg]:
    """Which server is driven when. With both: the proof that the native side is at its best, the latencies
    at a low rate, then rounds in turn, so that a machine that changes meanwhile changes for both.
    """
    servers = [only] if only != "both" else ["native", "holdfast"]
    legs = [Leg("native", proof_rate, min(seconds, 30))] if only != "holdfast" and proof_rate else []
    if quick_rate:
        legs += [Leg(server, quick_rate, min(seconds, 20)) for server in servers]
    for turn in range(rounds):
        legs += [Leg(server, rate, seconds) for server in (servers if turn % 2 == 0 else servers[::-1])]
    return legs


@click.command(context_settings={"show_default": True, "max_content_width": 100})
@click.option(
    "--only", type=click.Choice(["both", "native", "holdfast"]), default="both", help="Which side to drive."
)
@click.option("--rate", type=click.IntRange(1, 1000), default=100, help="Calls per second of the rounds.")
@click.option("--seconds", type=click.IntRange(1, 3600), default=30, help="Length of each round's turn.")
@click.option("--rounds", type=click.IntRange(1, 100), default=2, help="Turns of each server.")
@click.option("--agents", type=click.IntRange(1, 999), default=500, help="Agents, all ready.")
@click.option("--workers", type=click.IntRange(1, 16), default=2, help="Workers of Holdfast.")
@click.option("--talk-ms", type=click.IntRange(100, 30_000), default=1000, help="Length of a talk.")
@click.option(
    "--hangs-up", type=click.Choice(["agent", "caller"]), default="agent", help="Who ends the talk."
)
@click.option(
    "--quick-rate", type=click.IntRange(0, 1000), default=20, help="Rate of the latency turn; 0: none."
)
@click.option(
    "--proof-rate", type=click.IntRange(0, 1000), default=144, help="Rate native must reach; 0: none."
)
@click.option(
    "--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results", help="For JSON."
)
@click.option("--no-save", is_flag=True, help="Print only.")
@click.option(
    "--profile", type=click.Path(path_type=Path), help="Directory for CPU profiles of the last turn."
)
@click.option("--keep", is_flag=True, help="Keep the servers' directories and say where they are.")
def main(
    only: str,
    rate: int,
    seconds: int,
    rounds: int,
    agents: int,
    workers: int,
    talk_ms: int,
    hangs_up: str,
    quick_rate: int,
    proof_rate: int,
    results: Path,
    no_save: bool,
    profile: Path | None,
    keep: bool,
) -> None:
    """Measure both servers under the same callers and agents, in turns; or one of them alone.

    \b
    Ours alone:  python -m bench.queue_bench --only holdfast --rate 100 --seconds 60 --rounds 1
    """
    # What was measured; where files lie says nothing of it, and is nobody's business.
    options = {key: value for key, value in locals().items() if key not in ("results", "profile", "keep")}
    enter("bench.queue_bench")
    console = Console(width=None if sys.stdout.isatty() else 160)
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    stage = Stage(find(Settings().runtime), Path(tempfile.mkdtemp(prefix="holdfast-bench-")))
    stage.directory.chmod(0o755)
    stage.prepare()
    legs = plan(only, rate, seconds, rounds, quick_rate, proof_rate)
    try:
        segments = _measure(
            stage, legs, agents, workers, Telephones(stage, hangs_up, talk_ms), profile, console
        )
    finally:
        if keep:
            console.print(f"kept: {stage.directory}")
        else:
            shutil.rmtree(stage.directory, ignore_errors=True)
    void = reports.void_reason(segments) if only != "holdfast" else ""
    report = reports.Report(began, reports.facts(stage.runtime), options, void, segments)
    reports.show(report, console)
    if not no_save:
        console.print(f"saved: {reports.save(report, results)}")
    sys.exit(exit_code(report))


def exit_code(report: reports.Report) -> int:
    """What the run means for whoever started it; see the module's text."""
    if report.void:
        return VOID
    ours = [segment for segment in report.segments if segment.server == "holdfast"]
    failed, placed = sum(segment.failed for segment in ours), sum(segment.sipp.placed for segment in ours)
    return FAILED_CALLS if failed > ALLOWED_FAILED * placed else 0


def _measure(
    stage: Stage,
    legs: list[Leg],
    agents: int,
    workers: int,
    phones: Telephones,
    profile: Path | None,
    console: Console,
) -> list[Segment]:
    native, ours = NativeQueue(stage, agents), HoldfastServer(stage, agents, workers)
    servers: dict[str, NativeQueue | HoldfastServer] = {server.name: server for server in (native, ours)}
    segments = []
    with ExitStack() as ending:
        for name in dict.fromkeys(leg.server for leg in legs):
            ending.callback(servers[name].stop)
            servers[name].start()
        for name in dict.fromkeys(leg.server for leg in legs):
            wait_until_serving(servers[name], phones, native.directory)
        for number, leg in enumerate(legs, 1):
            console.print(f"[{number}/{len(legs)}] {leg.server}: {leg.rate} calls/s for {leg.seconds} s")
            if profile and number == len(legs):
                ending.enter_context(Profile(profile, native.directory, leg.seconds))
            server = servers[leg.server]
            segments.append(run_segment(server, phones, leg.rate, leg.seconds, native.directory))
            if segments[-1].sipp.unfinished and number < len(legs):
                console.print(f"{leg.server} was left with unfinished calls: started anew")
                server.stop()
                server.start()
                wait_until_serving(server, phones, native.directory)
    return segments


if __name__ == "__main__":
    main()
