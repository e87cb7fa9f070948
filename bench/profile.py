"""CPU profiles of a turn, by tools that may be there: py-spy for workers, perf for Asterisk and Redis."""

import subprocess
from pathlib import Path
from shutil import which
from types import TracebackType

from bench.cpu import snapshot


class Profile:
    """While it is entered, every process of the driven servers is sampled; files land in a directory.

    The profiled turn costs more CPU than others: its figures are for finding, not for comparing.
    """

    def __init__(self, directory: Path, native_dir: Path, seconds: int) -> None:
        self.directory = directory
        self.native_dir = native_dir
        self.seconds = seconds
        self._tools: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Profile":
        self.directory.mkdir(parents=True, exist_ok=True)
        for usage in snapshot(self.native_dir):
            if usage.role in ("asterisk", "native asterisk", "redis") and which("perf"):
                self._perf(usage.pid, usage.role.replace(" ", "-"))
            elif usage.role.startswith("hf-") and which("py-spy"):
                self._spy(usage.pid, usage.role)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for tool in self._tools:
            tool.wait(self.seconds + 60)

    def _perf(self, pid: int, role: str) -> None:
        target = self.directory / f"{role}-{pid}.perf"
        self._start(
            "perf", "record", "-F", "499", "-o", str(target), "-p", str(pid), "--", "sleep", str(self.seconds)
        )

    def _spy(self, pid: int, role: str) -> None:
        target = self.directory / f"{role}.txt"
        how = ["-r", "250", "-f", "raw", "-d", str(self.seconds), "--nonblocking"]
        self._start("py-spy", "record", "-p", str(pid), "-o", str(target), *how)

    def _start(self, *command: str) -> None:
        tool = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._tools.append(tool)
