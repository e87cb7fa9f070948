"""An archiver as a process that can be killed at any moment, and is there again within milliseconds."""

import os
import signal
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from ivr import archiver
from tests.queues.redis_process import RedisProcess

WITHIN_S = 60.0
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.archive.doomed"])


def run(environment: dict[str, str], log: str) -> None:
    """What the process does."""
    os.environ.update(environment)
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)
    archiver.main()


class Process:
    """One archiver after the other."""

    def __init__(self, redis: RedisProcess, archive: str, folder: Path) -> None:
        names = {"REDIS_URL": redis.url, "DATA": str(folder), "ARCHIVE_URL": archive}
        self._environment = {f"HOLDFAST_{name}": value for name, value in names.items()}
        self._log = folder / "archiver.log"
        self.process: BaseProcess | None = None

    def start(self) -> None:
        self.process = _FORKS.Process(target=run, args=(self._environment, str(self._log)))
        self.process.start()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process.close()
            self.process = None

    def stop(self) -> int | None:
        """As its supervisor does. Returns its exit code."""
        assert self.process is not None
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.join(WITHIN_S)
        return self.process.exitcode

    @property
    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""
