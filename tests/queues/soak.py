"""A seeded walk of a million steps through a world of callers, agents, faults and take-overs.

    python -m tests.queues.soak --seed 7 --steps 1000000      (or SEED and STEPS in the environment)

After every step Redis must equal the reference, and at each call's end its log must be sound. A failure
prints seed and step: the same seed walks the same way.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

import click
import uvloop

from tests.queues.redis_process import RedisProcess
from tests.queues.walk import WEIGHTS
from tests.queues.world_transfers import TransferWorld

EPISODE = 2_000
"""Steps in one site; then a fresh one, so that every beginning is walked often."""


async def walk(
    redis: RedisProcess, folder: Path, seed: int, steps: int, episode: int = EPISODE, site: str = "soak"
) -> None:
    """Walk so many steps. Raises AssertionError where Redis and the reference part."""
    done = 0
    while done < steps:
        some = min(episode, steps - done)
        await _episode(redis, folder, f"{site}{seed}-{done}", random.Random(f"{seed}/{done}"), some)
        done += some
        if sys.stdout.isatty() or done % 50_000 == 0:
            print(f"{done} steps", flush=True)


async def _episode(redis: RedisProcess, folder: Path, site: str, chance: random.Random, steps: int) -> None:
    world = TransferWorld(redis, site, folder, chance.choice)
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


@click.command()
@click.option("--seed", default=1, envvar="SEED", show_default=True, help="The same seed walks the same way.")
@click.option("--steps", default=1_000_000, envvar="STEPS", show_default=True)
def main(seed: int, steps: int) -> None:
    """Walk through a world of callers, agents and faults on a real Redis."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisProcess(Path(folder))
        redis.start()
        try:
            uvloop.run(walk(redis, Path(folder), seed, steps))
        finally:
            redis.kill()
    print(f"seed {seed}: {steps} steps in {time.monotonic() - begun:.0f} s, all as they should be")


if __name__ == "__main__":
    main()
