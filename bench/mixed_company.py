"""The callflows of the mixed run, and who may serve whom by them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.world import AGENTS
from calllog.routing import Rules, Serves

QUEUES = ("sales", "service", "claims", "billing")
NUMBERS = {f"{200 + number}": queue for number, queue in enumerate(QUEUES)}
"""Number called → queue."""
WRAPUP_S, COOLDOWN_S, RING_S = 2, 3, 3


def people(count: int) -> dict[str, dict[str, Any]]:
    """Agents: one of three serves one queue, one of three two, the others all."""
    found = {}
    for number in range(count):
        first = number % len(QUEUES)
        served = {0: 1, 1: 2, 2: len(QUEUES)}[number % 3]
        queues = [QUEUES[(first + more) % len(QUEUES)] for more in range(served)]
        name = f"agent{number:03}"
        found[name] = {"device": f"{name}-phone", "queues": queues, "at_start": "ready"}
    return found


def callflows(agents: int) -> dict[str, Any]:
    """Content of each file, by name."""
    host, port = AGENTS
    staff = people(agents)
    rules = {"ring_s": RING_S, "wrapup_s": WRAPUP_S, "cooldown_s": COOLDOWN_S}
    steps = {
        queue: {"wait": {"queue": queue, "next": {"answered": "end"}}, "end": {"hangup": None}}
        for queue in QUEUES
    }
    return {
        **{f"flows/{queue}.yaml": {"steps": steps[queue]} for queue in QUEUES},
        "numbers.yaml": {
            "default": {"flow": QUEUES[0]},
            "numbers": {number: {"flow": queue} for number, queue in NUMBERS.items()},
        },
        "queues.yaml": {"queues": dict.fromkeys(QUEUES, rules)},
        "agents.yaml": {
            "agents": staff,
            "devices": {
                agent["device"]: {"contact": f"sip:{name}@{host}:{port}"} for name, agent in staff.items()
            },
        },
        "trunks.yaml": {"trunks": {"local": {"match": ["127.0.0.0/8"]}}},
    }


def write(directory: Path, agents: int) -> Path:
    """The callflows as files."""
    for name, content in callflows(agents).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(msgspec.json.encode(content))  # JSON is YAML
    return directory


def rules(agents: int) -> Rules:
    """Who may serve whom."""
    served: Mapping[str, list[str]] = {name: agent["queues"] for name, agent in people(agents).items()}
    return Serves(served)
