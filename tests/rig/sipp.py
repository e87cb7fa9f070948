"""Phones played by SIPp: one process for each plot of `tests/sipp`, started, waited for, and read."""

import asyncio
import csv
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from types import TracebackType
from typing import NamedTuple, Self

from ivr.runtime import RuntimeUnfit
from ivr.settings import Settings
from tests.rig.ear import HOST
from tests.rig.sip_view import Leg, legs, parse

SCENARIOS = Path(__file__).resolve().parent.parent / "sipp"
PATIENCE_S = 100.0
_STOP_S = 5.0


class PhoneFailed(Exception):  # noqa: N818
    """SIPp could not play the plot, or a call went another way; the text says what SIPp said."""


class Caller(NamedTuple):
    """One line of callers.csv. A number that is new for each call ties SIPp's call to the call log's."""

    number: str
    name: str = "Caller"
    keys: str = ""

    @property
    def line(self) -> bytes:
        """As SIPp reads it. Latin-1, so that a test can send any byte."""
        return ";".join(self).encode("latin-1")


class Account(NamedTuple):
    """One line of agents.csv: a phone that registers, and the port where it can be rung."""

    name: str
    password: str
    port: int
    keys: str = ""
    """What is pressed there, for plots in which something is."""

    @property
    def line(self) -> bytes:
        return f"{self.name};{self.password};{self.port};{self.keys}".encode()


def program(root: Path) -> list[str]:
    """The command that runs SIPp: the runtime root's, by its own loader, so that all paths are outside.

    Without such a root the machine's. Raises RuntimeUnfit when there is none.
    """
    binary = root / "usr/bin/sipp"
    loaders = sorted(root.glob("lib*/ld-linux-*.so.*"))
    libraries = [path for path in root.glob("usr/lib/*-linux-gnu*") if path.is_dir()]
    if binary.exists() and loaders and libraries:
        return [str(loaders[0]), "--library-path", ":".join(map(str, libraries)), str(binary)]
    found = which("sipp")
    if not found:
        raise RuntimeUnfit(f"no sipp in {root}, and none on this machine: make setup")
    return [found]


class Counts(NamedTuple):
    """SIPp's own count of its calls."""

    placed: int
    now: int
    good: int
    failed: int


@dataclass(frozen=True, slots=True)
class Play:
    """What a SIPp process is told. Times in `keys` are milliseconds; see the scenario's head for its keys."""

    scenario: str
    """Name of a file in tests/sipp, without .xml."""
    keys: Mapping[str, int | str] = field(default_factory=dict)
    lines: Sequence[Caller | Account] = ()
    target: str = ""
    """host:port to call; empty for a phone that waits to be rung."""
    service: str = ""
    """The number called."""
    port: int = 0
    """SIP port of the phone; 0: any free one."""
    media_port: int = 0
    """RTP port in the SDP: an Ear's; 0: SIPp's choice."""
    calls: int = 0
    """End after so many; 0: one for each line, or with no lines until told to."""
    rate: float = 50
    """New calls a second."""
    at_once: int = 100_000
    """So many calls at the same time at most. SIPp's own default throttles without a word."""
    host: str = HOST
    """Address of the phone."""
    statistics: bool = False
    """Keep count while it plays: `Phone.counts`."""
    trace: bool = False
    """Keep every message whole: `Phone.trace`."""


class Phone:
    """A running SIPp. `async with Phone(…) as phone`: it plays from then on, and ends with the block."""

    def __init__(self, sipp: Sequence[str], play: Play, directory: Path) -> None:
        self.play = play
        self.directory = directory
        self._sipp = sipp
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self.directory.mkdir(parents=True)
        with (self.directory / "screen").open("wb") as screen:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=self.directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=screen,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "TERM": "dumb"},
            )
        if not self.play.target:
            await self._listening()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def legs(self) -> list[Leg]:
        """The calls so far, as SIPp sees them."""
        messages = self.directory / "messages.csv"
        lines = messages.read_text("utf-8", "replace").splitlines() if messages.exists() else []
        return legs(parse(lines))

    @property
    def counts(self) -> Counts:
        """How far it has come, if the play asked for it; SIPp writes it down every second."""
        path = self.directory / "counts.csv"
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        rows = list(csv.DictReader(lines, delimiter=";"))
        if not rows or not rows[-1].get("FailedCall(C)"):
            return Counts(0, 0, 0, 0)
        names = ("TotalCallCreated", "CurrentCall", "SuccessfulCall(C)", "FailedCall(C)")
        return Counts(*(int(rows[-1][name]) for name in names))

    @property
    def trace(self) -> str:
        """Every message whole, if the play asked for it."""
        return (self.directory / "trace").read_text("latin-1")

    async def done(self, patience_s: float = PATIENCE_S) -> list[Leg]:
        """Wait until all calls are over. Raises PhoneFailed if one of them went another way, TimeoutError."""
        async with asyncio.timeout(patience_s):
            code = await self.over()
        if code:
            raise PhoneFailed(f"{self.play.scenario} ended with {code}: {self.complaint}")
        return self.legs

    async def over(self) -> int:
        """Wait until all calls are over; SIPp's exit code: 0 all good, 1 some went another way."""
        assert self._process
        return await self._process.wait()

    async def quiet(self, patience_s: float = PATIENCE_S) -> list[Leg]:
        """Wait until no call is open at this phone. Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while any(leg.open for leg in self.legs):  # noqa: ASYNC110  (SIPp tells nobody but its file)
                await asyncio.sleep(0.02)
        return self.legs

    async def stop(self) -> None:
        """End the process: no new calls, and after a while none at all. Harmless when it has ended."""
        if not self._process or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    @property
    def complaint(self) -> str:
        """What SIPp said was wrong."""
        for name in ("errors", "screen"):
            path = self.directory / name
            lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
            said = [
                line
                for line in lines
                if line and "receive timeout" not in line and "following events" not in line
            ]
            if said:
                return "\n".join(said[:40] if name == "errors" else said[-20:])
        return "nothing"

    def _command(self) -> list[str]:
        play = self.play
        command = [*self._sipp, *([play.target] if play.target else [])]
        command += ["-sf", str(SCENARIOS / f"{play.scenario}.xml"), "-i", play.host, "-mi", play.host]
        command += ["-nostdin", "-aa", "-l", str(play.at_once), "-r", str(play.rate), "-buff_size", "1048576"]
        command += [
            "-trace_shortmsg",
            "-shortmessage_file",
            "messages.csv",
            "-trace_err",
            "-error_file",
            "errors",
        ]
        command += ["-trace_stat", "-stf", "counts.csv", "-fd", "1"] if play.statistics else []
        command += ["-trace_msg", "-message_file", "trace"] if play.trace else []
        command += ["-p", str(play.port)] if play.port else []
        command += ["-min_rtp_port", str(play.media_port)] if play.media_port else []
        command += ["-s", play.service] if play.service else []
        for name, value in play.keys.items():
            command += ["-key", name, str(value)]
        if play.lines:
            lines = self.directory / "lines.csv"
            lines.write_bytes(b"\n".join([b"SEQUENTIAL", *(line.line for line in play.lines), b""]))
            command += ["-inf", str(lines)]
        calls = play.calls or len(play.lines)
        return command + (["-m", str(calls)] if calls else [])

    async def _listening(self) -> None:
        """Until the phone's port is bound: an INVITE before that would be lost for half a second."""
        assert self._process
        async with asyncio.timeout(PATIENCE_S):
            while not bound(self.play.port):
                if self._process.returncode is not None:
                    raise PhoneFailed(f"{self.play.scenario} did not start: {self.complaint}")
                await asyncio.sleep(0.01)  # the kernel tells nobody when a port is bound


def bound(port: int) -> bool:
    """Whether somebody in this network name space listens on that UDP port."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in lines)


if __name__ == "__main__":
    command = [*program(Settings().runtime), *sys.argv[1:]]
    os.execvp(command[0], command)  # noqa: S606  (a list of arguments, without a shell)
