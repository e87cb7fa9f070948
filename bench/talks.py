"""What a minute of talk costs Asterisk, with and without keys of agents: `make bench-talks`.

With `transfers: {keys: …}` Asterisk must look at every packet of a talk for keys, instead of handing it on.
Some callers and agents talk side by side, both all the time (50 packets a second each way), first without
keys and then with them, each on a server of its own. CPU is Asterisk's, less what it takes with nobody there.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from bench.cpu import snapshot
from bench.report import Facts, facts
from bench.world import REPOSITORY, enter
from ivr.runtime import find
from ivr.settings import Settings
from tests.rig.ear import Ear
from tests.rig.server import Server
from tests.rig.sipp import Caller
from tests.rig.voice import speech

NUMBER = "100"
FIRST_PORT = 6470
WARM_S = 1.0
"""The first moments are the beginning of the call, and nobody's minute."""
NOWHERE = Path("/nowhere")


class Cost(msgspec.Struct):
    """Asterisk's CPU for talks of one kind."""

    keys: bool
    talks: int
    seconds: float
    cpu_ms_per_minute: float
    """For one minute of one talk."""


class Report(msgspec.Struct):
    """The whole run."""

    at: str
    facts: Facts
    costs: list[Cost]


def write_callflows(folder: Path, talks: int, keys: bool) -> Path:
    """A queue, its agents, and whether they transfer by keys."""
    (folder / "flows").mkdir(parents=True)
    names = {f"agent{number}": FIRST_PORT + number for number in range(talks)}
    files = {
        "numbers.yaml": {"numbers": {NUMBER: {"flow": "main"}}, "default": {"flow": "main"}},
        "queues.yaml": {"queues": {"sales": {}}},
        "agents.yaml": {
            "agents": {
                name: {"device": f"{name}-phone", "queues": ["sales"], "at_start": "ready"} for name in names
            },
            "devices": {
                f"{name}-phone": {"contact": f"sip:{name}@127.0.0.1:{port}"} for name, port in names.items()
            },
        },
        "policy.yaml": {
            "dial": {"trunk": "local", "country": "DE", "allow": ["+49"]},
            "transfers": {"keys": {}} if keys else {},
        },
        "trunks.yaml": {"trunks": {"local": {"match": ["127.0.0.0/8"], "address": "127.0.0.1:6170"}}},
        "flows/main.yaml": {
            "title": "Into the queue",
            "steps": {"wait": {"queue": "sales", "next": {"answered": "end"}}, "end": {"hangup": None}},
        },
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def cpu_ms() -> float:
    """Of Asterisk, since it began."""
    return sum(usage.cpu_ms for usage in snapshot(NOWHERE) if usage.role == "asterisk")


async def measure(talks: int, seconds: int, keys: bool) -> Cost:
    """One kind of talk, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-talks-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        async with (
            Server(write_callflows(directory / "callflows", talks, keys)) as server,
            AsyncExitStack() as phones,
        ):
            idle_ms = await _spent(float(seconds))
            stay_ms = round(1000 * (seconds + 10))
            agents = [
                await phones.enter_async_context(
                    server.agent(FIRST_PORT + number, "agent_answers", ring_ms=50, talk_ms=stay_ms)
                )
                for number in range(talks)
            ]
            ears: list[Ear] = [agent.ear for agent in agents]
            ready, over = asyncio.Event(), asyncio.Event()

            async def talk(call: str, ear: Ear) -> None:
                await server.log.event(call, "bridged")
                ears.append(ear)
                if len(ears) == 2 * talks:
                    ready.set()
                await over.wait()

            calls = [
                asyncio.ensure_future(
                    server.call(NUMBER, Caller(f"4930{number:06}"), meanwhile=talk, stay_ms=stay_ms)
                )
                for number in range(talks)
            ]
            await asyncio.wait_for(ready.wait(), 20)
            words = speech(400, seconds + 2 * WARM_S)
            for ear in ears[talks:]:
                await ear.say(words[:160])  # who is asked speaks once he has heard somebody
            speaking = [asyncio.ensure_future(ear.say(words)) for ear in ears if ear.packets]
            await asyncio.sleep(WARM_S)
            talked_ms = await _spent(float(seconds))
            heard = min(len(ear.packets) for ear in ears)
            over.set()
            for each in (*speaking, *calls):
                each.cancel()
            await asyncio.gather(*speaking, *calls, return_exceptions=True)
    if heard < 40 * seconds:
        raise SystemExit(f"somebody has heard {heard} packets only: nothing was measured")
    return Cost(keys, talks, float(seconds), round((talked_ms - idle_ms) / talks / seconds * 60, 1))


async def _spent(seconds: float) -> float:
    began = cpu_ms()
    await asyncio.sleep(seconds)
    return cpu_ms() - began


async def both(talks: int, seconds: int) -> Report:
    """Without keys, and with them."""
    told = facts(find(Settings().runtime))
    costs = [await measure(talks, seconds, keys) for keys in (False, True)]
    return Report(datetime.now(UTC).isoformat(timespec="seconds"), told, costs)


def show(report: Report, console: Console) -> None:
    """For people."""
    table = Table(title="A minute of talk")
    for name in ("keys", "talks", "seconds", "CPU ms of Asterisk"):
        table.add_column(name)
    for cost in report.costs:
        told = ("yes" if cost.keys else "no", cost.talks, cost.seconds, cost.cpu_ms_per_minute)
        table.add_row(*map(str, told))
    console.print(table)


@click.command(context_settings={"show_default": True})
@click.option("--talks", type=click.IntRange(1, 20), default=12, help="Talks at the same time.")
@click.option("--seconds", type=click.IntRange(5), default=20, help="How long is measured.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(talks: int, seconds: int, results: Path, no_save: bool) -> None:
    """What keys of agents cost Asterisk."""
    report = asyncio.run(both(talks, seconds))
    show(report, Console(width=120))
    if not no_save:
        (results / "talks.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
        )


if __name__ == "__main__":
    enter("bench.talks")
    main()
