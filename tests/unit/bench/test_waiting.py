"""The bench of those who wait: it judges what it says, and a small run looks after everybody."""

from pathlib import Path

import uvloop

from bench.waiting import Cost, measure, missed
from tests.queues.redis_process import RedisProcess


def test_only_looking_is_judged_and_either_side_can_miss() -> None:
    assert missed([Cost("a", 0.05, 0.05, 0, True), Cost("b", 0.9, 0.9, 9, False)]) == []
    assert missed([Cost("a", 0.06, 0.01, 0, True), Cost("b", 0.01, 0.06, 0, True)]) == ["a", "b"]


def test_a_small_run(tmp_path: Path) -> None:
    with RedisProcess(tmp_path, durable=True) as redis:
        costs = uvloop.run(measure(redis, tmp_path, waiting=120, queues=4, seconds=1))
        client = redis.client()
        line = sum(client.zcard(f"{{bench}}:line:queue{number:03}") for number in range(4))
    assert line == 120, "nobody has left by a rule"
    assert [cost.told > 0 for cost in costs] == [False, False, False, False, True]
