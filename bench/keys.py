"""Keys under load, and how soon a prompt follows: `make bench-keys`.

1. Callers walk through three menus, 200 a second with SIP INFO and 30 a second with RFC 4733 keys, for 30 s:
   every key must be in the call log, in its menu, and at most 0.1 % of the calls may fail.
2. Five callers a second press a key and then hear two prompts. What is measured, on the sound: from the end
   of a step, as the call log has it, to the first packet of the next step's prompt at the caller's phone.
   Once after a key and once after a prompt; p99 at most 100 ms.

The menus ask with tones that nobody waits for to end; each tone has a pitch by which a packet is recognised.
Exit codes: 0 as promised · 1 not.
"""

import asyncio
import math
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from bench.cpu import snapshot, spent
from bench.figures import Spread, spread
from bench.report import Facts, facts
from bench.world import REPOSITORY, enter
from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Ended, Input, Step
from calllog.stream import LogStream
from ivr.runtime import find
from tests.rig.ear import Ear, Packet
from tests.rig.server import Server
from tests.rig.sipp import Caller, Play
from tests.rig.sound import RATE, Samples, decode_ulaw
from tests.rig.voice import write_wav

WALK, SOUNDS = "100", "101"
"""Numbers called."""
KEYS = "123"
STAY_MS = 20_000
TAIL_S = 20
FAILED_SHARE = 0.001
SOON_MS = 100.0
PITCHES = {"one": 400, "two": 800, "three": 1600}
"""Prompt → pitch in Hz. All are loud from their first sample on."""
TONE_S = {"one": 8.0, "two": 1.0, "three": 1.0}


class Walk(msgspec.Struct):
    """What came of the callers with keys."""

    keys: str
    rate: int
    think_ms: int
    """How long a caller listened before each key; keypads then press without a pause."""
    calls: int
    failed: int
    """By SIPp, or not let go by the flow."""
    lost: int
    """Keys that were pressed and are not in the log at their menu, or are there twice."""
    cpu_ms: dict[str, float]
    """Of each part, per call."""

    @property
    def kept(self) -> bool:
        return not self.lost and self.failed <= FAILED_SHARE * self.calls


class Sounds(msgspec.Struct):
    """How soon a prompt follows; ms from the end of the step before to its first packet."""

    rate: int
    calls: int
    unheard: int
    after_key: Spread
    after_prompt: Spread

    @property
    def kept(self) -> bool:
        slowest = [each.p99_ms for each in (self.after_key, self.after_prompt)]
        return not self.unheard and all(ms is not None and ms <= SOON_MS for ms in slowest)


class Report(msgspec.Struct):
    """The whole run."""

    at: str
    facts: Facts
    walks: list[Walk]
    sounds: Sounds | None


def tone(hertz: int, seconds: float) -> list[int]:
    """A tone that begins at its loudest."""
    return [round(9000 * math.cos(2 * math.pi * hertz * at / RATE)) for at in range(round(seconds * RATE))]


def pitch(samples: Samples) -> float:
    """How high a packet's tone is, by its changes of sign, Hz."""
    signs = [sample < 0 for sample in samples]
    return sum(one != other for one, other in pairwise(signs)) * RATE / 2 / len(samples)


def write_callflows(directory: Path) -> Path:
    """The three menus, and the prompts whose beginning is measured."""
    prompts = directory / "prompts" / "en"
    prompts.mkdir(parents=True)
    for name, hertz in PITCHES.items():
        write_wav(prompts / f"{name}.wav", tone(hertz, TONE_S[name]))

    def menu(key: str, following: str) -> dict[str, Any]:
        ways = {key: following, "invalid": "end", "timeout": "end"}
        return {"menu": {"play": "one", "retries": 0, "timeout_s": 10}, "next": ways}

    end = {"hangup": None}
    walk = {"first": menu("1", "second"), "second": menu("2", "third"), "third": menu("3", "end"), "end": end}
    sounds = {
        "ask": menu("1", "two"),
        "two": {"play": "two", "next": "three"},
        "three": {"play": "three", "next": "end"},
        "end": end,
    }
    files = {
        "flows/walk.yaml": {"steps": walk},
        "flows/sounds.yaml": {"steps": sounds},
        "numbers.yaml": {"default": {"flow": "walk"}, "numbers": {SOUNDS: {"flow": "sounds"}}},
        "queues.yaml": {"queues": {"nobody": {}}},
        "agents.yaml": {"agents": {}, "devices": {}},
        "trunks.yaml": {"trunks": {"local": {"match": ["127.0.0.0/8"]}}},
    }
    for name, content in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(yaml.safe_dump(content, sort_keys=False))
    return directory


async def walk(server: Server, keys: str, rate: int, think_ms: int, seconds: int) -> Walk:
    """So many callers a second for so long."""
    count = rate * seconds
    prefix = f"49{rate:03}"
    scenario, pressed = {
        "info": ("caller_walks_menus_by_info", ";".join(KEYS)),
        "keypad": ("caller_walks_menus", KEYS),
    }[keys]
    callers = [Caller(f"{prefix}{number:06}", "Walker", pressed) for number in range(1, count + 1)]
    times = {"think_ms": think_ms, "stay_ms": STAY_MS}
    play = Play(scenario, times, callers, service=WALK, rate=rate, statistics=True)
    before = snapshot(Path("/nowhere"))
    async with server.phone(play) as phone:
        with suppress(TimeoutError):  # a call that never ends is a failed one
            async with asyncio.timeout(seconds + STAY_MS / 1000 + TAIL_S):
                await phone.over()
        await asyncio.sleep(2)  # SIPp writes its totals, workers their last entries
        failed = count - phone.counts.good
    used = spent(before, snapshot(Path("/nowhere")))
    calls = await logged(server, {caller.number for caller in callers})
    right = [f"walk/{step}" for step in ("first", "second", "third")]
    lost = sum(_lost(events, right) for events in calls) + len(KEYS) * (count - len(calls))
    not_let_go = sum(not _let_go(events) for events in calls) + count - len(calls)
    cpu = {role: round(ms / count, 2) for role, ms in used.items() if role not in ("other", "kernel")}
    return Walk(keys, rate, think_ms, count, max(failed, not_let_go), lost, cpu)


def _lost(events: Sequence[AnyCallEvent], menus: Sequence[str]) -> int:
    """Keys that are missing, and those that are too many."""
    told = Counter((event.path, event.digits) for event in events if isinstance(event, Input))
    pressed = Counter(zip(menus, KEYS, strict=True))
    return (pressed - told).total() + (told - pressed).total()


def _let_go(events: Sequence[AnyCallEvent]) -> bool:
    end = events[-1]
    return isinstance(end, Ended) and (end.verdict, end.ended_by) == ("self_served", "system")


async def logged(server: Server, numbers: set[str]) -> list[list[AnyCallEvent]]:
    """The calls from these numbers, each with its events in order."""
    calls: dict[str, list[AnyCallEvent]] = defaultdict(list)
    ours: set[str] = set()
    async with LogStream(server.settings.redis, server.settings.site) as stream:
        async for entry in stream.read():
            event = entry.event
            if isinstance(event, Arrived) and event.from_ in numbers:
                ours.add(event.call)
            if isinstance(event, CallEvent) and event.call in ours:
                calls[event.call].append(event)
    return [sorted(events, key=lambda event: event.seq) for events in calls.values()]


async def listen(server: Server, rate: int, seconds: int) -> Sounds:
    """So many callers a second for so long, each with an ear of his own."""
    calls: list[asyncio.Task[tuple[float, float] | None]] = []
    async with asyncio.TaskGroup() as group:
        for number in range(rate * seconds):
            calls.append(group.create_task(_listener(server, f"4990{number:05}")))
            await asyncio.sleep(1 / rate)
    heard = [found for call in calls if (found := call.result())]
    return Sounds(
        rate,
        len(calls),
        len(calls) - len(heard),
        spread(after_key for after_key, _ in heard),
        spread(after_prompt for _, after_prompt in heard),
    )


async def _listener(server: Server, number: str) -> tuple[float, float] | None:
    """ms from the key's step to the second tone, and from that one's step to the third."""
    times = {"think_ms": 1000, "stay_ms": STAY_MS}
    async with Ear() as ear:
        caller = Caller(number, "Listener", "1")
        play = Play("caller_presses_keys", times, [caller], service=SOUNDS, media_port=ear.port)
        async with server.phone(play) as phone:
            await phone.done()
    events = await server.log.whole(number)
    ended_at = {event.path: event.at for event in events if isinstance(event, Step)}
    two, three = (_begins(ear.packets, PITCHES[name]) for name in ("two", "three"))
    if two is None or three is None:
        return None
    return two * 1000 - ended_at["sounds/ask"], three * 1000 - ended_at["sounds/two"]


def _begins(packets: Iterable[Packet], hertz: int) -> float | None:
    """When the first packet with that tone came."""
    return next((p.at for p in packets if abs(pitch(decode_ulaw(p.payload)) - hertz) < hertz / 4), None)


async def measure(rates: dict[str, int], think_ms: int, listeners: int, seconds: int) -> Report:
    """One run on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-keys-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        async with Server(write_callflows(directory / "callflows")) as server:
            told = facts(find(server.settings.runtime))
            sounds = await listen(server, listeners, seconds) if listeners else None
            await server.log.__aexit__(None, None, None)  # following it would cost what callers need
            walks = [
                await walk(server, keys, rate, think_ms, seconds) for keys, rate in rates.items() if rate
            ]
    return Report(datetime.now(UTC).isoformat(timespec="seconds"), told, walks, sounds)


def show(report: Report, console: Console) -> None:
    """For people."""
    made = Table(title="Three menus")
    for name in ("keys", "calls/s", "thinks ms", "calls", "failed", "keys lost", "CPU ms per call", ""):
        made.add_column(name)
    for each in report.walks:
        cpu = ", ".join(f"{role} {ms:.2f}" for role, ms in each.cpu_ms.items())
        row = (each.keys, each.rate, each.think_ms, each.calls, each.failed, each.lost, cpu)
        made.add_row(*map(str, row), "kept" if each.kept else "BROKEN")
    console.print(made)
    if report.sounds:
        sounds = Table(title="A prompt begins, ms after the step before it ended")
        for name in ("after", "calls", "not heard", "p50", "p95", "p99", "longest"):
            sounds.add_column(name)
        heard = report.sounds
        for after, figures in (("a key", heard.after_key), ("a prompt", heard.after_prompt)):
            shown = (figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.longest_ms)
            sounds.add_row(after, str(heard.calls), str(heard.unheard), *(f"{ms:.1f}" for ms in shown))
        console.print(sounds)


@click.command(context_settings={"show_default": True})
@click.option("--info", type=int, default=200, help="Callers a second with SIP INFO; 0: none.")
@click.option("--keypad", type=int, default=30, help="Callers a second with RFC 4733 keys; 0: none.")
@click.option("--think-ms", type=int, default=200, help="How long they listen before a key.")
@click.option("--listeners", type=int, default=5, help="Callers a second who listen; 0: none.")
@click.option("--seconds", type=int, default=30, help="How long each part takes.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(
    info: int, keypad: int, think_ms: int, listeners: int, seconds: int, results: Path, no_save: bool
) -> None:
    """Keys under load, and how soon a prompt follows."""
    report = asyncio.run(measure({"info": info, "keypad": keypad}, think_ms, listeners, seconds))
    show(report, Console(width=120))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        (results / "keys.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
        )
    good = all(each.kept for each in report.walks) and (report.sounds is None or report.sounds.kept)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    enter("bench.keys")
    main()
