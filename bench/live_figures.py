"""What live figures cost, and how old they are: 100 queues, 5,000 agents, 10,000 who wait, many who watch.

A site of that size on a Redis of its own, as durable as in use; callers join and leave and agents pause all
the time. The API runs in this process, those who watch in another one. Goals: figures at most 1 s old at
those who watch, and of a core of Redis and of the API at most `REDIS_GOAL` and `API_GOAL`.
Exit codes: 0 as promised · 1 a goal was missed.
"""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec
import uvloop
from aiohttp import web
from rich.console import Console
from rich.table import Table

from bench.figures import Spread, spread
from bench.report import Facts, facts
from bench.world import REPOSITORY
from calllog.stream import LogStream
from ivr.api.board import Board
from ivr.api.guard import Guard
from ivr.api.metrics import Exposition, Traffic
from ivr.api.service import Service
from ivr.api.site import Calendar
from ivr.api.tally import Tally
from ivr.api.tokens import Tokens
from ivr.api.watch import Watch
from ivr.checkpoint import Checkpoint
from ivr.runtime import find
from ivr.settings import Settings
from queues.handle import CallHandle
from queues.models import Agent, Queue
from queues.store import Store
from tests.queues.redis_process import RedisProcess

API_GOAL, REDIS_GOAL = 0.25, 0.05
"""Shares of a core, for looking at all of it."""
AGE_GOAL_MS = 1000
AT_ONCE = 250
SETTLE_S = 4.0
"""Until those who watch have connected, and have their snapshots: 1 MB each."""


class Cost(msgspec.Struct, frozen=True):
    """With so many who watch: shares of a core, and the ages of figures at those who watch, ms.

    The age is that of what somebody has just before he is told something newer: as old as it gets.
    """

    watching: int
    changes: int
    """Calls that came and went and agents who changed, a second."""
    api: float
    redis: float
    age: Spread
    messages: int


class Report(msgspec.Struct, frozen=True):
    at: str
    facts: Facts
    queues: int
    agents: int
    waiting: int
    memory_mb: int
    first_turn_ms: int
    costs: list[Cost]


class Town:
    """The site."""

    def __init__(self, redis: RedisProcess, queues: int, agents: int) -> None:
        self.store = Store(redis.url, "bench", "hf-1")
        self._checkpoint = Checkpoint(self.store)
        self.names = [f"queue{number:03}" for number in range(queues)]
        self._queues = {name: Queue() for name in self.names}
        self._agents = {
            f"agent{number:04}": Agent.model_validate(
                {
                    "device": f"phone{number}",
                    "queues": [self.names[(number + at) % queues] for at in range(3)],
                }
            )
            for number in range(agents)
        }
        self._waiting: list[CallHandle] = []
        self._number = 0

    async def fill(self, waiting: int) -> None:
        await self.store.configure(self._queues, self._agents, version=1)
        await self._checkpoint.enlist("hf-1")
        for begin in range(0, waiting, AT_ONCE):
            await asyncio.gather(*(self._joins() for _ in range(min(AT_ONCE, waiting - begin))))

    async def _joins(self) -> None:
        self._number += 1
        handle = CallHandle(f"bench-{self._number}.1", "hf-1")
        await self._checkpoint.arrive(handle, from_=f"+4930{self._number}", to="100", asterisk="bench")
        await self.store.join(handle, self.names[self._number % len(self.names)])
        self._waiting.append(handle)

    async def live(self, a_second: int) -> None:
        """For ever: so many changes a second."""
        people = list(self._agents)
        while True:
            began = time.monotonic()
            for number in range(a_second // 4):
                await self._joins()
                await self._checkpoint.ended(
                    self._waiting.pop(0), reason="caller-hangup", ended_by="caller", cause=16
                )
                agent = people[(self._number * 7 + number) % len(people)]
                await self.store.agent(agent, "pause", "lunch" if number % 2 else "break")
                await self.store.agent(agent, "offline")
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))


def watchers(count: int, socket: str, pipe: Connection) -> None:
    """A process of those who watch. Ages by this machine's clock, which is Redis', too."""
    ages, messages = asyncio.run(_watch(count, socket, pipe))
    pipe.send((ages, messages))


async def _watch(count: int, socket: str, pipe: Connection) -> tuple[list[float], int]:
    ages: list[float] = []
    messages = 0

    async def one(http: aiohttp.ClientSession) -> None:
        nonlocal messages
        async with http.ws_connect("http://localhost/v1/live", max_msg_size=0) as live:
            await live.send_json({"topics": ["queues", "agents"]})
            shown: list[float] = []
            while True:
                said: Any = msgspec.json.decode(await live.receive_str())
                messages += 1
                ages.extend(time.time() * 1000 - at for at in shown)
                shown = [said["at"]]

    connector = aiohttp.UnixConnector(socket, limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        watching = [asyncio.ensure_future(one(http)) for _ in range(count)]
        await asyncio.to_thread(pipe.recv)
        ages.clear()  # while all of them were taking their first snapshots
        messages = 0
        await asyncio.to_thread(pipe.recv)
        for each in watching:
            each.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return ages, messages


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def serve(redis: RedisProcess, folder: Path, stack: AsyncExitStack) -> tuple[Board, int]:
    """The API, as in use; how long its first turn has taken, ms."""
    store = Store(redis.url, "bench")
    stack.push_async_callback(store.close)
    stream = await stack.enter_async_context(LogStream(redis.url, "bench"))
    board, tally, traffic = Board(), Tally(), Traffic()
    watch = Watch(store, stream, board, tally, Calendar(Settings(data=folder)).day)
    guard = Guard(Tokens(folder / "secrets"), [])
    exposition = Exposition(board, tally, watch, traffic)
    runner = web.AppRunner(Service(board, watch, store, guard, traffic, exposition).application())
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.UnixSite(runner, folder / "api.sock", shutdown_timeout=0.1).start()
    began = time.monotonic()
    await watch.turn()
    took_ms = round((time.monotonic() - began) * 1000)
    for work in (watch.run(), watch.catch_up()):
        task = asyncio.ensure_future(work)
        stack.callback(task.cancel)
    return board, took_ms


def town(url_of: RedisProcess, queues: int, agents: int, waiting: int, pipe: Connection) -> None:
    """The site in a process of its own; it says when it is full, and lives as told: changes a second."""

    async def main() -> None:
        site = Town(url_of, queues, agents)
        await site.fill(waiting)
        pipe.send("full")
        rate = await asyncio.to_thread(pipe.recv)
        living = asyncio.ensure_future(site.live(rate))
        await asyncio.to_thread(pipe.recv)
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        await site.store.close()

    asyncio.run(main())


async def measured(redis: RedisProcess, socket: str, watching: int, changes: int, seconds: float) -> Cost:
    def redis_s() -> float:
        told: Any = redis.client().info("cpu")
        return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])

    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=watchers, args=(watching, socket, theirs))
    process.start()
    await asyncio.sleep(SETTLE_S)
    ours.send("begin")
    began, used, theirs_s = time.monotonic(), cpu_s(), redis_s()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    api, in_redis = (cpu_s() - used) / took, (redis_s() - theirs_s) / took
    ours.send("enough")
    ages, messages = await asyncio.to_thread(ours.recv)
    process.join()
    return Cost(watching, changes, round(api, 4), round(in_redis, 4), spread(ages), messages)


async def measure(redis: RedisProcess, folder: Path, size: tuple[int, int, int], seconds: float) -> Any:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    site = context.Process(target=town, args=(RemoteRedis(redis.url), *size, theirs))
    site.start()
    await asyncio.to_thread(ours.recv)
    async with AsyncExitStack() as stack:
        _, first_turn_ms = await serve(redis, folder, stack)
        socket = str(folder / "api.sock")
        costs = [await measured(redis, socket, watching, 0, seconds) for watching in (1, 50)]
        ours.send(80)
        costs += [await measured(redis, socket, watching, 80, seconds) for watching in (1, 50)]
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        ours.send("enough")
        await asyncio.to_thread(site.join)
    return first_turn_ms, memory_mb, costs


class RemoteRedis:
    """A Redis of another process."""

    def __init__(self, url: str) -> None:
        self.url = url


def missed(costs: list[Cost]) -> list[str]:
    found = []
    for cost in costs:
        name = f"{cost.watching} watch, {cost.changes} changes"
        if not cost.changes and cost.redis > REDIS_GOAL:
            found.append(f"{name}: Redis")
        if cost.api > API_GOAL:
            found.append(f"{name}: API")
        if (cost.age.p99_ms or 0) > AGE_GOAL_MS:
            found.append(f"{name}: age")
    return found


def show(report: Report, console: Console) -> None:
    title = f"{report.queues} queues, {report.agents:,} agents, {report.waiting:,} waiting; first turn "
    title += f"{report.first_turn_ms} ms, {report.memory_mb} MB: shares of a core, ages of figures in ms"
    table = Table(title=title)
    for name in ("watch", "changes/s", "API", "Redis", "age p50", "age p99", "oldest", "messages"):
        table.add_column(name, justify="right")
    for cost in report.costs:
        ages = (cost.age.p50_ms, cost.age.p99_ms, cost.age.longest_ms)
        table.add_row(
            str(cost.watching),
            str(cost.changes),
            f"{cost.api:.1%}",
            f"{cost.redis:.1%}",
            *(f"{age or 0:.0f}" for age in ages),
            str(cost.messages),
        )
    console.print(table)


@click.command(context_settings={"show_default": True})
@click.option("--queues", type=click.IntRange(1, 100), default=100)
@click.option("--agents", type=click.IntRange(1), default=5_000)
@click.option("--waiting", type=click.IntRange(1), default=10_000)
@click.option("--seconds", type=click.FloatRange(2), default=15, help="For each of the four measurements.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(queues: int, agents: int, waiting: int, seconds: float, results: Path, no_save: bool) -> None:
    """What live figures cost, and how old they are."""
    size = (queues, agents, waiting)
    with (
        tempfile.TemporaryDirectory(prefix="bench-live-") as folder,
        RedisProcess(Path(folder), durable=True) as redis,
    ):
        first, memory_mb, costs = uvloop.run(measure(redis, Path(folder), size, seconds))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(at, facts(find(Settings().runtime)), queues, agents, waiting, memory_mb, first, costs)
    show(report, Console(width=None if sys.stdout.isatty() else 120))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        packed = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (results / "live_figures.json").write_bytes(packed + b"\n")
    for each in (found := missed(costs)):
        click.echo(f"missed: {each}", err=True)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
