"""A private Redis for tests: real, on a unix socket, killed and started again at will.

The server on PATH is taken if it is Redis 7.2 or later; else the one of the runtime root, which runs where
it is with the root's own loader and libraries. If there is neither, tests fail: they never skip.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from ivr.settings import Settings

OLDEST = (7, 2)
START_S = 10.0


class RedisMissingError(Exception):
    """No usable Redis on this machine."""


def server_command() -> list[str]:
    """How to call a redis-server of an accepted version."""
    found = shutil.which("redis-server")
    if found and _version([found]) >= OLDEST:
        return [found]
    root = Settings().runtime
    for loader in sorted(root.glob("usr/lib*/ld-linux*.so.*")) + sorted(
        root.glob("usr/lib/*/ld-linux*.so.*")
    ):
        libraries = ":".join(str(folder) for folder in sorted(root.glob("usr/lib/*-linux-gnu")))
        command = [str(loader), "--library-path", libraries, str(root / "usr/bin/redis-server")]
        if _version(command) >= OLDEST:
            return command
    raise RedisMissingError(
        f"no redis-server >= 7.2 on PATH nor in {root}: `make run` or `make test` installs it"
    )


def _version(command: list[str]) -> tuple[int, int]:
    try:
        said = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


class RedisProcess:
    """One redis-server with its data in a folder; as `with` it runs meanwhile.

    `durable`: append-only file, fsync always, as in use.
    """

    def __init__(self, folder: Path, durable: bool = False, options: Sequence[str] = ()) -> None:
        """`options`: more of redis-server's, as on its command line; they win over ours."""
        self.options = options
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self._command = server_command()

    def __enter__(self) -> Self:
        try:
            self.start()
        except RedisMissingError:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it without waiting."""
        keep = ("--appendonly", "yes", "--appendfsync", "always") if self.durable else ("--appendonly", "no")
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--dir",
            str(self.folder),
            "--save",
            "",
            *keep,
        ]
        options += ["--maxmemory-policy", "noeviction", "--latency-tracking", "no", *self.options]
        with (self.folder / "redis.log").open("ab") as out:
            self.process = subprocess.Popen([*self._command, *options], stdout=out, stderr=out)

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.client().ping()
                return
            except RedisError:
                if time.monotonic() > deadline or self._ended():
                    log = (self.folder / "redis.log").read_text()
                    raise RedisMissingError(f"redis-server does not start: {log[-2000:]}") from None
                time.sleep(0.01)

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """kill -9, as a crash."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It hangs: connections stay, nothing is answered."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def client(self) -> "Redis":
        """A plain client for looking and for planting."""
        return Redis(unix_socket_path=str(self.socket), decode_responses=True, socket_timeout=5)
