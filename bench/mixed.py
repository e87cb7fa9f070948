"""A mixed run on real SIP, and what its log says of the routing: `make bench-mixed`.

Callers to four queues come at random moments, one of ten gives up soon; agents serve one, two or four queues
with their skills and tiers, decline one of five calls in three ways, and talk for as long as chance has it.
No sound is sent by anybody.
Then the log is judged: was anybody free while somebody waited whom he could serve, how much longer did
callers wait than an ideal router would have let them, was everybody's turn kept, was every pick the right
one; and the wire: was any agent rung while he was in another call.
Exit codes: 0 every goal met · 1 one was missed.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench import mixed_company
from bench.capture import Capture, Datagram
from bench.figures import Spread, spread
from bench.report import Facts, facts
from bench.sip_trace import parse_message, rung_while_busy, trace_calls
from bench.world import AGENTS, CALLERS, REPOSITORY, enter
from calllog.audit import audit
from calllog.call_events import Bridged, Declined, Ended, Joined, Offered, QueueLeft
from calllog.events import AnyEvent
from calllog.regret import answered_waits, regret
from calllog.routing import PickCheck, Rules, free_while_waiting
from calllog.stream import LogStream
from ivr.runtime import find
from tests.rig.server import Server
from tests.rig.sipp import Caller, Play

FREE_SHARE = 0.001
"""Of the agents' time."""
REGRET_MS = 20.0
FAILED_SHARE = 0.001
STAY_MS = 60_000
PATIENCE_MS = 4_000
TAIL_S = STAY_MS / 1000 + 20
TIMES = {"ring_ms": 800, "short_ms": 2_000, "talk_ms": 6_000, "long_ms": 15_000}
"""Of the agents."""
SWEPT = "the sweeper found"
"""A worker's words when its safety net has caught something."""


class Goal(msgspec.Struct, frozen=True):
    """One figure against what was promised; `met` if it is at most that."""

    what: str
    value: float
    most: float
    note: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.most


class Report(msgspec.Struct, frozen=True):
    """The whole run."""

    at: str
    facts: Facts
    options: dict[str, int]
    calls: int
    answered: int
    abandoned: int
    offers: int
    declined_share: float
    picks: int
    """Offers under longest idle that were replayed."""
    wait: Spread
    """ms from joining to both hearing each other."""
    talking_share: float
    """Of the agents' time: how busy they were."""
    goals: list[Goal]


class Seen(NamedTuple):
    """What is left of a run."""

    events: list[AnyEvent]
    broken: int
    packets: list[Datagram]
    placed: int
    failed: int
    swept: list[str]


async def play(agents: int, rate: int, seconds: int) -> tuple[Seen, Facts]:
    """One run on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-mixed-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        async with Server(mixed_company.write(directory / "callflows", agents)) as server:
            await server.log.__aexit__(None, None, None)  # following it would cost what callers need
            told = facts(find(server.settings.runtime))
            tap = Capture()
            tap.start()
            try:
                placed, failed = await _calls(server, rate, seconds)
            finally:
                packets, dropped = tap.stop()
            if dropped:
                raise RuntimeError(f"the tap has missed {dropped} packets")
            async with LogStream(server.settings.redis, server.settings.site) as stream:
                entries = [entry async for entry in stream.read()]
            swept = [line for line in _worker_logs(server) if SWEPT in line]
    events = [entry.event for entry in entries if entry.event is not None]
    return Seen(events, len(entries) - len(events), packets, placed, failed, swept), told


async def _calls(server: Server, rate: int, seconds: int) -> tuple[int, int]:
    """Place them; how many, and how many SIPp calls failed."""
    numbers = list(mixed_company.NUMBERS)
    callers = [
        Caller(f"49{number:06}", "Mixed", numbers[number % len(numbers)]) for number in range(rate * seconds)
    ]
    host, port = AGENTS
    phones = Play("agent_at_work", TIMES, port=port, host=host)
    host, port = CALLERS
    stays = {"stay_ms": STAY_MS, "patience_ms": PATIENCE_MS}
    calls = Play(
        "caller_among_many",
        stays,
        callers,
        target=server.target,
        host=host,
        port=port,
        rate=rate,
        statistics=True,
    )
    async with server.phone(phones), server.phone(calls) as phone:
        with suppress(TimeoutError):  # a call that never ends is a failed one
            async with asyncio.timeout(seconds + TAIL_S):
                await phone.over()
        await asyncio.sleep(mixed_company.WRAPUP_S + 2)  # SIPp writes its totals, workers their last entries
        return len(callers), len(callers) - phone.counts.good


def _worker_logs(server: Server) -> list[str]:
    files = (server.settings.data / "log").glob("worker-*/*")
    return [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]


def judge(seen: Seen, rules: Rules) -> tuple[list[Goal], int]:
    """Every figure against its goal; and how many picks were replayed."""
    found = audit(seen.events)
    by_rule = [violation.rule for violation in found.violations]
    free, late = free_while_waiting(seen.events, rules), regret(answered_waits(seen.events, rules))
    picks = PickCheck(rules)
    wrong = [str(pick) for event in seen.events if (pick := picks.add(event))]
    messages = [message for packet in seen.packets if (message := parse_message(packet))]
    doubles = rung_while_busy(trace_calls(messages, CALLERS, AGENTS))
    ended_badly = [
        event for event in seen.events if isinstance(event, Ended) and event.verdict in ("failed", "lost")
    ]
    goals = [
        Goal("free while somebody waited, % of agents' time", 100 * free.share, 100 * FREE_SHARE,
             f"{free.ms} ms of {free.agent_ms / 1000:.0f} s; longest {free.longest_ms} ms, {free.who}"),
        Goal("router regret, mean ms", late.mean_ms, REGRET_MS,
             f"{late.waits} calls, standard error {late.error_ms or 0:.1f} ms"),
        Goal("answered calls that the ideal router never served", late.unserved, 0),
        Goal("calls served out of turn", by_rule.count("turn"), 0),
        Goal("picks that were not of the one idle longest", len(wrong), 0, "; ".join(wrong[:3])),
        Goal("agents rung while in another call, by the wire", doubles, 0),
        Goal("agents offered two calls, by the log", by_rule.count("agent"), 0),
        Goal("found by the sweeper", len(seen.swept), 0, "; ".join(seen.swept[:3])),
        Goal("what the audit found besides", len(found.violations) - by_rule.count("turn") + seen.broken, 0,
             "; ".join(str(violation) for violation in found.violations[:3])),
        Goal("failed calls", max(seen.failed, len(ended_badly)), int(FAILED_SHARE * seen.placed)),
    ]  # fmt: skip
    return goals, picks.checked


def report(seen: Seen, rules: Rules, at: str, told: Facts, options: dict[str, int]) -> Report:
    """What the run says."""
    goals, picks = judge(seen, rules)
    joined = {event.call: event.at for event in seen.events if isinstance(event, Joined)}
    left = [event.reason for event in seen.events if isinstance(event, QueueLeft)]
    offers = sum(isinstance(event, Offered) for event in seen.events)
    declined = [event for event in seen.events if isinstance(event, Declined)]
    waits = [event.at - joined[event.call] for event in seen.events if isinstance(event, Bridged)]
    talk_ms = sum(event.talk_ms for event in seen.events if isinstance(event, Ended))
    agent_ms = free_while_waiting(seen.events, rules).agent_ms
    return Report(
        at=at,
        facts=told,
        options=options,
        calls=seen.placed,
        answered=left.count("answered"),
        abandoned=sum(reason.startswith("caller_hangup") for reason in left),
        offers=offers,
        declined_share=round(len(declined) / max(offers, 1), 3),
        picks=picks,
        wait=spread(waits),
        talking_share=round(talk_ms / max(agent_ms, 1), 3),
        goals=goals,
    )


def goals_table(goals: Sequence[Goal]) -> Table:
    """Each goal beside what was measured."""
    table = Table()
    for name in ("goal", "measured", "at most", "", "note"):
        table.add_column(name, justify="right" if name in ("measured", "at most") else "left")
    for goal in goals:
        word = "met" if goal.met else "MISSED"
        table.add_row(goal.what, f"{goal.value:.4g}", f"{goal.most:g}", word, goal.note)
    return table


def keep(made: msgspec.Struct, path: Path) -> None:
    """Save a report as JSON that can be compared line by line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")


def show(made: Report, console: Console) -> None:
    """For people."""
    console.print(
        f"{made.calls:,} calls: {made.answered:,} answered, {made.abandoned:,} gave up; {made.offers:,}"
        f" offers, {made.declined_share:.0%} declined; agents talked {made.talking_share:.0%} of their time; "
        f"waits p50 {made.wait.p50_ms} ms, p99 {made.wait.p99_ms} ms; {made.picks:,} picks replayed."
    )
    console.print(goals_table(made.goals))


@click.command(context_settings={"show_default": True})
@click.option("--seconds", type=click.IntRange(5), default=600, help="For so long callers come.")
@click.option("--rate", type=click.IntRange(1, 100), default=8, help="Callers a second.")
@click.option("--agents", type=click.IntRange(3, 999), default=84)
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(seconds: int, rate: int, agents: int, results: Path, no_save: bool) -> None:
    """Many callers and agents on real SIP, and what the log says of the routing."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    begun = time.monotonic()
    seen, told = asyncio.run(play(agents, rate, seconds))
    options = {"seconds": seconds, "rate": rate, "agents": agents}
    made = report(seen, mixed_company.rules(agents), at, told, options)
    console = Console(width=None if sys.stdout.isatty() else 150)
    show(made, console)
    console.print(f"took {time.monotonic() - begun:.0f} s")
    if not no_save:
        keep(made, results / "mixed.json")
    sys.exit(not all(goal.met for goal in made.goals))


if __name__ == "__main__":
    enter("bench.mixed")
    main()
