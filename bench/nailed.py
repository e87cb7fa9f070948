"""Nailed-up agents beside agents who are rung: from the match to the talk (`make bench-nailed`).

Half of the agents have dialled *44 and stay; the telephones of the others ring, and answer after 10 ms, as no
person does. Callers come at random moments, in turn to the one and to the other queue, and hang up after two
seconds. Measured in the call log: from `offered`, the script in Redis that has reserved the agent, to
`bridged`, when Asterisk has said that both are in the bridge. Goal: p99 at most 50 ms for those who stay.
Exit codes: 0 as promised · 1 slower, or a call failed.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from bench.figures import Spread, spread
from bench.report import Facts, facts
from bench.world import AGENTS, CALLERS, REPOSITORY, agent_contact, agent_name, enter
from calllog.call_events import Bridged, Ended, Joined, Offered
from calllog.events import AnyEvent
from calllog.stream import LogStream
from ivr.runtime import find
from tests.rig.server import Server
from tests.rig.sipp import Account, Caller, Play

SOON_MS = 50.0
QUEUES = {"200": "nailed", "201": "rung"}
"""Number → its queue."""
CODE = "*44"
STAY_PORT = 5095
TALK_MS = 2_000
TAIL_S = 20
RING_MS = 10
SILENT_S = 3_600
"""SIPp sends no sound: that is not to be taken for a dead network."""
SHIFT_MS = 3_600_000
FOLLOWED_S = 2.0
"""Workers write their last entries."""


class Handing(msgspec.Struct, frozen=True):
    """How callers of one queue were handed over."""

    calls: int
    unserved: int
    """Calls that were never joined with an agent."""
    hand_off: Spread
    """ms from `offered` to `bridged`."""


class Report(msgspec.Struct, frozen=True):
    """The whole run."""

    at: str
    facts: Facts
    options: dict[str, int]
    placed: int
    failed: int
    """Calls that did not come in, or whose end was an error of ours."""
    queues: Mapping[str, Handing]

    @property
    def kept(self) -> bool:
        """Whether it is as promised."""
        slowest = self.queues["nailed"].hand_off.p99_ms
        unserved = sum(each.unserved for each in self.queues.values())
        return not self.failed and not unserved and slowest is not None and slowest <= SOON_MS


def callflows(agents: int) -> dict[str, Any]:
    """Content of each file, by name. The first half of the agents stays."""
    end = {"end": {"hangup": None}}
    flows = {
        f"flows/{queue}.yaml": {"steps": {"wait": {"queue": queue, "next": {"answered": "end"}}} | end}
        for queue in QUEUES.values()
    }
    people, devices = {}, {}
    for number in range(1, agents + 1):
        name, stays = agent_name(number), number <= agents // 2
        people[name] = {"device": f"{name}-phone", "queues": ["nailed" if stays else "rung"]}
        if not stays:
            people[name]["at_start"] = "ready"
        devices[f"{name}-phone"] = None if stays else {"contact": agent_contact(number)}
    return flows | {
        "numbers.yaml": {
            "default": {"flow": "nailed"},
            "numbers": {number: {"flow": queue} for number, queue in QUEUES.items()},
        },
        "queues.yaml": {"queues": {queue: {} for queue in QUEUES.values()}},
        "agents.yaml": {"agents": people, "devices": devices},
        "trunks.yaml": {"trunks": {"local": {"match": ["127.0.0.0/8"]}}},
    }


async def play(agents: int, rate: int, seconds: int) -> tuple[list[AnyEvent], int, Facts]:
    """One run on a server of its own: its log, and how many calls SIPp was to place."""
    with tempfile.TemporaryDirectory(prefix="bench-nailed-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        for file, content in callflows(agents).items():
            (directory / "callflows" / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / "callflows" / file).write_bytes(msgspec.json.encode(content))
        async with Server(directory / "callflows", unheard_s=SILENT_S) as server:
            told = facts(find(server.settings.runtime))
            placed = await _calls(server, agents, rate, seconds)
            async with LogStream(server.settings.redis, server.settings.site) as stream:
                events = [entry.event async for entry in stream.read() if entry.event is not None]
    return events, placed, told


async def _calls(server: Server, agents: int, rate: int, seconds: int) -> int:
    host, port = AGENTS
    staying = [agent_name(number) for number in range(1, agents // 2 + 1)]
    accounts: list[Account | Caller] = [server.account(f"{name}-phone", STAY_PORT) for name in staying]
    stay = {"stay_ms": SHIFT_MS}
    nailed = Play("agent_dials", stay, accounts, service=CODE, host=host, port=STAY_PORT, rate=10)
    answering = Play("agent_answers", {"ring_ms": RING_MS, "talk_ms": SHIFT_MS}, host=host, port=port)
    numbers = list(QUEUES)
    callers = [Caller(f"49{each:06}", "Bench", numbers[each % 2]) for each in range(rate * seconds)]
    host, port = CALLERS
    times = {"stay_ms": TALK_MS, "patience_ms": TALK_MS}
    calling = Play("caller_among_many", times, callers, target=server.target, host=host, port=port, rate=rate)
    async with server.phone(answering), server.phone(nailed):
        for name in staying:
            await server.log.state(name, "ready")
        async with server.phone(calling) as phone:
            with suppress(TimeoutError):  # a call that never ends is a failed one
                async with asyncio.timeout(seconds + TAIL_S):
                    await phone.over()
        await asyncio.sleep(FOLLOWED_S)
    return len(callers)


def handings(events: Iterable[AnyEvent]) -> dict[str, Handing]:
    """What the log says of each queue: from each call's last offer to its bridge."""
    queue_of: dict[str, str] = {}
    offered: dict[str, int] = {}
    took: dict[str, list[int]] = {queue: [] for queue in QUEUES.values()}
    for event in events:
        if isinstance(event, Joined):
            queue_of[event.call] = event.queue
        elif isinstance(event, Offered):
            offered[event.call] = event.at
        elif isinstance(event, Bridged):
            took[queue_of[event.call]].append(event.at - offered[event.call])
    return {queue: _handing(list(queue_of.values()).count(queue), each) for queue, each in took.items()}


def _handing(calls: int, took: Sequence[int]) -> Handing:
    return Handing(calls, calls - len(took), spread(took))


def report(events: list[AnyEvent], placed: int, at: str, told: Facts, options: dict[str, int]) -> Report:
    """What the run says."""
    queues = handings(events)
    ends = [event for event in events if isinstance(event, Ended)]
    broken = sum(event.verdict in ("failed", "lost") for event in ends)
    came = sum(each.calls for each in queues.values())
    return Report(at, told, options, placed, placed - came + broken, queues)


def show(made: Report, console: Console) -> None:
    """For people."""
    for queue, each in made.queues.items():
        took = each.hand_off
        console.print(
            f"{queue}: {each.calls:,} calls, {each.unserved} not served; from the match to the talk "
            f"p50 {took.p50_ms} ms, p95 {took.p95_ms} ms, p99 {took.p99_ms} ms, longest {took.longest_ms} ms"
        )
    word = "met" if made.kept else "MISSED"
    console.print(f"{made.failed} failed; goal: p99 of `nailed` at most {SOON_MS:.0f} ms: {word}")


@click.command(context_settings={"show_default": True})
@click.option("--seconds", type=click.IntRange(5), default=90, help="For so long callers come.")
@click.option("--rate", type=click.IntRange(1, 100), default=14, help="Callers a second, to both queues.")
@click.option("--agents", type=click.IntRange(2, 998), default=60, help="Half of them stay connected.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(seconds: int, rate: int, agents: int, results: Path, no_save: bool) -> None:
    """Callers handed to agents whose telephones stay connected, and to others."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    events, placed, told = asyncio.run(play(agents, rate, seconds))
    made = report(events, placed, at, told, {"seconds": seconds, "rate": rate, "agents": agents})
    show(made, Console(width=None if sys.stdout.isatty() else 150))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        packed = msgspec.json.format(msgspec.json.encode(made), indent=2)
        (results / "nailed.json").write_bytes(packed + b"\n")
    sys.exit(not made.kept)


if __name__ == "__main__":
    enter("bench.nailed")
    main()
