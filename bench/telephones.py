"""The callers and the agents' phones: two SIPp processes with the bench's scenarios."""

import csv
import subprocess
import time
from pathlib import Path

import msgspec

from bench.sip_trace import Address
from bench.world import AGENTS, CALLERS, REPOSITORY, Stage
from ivr.provision import fill

_SCENARIOS = REPOSITORY / "bench" / "sipp"
_NEVER_MS = 30_000
"""Patience of the side that does not hang up: far above any delay that still counts as service."""
_TAIL_S = 45
"""A run that has not ended so long after its last call was due is broken off."""


class Counts(msgspec.Struct, frozen=True):
    """What SIPp itself says about its callers."""

    placed: int
    successful: int
    failed: int
    retransmissions: int

    @property
    def unfinished(self) -> int:
        """Calls that were still there when they were given up; both servers may hold their legs for ever."""
        return self.placed - self.successful - self.failed


class Telephones:
    """SIPp callers and agents, ready to be run against either server."""

    def __init__(self, stage: Stage, hangs_up: str, talk_ms: int) -> None:
        self.stage = stage
        self.directory = stage.directory / "sipp"
        self.directory.mkdir(parents=True, exist_ok=True)
        values = {
            "caller_talks_ms": str(talk_ms if hangs_up == "caller" else _NEVER_MS),
            "agent_talks_ms": str(talk_ms if hangs_up == "agent" else _NEVER_MS),
        }
        for template in _SCENARIOS.glob("*.xml"):
            (self.directory / template.name).write_text(fill(template.read_text(), values))

    def agents(self) -> subprocess.Popen[bytes]:
        """All agents' phones; the caller of this ends the process. They can be rung when this returns."""
        phones = subprocess.Popen(
            self._sipp("agent.xml", AGENTS, "-l", "100000"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not _bound(AGENTS) and phones.poll() is None:
            time.sleep(0.01)
        if phones.poll() is not None:
            raise RuntimeError(f"the agents' SIPp ended with {phones.returncode}")
        return phones

    def call(self, target: Address, rate: int, calls: int) -> Counts:
        """Place so many calls at so many a second, and wait until the last has ended.

        Calls that do not end are given up after 45 s; they are placed, but not successful.
        """
        numbers = self.directory / "callers.csv"
        numbers.unlink(missing_ok=True)
        options = ["-s", "100", "-r", str(rate), "-m", str(calls), "-l", "100000"]
        statistics = ["-trace_stat", "-stf", str(numbers), "-fd", "1"]
        command = self._sipp("caller.xml", CALLERS, *options, *statistics)
        with (self.directory / "callers.out").open("wb") as screen:
            callers = subprocess.Popen(
                [*command, f"{target[0]}:{target[1]}"],
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
            )
            try:
                callers.wait(calls / rate + _TAIL_S)
            except subprocess.TimeoutExpired:
                callers.kill()
                callers.wait()
        return counts(numbers.read_text())

    def _sipp(self, scenario: str, address: Address, *options: str) -> list[str]:
        here = ["-i", address[0], "-p", str(address[1]), "-buff_size", "4194304", "-nostdin"]
        return self.stage.command("sipp", "-sf", str(self.directory / scenario), *here, *options)


def counts(statistics: str) -> Counts:
    """SIPp's own totals from its statistics file, whose last line holds the final ones."""
    *_, last = csv.DictReader(statistics.splitlines(), delimiter=";")
    return Counts(
        placed=int(last["TotalCallCreated"]),
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
    )


def _bound(address: Address) -> bool:
    """Whether somebody on this machine listens on that UDP address."""
    port = f":{address[1]:04X}"
    return any(line.split()[1].endswith(port) for line in Path("/proc/net/udp").read_text().splitlines()[1:])
