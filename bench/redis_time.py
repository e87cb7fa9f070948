"""Time in Redis of each function, by Redis' own statistics: `make bench-redis`.

A site of 100 queues and 5,000 agents is lived in (bench/full_house.py) with 10, 100, 1,000 and 10,000
callers waiting. Goals, for each function and what comes of it: p99 ≤ 1 ms at 10,000 waiting, and a mean there
of at most 1.5 times the mean at 10. The round trips beside it are those of one worker that waits for each
answer, with appendfsync always, as in use.
Exit codes: 0 as promised · 1 a goal was missed.
"""

import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from bench.figures import spread
from bench.full_house import FullHouse
from bench.report import Facts, facts
from bench.stopwatch import Stopwatch
from bench.world import REPOSITORY
from ivr.runtime import find
from ivr.settings import Settings
from queues import scripts
from tests.queues.redis_process import RedisProcess

P99_MS = 1.0
GROWTH = 1.5
LEVELS = (10, 100, 1_000, 10_000)
WARM_UP = 30
IN_TURN = 20
PUBLISHED = 1
FEW = 20
"""Functions that were called less often are judged, but their p99 is their longest."""
BARS = " ▁▂▃▄▅▆▇█"


class Time(msgspec.Struct, frozen=True):
    """What one function took with so many callers waiting; µs in Redis, ms for the round trip."""

    samples: int
    mean_us: float
    p50_us: float
    p99_us: float
    longest_us: float
    trip_p50_ms: float
    trip_p99_ms: float


class Level(msgspec.Struct, frozen=True):
    """One number of waiting callers."""

    waiting: int
    times: dict[str, Time]


class Report(msgspec.Struct, frozen=True):
    """The whole run."""

    at: str
    facts: Facts
    queues: int
    agents: int
    levels: list[Level]
    not_called: list[str]
    """Functions that no step here calls."""


class Judged(NamedTuple):
    """A function against its goals."""

    name: str
    growth: float | None
    """Mean with the most callers, times the mean with the fewest; None if it was not called then."""
    p99_ms: float

    @property
    def missed(self) -> str:
        """Which goals, in words; empty if none."""
        slow = f"p99 {self.p99_ms:.2f} ms" if self.p99_ms > P99_MS else ""
        grows = f"mean {self.growth:.2f} times" if self.growth and self.growth > GROWTH else ""
        return ", ".join(filter(None, (slow, grows)))


def summary(in_redis_us: Sequence[float], round_trip_ms: Sequence[float]) -> Time:
    """Percentiles by nearest rank."""
    redis, trip = spread(us / 1000 for us in in_redis_us), spread(round_trip_ms)
    p50, p99, longest = (round(1000 * (ms or 0), 1) for ms in (redis.p50_ms, redis.p99_ms, redis.longest_ms))
    mean = round(sum(in_redis_us) / len(in_redis_us), 1)
    return Time(len(in_redis_us), mean, p50, p99, longest, trip.p50_ms or 0.0, trip.p99_ms or 0.0)


def judge(levels: Sequence[Level]) -> list[Judged]:
    """Each function of the fullest level; the slowest first."""
    fewest, most = levels[0].times, levels[-1].times
    judged = [
        Judged(
            name,
            time.mean_us / max(fewest[name].mean_us, 1.0) if name in fewest else None,
            time.p99_us / 1000,
        )
        for name, time in most.items()
    ]
    return sorted(judged, key=lambda each: -most[each.name].mean_us)


def curve(means: Sequence[float | None]) -> str:
    """Means as bars, one for each level: the full height is what the goal allows, `!` what is above it."""
    first = next((mean for mean in means if mean), 1.0)
    return "".join(
        "·"
        if mean is None
        else "!"
        if mean > GROWTH * first
        else BARS[max(1, round(8 * mean / first / GROWTH))]
        for mean in means
    )


class Site:
    """A full house on a Redis of its own, with so many callers waiting."""

    def __init__(self, folder: Path, queues: int, agents: int, waiting: int) -> None:
        folder.mkdir()
        self.waiting = waiting
        self._redis = RedisProcess(folder, durable=True)
        self._redis.start()
        self._watch = Stopwatch(self._redis.url)
        self._house = FullHouse(self._redis.url, "bench", folder, self._watch, queues, agents)

    async def open(self) -> None:
        await self._house.open()
        await self._house.fill(self.waiting)
        await self.live(WARM_UP, watched=False)

    async def live(self, cycles: int, watched: bool = True) -> None:
        self._watch.on = watched
        for _ in range(cycles):
            await self._house.cycle()

    async def level(self) -> Level:
        """Publish, and say what everything has taken."""
        await self._house.publish(PUBLISHED)
        self._watch.on = False
        in_redis, trips = self._watch.taken()
        return Level(self.waiting, {name: summary(in_redis[name], trips[name]) for name in sorted(in_redis)})

    async def close(self) -> None:
        await self._house.close()
        await self._watch.close()

    def end(self) -> None:
        self._redis.kill()


async def measure(sites: Sequence[Site], cycles: int) -> list[Level]:
    """Live so many cycles on each of them, a few on each in turn: what disturbs the machine disturbs all."""
    try:
        for site in sites:
            await site.open()
        for start in range(0, cycles, IN_TURN):
            for site in sites:
                await site.live(min(IN_TURN, cycles - start))
        return [await site.level() for site in sites]
    finally:
        for site in sites:
            await site.close()


def merged(rounds: Sequence[Sequence[Level]]) -> list[Level]:
    """Of several rounds, for each function and level, the round in which the machine disturbed it least."""
    return [
        Level(same[0].waiting, {name: _best(name, same) for name in same[0].times})
        for same in zip(*rounds, strict=True)
    ]


def _best(name: str, levels: Iterable[Level]) -> Time:
    return min((level.times[name] for level in levels if name in level.times), key=lambda time: time.mean_us)


def not_called(names: Iterable[str]) -> list[str]:
    """Functions of the library that none of these is a call of."""
    called = {name.partition(":")[0] for name in names}
    return [function for function in scripts.FUNCTIONS if function not in called]


def show(report: Report, console: Console) -> None:
    """For people: the curve, the times, and what was missed."""
    waiting = [level.waiting for level in report.levels]
    table = Table(title=f"Time in Redis with {', '.join(f'{n:,}' for n in waiting)} callers waiting")
    for name in (
        "function",
        "calls",
        "curve",
        *(f"mean µs at {n:,}" for n in waiting),
        "p50",
        "p99",
        "longest",
    ):
        table.add_column(name, justify="left" if name in ("function", "curve") else "right")
    for name in ("round trip ms p50", "p99", "missed"):
        table.add_column(name, justify="right")
    for judged in judge(report.levels):
        times = [level.times.get(judged.name) for level in report.levels]
        means = [time.mean_us if time else None for time in times]
        most = report.levels[-1].times[judged.name]
        table.add_row(
            judged.name,
            f"{most.samples:,}",
            curve(means),
            *("-" if mean is None else f"{mean:.0f}" for mean in means),
            *(f"{us:.0f}" for us in (most.p50_us, most.p99_us, most.longest_us)),
            *(f"{ms:.2f}" for ms in (most.trip_p50_ms, most.trip_p99_ms)),
            judged.missed,
        )
    console.print(table)
    console.print(
        f"{report.queues} queues, {report.agents:,} agents. Percentiles and round trips (one fsync each) at "
        f"{waiting[-1]:,} waiting. A full bar of the curve is {GROWTH} times the mean at {waiting[0]}."
    )
    if report.not_called:
        console.print(f"Not called here: {', '.join(report.not_called)}")


def run(
    folder: Path, queues: int, agents: int, waiting: Sequence[int], cycles: int, rounds: int
) -> list[Level]:
    """So many rounds, each on sites of its own."""
    found = []
    for number in range(rounds):
        place = folder / str(number)
        place.mkdir()
        sites = [Site(place / str(count), queues, agents, count) for count in waiting]
        try:
            found.append(uvloop.run(measure(sites, cycles)))
        finally:
            for site in sites:
                site.end()
    return merged(found)


@click.command(context_settings={"show_default": True})
@click.option("--queues", type=click.IntRange(10), default=100, help="A tenth of them are quiet.")
@click.option("--agents", type=click.IntRange(100), default=5_000)
@click.option("--waiting", type=int, multiple=True, default=LEVELS, help="Callers waiting, from few to many.")
@click.option("--cycles", type=click.IntRange(1), default=1_000, help="Steps of life with each of these.")
@click.option("--rounds", type=click.IntRange(1), default=2, help="The less disturbed one counts.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(
    queues: int, agents: int, waiting: tuple[int, ...], cycles: int, rounds: int, results: Path, no_save: bool
) -> None:
    """Time in Redis of each function, with few and with many callers waiting."""
    with tempfile.TemporaryDirectory(prefix="bench-redis-") as folder:
        levels = run(Path(folder), queues, agents, sorted(waiting), cycles, rounds)
    at, told = datetime.now(UTC).isoformat(timespec="seconds"), facts(find(Settings().runtime))
    report = Report(at, told, queues, agents, levels, not_called(levels[-1].times))
    show(report, Console(width=None if sys.stdout.isatty() else 170))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        packed = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (results / "redis.json").write_bytes(packed + b"\n")
    sys.exit(any(judged.missed for judged in judge(levels)))


if __name__ == "__main__":
    main()
