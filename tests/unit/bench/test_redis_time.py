"""The bench of Redis: what it reads, how it judges, what it draws."""

from collections.abc import Iterator

import pytest

from bench.redis_time import Level, Time, curve, judge, merged, not_called, summary
from bench.stopwatch import Count, Stopwatch, parse
from queues import scripts
from tests.queues.redis_process import RedisProcess

SLOW = "#!lua name=x\nredis.register_function('slow', function() for i = 1, 1000000 do end return 7 end)"


def time(mean_us: float, p99_us: float = 100) -> Time:
    return Time(100, mean_us, mean_us, p99_us, p99_us, 0.2, 0.4)


def test_redis_statistics_are_read() -> None:
    told = (
        "# Commandstats\r\ncmdstat_get:calls=9,usec=1\r\ncmdstat_fcall:calls=12,usec=340,usec_per_call=28\r\n"
    )
    assert parse(told) == Count(12, 340)
    assert parse("# Commandstats\r\n") == Count(0, 0)


def test_a_summary_has_values_that_occurred() -> None:
    found = summary([100, 200, 300, 1200], [0.5, 0.6, 0.7, 3.0])
    assert found == Time(4, 450, 200, 1200, 1200, 0.6, 3.0)


def test_a_function_is_judged_by_its_slowest_and_by_its_growth() -> None:
    few = Level(10, {"a": time(100), "b": time(100), "c": time(100)})
    many = Level(10_000, {"a": time(149), "b": time(151), "c": time(90, 1001), "d": time(40)})
    assert [(each.name, each.missed) for each in judge([few, many])] == [
        ("b", "mean 1.51 times"),
        ("a", ""),
        ("c", "p99 1.00 ms"),
        ("d", ""),
    ]


@pytest.mark.parametrize(
    ("means", "drawn"),
    [
        ([100, 100, 100, 150], "▅▅▅█"),
        ([100, 75, 10, 151], "▅▄▁!"),
        ([None, 100, 140], "·▅▇"),
    ],
)
def test_the_curve(means: list[float | None], drawn: str) -> None:
    assert curve(means) == drawn


def test_of_two_rounds_the_less_disturbed_counts() -> None:
    first = [Level(10, {"a": time(100), "b": time(7)})]
    second = [Level(10, {"a": time(90), "b": time(8)})]
    assert merged([first, second]) == [Level(10, {"a": time(90), "b": time(7)})]


def test_functions_that_nobody_called_are_named() -> None:
    called = {f"{name}: somehow" for name in scripts.FUNCTIONS if name != "sweep"}
    assert not_called(called) == ["sweep"]


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path_factory.mktemp("redis")) as server:
        yield server


async def test_one_function_is_timed_and_two_are_refused(redis: RedisProcess) -> None:
    client, watch = redis.client(), Stopwatch(redis.url)
    client.function_load(SLOW)

    async def calls(count: int) -> int:
        return [int(client.fcall("slow", 0)) for _ in range(count)][-1]

    async def timed(count: int) -> int:
        return await watch.time("slow", calls(count), lambda reply: f"says {reply}")

    assert await timed(2) == 7  # nothing is measured yet
    watch.on = True
    assert await timed(1) == 7
    in_redis, trips = watch.taken()
    assert list(in_redis) == list(trips) == ["slow: says 7"]
    assert 200 < in_redis["slow: says 7"][0] <= trips["slow: says 7"][0] * 1000
    with pytest.raises(RuntimeError, match="2 functions where one was due"):
        await timed(2)
    await watch.close()
