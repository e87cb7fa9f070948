"""How often Asterisk dies of killed workers, with and without the holder: `make bench-kills`.

Asterisk 22.10.1 may die of a socket that ends while it writes to it (docs/architecture.md). Here that is made
likely: it tells workers of hundreds of events a second while each is killed (-9) as soon as it is back. With
`--stopped` each hangs so long before that, as one does whose machine is too busy: what it is told piles up.
With `--told` they are not killed but told to stop, and started again, as `s6-svc -t` does.
Turns without the holder, where a worker's socket ends with it, and with it follow each other, each on its own
server.

Counted are kills, deaths of Asterisk (its process is another than before), workers to whom it connects no
more, and how often it says that a socket has ended. Exit codes: 0 measured · 1 Asterisk died of a worker
whose socket was held.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench.told_worker import HELD, RATE
from ivr.supervision import Supervision
from tests.chaos import drill
from tests.rig.server import REPOSITORY, Server

LOOK_S = 0.02
LIVED_S = 1.05
"""What has lived for less is started again a second later only."""
PATIENCE_S = 15.0
"""Asterisk tries again four times a second."""


class Turn(msgspec.Struct):
    """What came of the kills of one turn."""

    held: bool
    kills: int = 0
    deaths: int = 0
    stuck: int = 0
    """Workers to whom Asterisk has not connected again; they are left alone from then on."""
    lost: int = 0
    """Sockets that Asterisk has lost; those that its death has ended are not among them."""


class Report(msgspec.Struct):
    """The whole run."""

    at: str
    cores: int
    workers: int
    rate: int
    stopped_ms: int
    told: bool
    turns: list[Turn]


class Killer:
    """A server whose workers are told, and killed."""

    def __init__(self, server: Server, turn: Turn, stopped_s: float, sign: signal.Signals) -> None:
        self.server = server
        self.turn = turn
        self._stopped_s = stopped_s
        self._sign = sign
        self._supervision = Supervision(server.settings.data)
        self._asterisk = server.pid("asterisk")

    async def strike_until(self, deadline: float, worker: int) -> None:
        """Kill a worker again and again."""
        while time.monotonic() < deadline and await self._strike(worker):
            pass

    async def _strike(self, worker: int) -> bool:
        """Kill a worker and wait until its next process has a socket; whether it has."""
        name = f"worker-{worker}"
        pid = self.server.pid(name)
        if self._stopped_s:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(self._stopped_s)
        os.kill(pid, self._sign)
        self.turn.kills += 1
        deadline = time.monotonic() + PATIENCE_S
        while self.server.pid(name) in (0, pid) or not self._supervision.ready(name):
            if time.monotonic() > deadline:
                self.turn.stuck += 1
                return False
            await asyncio.sleep(LOOK_S)
            self._look()
        await asyncio.sleep(LIVED_S)
        self._look()
        return True

    def _look(self) -> None:
        now = self.server.pid("asterisk")
        if now and now != self._asterisk:
            self._asterisk = now
            self.turn.deaths += 1


async def take_turn(
    held: bool, seconds: float, workers: int, rate: int, stopped_s: float, sign: signal.Signals
) -> Turn:
    """Kill workers for so long, on a server of its own."""
    os.environ[HELD], os.environ[RATE] = "yes" if held else "", str(rate)
    turn = Turn(held)
    with tempfile.TemporaryDirectory(prefix="worker-kills-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        callflows = drill.write(Path(made, "callflows"), {"drill": {"drill-1": 6000}})
        async with Server(callflows, workers + 1, worker_module="bench.told_worker") as server:
            killer = Killer(server, turn, stopped_s, sign)
            await asyncio.sleep(LIVED_S)
            deadline = time.monotonic() + seconds
            async with asyncio.TaskGroup() as strikes:
                for worker in range(1, workers + 1):
                    strikes.create_task(killer.strike_until(deadline, worker))
            turn.lost = server.lost_sockets()
    return turn


def table(report: Report) -> Table:
    """For people."""
    end = "told to stop" if report.told else f"killed after they have hung for {report.stopped_ms} ms"
    made = Table(title=f"{report.rate} events a second, {report.workers} workers {end}")
    for name in ("sockets", "kills", "deaths of Asterisk", "workers left out", "sockets lost"):
        made.add_column(name, justify="left" if name == "sockets" else "right")
    for held in (False, True):
        turns = [turn for turn in report.turns if turn.held is held]
        sums = (sum(getattr(turn, name) for turn in turns) for name in ("kills", "deaths", "stuck", "lost"))
        made.add_row("held" if held else "end with their worker", *map(str, sums))
    return made


@click.command(context_settings={"show_default": True})
@click.option("--turns", type=click.IntRange(1, 100), default=1, help="Turns without the holder, and with.")
@click.option("--seconds", type=click.IntRange(5, 3600), default=60, help="Length of a turn.")
@click.option("--workers", type=click.IntRange(1, 8), default=3, help="Workers that are told, and killed.")
@click.option("--rate", type=click.IntRange(1, 5000), default=500, help="Events a second for each.")
@click.option("--stopped", type=click.IntRange(0, 10_000), default=0, help="ms a worker hangs before.")
@click.option("--told", is_flag=True, help="Workers are told to stop instead.")
@click.option(
    "--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results", help="For JSON."
)
@click.option("--no-save", is_flag=True, help="Print only.")
def main(
    turns: int,
    seconds: int,
    workers: int,
    rate: int,
    stopped: int,
    told: bool,
    results: Path,
    no_save: bool,
) -> None:
    """Kill workers while Asterisk tells them of events, and count how often it dies."""
    if told and stopped:
        raise click.UsageError("--stopped and --told: who hangs cannot be told")
    taken: list[Turn] = []
    sign = signal.SIGTERM if told else signal.SIGKILL
    for held in [False, True] * turns:
        taken.append(asyncio.run(take_turn(held, seconds, workers, rate, stopped / 1000, sign)))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(at, os.cpu_count() or 0, workers, rate, stopped, told, taken)
    Console(width=110).print(table(report))
    if not no_save:
        results.mkdir(parents=True, exist_ok=True)
        encoded: Any = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (results / "worker-kills.json").write_bytes(encoded + b"\n")
    sys.exit(1 if any(turn.held and turn.deaths for turn in taken) else 0)


if __name__ == "__main__":
    main()
