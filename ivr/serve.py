"""The whole server on this machine: checked, provisioned, started in order, watched, and stopped in order."""

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import psutil

from calllog.errors import HoldfastError
from ivr import preflight
from ivr.callflows import Callflows
from ivr.checkpoint import Checkpoint
from ivr.disk import NO_SPACE, Disk, full, make_ballast
from ivr.flow.check import BrokenCallflows, load_callflows
from ivr.instance import AlreadyServed, Instance
from ivr.provision import Telephony, provision
from ivr.publish import Versions
from ivr.runtime import find
from ivr.settings import Settings
from ivr.supervision import Service, Supervision
from queues.errors import StoreAway, StoreFault
from queues.store import Store

# ruff: noqa: N818  (an error is named by what is the matter: Refused, StartFailed)

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
RELOAD = (
    "module reload res_pjsip.so",
    "module reload res_pjsip_outbound_registration.so",
    "module reload res_pjsip_endpoint_identifier_ip.so",
    "module reload res_musiconhold.so",
    "pjsip send register *all",  # one whose password was wrong would wait for its next try
)
"""What Asterisk's command line is told when phones, trunks or music have changed."""


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
        self.instance = Instance(settings, self.supervision)
        self.telephony: Telephony | None = None
        """What Asterisk has been told of phones, trunks and music; None: not known."""
        self._scanner: psutil.Process | None = None
        self._pids: dict[str, int] = {}
        self._disk = Disk(settings.data, say)

    # Start

    def start(self) -> Callflows:
        """Bring everything up. Raises Refused, StartFailed; what was started is stopped again then."""
        try:
            return self._start()
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            raise Refused([full(self.settings.data)]) from error

    def _start(self) -> Callflows:
        try:
            if self.instance.take():
                if self.instance.same_settings():
                    return self._adopt()
                self.say("what an earlier start left, when it was killed, has other settings and is ended")
                self._scanner = self.instance.supervisor()
                self.stop()
                self._scanner = None
            self.instance.note(0)
            callflows = self._prepare()
        except AlreadyServed as error:
            raise Refused([str(error)]) from None
        except BaseException:
            self.instance.release()
            raise
        return self._up(callflows)

    def _prepare(self) -> Callflows:
        """Check everything, and write all configuration. Raises Refused."""
        if reasons := preflight.refusals(self.settings):
            raise Refused(reasons)
        self.runtime = find(self.settings.runtime)
        callflows = self._callflows()
        self.telephony = Telephony.of(callflows, self.settings.secrets)
        if locked_out := self.telephony.locked_out():
            raise Refused(locked_out)
        self.say("configuration and passwords")
        raise_open_files()
        provision(self.settings, self.runtime, self.telephony)
        make_ballast(self.settings.data)
        self.supervision.write(self._services(), down=["asterisk"])
        self.instance.sign()
        return callflows

    def _adopt(self) -> Callflows:
        """An earlier `serve` was killed: look after what it has started. Its calls notice nothing."""
        self.say(f"an earlier start was killed: what it left goes on, with {self.calls()} calls")
        self.runtime = find(self.settings.runtime)
        raise_open_files()
        self._scanner = self.instance.supervisor()
        if self._scanner is None:
            self.supervision.forsake()
            self._scan()
        self.instance.note(self._scanner.pid if self._scanner else 0)
        return self._up(Versions(self.settings.data).latest() or self._callflows())

    def _up(self, callflows: Callflows) -> Callflows:
        try:
            if self._scanner is None:
                self._scan()
            self._bring_up()
        except (HoldfastError, KeyboardInterrupt):
            self.stop()
            raise
        self._pids = {name: self.supervision.pid(name) for name in self.supervision.names()}
        return callflows

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
        yield Service("holder", (sys.executable, "-m", "ivr.holder", str(self.settings.held)))
        for number, name in enumerate(self.workers, 1):
            yield Service(name, (sys.executable, "-m", self.settings.worker_module, str(number)), tells=True)
        yield Service("api", (sys.executable, "-m", "ivr.api"), tells=True)
        yield Service("archiver", (sys.executable, "-m", "ivr.archiver"))

    def _scan(self) -> None:
        """Start the supervisor of all, in its own mount namespace and away from the terminal."""
        places = {
            "HOLDFAST_DATA": str(self.settings.data),
            "HOLDFAST_CALLFLOWS": str(self.settings.callflows),
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONUNBUFFERED": "1",
        }
        with open(self.settings.data / "log" / "supervisor", "ab") as log:
            self._scanner = psutil.Popen(
                self.supervision.command(self.runtime.mounted(self.settings.data)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | places,
                start_new_session=True,
                pass_fds=(self.instance.lock,),
            )
        self.instance.note(self._scanner.pid)

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
        for name in (*self.workers, "api"):
            self._until(name, partial(self._serves, name))

    def _serves(self, name: str) -> bool:
        """Whether a worker serves. One that outlived its supervisor did, and tells the next one nothing."""
        return self.supervision.ready(name) or bool(self.supervision.orphan(name))

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
            if not self._scans():
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
            self._disk.look()

    def _rescan(self) -> None:
        """The supervisor of all died: start another. The services have gone on meanwhile."""
        if not self._scans():
            self.supervision.forsake()
            self._scan()

    def _scans(self) -> bool:
        """Whether the supervisor of all lives."""
        with suppress(psutil.NoSuchProcess):
            if self._scanner is not None and self._scanner.is_running():
                return bool(self._scanner.status() != psutil.STATUS_ZOMBIE)
        return False

    def _follow(self, versions: Versions) -> None:
        """Phones, trunks and music of the live version are Asterisk's, too."""
        try:
            live = versions.latest()
            if live is None or Telephony.of(live, self.settings.secrets) == self.telephony:
                return
            self.telephony = Telephony.of(live, self.settings.secrets)
            provision(self.settings, self.runtime, self.telephony)
        except (HoldfastError, OSError) as error:
            self.say(f"phones and trunks stay as they are: {error}")
            return
        for order in RELOAD:
            self.asterisk(order)
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
        there = self.calls()
        self.asterisk("core stop gracefully")
        # Redis may be away, or have other settings now; and the dialplan has calls that no worker knows.
        if calls := self._unended() or there:
            self.say(f"{calls} calls go on, for {DRAIN_S:.0f} s at most (no new ones are taken)")
            self._gone("asterisk", DRAIN_S)
            if calls := self._unended():
                self.say(f"ending {calls} calls")
        self._end_asterisk()
        first = [name for name in self.supervision.names() if name not in ("asterisk", "archiver", "redis")]
        for names in (first, ["archiver"], ["redis"]):
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
            # Looked at, not waited for: one that was adopted is no child of this process.
            deadline = time.monotonic() + END_S
            while self._scans() and time.monotonic() < deadline:
                time.sleep(0.02)
            if self._scans():
                self._scanner.kill()
        if left := self.supervision.sweep():
            self.say(f"{left} processes had stayed behind and were killed")
        self.say("stopped")

    def _end_asterisk(self) -> None:
        """Asterisk ends before the workers, who are there to write down how each call ended.

        Once its calls are gone it would wait ten seconds for subscriptions that nobody ends: it is not let.
        """
        self.supervision.down("asterisk")
        deadline = time.monotonic() + END_S
        while self._unended() and not self._gone("asterisk", 0) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not self._gone("asterisk", UNLOAD_S):
            self._kill("asterisk")
            self._gone("asterisk", END_S)

    def calls(self) -> int:
        """Calls that Asterisk has now."""
        found = re.search(r"^(\d+) active call", self.asterisk("core show channels count"), re.MULTILINE)
        return int(found[1]) if found else 0

    def _unended(self) -> int:
        """Calls whose end the workers have not written yet: while Asterisk ends it answers no questions."""
        numbers = range(1, len(self.workers) + 1)

        async def count() -> int:
            store = Store(self.settings.redis, self.settings.site)
            try:
                async with asyncio.timeout(ANSWER_S):
                    owned = [await Checkpoint(store).owned(f"hf-{number}") for number in numbers]
            finally:
                await store.close()
            return sum(map(len, owned))

        with suppress(StoreAway, StoreFault, TimeoutError):
            return asyncio.run(count())
        return 0

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
