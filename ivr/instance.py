"""Who serves a data directory: the process in the foreground, and the tree it has started.

run/foreground.lock   locked by `serve` alone; free again with its last breath
run/serve.lock        open in `serve` and in everything it starts; says who that is
"""

import fcntl
import hashlib
import os
import re
from pathlib import Path

import psutil

from calllog.errors import HoldfastError
from ivr.provision import Fallback
from ivr.settings import Settings
from ivr.supervision import Supervision

# ruff: noqa: N818  (an error is named by what is the matter: AlreadyServed)


class AlreadyServed(HoldfastError):
    """Another process is in the foreground; the text names it and tells how to stop it."""

    reason = "already-served"


class Instance:
    """This process' hold on one data directory."""

    def __init__(self, settings: Settings, supervision: Supervision) -> None:
        self._settings = settings
        self._supervision = supervision
        self._run = settings.data / "run"
        self._foreground = -1
        self.lock = -1
        """Descriptor for everything that is started to inherit: by it what is left is found."""

    def take(self) -> bool:
        """Become the foreground. True: what an earlier one had started still runs. Raises AlreadyServed."""
        self._run.mkdir(parents=True, exist_ok=True)
        self._foreground = self._open("foreground.lock")
        try:
            fcntl.flock(self._foreground, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._served() from None
        self.lock = self._open("serve.lock")
        left = self._supervision.left()
        if self._noted("process") in left:  # a version of before there were two locks
            raise self._served()
        return bool(left)

    def release(self) -> None:
        """Nothing was started."""
        for descriptor in (self.lock, self._foreground):
            if descriptor >= 0:
                os.close(descriptor)
        self.lock = self._foreground = -1

    def note(self, supervisor: int) -> None:
        """Write down who is in the foreground, and the supervisor of all (0: none yet)."""
        text = f"process {os.getpid()}" + (f", supervisor {supervisor}" if supervisor else "")
        os.pwrite(self.lock, text.ljust(63).encode() + b"\n", 0)  # in place: a full disk takes that, too

    def supervisor(self) -> psutil.Process | None:
        """The supervisor of all that an earlier foreground has started, if it lives."""
        pid = self._noted("supervisor")
        return psutil.Process(pid) if pid in self._supervision.left() else None

    def sign(self) -> None:
        """Remember by which settings the tree is started."""
        self._signature().write_text(self._digest())

    def same_settings(self) -> bool:
        """Whether what is left was started by the settings of this process."""
        signature = self._signature()
        return signature.exists() and signature.read_text() == self._digest()

    def _signature(self) -> Path:
        return self._run / "settings"

    def _digest(self) -> str:
        """No setting can be read from it: some are passwords."""
        whole = self._settings.model_dump_json() + Fallback().model_dump_json()
        return hashlib.sha256(whole.encode()).hexdigest()

    def _open(self, name: str) -> int:
        return os.open(self._run / name, os.O_RDWR | os.O_CREAT, 0o600)

    def _noted(self, who: str) -> int:
        found = re.search(rf"{who} (\d+)", self._note())
        return int(found[1]) if found else 0

    def _note(self) -> str:
        path = self._run / "serve.lock"
        return path.read_text().strip() if path.exists() else ""

    def _served(self) -> AlreadyServed:
        holder = self._note()
        self.release()
        return AlreadyServed(
            f"already running on {self._settings.data} ({holder}): stop it by Ctrl-C there, or by `kill`"
        )
