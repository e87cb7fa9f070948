"""A seeded walk of a million steps through a world of callers, agents, faults and take-overs.

    python -m tests.queues.soak --seed 7 --steps 1000000      (or SEED and STEPS in the environment)

After every step Redis must equal the reference, and at each call's end its log must be sound. A failure
prints seed and step: the same seed walks the same way, however many processes share the walk (`--processes`,
one for each core: Redis and who asks it take turns, so two walks side by side take hardly longer than one).
"""

import os
import random
import signal
import sys
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import cast

import click
import uvloop

from tests.queues.redis_process import RedisProcess
from tests.queues.walk import WEIGHTS
from tests.queues.world_doors import DoorWorld

EPISODE = 2_000
"""Steps in one site; then a fresh one, so that every beginning is walked often."""


async def walk(
    redis: RedisProcess,
    folder: Path,
    seed: int,
    steps: int,
    episode: int = EPISODE,
    site: str = "soak",
    share: tuple[int, int] = (0, 1),
) -> None:
    """Walk so many steps. Raises AssertionError where Redis and the reference part.

    `share` (k, n): only every nth episode, beginning with number k; others walk the others.
    """
    mine, of = share
    for number, begin in enumerate(range(0, steps, episode)):
        if number % of != mine:
            continue
        some, name = min(episode, steps - begin), f"{site}{seed}-{begin}"
        await _episode(redis, folder, name, random.Random(f"{seed}/{begin}"), some)
        if sys.stdout.isatty() or (begin + some) % 50_000 == 0:
            print(f"{begin + some} steps", flush=True)


async def _episode(redis: RedisProcess, folder: Path, site: str, chance: random.Random, steps: int) -> None:
    world = DoorWorld(redis, site, folder, chance.choice)
    name = "open"
    try:
        await world.open()
        for name in chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps):
            await world.step(name)
    except Exception:
        print(f"site {site}: step {world.steps} ({name})", file=sys.stderr)
        raise
    finally:
        await world.close()


def _walk_share(seed: int, steps: int, share: tuple[int, int]) -> None:
    """One process' part, on a Redis of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that its Redis ends with it
    with tempfile.TemporaryDirectory() as folder, RedisProcess(Path(folder)) as redis:
        uvloop.run(walk(redis, Path(folder), seed, steps, share=share))


def _all_good(walkers: list[SpawnProcess]) -> bool:
    """Wait for all; as soon as one has failed the others end."""
    going = {walker.sentinel: walker for walker in walkers}
    good = True
    while going:
        for ended in wait(list(going)):
            walker = going.pop(cast(int, ended))
            walker.join()
            if walker.exitcode and good:
                good = False
                for other in going.values():
                    other.terminate()
    return good


@click.command()
@click.option("--seed", default=1, envvar="SEED", show_default=True, help="The same seed walks the same way.")
@click.option("--steps", default=1_000_000, envvar="STEPS", show_default=True)
@click.option("--processes", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
def main(seed: int, steps: int, processes: int) -> None:
    """Walk through worlds of callers, agents and faults, each process on a real Redis of its own."""
    begun = time.monotonic()
    spawned = get_context("spawn")
    walkers = [
        spawned.Process(target=_walk_share, args=(seed, steps, (mine, processes)))
        for mine in range(processes)
    ]
    for walker in walkers:
        walker.start()
    if not _all_good(walkers):
        sys.exit(1)
    print(f"seed {seed}: {steps} steps in {time.monotonic() - begun:.0f} s, all as they should be")


if __name__ == "__main__":
    main()
