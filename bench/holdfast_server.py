"""Our side: a whole Holdfast server on callflows written for the bench."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from bench.world import OURS, REPOSITORY, Stage, agent_contact, agent_name

_RTP = "10000-29999"
_STOP_S = 60
_RUN = "from ivr.cli import main; main()"


class HoldfastServer:
    """One running server: Redis, Asterisk and workers under its supervisor, agents ready from the start."""

    name = "holdfast"
    address = OURS

    def __init__(self, stage: Stage, agents: int, workers: int) -> None:
        self.stage = stage
        self.agents = agents
        self.workers = workers
        self.directory = stage.directory / "holdfast"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Writes the callflows and starts the server; whether it serves is seen by calling it."""
        write_callflows(self.directory / "callflows", self.agents)
        with (self.directory / "console").open("wb") as console:
            self._server = subprocess.Popen(
                [sys.executable, "-c", _RUN, "serve"],
                env=os.environ | self._environment(),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """Ends the server as Ctrl-C does."""
        if self._server:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(_STOP_S)

    def _environment(self) -> dict[str, str]:
        values = {
            "DATA": str(self.directory / "data"),
            "CALLFLOWS": str(self.directory / "callflows"),
            "RUNTIME": str(self.stage.runtime.root),
            "WORKERS": str(self.workers),
            "SIP_BIND": f"{OURS[0]}:{OURS[1]}",
            "MEDIA_ADDRESS": OURS[0],
            "RTP_PORTS": _RTP,
        }
        return {f"HOLDFAST_{name}": value for name, value in values.items()}


def write_callflows(directory: Path, agents: int) -> None:
    """The least callflows that serve the bench's calls: one flow with one step, one queue, static phones."""
    (directory / "flows").mkdir(parents=True, exist_ok=True)
    for name, content in callflows(agents).items():
        # JSON is YAML; msgspec writes 500 agents quickly and quotes what must be quoted.
        (directory / name).write_bytes(msgspec.json.encode(content))


def callflows(agents: int) -> dict[str, object]:
    """Content of each file of the bench's callflows, by name."""
    people = [agent_name(number) for number in range(1, agents + 1)]
    return {
        "flows/bench.yaml": {
            "start": "wait",
            "steps": {"wait": {"queue": "bench", "next": {"answered": "end"}}, "end": {"hangup": "normal"}},
        },
        "queues.yaml": {"queues": {"bench": {"title": "Bench", "ring_s": 20, "wrapup_s": 0}}},
        "agents.yaml": {
            "agents": {
                name: {"name": name, "device": f"{name}-phone", "queues": ["bench"], "at_start": "ready"}
                for name in people
            },
            "devices": {
                f"{name}-phone": {"contact": agent_contact(number)} for number, name in enumerate(people, 1)
            },
        },
        "trunks.yaml": {"trunks": {"bench": {"match": ["127.0.0.0/8"]}}},
        "numbers.yaml": {"default": {"flow": "bench", "language": "en"}, "numbers": {}},
    }
