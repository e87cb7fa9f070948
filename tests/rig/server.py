"""A whole server for a test: Redis, Asterisk, workers, started as admins start it, with data of its own."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ivr.settings import Settings
from ivr.supervision import Supervision
from tests.rig.log_watch import LogWatch
from tests.rig.site import SIP, Site

REPOSITORY = Path(__file__).resolve().parent.parent.parent
START_S = 60.0
STOP_S = 25.0
_LOG_LINES = 40
_LOST = "Websocket disconnected"
"""What Asterisk logs when a socket has ended."""


class ServerFailed(Exception):  # noqa: N818
    """The server did not start or did not stop; the text holds what it said last."""


def alone_in_network() -> bool:
    """Whether there is no network here but loopback: then all ports are free, and nobody is disturbed."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return {line.split(":")[0].strip() for line in lines} == {"lo"}


class Server(Site):
    """`async with Server(callflows) as server`: running at the beginning of the block, gone at its end."""

    def __init__(self, callflows: Path, workers: int = 2, **settings: Any) -> None:
        """`settings`: further fields of `ivr.settings.Settings`."""
        directory = Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        directory.chmod(0o755)  # Asterisk and Redis have users of their own
        chosen = {
            "data": directory / "data",
            "callflows": callflows,
            "workers": workers,
            "sip_bind": SIP,
            "media_address": "127.0.0.1",
            "api_bind": "",
            **settings,
        }
        super().__init__(Settings(**chosen), directory, str(chosen["sip_bind"]))
        self.log = LogWatch(self.settings.redis, self.settings.site, whole=True)
        self.environment = {
            f"HOLDFAST_{name.upper()}": json.dumps(value) if isinstance(value, list) else str(value)
            for name, value in chosen.items()
        }
        """The settings as a program started beside it must have them."""
        self._process: asyncio.subprocess.Process | None = None
        self._said: deque[str] = deque(maxlen=200)
        self.facts: dict[str, Any] = {}
        """What `serve --json` said when it was up."""

    async def __aenter__(self) -> Self:
        self._process = await self._holdfast("serve", "--json")
        self._listener = asyncio.create_task(self._listen())
        try:
            await self._started()
            return await super().__aenter__()
        except BaseException:
            await self._end()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._end()

    # What it consists of

    def pid(self, service: str) -> int:
        """Process id of a service: `redis`, `asterisk`, `worker-1`, …; 0 while it does not run."""
        return Supervision(self.settings.data).pid(service)

    async def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Run `holdfast WORDS` with this on its standard input; its exit code, output and errors."""
        process = await self._holdfast(*words, stdin=asyncio.subprocess.PIPE)
        out, err = await process.communicate(typed.encode())
        return process.returncode or 0, out.decode(), err.decode()

    async def _holdfast(
        self, *words: str, stdin: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from ivr.cli import main; main()",
            *words,
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def log_of(self, service: str) -> str:
        """What a service has logged."""
        path = self.settings.data / "log" / service / "current"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def lost_sockets(self) -> int:
        """How often Asterisk has lost a worker's socket; its own end is told otherwise."""
        logs = (self.settings.data / "log" / "asterisk").glob("[@c]*")  # also those put aside
        return sum(path.read_text("utf-8", "replace").count(_LOST) for path in logs)

    @property
    def said(self) -> str:
        """What `serve` has told its operator lately."""
        return "\n".join(self._said)

    @property
    def state(self) -> str:
        """What there is to say when a test fails: the last lines of everything that logs."""
        logs = {"serve": "\n".join(self._said)}
        for path in sorted((self.settings.data / "log").glob("*/current")):
            logs[path.parent.name] = path.read_text("utf-8", "replace")
        return "\n".join(
            f"--- {name}\n" + "\n".join(text.splitlines()[-_LOG_LINES:]) for name, text in logs.items()
        )

    # Start and stop

    async def crash(self) -> None:
        """The foreground is killed; whatever it has started is left as it is."""
        assert self._process
        self._process.kill()
        await self._process.wait()

    async def start_again(self) -> None:
        """Start the foreground once more on the same data. Raises ServerFailed."""
        self._listener.cancel()
        self._process = await self._holdfast("serve", "--json")
        self._listener = asyncio.create_task(self._listen())
        await self._started()

    async def _listen(self) -> None:
        assert self._process
        assert self._process.stderr
        async for line in self._process.stderr:
            self._said.append(line.decode("utf-8", "replace").rstrip())

    async def _started(self) -> None:
        assert self._process
        assert self._process.stdout
        try:
            async with asyncio.timeout(START_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise ServerFailed(f"not up within {START_S:.0f} s:\n{self.state}")
        self.facts = msgspec.json.decode(line)

    async def stop(self) -> None:
        """Stop it as an operator does; its files stay. Raises ServerFailed."""
        assert self._process
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise ServerFailed(f"not down within {STOP_S:.0f} s:\n{self.state}") from None

    async def _end(self) -> None:
        try:
            await self.stop()
        finally:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            if "HOLDFAST_KEEP" not in os.environ:
                shutil.rmtree(self.directory, ignore_errors=True)
