"""Where the bench runs: name spaces of its own, so that all ports are free and nothing is left behind."""

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.sip_trace import Address
from ivr.runtime import Account, Runtime

OURS: Address = ("127.0.0.1", 5060)
NATIVE: Address = ("127.0.0.2", 5060)
AGENTS: Address = ("127.0.0.3", 5090)
"""All agents' phones: one SIPp, told apart by the user part of their contact."""
CALLERS: Address = ("127.0.0.4", 5080)

REPOSITORY = Path(__file__).resolve().parent.parent
_MARK = "HOLDFAST_BENCH_INSIDE"
_NAMESPACES = ["--net", "--pid", "--mount", "--ipc", "--fork", "--kill-child", "--mount-proc"]


def agent_name(number: int) -> str:
    """Name of the bench's agent number N, from 1. Also the user part of his phone's contact."""
    return f"agent{number:03}"


def agent_contact(number: int) -> str:
    """Fixed contact of that agent's phone."""
    host, port = AGENTS
    return f"sip:{agent_name(number)}@{host}:{port}"


def enter(module: str) -> None:
    """Start this program again inside new name spaces; returns only when it already runs there.

    Everything started inside ends with it. Needs root.
    """
    if os.environ.get(_MARK) == "1":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return
    os.environ[_MARK] = "1"
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    os.execvp("unshare", ["unshare", *_NAMESPACES, sys.executable, "-m", module, *sys.argv[1:]])  # noqa: S606


@dataclass(frozen=True, slots=True)
class Stage:
    """The runtime root and the bench's directory, which has the same path inside the root and outside."""

    runtime: Runtime
    directory: Path

    def command(self, *words: str, account: Account | None = None) -> list[str]:
        """The command line that runs a program of the root, with the bench's directory mounted there."""
        entry = REPOSITORY / "asterisk" / "with-root"
        return [str(entry), str(self.runtime.root), str(self.directory), *self.runtime.enter(account), *words]

    def prepare(self) -> None:
        """Makes what `with-root` mounts besides: a hosts file, so that nobody asks a name server."""
        (self.directory / "etc").mkdir(parents=True, exist_ok=True)
        hosts = f"127.0.0.1 localhost {os.uname().nodename}\n"
        (self.directory / "etc" / "hosts").write_text(hosts)
