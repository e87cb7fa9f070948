"""How long calls are without a worker when workers die: `make bench-takeover`.

200 calls (150 wait, 50 talk; SIPp, no media) are on a server with two workers. Then, one after the other: one
worker is killed (-9), both are, one is stopped (SIGSTOP) until the other has taken over.

What is measured, for each call: from the kill until its record in Redis has a new epoch. An epoch changes by
adoption only, and only a worker that has Asterisk's socket and its subscriptions adopts; the call's coroutine
starts with the reply. `served` is the instant of `worker_recovered` in the call log: it is written when every
channel of the batch is with the new owner. Dropped is a call that its caller's SIPp has not ended itself.
Exit codes: 0 as promised · 1 slower, or a call was dropped.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from bench.figures import spread
from calllog.call_events import Bridged, Joined
from calllog.events import AnyEvent, WorkerRecovered
from ivr.checkpoint import Checkpoint, Peer
from ivr.lease import TTL_S
from queues.keys import Keys
from queues.store import Store
from tests.chaos import drill
from tests.rig.log_watch import LogWatch
from tests.rig.server import REPOSITORY, Server
from tests.rig.sipp import Caller, Phone, Play

PORT = 6000
STAY_MS = 45_000
"""Below Asterisk's RTP timeout: these callers are silent."""
TALK_MS = 120_000
POLL_S = 0.004
PATIENCE_S = 20.0
TAKEN_S, HUNG_S = 3.0, 8.0
"""What is promised: p99 after a kill, and all calls of a hung worker."""


class Outcome(msgspec.Struct):
    """What came of one disaster; ms from the signal on."""

    disaster: str
    calls: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    served_ms: float
    promised_ms: float

    @property
    def kept(self) -> bool:
        return (self.max_ms if self.promised_ms == HUNG_S * 1000 else self.p99_ms) <= self.promised_ms


class Report(msgspec.Struct):
    """The whole run."""

    at: str
    cores: int
    waiting: int
    talking: int
    dropped: int
    outcomes: list[Outcome]


@dataclass
class Bench:
    """A server under load, and eyes on the records of its calls."""

    server: Server
    redis: Redis
    log: LogWatch
    keys: Keys
    phones: list[Phone] = field(default_factory=list)

    async def owned(self, worker: str) -> list[str]:
        return sorted(map(str, await self.redis.smembers(self.keys.owned(worker))))

    async def epochs(self, calls: Sequence[str]) -> list[int]:
        pipe = self.redis.pipeline(transaction=False)
        for call in calls:
            pipe.hget(self.keys.call(call), "epoch")
        return [int(epoch or 0) for epoch in await pipe.execute()]

    async def strike(
        self, disaster: str, workers: Sequence[int], sign: signal.Signals, promised_s: float
    ) -> Outcome:
        """Send a signal to workers and watch until every call of theirs has an owner again."""
        calls = [call for worker in workers for call in await self.owned(f"hf-{worker}")]
        before = await self.epochs(calls)
        pids = [self.server.pid(f"worker-{worker}") for worker in workers]
        wall, began = time.time_ns() // 1_000_000, time.monotonic()
        for pid in pids:
            os.kill(pid, sign)
        taken = await self._taken(calls, before, began)
        figures = spread(taken)
        served = await self._served({f"hf-{worker}" for worker in workers}, wall, len(calls))
        return Outcome(
            disaster,
            len(calls),
            figures.p50_ms or 0.0,
            figures.p99_ms or 0.0,
            figures.longest_ms or 0.0,
            served - wall,
            promised_s * 1000,
        )

    async def _taken(self, calls: Sequence[str], before: Sequence[int], began: float) -> list[float]:
        """ms until each call has a new epoch."""
        left = dict(zip(calls, before, strict=True))
        taken: list[float] = []
        async with asyncio.timeout(PATIENCE_S):
            while left:
                waiting = list(left)
                now = await self.epochs(waiting)
                ms = (time.monotonic() - began) * 1000
                for call, epoch in zip(waiting, now, strict=True):
                    if epoch > left[call]:
                        del left[call]
                        taken.append(ms)
                await asyncio.sleep(POLL_S)
        return taken

    async def _served(self, peers: set[str], after: int, count: int) -> int:
        """When the last of the batches was with its new owner, ms since the epoch."""
        found: list[WorkerRecovered] = []

        def wanted(event: AnyEvent) -> bool:
            if isinstance(event, WorkerRecovered) and event.peer in peers and event.at >= after:
                found.append(event)
            return sum(news.adopted for news in found) >= count

        await self.log.until(wanted, PATIENCE_S)
        return max(news.at for news in found)

    async def settled(self) -> None:
        """Until each worker has its calls, and has lived long enough to judge the others."""
        store = Store(self.server.settings.redis, self.server.settings.site)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not all(map(_settled, await Checkpoint(store).workers())):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)  # leases tell nobody
        finally:
            await store.close()

    def dropped(self) -> int:
        """Calls that were not answered, or that the server has ended."""
        legs = [leg for phone in self.phones for leg in phone.legs]
        return sum(leg.status != 200 or leg.ended_by == "them" for leg in legs)


def _settled(worker: Peer) -> bool:
    return worker.alive and worker.seen_at > worker.started_at + 1000 * (TTL_S + 1)


async def measure(waiting: int, talking: int) -> Report:
    """One run on a server of its own."""
    directory = Path(tempfile.mkdtemp(prefix="takeover-"))
    directory.chmod(0o755)
    agents = {"drill": {f"drill-{n}": PORT for n in range(talking)}}
    callflows = drill.write(directory / "callflows", agents)
    async with Server(callflows) as server:
        settings = server.settings
        async with LogWatch(settings.redis, settings.site, whole=True) as log:
            redis = Redis.from_url(settings.redis, decode_responses=True)
            bench = Bench(server, redis, log, Keys(settings.site))
            ringing = Play("agent_answers", {"ring_ms": 50, "talk_ms": TALK_MS}, port=PORT)
            async with (
                server.phone(ringing),
                _callers(server, drill.QUEUED, talking) as talk,
                _callers(server, drill.LONELY, waiting) as wait,
            ):
                bench.phones = [talk, wait]
                await _arrived(log, Bridged, talking)
                await _arrived(log, Joined, waiting + talking)
                outcomes = []
                for disaster, workers, sign, promised_s in (
                    ("one worker killed", (1,), signal.SIGKILL, TAKEN_S),
                    ("both killed", (1, 2), signal.SIGKILL, TAKEN_S),
                    ("one worker hung", (2,), signal.SIGSTOP, HUNG_S),
                ):
                    await bench.settled()
                    outcomes.append(await bench.strike(disaster, workers, sign, promised_s))
                await wait.done()
                await talk.done()
            await redis.aclose()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(at, os.cpu_count() or 0, waiting, talking, bench.dropped(), outcomes)


def _callers(server: Server, number: str, count: int) -> Phone:
    lines = [Caller(f"555{number}{n:04}") for n in range(count)]
    return server.phone(Play("caller_waits", {"stay_ms": STAY_MS}, lines, service=number, rate=40))


async def _arrived(log: LogWatch, kind: type[AnyEvent], count: int) -> None:
    """Until so many events of a kind have been logged."""
    seen = 0

    def wanted(event: AnyEvent) -> bool:
        nonlocal seen
        seen += isinstance(event, kind)
        return seen >= count

    await log.until(wanted)


def table(report: Report) -> Table:
    """For people."""
    made = Table(title=f"{report.waiting} waiting, {report.talking} talking, {report.dropped} dropped")
    for name in ("disaster", "calls", "p50 ms", "p99 ms", "max ms", "all served ms", "promised ms", ""):
        made.add_column(name, justify="left" if name in ("disaster", "") else "right")
    for out in report.outcomes:
        figures = (out.calls, out.p50_ms, out.p99_ms, out.max_ms, out.served_ms, out.promised_ms)
        made.add_row(out.disaster, *(f"{figure:.0f}" for figure in figures), "kept" if out.kept else "BROKEN")
    return made


@click.command(context_settings={"show_default": True})
@click.option("--waiting", type=click.IntRange(1, 2000), default=150, help="Callers in a queue.")
@click.option("--talking", type=click.IntRange(1, 1000), default=50, help="Callers with an agent.")
@click.option(
    "--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results", help="For JSON."
)
@click.option("--no-save", is_flag=True, help="Print only.")
def main(waiting: int, talking: int, results: Path, no_save: bool) -> None:
    """Kill and hang workers under live calls, and measure how long the calls are without one."""
    report = asyncio.run(measure(waiting, talking))
    Console(width=110).print(table(report))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        encoded: Any = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (results / "takeover.json").write_bytes(encoded + b"\n")
    sys.exit(0 if not report.dropped and all(outcome.kept for outcome in report.outcomes) else 1)


if __name__ == "__main__":
    main()
