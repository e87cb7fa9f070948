"""A worker that hangs must not wake up and act when others have its calls: on our own host it is ended."""

import logging
import os
import signal

from ivr.checkpoint import host_id

log = logging.getLogger(__name__)


def end_hung(pid: int, host: str, module: str) -> None:
    """Kill that process if it is a worker: of this host, running `module`, and not we ourselves."""
    if pid and host == host_id() and pid != os.getpid() and _is_worker(pid, module):
        log.warning("ending hung worker, pid %d", pid)
        os.kill(pid, signal.SIGKILL)


def _is_worker(pid: int, module: str) -> bool:
    """Whether that process is a worker of ours, not a stranger who got the number."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return module.encode() in file.read().split(b"\0")
    except OSError:
        return False
