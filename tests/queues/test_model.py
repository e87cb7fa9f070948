"""The scripts against the reference: hypothesis looks for short stories, a walker for rare ones."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.queues.redis_process import RedisProcess
from tests.queues.soak import walk
from tests.queues.walk import STEPS
from tests.queues.world_doors import DoorWorld

EXAMPLES, STEPS_EACH = 80, 50
WALKED = 16_000

_SITES = count(1)


class Machine(RuleBasedStateMachine):
    """One story of a site; each rule is one of `STEPS`."""

    redis: ClassVar[RedisProcess]
    folder: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world: DoorWorld | None = None

    @initialize(data=st.data())
    def open(self, data: st.DataObject) -> None:
        def pick(choices: Sequence[Any], /) -> Any:
            return choices[data.draw(st.integers(0, len(choices) - 1))]

        self.world = DoorWorld(self.redis, f"story{next(_SITES)}", self.folder, pick)
        self.runner.run(self.world.open())

    def take(self, step: str, data: st.DataObject) -> None:
        assert self.world is not None
        self.world.pick = lambda choices: choices[data.draw(st.integers(0, len(choices) - 1))]
        self.runner.run(self.world.step(step))

    def teardown(self) -> None:
        if self.world is not None:
            self.runner.run(self.world.close())
        self.runner.close()


def _rule(step: str) -> Callable[..., None]:
    def take(self: Machine, data: st.DataObject) -> None:
        self.take(step, data)

    take.__name__ = step
    return rule(data=st.data())(take)


for _step in STEPS:
    setattr(Machine, _step, _rule(_step))


@pytest.mark.timeout(300)
def test_stories(redis: RedisProcess, tmp_path: Path) -> None:
    Machine.redis, Machine.folder = redis, tmp_path
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_EACH,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
async def test_random_walk(redis: RedisProcess, tmp_path: Path) -> None:
    await walk(redis, tmp_path, seed=20, steps=WALKED, episode=1_000)
