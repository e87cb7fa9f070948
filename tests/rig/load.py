"""`make load`: calls at a rate against any SIP server; what SIPp saw of them beside what the call log says.

The target may be anyone's server. The log is read only if this machine's settings lead to one with the calls.
"""

import asyncio
import random
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Ended
from calllog.errors import LogAway
from calllog.stream import LogStream
from ivr.runtime import RuntimeUnfit
from ivr.settings import Settings
from tests.rig.load_report import LogSide, SippSide, findings, print_report
from tests.rig.sipp import Caller, Phone, PhoneFailed, Play, program
from tests.rig.site import Site

PLOTS = {
    "info": "caller_presses_keys_by_info",
    "keys": "caller_presses_keys",
    "waits": "caller_waits",
}
GOOD, FINDINGS, AWAY = 0, 1, 3
RING_MS = 300
AGENTS_PORT = 6400
LATE_S = 15.0
"""How long the log may take after the last call to tell its end."""


@dataclass(frozen=True)
class Load:
    """What is asked for."""

    target: str
    rate: float
    calls: int
    number: str
    plot: str
    keys: str
    think_ms: int
    stay_ms: int
    here: str
    at_once: int
    agents_port: int
    agents: bool
    talk_ms: int

    def play(self) -> Play:
        prefix = f"49{random.randrange(10_000):04}"
        callers = [Caller(f"{prefix}{number:06}", "Load", self.keys) for number in range(1, self.calls + 1)]
        times = {"stay_ms": self.stay_ms} | ({} if self.plot == "waits" else {"think_ms": self.think_ms})
        return Play(
            PLOTS[self.plot],
            times,
            callers,
            target=self.target,
            service=self.number,
            rate=self.rate,
            at_once=self.at_once or self.calls,
            host=self.here or address_towards(self.target),
            statistics=True,
        )

    @property
    def agents_times(self) -> dict[str, int]:
        return {"ring_ms": RING_MS, "talk_ms": self.talk_ms}

    def strangers(self) -> Play:
        """Agents of a server that knows already where to ring them."""
        host = self.here or address_towards(self.target)
        return Play("agent_answers", self.agents_times, port=self.agents_port, host=host)


def address_towards(target: str) -> str:
    """The address of this machine from which packets go to the target. Raises OSError."""
    host, _, port = target.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, int(port)))
        return str(probe.getsockname()[0])


async def run(load: Load, console: Console) -> int:
    """Place the calls, print the report; the exit status."""
    settings, play = Settings(), load.play()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-load-")))
        sipp = program(settings.runtime)
        stream = await stack.enter_async_context(LogStream(settings.redis, settings.site))
        before, why_not = await end_of(stream)
        if load.agents:
            await stack.enter_async_context(all_agents(settings, load, directory))
        elif load.agents_port:
            await stack.enter_async_context(Phone(sipp, load.strangers(), directory / "agents"))
        phone = await stack.enter_async_context(Phone(sipp, play, directory / "callers"))
        await follow(phone, load, console)
        numbers = [line.number for line in play.lines if isinstance(line, Caller)]
        seen = SippSide({numbers[leg.number - 1]: leg for leg in phone.legs})
        if not seen.legs:
            raise PhoneFailed(phone.complaint)
        log = None if why_not else await logged(stream, before, seen)
        if log and not log.calls:
            log, why_not = None, "the log that this machine's settings lead to has none of these calls."
        failed = phone.counts.failed
        print_report(console, seen, failed, log, why_not)
        good = not failed and not (log and findings(seen, log))
    return GOOD if good else FINDINGS


@asynccontextmanager
async def all_agents(settings: Settings, load: Load, directory: Path) -> AsyncIterator[None]:
    """Every agent's phone of this machine's server, registered and ready; paused and gone afterwards."""
    port = load.agents_port or AGENTS_PORT
    names = sorted(path.name.removeprefix("device-") for path in settings.secrets.glob("device-*"))
    async with Site(settings, directory / "agents", load.target) as site:
        accounts = [site.account(name, port) for name in names]

        async def each(scenario: str, **told: Any) -> None:
            async with site.phone(Play(scenario, lines=accounts, **told)) as phone:
                await phone.done()

        await each("agent_registers", keys={"expires": 3600}, port=port)
        try:
            async with site.agent(port, "agent_answers", **load.agents_times):
                await each("agent_dials", keys={"stay_ms": 10_000}, service="*45")
                yield
                await each("agent_dials", keys={"stay_ms": 10_000}, service="*46")
        finally:
            await each("agent_registers", keys={"expires": 0}, port=port)


async def follow(phone: Phone, load: Load, console: Console) -> None:
    """Show how far it has come until all calls are over."""
    columns = (TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=load.calls)
        over = asyncio.ensure_future(phone.over())
        while True:
            done, _ = await asyncio.wait([over], timeout=1)
            counts = phone.counts
            told = f"{counts.now} now, {counts.good} good, {counts.failed} failed"
            progress.update(task, completed=counts.placed, description=told)
            if done:
                return


async def end_of(stream: LogStream) -> tuple[str, str]:
    """Where the log ends now, and why it cannot be read (empty if it can)."""
    try:
        last = await stream.last(1)
    except LogAway:
        return "", (
            "this machine's settings lead to no call log that can be read. If the target is a Holdfast, set "
            "HOLDFAST_DATA or HOLDFAST_REDIS_URL as it has them."
        )
    return (last[0].position if last else "0-0"), ""


async def logged(stream: LogStream, after: str, seen: SippSide) -> LogSide:
    """What the log says of these callers' calls, once all have ended there, or it has had time enough."""
    calls: dict[str, list[AnyCallEvent]] = {}
    numbers: dict[str, str] = {}
    open_calls = set(seen.legs)
    try:
        async with asyncio.timeout(LATE_S):
            async for entry in stream.follow(after):
                event = entry.event
                if isinstance(event, Arrived) and event.from_ in seen.legs:
                    numbers[event.call] = event.from_
                    calls[event.from_] = []
                if isinstance(event, CallEvent) and event.call in numbers:
                    calls[numbers[event.call]].append(event)
                    if isinstance(event, Ended):
                        open_calls.discard(numbers[event.call])
                if not open_calls:
                    break
    except (TimeoutError, LogAway):
        pass  # what came until then is what there is to compare
    return LogSide(calls)


@click.command()
@click.option("--target", default="127.0.0.1:5060", show_default=True, help="host:port of the server, UDP.")
@click.option("--rate", type=float, default=20, show_default=True, help="New calls a second.")
@click.option("--calls", type=click.IntRange(1, 999_999), default=1000, show_default=True)
@click.option("--number", default="100", show_default=True, help="Number called.")
@click.option(
    "--plot",
    type=click.Choice(list(PLOTS)),
    default="info",
    show_default=True,
    help="Keys by SIP INFO; keys by RFC 4733 (about 30 calls a second, needs root); no keys.",
)
@click.option("--keys", default="1", show_default=True, help="Keys the callers press (one for INFO).")
@click.option("--think-ms", default=1000, show_default=True, help="From the answer to the key.")
@click.option("--stay-ms", default=5000, show_default=True, help="Patience after that.")
@click.option("--here", default="", help="Own address [default: the one from which the target is reached].")
@click.option("--at-once", default=0, help="Calls at the same time at most [default: all].")
@click.option(
    "--agents", is_flag=True, help="Play all agents of this machine's server: registered, *45, *46."
)
@click.option("--agents-port", default=0, help="Play agents at this port, whom the server knows there.")
@click.option("--talk-ms", default=2000, show_default=True, help="After that the agents hang up.")
def main(**asked: Any) -> None:
    """Place calls at a rate and say what became of them.

    \b
    Exit codes: 0 all calls good · 1 some were not, or the call log tells it differently
                2 wrong usage · 3 SIPp could not be run
    """
    console = Console()
    try:
        sys.exit(asyncio.run(run(Load(**asked), console)))
    except (RuntimeUnfit, PhoneFailed, OSError, ValueError) as error:
        console.print(f"The load could not be run: {error}", style="red", markup=False)
        sys.exit(AWAY)


if __name__ == "__main__":
    main()
