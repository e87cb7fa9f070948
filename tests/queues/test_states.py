"""The table of agents' states is what the scripts do: no way beside it, and every way in it is taken."""

from pathlib import Path

import pytest

from queues.states import BUSY, WAYS
from tests.queues import reference
from tests.queues.eye import Eye
from tests.queues.redis_process import RedisProcess
from tests.queues.soak import walk

STEPS, WALKS = 3_000, 15


@pytest.mark.timeout(300)
async def test_every_way_is_taken_and_no_other(redis: RedisProcess, tmp_path: Path) -> None:
    table = {(start, end) for start, ends in WAYS.items() for end in ends}
    Eye.ways.clear()
    for seed in range(WALKS):
        await walk(redis, tmp_path, seed=seed, steps=STEPS, episode=500, site="ways")
        if table <= Eye.ways:
            break
    assert table == Eye.ways


def test_the_reference_has_the_same_states() -> None:
    assert set(reference.BUSY) == BUSY
    assert all(ends <= WAYS.keys() for ends in WAYS.values())
