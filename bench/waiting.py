"""What it costs to look after 10,000 callers who wait: CPU of a worker and of Redis, a second of waiting.

One worker's `Doors`, `Places` and `Beside` as in use, on a Redis of their own; Asterisk is a stand-in that
plays each sound for two seconds and costs nothing. So this is what is ours besides commands to Asterisk.
Goal: looking, which goes on whether anything is told or not, takes at most `GOAL` of a core of either.
Exit codes: 0 as promised · 1 a goal was missed.
"""

import asyncio
import resource
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from bench.report import Facts, facts
from bench.world import REPOSITORY
from ivr.ari import events as ari
from ivr.beside import Beside
from ivr.caller import Caller, House
from ivr.checkpoint import Checkpoint
from ivr.doors import Doors
from ivr.flow.line import Line
from ivr.places import Places
from ivr.runtime import find
from ivr.settings import Settings
from ivr.switchboard import Switchboard
from ivr.tasks import Tasks
from ivr.wait import Wait
from queues.handle import CallHandle
from queues.heard import Announce, Heard, PositionNews, Reminders
from queues.models import Agent, Queue
from queues.store import Store
from tests.queues.redis_process import RedisProcess

GOAL = 0.05
"""Share of a core."""
AT_ONCE = 250
SOUND_S = 2.0
EXITS = frozenset({"no_agents", "full", "timeout"})
STILL = Announce(position=PositionNews(when="improved", first_s=0, every_s=5), gap_s=0)
"""Everybody's place is looked up as often as that is possible, and is never nearer."""
TOLD = Announce(
    position=PositionNews(first_s=0, every_s=60),
    reminders=Reminders(sounds=(Heard(play=("stay",)),), every_s=60),
)
"""As many centres have it: a place and a reminder a minute."""


class Cost(msgspec.Struct, frozen=True):
    """What one kind of looking took: shares of a core; `told`: announcements a second."""

    name: str
    worker: float
    redis: float
    told: float
    judged: bool


class Report(msgspec.Struct, frozen=True):
    at: str
    facts: Facts
    waiting: int
    queues: int
    seconds: float
    costs: list[Cost]


class Hall:
    """Callers who wait, and the worker that looks after them."""

    def __init__(self, url: str, folder: Path, queues: int) -> None:
        self.store = Store(url, "bench", "hf-1", journal=folder / "journal")
        self.checkpoint = Checkpoint(self.store)
        rules: Any = {"leave_if": ("paused",), "max_waiting": 100_000, "music": "default"}
        self.queues = {f"queue{number:03}": Queue(**rules) for number in range(queues)}
        self.shut: list[str] = []
        self.told = 0
        self.callers: list[Caller] = []
        self.besides: list[Beside] = []
        self.places = Places(self.store)
        self.sessions: dict[str, Any] = {}
        self._house = cast(House, self._make_house())
        board = SimpleNamespace(sessions=self.sessions, callflows=self, house=self._house)
        self.doors = Doors(self.store, cast(Switchboard, board), Tasks())

    def closed(self, _: object) -> Sequence[str]:
        """The queues whose hours are over."""
        return self.shut

    def _make_house(self) -> SimpleNamespace:
        async def nothing(*_: object) -> None:
            """Asterisk does it."""

        async def say(*_: object) -> str:
            return "sound:text"

        async def play(call: str, playback: str, _: object) -> None:
            self.told += 1
            over = ari.PlaybackFinished(playback=ari.Playback(playback, "done"))
            asyncio.get_running_loop().call_later(SOUND_S, self.sessions[call].beside.hears, over)

        self._line = SimpleNamespace(
            language="en", variables={}, prompt=lambda name: f"sound:{name}", say=say
        )
        return SimpleNamespace(
            asterisk=SimpleNamespace(play=play, stop=nothing, start_music=nothing),
            checkpoint=self.checkpoint,
            queue=lambda name: self.queues[name],
            place=self.places.of,
            flow={}.get,
            now=lambda: datetime.now(UTC),
        )

    async def fill(self, waiting: int) -> None:
        """So many callers join."""
        names = list(self.queues)
        agents = {
            f"agent{at}": Agent.model_validate({"device": f"phone{at}", "queues": names[at : at + 50]})
            for at in range(0, len(names), 50)
        }
        await self.store.configure(self.queues, agents, version=1)
        for begin in range(0, waiting, AT_ONCE):
            numbers = range(begin, min(begin + AT_ONCE, waiting))
            await asyncio.gather(*(self._joins(number, names[number % len(names)]) for number in numbers))

    async def _joins(self, number: int, queue: str) -> None:
        handle = CallHandle(f"bench-{number}.1", "hf-1")
        await self.checkpoint.arrive(handle, from_="+4930123", to="100", asterisk="bench")
        self.store.note(handle, "answered")
        joined = await self.store.join(handle, queue)
        caller, wait = Caller(self._house, handle), Wait(queue, "main/wait", None, EXITS)
        wait.begin(joined.joined_at)
        wait.began -= number % 60  # they have not all come in the same second
        note = lambda kind, **fields: self.store.note(handle, kind, 0, **fields)  # noqa: E731
        line = SimpleNamespace(**vars(self._line), note=note)
        beside = Beside(caller, wait, cast(Line, line))
        self.callers.append(caller)
        self.besides.append(beside)
        self.sessions[handle.call] = SimpleNamespace(wait=wait, mailbox=caller.mailbox, beside=beside)

    async def announcing(self, announce: Announce | None) -> None:
        """From now on this is told."""
        update = {"announce": announce}
        self.queues = {name: queue.model_copy(update=update) for name, queue in self.queues.items()}
        for beside in self.besides:
            await beside.begin()
            beside.published()

    async def settled(self) -> None:
        """Until everybody has been told his place once."""
        before = -1
        while before < self.told:
            before = self.told
            for _ in range(len(self.callers) // AT_ONCE + 10):
                await self.places.look()
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        for beside in self.besides:
            beside.give_up()
        await self.store.close()


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(
    hall: Hall,
    redis: RedisProcess,
    name: str,
    seconds: float,
    judged: bool,
    *looks: Callable[[], Coroutine[Any, Any, None]],
) -> Cost:
    """So many seconds of waiting, with these looks in each."""

    def redis_s() -> float:
        told: Any = redis.client().info("cpu")
        return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])

    loop = asyncio.get_running_loop()
    began, ours, theirs, told = loop.time(), cpu_s(), redis_s(), hall.told
    second = 1
    while second <= seconds:
        for look in looks:
            await look()
        await asyncio.sleep(max(0.0, began + second - loop.time()))
        second += 1
    took = loop.time() - began
    return Cost(
        name,
        round((cpu_s() - ours) / took, 4),
        round((redis_s() - theirs) / took, 4),
        round((hall.told - told) / took, 1),
        judged,
    )


async def measure(redis: RedisProcess, folder: Path, waiting: int, queues: int, seconds: float) -> list[Cost]:
    hall = Hall(redis.url, folder, queues)
    costs = []
    try:
        await hall.fill(waiting)
        await hall.announcing(None)
        costs.append(await measured(hall, redis, "nothing is looked at", seconds, False))
        looks = (hall.doors.look, hall.places.look)
        costs.append(await measured(hall, redis, "rules of the queues", seconds, True, *looks))
        hall.shut = list(hall.queues)
        costs.append(await measured(hall, redis, "all queues shut, nobody has a way", seconds, True, *looks))
        hall.shut = []
        await hall.announcing(STILL)
        await hall.settled()
        costs.append(await measured(hall, redis, "places that do not improve", seconds, True, *looks))
        await hall.announcing(TOLD)
        costs.append(await measured(hall, redis, "a place and a reminder a minute", seconds, False, *looks))
    finally:
        await hall.close()
    return costs


def missed(costs: Sequence[Cost]) -> list[str]:
    return [cost.name for cost in costs if cost.judged and max(cost.worker, cost.redis) > GOAL]


def show(report: Report, console: Console) -> None:
    table = Table(title=f"{report.waiting:,} callers wait in {report.queues} queues: share of a core")
    for name in ("what", "worker", "Redis", "told a second"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for cost in report.costs:
        told = f"{cost.told:.0f}" if cost.told else ""
        table.add_row(cost.name, f"{cost.worker:.1%}", f"{cost.redis:.1%}", told)
    console.print(table)


@click.command(context_settings={"show_default": True})
@click.option("--waiting", type=click.IntRange(1), default=10_000)
@click.option("--queues", type=click.IntRange(1, 100), default=100)
@click.option("--seconds", type=click.IntRange(2), default=20, help="For each of the kinds of looking.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(waiting: int, queues: int, seconds: int, results: Path, no_save: bool) -> None:
    """What it costs to look after callers who wait."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-waiting-") as folder,
        RedisProcess(Path(folder), durable=True) as redis,
    ):
        costs = uvloop.run(measure(redis, Path(folder), waiting, queues, seconds))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(at, facts(find(Settings().runtime)), waiting, queues, seconds, costs)
    show(report, Console(width=None if sys.stdout.isatty() else 120))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        packed = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (results / "waiting.json").write_bytes(packed + b"\n")
    sys.exit(bool(missed(costs)))


if __name__ == "__main__":
    main()
