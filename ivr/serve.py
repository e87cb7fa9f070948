"""The whole server on this machine: checked, provisioned, started in order, watched, and stopped in order."""

import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from calllog.errors import HoldfastError
from ivr import preflight
from ivr.callflows import Callflows
from ivr.flow.check import BrokenCallflows, load_callflows
from ivr.provision import Telephony, provision
from ivr.publish import Versions
from ivr.runtime import find
from ivr.settings import Settings
from ivr.supervision import Service, Supervision

# ruff: noqa: N818  (an error is named by what is the matter: Refused, StartFailed)

BALLAST_BYTES = 64 * 1024 * 1024
ALARM_BYTES = 256 * 1024 * 1024
"""Free space below which the operator is told."""
DRAIN_S = 3.0
"""How long calls may go on after the order to stop."""
START_S = 60.0
"""How long one part may take to come up; a big append-only file takes the longest."""
END_S = 10.0
ANSWER_S = 1.0
"""How long Asterisk's command line may take to answer; while it ends it does not."""
UNLOAD_S = 0.5
"""How long Asterisk may take to put its files away after its last call."""
LOOK_EVERY_S = 0.5


class Refused(HoldfastError):
    """The server must not start here; `reasons` tells why, each with what mends it."""

    reason = "start-refused"

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class StartFailed(HoldfastError):
    """A part did not come up; the text says which, and where its log is."""

    reason = "start-failed"


class Server:
    """One instance, from start to stop, as seen by the process in the foreground."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.say = say
        self.supervision = Supervision(settings.data)
        self.stopping = threading.Event()
        self.workers = [f"worker-{number}" for number in range(1, settings.workers + 1)]
        self._lock = -1
        self._scanner: subprocess.Popen[bytes] | None = None
        self._pids: dict[str, int] = {}
        self._alarmed = False

    # Start

    def start(self) -> Callflows:
        """Bring everything up. Raises Refused, StartFailed; what was started is stopped again then."""
        with self._alone():
            if reasons := preflight.refusals(self.settings):
                raise Refused(reasons)
            self.runtime = find(self.settings.runtime)
            callflows = self._callflows()
            self.telephony = Telephony.of(callflows)
            self.say("configuration and passwords")
            raise_open_files()
            provision(self.settings, self.runtime, self.telephony)
            make_ballast(self.settings.data / "ballast")
            self.supervision.write(self._services(), down=["asterisk"])
        try:
            self._scan()
            self._bring_up()
        except (HoldfastError, KeyboardInterrupt):
            self.stop()
            raise
        self._pids = {name: self.supervision.pid(name) for name in self.supervision.names()}
        return callflows

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the instance's lock for as long as this process or anything it has started lives."""
        run = self.settings.data / "run"
        run.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(run / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 200, 0).decode().strip()
            reason = (
                f"already running on {self.settings.data} ({holder}): stop it by Ctrl-C there, or by `kill`"
            )
            raise Refused([reason]) from None
        self._note()
        try:
            yield
        except BaseException:
            os.close(self._lock)
            raise

    def _note(self) -> None:
        """Write into the lock's file who holds it."""
        scanner = f", supervisor {self._scanner.pid}" if self._scanner else ""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"process {os.getpid()}{scanner}\n".encode(), 0)

    def _callflows(self) -> Callflows:
        try:
            return load_callflows(self.settings.callflows, self.settings.data / "prompts")
        except BrokenCallflows as broken:
            raise Refused([str(problem) for problem in broken.problems]) from broken

    def _services(self) -> Iterator[Service]:
        data = self.settings.data
        if not self.settings.redis_url:
            redis = self.runtime.account("redis")
            yield Service("redis", (*self.runtime.enter(redis), "redis-server", f"{data}/etc/redis.conf"))
        asterisk = self.runtime.account("asterisk")
        command = ("asterisk", "-f", "-C", f"{data}/etc/asterisk/asterisk.conf")
        yield Service("asterisk", (*self.runtime.enter(asterisk), *command), log_owner=asterisk.uid)
        for number, name in enumerate(self.workers, 1):
            yield Service(name, (sys.executable, "-m", self.settings.worker_module, str(number)), tells=True)

    def _scan(self) -> None:
        """Start the supervisor of all, in its own mount namespace and away from the terminal."""
        places = {
            "HOLDFAST_DATA": str(self.settings.data),
            "HOLDFAST_CALLFLOWS": str(self.settings.callflows),
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONUNBUFFERED": "1",
        }
        with open(self.settings.data / "log" / "supervisor", "ab") as log:
            self._scanner = subprocess.Popen(
                self.supervision.command(self.runtime.mounted(self.settings.data)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | places,
                start_new_session=True,
                pass_fds=(self._lock,),
            )
        self._note()

    def _bring_up(self) -> None:
        """Redis, then the workers, then Asterisk, so that nothing has to knock twice."""
        if not self.settings.redis_url:
            self.say("Redis")
            self._until("redis", lambda: connects(str(self.settings.data / "run" / "redis.sock")))
        self.say(f"{len(self.workers)} workers")
        for number, name in enumerate(self.workers, 1):
            self._until(name, partial(connects, self._worker_address(number)))
        self.say("Asterisk")
        self.supervision.up("asterisk")
        self._until("asterisk", lambda: self._sockets() >= len(self.workers))
        for name in self.workers:
            self._until(name, partial(self.supervision.ready, name))

    def _worker_address(self, number: int) -> tuple[str, int]:
        bind = self.settings.worker_bind
        return "127.0.0.1" if ip_address(bind).is_unspecified else bind, self.settings.worker_port + number

    def _until(self, name: str, up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not up():
            if time.monotonic() > deadline:
                raise StartFailed(f"{name} did not come up within {START_S:.0f} s: see {self.log_of(name)}")
            if self.stopping.wait(0.05):
                raise KeyboardInterrupt
            if self._scanner is not None and self._scanner.poll() is not None:
                said = (self.settings.data / "log" / "supervisor").read_text("utf-8", "replace").splitlines()
                raise StartFailed(f"the supervisor has ended: {said[-1] if said else 'it said nothing'}")

    # While it runs

    def watch(self) -> None:
        """Wait for the order to stop; meanwhile tell what was started again, and follow changed callflows."""
        versions = Versions(self.settings.data)
        while not self.stopping.wait(LOOK_EVERY_S):
            self._rescan()
            for name, before in self._pids.items():
                now = self.supervision.pid(name)
                if now and now != before:
                    self._pids[name] = now
                    self.say(f"{name} had ended and was started again: see {self.log_of(name)}")
            self._follow(versions)
            self._look_at_disk()

    def _rescan(self) -> None:
        """The supervisor of all died: start another. The services have gone on meanwhile."""
        if self._scanner is not None and self._scanner.poll() is not None:
            self.supervision.forsake()
            self._scan()

    def _look_at_disk(self) -> None:
        """Say once that the disk fills up, while there is time: Redis ends itself on a full one."""
        nearly_full = shutil.disk_usage(self.settings.data).free < ALARM_BYTES
        if nearly_full and not self._alarmed:
            ballast = self.settings.data / "ballast"
            self.say(f"under {ALARM_BYTES >> 20} MiB are free below {self.settings.data}: make room now.")
            self.say(f"Deleting {ballast} gives {BALLAST_BYTES >> 20} MiB at once.")
        self._alarmed = nearly_full

    def _follow(self, versions: Versions) -> None:
        """Phones, trunks and music of the live version are Asterisk's, too."""
        try:
            live = versions.latest()
            if live is None or Telephony.of(live) == self.telephony:
                return
            self.telephony = Telephony.of(live)
            provision(self.settings, self.runtime, self.telephony)
        except (HoldfastError, OSError) as error:
            self.say(f"phones and trunks stay as they are: {error}")
            return
        for module in ("res_pjsip.so", "res_pjsip_endpoint_identifier_ip.so", "res_musiconhold.so"):
            self.asterisk(f"module reload {module}")
        self.say(f"phones, trunks and music of version {live.version} are live")

    def _sockets(self) -> int:
        """Workers to whom Asterisk has a socket."""
        lines = self.asterisk("ari show websocket sessions").splitlines()
        return sum(line.startswith("hf-") and " Up " in line for line in lines)

    def asterisk(self, order: str) -> str:
        """What Asterisk's command line answers; empty when it does not run, or does not answer any more."""
        inside = self.supervision.pid("asterisk")
        if not inside:
            return ""
        # Its own root leads into its mount namespace, whatever root this process has itself.
        command = ["chroot", f"/proc/{inside}/root", "asterisk"]
        config = f"{self.settings.data}/etc/asterisk/asterisk.conf"
        try:
            done = subprocess.run(
                [*command, "-C", config, "-rx", order],
                capture_output=True,
                text=True,
                check=False,
                timeout=ANSWER_S,
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def log_of(self, name: str) -> Path:
        return self.settings.data / "log" / name / "current"

    # Stop

    def stop(self) -> None:
        """No new calls, a moment for those that talk, then everything in order. Leaves no process behind."""
        self.say("stopping")
        self.supervision.once("asterisk")
        self.asterisk("core stop gracefully")
        if calls := self.calls():
            self.say(f"{calls} calls go on, for {DRAIN_S:.0f} s at most (no new ones are taken)")
            self._gone("asterisk", DRAIN_S)
            if calls := self.calls():
                self.say(f"ending {calls} calls")
        self._end_asterisk()
        for names in (self.workers, ["redis"]):
            for name in names:
                self.supervision.down(name)
            for name in names:
                if not self._gone(name, END_S):
                    self.say(f"{name} did not end within {END_S:.0f} s and is killed")
                    self._kill(name)
        for name in self.supervision.names():
            self.supervision.leave(name)
        if self._scanner is not None:
            subprocess.run(
                ["s6-svscanctl", "-t", str(self.supervision.scan)], capture_output=True, check=False
            )
            try:
                self._scanner.wait(END_S)
            except subprocess.TimeoutExpired:
                self._scanner.kill()
                self._scanner.wait()
        if left := self.supervision.sweep():
            self.say(f"{left} processes had stayed behind and were killed")
        self.say("stopped")

    def _end_asterisk(self) -> None:
        """Asterisk ends before the workers, who are there to write down how each call ended.

        Once its calls are gone it would wait ten seconds for subscriptions that nobody ends: it is not let.
        """
        self.supervision.down("asterisk")
        deadline = time.monotonic() + END_S
        while self.calls() and time.monotonic() < deadline:
            time.sleep(0.05)
        if not self._gone("asterisk", UNLOAD_S):
            self._kill("asterisk")
            self._gone("asterisk", END_S)

    def calls(self) -> int:
        """Calls that Asterisk has now."""
        found = re.search(r"^(\d+) active call", self.asterisk("core show channels count"), re.MULTILINE)
        return int(found[1]) if found else 0

    def _gone(self, name: str, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while pid := self.supervision.pid(name):
            if time.monotonic() > deadline:
                return False
            if not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.02)
        return True

    def _kill(self, name: str) -> None:
        if pid := self.supervision.pid(name):
            os.kill(pid, signal.SIGKILL)


def connects(address: str | tuple[str, int]) -> bool:
    """Whether something listens on that Unix socket or TCP port."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def raise_open_files() -> None:
    """As many open files as this process may have: a call with its agent holds about twelve."""
    granted = int(Path("/proc/sys/fs/nr_open").read_text())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (granted, hard):  # root without the right to raise the limit keeps what it was given
        with suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return


def make_ballast(path: Path) -> None:
    """Space to be had back at once, by deleting this file, when the disk is full and Redis cannot append."""
    if not path.exists():
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
