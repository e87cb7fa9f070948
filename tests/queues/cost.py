"""What one served call costs: CPU of Redis by command, CPU of the worker's side, scripts per call.

    python -m tests.queues.cost --calls 5000 --agents 500 --at-once 200

Append-only file, fsync on every write, as in use. A call: arrive with its first checkpoint and `answered`,
join and match, settle, connected, unbridged, ended.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import uvloop

from ivr.checkpoint import Kept
from queues.handle import CallHandle
from queues.models import Agent, Queue
from queues.store import Offer
from tests.queues.desk import Post
from tests.queues.redis_process import RedisProcess

KEPT = Kept(language="en")


class Cost(NamedTuple):
    """Per served call. CPU in ms."""

    redis_ms: float
    worker_ms: float
    scripts: float
    served: int
    wall_s: float
    commands: dict[str, tuple[float, float]]
    """Command → times per call, µs each."""


async def measure(redis: RedisProcess, folder: Path, calls: int, agents: int, at_once: int) -> Cost:
    """Serve so many calls, `at_once` of them at a time."""
    post = Post(redis, "cost", "hf-1", folder)
    queues = {"sales": Queue(), "tech": Queue()}
    people = {
        f"agent{n}": Agent(device=f"phone{n}", queues=("sales", "tech"), at_start="ready")
        for n in range(agents)
    }
    await post.store.configure(queues, people, version=1)
    offers: dict[str, asyncio.Future[Offer]] = {}
    post.store.on_offer = lambda offer: offers.pop(offer.call).set_result(offer)
    gate = asyncio.Semaphore(at_once)
    redis.client().config_resetstat()
    before, begun, wall = _cpu(redis), time.process_time(), time.monotonic()

    async def one(number: int) -> None:
        async with gate:
            h = CallHandle(f"pbx-1732233445.{number}", "hf-1")
            offers[h.call] = asyncio.get_running_loop().create_future()
            rung = offers[h.call]
            await _serve(post, h, rung)

    await asyncio.gather(*(one(number) for number in range(calls)))
    used, worker, wall = _cpu(redis) - before, time.process_time() - begun, time.monotonic() - wall
    stats: dict[str, Any] = redis.client().info("commandstats")
    scripts = stats["cmdstat_fcall"]["calls"] / calls
    commands = {
        name.removeprefix("cmdstat_"): (stat["calls"] / calls, stat["usec_per_call"])
        for name, stat in stats.items()
    }
    await post.store.close()
    return Cost(used * 1000 / calls, worker * 1000 / calls, scripts, calls, wall, commands)


async def _serve(post: Post, h: CallHandle, rung: "asyncio.Future[Offer]") -> None:
    post.store.note(h, "answered")
    await post.checkpoint.step(h, flow="main", version=1, path="main/queue", kept=KEPT, ride=True)
    await post.checkpoint.arrive(
        h, from_="+493012345678", to="100", campaign="web", asterisk="pbx-1732233445"
    )
    post.store.note(h, "step", flow="main", version=1, path="main/menu", outcome="1", took_ms=1200)
    await post.checkpoint.step(h, flow="main", version=1, path="main/queue", kept=KEPT, ride=True)
    await post.store.join(h, "sales")
    offer = await rung
    await post.store.settle(h, offer.agent, offer.attempt)
    await post.store.connected(h, offer.agent, offer.attempt)
    await post.store.unbridged(h, "agent")
    post.store.note(h, "step", flow="main", version=1, path="main/queue", outcome="answered", took_ms=3000)
    await post.checkpoint.ended(h, reason="flow-ended", ended_by="system", cause=16)


def _cpu(redis: RedisProcess) -> float:
    info: dict[str, Any] = redis.client().info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


@click.command()
@click.option("--calls", default=5000, show_default=True)
@click.option("--agents", default=500, show_default=True)
@click.option("--at-once", default=50, show_default=True)
def main(calls: int, agents: int, at_once: int) -> None:
    """Measure what one served call costs in Redis and in the worker."""
    with tempfile.TemporaryDirectory() as folder, RedisProcess(Path(folder), durable=True) as redis:
        cost = uvloop.run(measure(redis, Path(folder), calls, agents, at_once))
    for name, (times, micros) in sorted(cost.commands.items(), key=lambda item: -item[1][0] * item[1][1]):
        print(f"{name:20} {times:6.2f} per call, {micros:7.2f} µs each")
    print(f"{cost.served} calls in {cost.wall_s:.1f} s, {cost.scripts:.1f} scripts each")
    print(f"CPU per served call: Redis {cost.redis_ms:.3f} ms, worker {cost.worker_ms:.3f} ms")


if __name__ == "__main__":
    main()
