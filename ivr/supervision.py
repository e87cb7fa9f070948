"""Service directories of s6, the supervisor that starts again within a second whatever dies.

    serve ── s6-svscan ─┬─ s6-supervise ── redis        each with its own s6-log,
                        ├─ s6-supervise ── asterisk     which rotates <data>/log/<name>
                        └─ s6-supervise ── worker-1 …

A service takes a lock before it becomes the program, and the program inherits it: when a supervisor itself is
killed, its successor waits until the orphan is gone instead of starting a second Redis on the same files.
"""

import fcntl
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ivr import readiness

AGAIN = "again"
"""File of a service that may be started again when it dies. What takes it away needs no room on the disk."""
WAITING = frozenset({"run", "flock"})
"""Names of a service's process while it waits for the lock."""
LAST_WORDS_S = 1.0
"""How long loggers may take to write what they have read."""
LOG_FILES = 10
LOG_BYTES = 10_000_000
"""Each service's log takes at most LOG_FILES times as much."""


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised program."""

    name: str
    command: tuple[str, ...]
    """Argument list. The program must stay in the foreground and log to standard output or error."""
    tells: bool = False
    """It tells when it serves (ivr/readiness.py)."""
    log_owner: int = 0
    """Uid that opens the log stream by name (/dev/stdout) after it has given up root."""


@dataclass(frozen=True, slots=True)
class Supervision:
    """The tree of one instance, by its data directory."""

    data: Path

    @property
    def scan(self) -> Path:
        return self.data / "run" / "service"

    def directory(self, name: str) -> Path:
        return self.scan / name

    def write(self, services: Iterable[Service], down: Iterable[str] = ()) -> None:
        """Make the service directories, and remove those of services that are no more.

        Those in `down` wait for `up`.
        """
        wanted = {service.name: service for service in services}
        waiting = set(down)
        for part in ("lock", "pid"):
            (self.data / "run" / part).mkdir(parents=True, exist_ok=True)
        for service in wanted.values():
            self._write(service, service.name in waiting)
        for old in self.scan.iterdir():
            if not old.name.startswith(".") and old.name not in wanted:
                _remove(old)

    def _write(self, service: Service, down: bool) -> None:
        directory = self.directory(service.name)
        log = self.data / "log" / service.name
        (directory / "log").mkdir(parents=True, exist_ok=True)
        log.mkdir(parents=True, exist_ok=True)
        _script(directory / "run", self._run(service))
        _script(directory / "finish", self._finish(service))
        (directory / AGAIN).touch()
        lock = shlex.quote(str(self.data / "run" / "lock" / f"{service.name}.log"))
        keep = f"exec s6-log n{LOG_FILES} s{LOG_BYTES} T {shlex.quote(str(log))}"
        _script(directory / "log" / "run", f"exec 9>>{lock}\nflock 9\n{keep}")
        if service.tells:
            (directory / "notification-fd").write_text(f"{readiness.DESCRIPTOR}\n")
        mark = directory / "down"
        if down:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)

    def _run(self, service: Service) -> str:
        run = shlex.quote(str(self.data / "run"))
        lines = [
            "exec 2>&1",
            f"exec 9>>{run}/lock/{service.name}",
            "flock 9",
            f"printf '%-10d\\n' $$ 1<>{run}/pid/{service.name}",  # in place: a full disk takes that, too
            'ulimit -n "$(ulimit -Hn)"',
        ]
        if service.tells:
            lines.append(f"export {readiness.VARIABLE}={readiness.DESCRIPTOR}")
        if service.log_owner:
            lines.append(f"chown {service.log_owner} /proc/self/fd/1")
        lines.append(f"exec {shlex.join(service.command)}")
        return "\n".join(lines)

    def _finish(self, service: Service) -> str:
        """s6 waits a second after every death. What had run for longer than that is started again at once."""
        pid = shlex.quote(str(self.data / "run" / "pid" / service.name))
        wanted = f'[ -e {AGAIN} ] && [ "$(s6-svstat -o wantedup .)" = true ]'
        again = f"flock . sh -c {shlex.quote(f'{wanted} && s6-svc -u .')}"
        return (
            f'[ -z "$(find {pid} -newermt "1 second ago" 2>/dev/null)" ] || exit 0\n'
            # s6 hears it only once it has seen the death through; to be told again does no harm.
            f"(for wait in 0.02 0.1 0.3; do sleep $wait; {again}; done) </dev/null >/dev/null 2>&1 &"
        )

    def names(self) -> list[str]:
        """Services that have a directory."""
        return sorted(path.name for path in self.scan.iterdir() if not path.name.startswith("."))

    def command(self, prefix: Iterable[str]) -> list[str]:
        """What runs the whole tree, after `prefix` has put it where it belongs."""
        return [*prefix, "s6-svscan", "-t", "0", str(self.scan)]

    def up(self, name: str) -> None:
        """Start it, now and whenever it dies."""
        (self.directory(name) / "down").unlink(missing_ok=True)
        (self.directory(name) / AGAIN).touch()
        self._control(name, "-u")

    def once(self, name: str) -> None:
        """Do not start it again when it ends."""
        self._forbid(name, "-O")

    def down(self, name: str) -> None:
        """Ask it to end (SIGTERM), and do not start it again."""
        orphan = self.orphan(name)
        self._forbid(name, "-d")
        if orphan:
            os.kill(orphan, signal.SIGTERM)

    def leave(self, name: str) -> None:
        """Let the supervisor of a service that is down, and that of its log, end too."""
        self._control(name, "-xd")
        self._control(f"{name}/log", "-x")

    def ready(self, name: str) -> bool:
        """Whether a service has told that it serves."""
        command = ["s6-svstat", "-o", "ready", str(self.directory(name))]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == "true"

    def orphan(self, name: str) -> int:
        """Process of a service that outlived its supervisor: the present one does not know it. Else 0."""
        pid = self.pid(name)
        command = ["s6-svstat", "-o", "pid", str(self.directory(name))]
        known = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        return pid if str(pid) != known else 0

    def forsake(self) -> None:
        """End supervisors whose own was killed, and what they have waiting; their services go on."""
        for process in psutil.process_iter(["name", "cwd"]):
            at = process.info["cwd"]
            if process.info["name"] == "s6-supervise" and at and Path(at).is_relative_to(self.scan):
                with suppress(psutil.NoSuchProcess):
                    waiting = [child for child in process.children(recursive=True) if child.name() in WAITING]
                    for each in (process, *waiting):
                        each.kill()

    def sweep(self) -> int:
        """End whatever of this tree is still there when all should be gone; how many that were."""
        deadline = time.monotonic() + LAST_WORDS_S
        while (ours := self.left()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in ours:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(ours)

    def left(self) -> list[int]:
        """Processes that have inherited the instance's lock: all of this tree."""
        lock = (self.data / "run" / "serve.lock").stat()
        return [pid for pid in psutil.pids() if pid != os.getpid() and _has_open(pid, lock)]

    def _forbid(self, name: str, order: str) -> None:
        """An order not to start it again, which no `finish` that is at work overtakes."""
        try:
            directory = os.open(self.directory(name), os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            (self.directory(name) / AGAIN).unlink(missing_ok=True)
            self._control(name, order)
        finally:
            os.close(directory)

    def _control(self, name: str, order: str) -> None:
        directory = self.directory(name)
        if directory.exists():
            subprocess.run(["s6-svc", order, str(directory)], capture_output=True, check=False)

    def pid(self, name: str) -> int:
        """Process of a service that runs, also as an orphan of a killed supervisor; 0 when none does."""
        try:
            pid = int((self.data / "run" / "pid" / name).read_text())
            # Compared by inode: the path of a file opened in another mount namespace is told differently.
            held = os.path.samefile(f"/proc/{pid}/fd/9", self.data / "run" / "lock" / name)
        except (OSError, ValueError):
            return 0
        return pid if held else 0


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    """Whether a process has that file open; not so when it is gone."""
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.path.samestat(entry.stat(), wanted):
                    return True
    return False


def _script(path: Path, body: str) -> None:
    """Replace a script at once: the supervisor may start it at this very moment."""
    fresh = path.with_name(".new")
    fresh.write_text(f"#!/bin/sh\n{body}\n")
    fresh.chmod(0o755)
    fresh.rename(path)


def _remove(directory: Path) -> None:
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    directory.rmdir()
