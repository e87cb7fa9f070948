"""The callflows of the mixed run, and who may serve whom by them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.world import AGENTS
from calllog.call_events import Joined
from calllog.routing import Rules
from queues.models import Agent, Queue
from queues.needs import canonical, meets

COMMON = {"ring_s": 3, "wrapup_s": 2, "cooldown_s": 3}
QUEUES: Mapping[str, dict[str, Any]] = {
    "sales": dict(COMMON),
    "service": COMMON | {"needs": "spanish >= 3", "relax": [{"after_s": 6, "needs": "spanish"}]},
    "claims": COMMON | {"tiers": {"2": 3}},
    "billing": COMMON | {"needs": "not trainee", "tiers": {"2": 2, "3": 8}},
}
NUMBERS = {f"{200 + number}": queue for number, queue in enumerate(QUEUES)}
"""Number called → queue."""
WRAPUP_S = COMMON["wrapup_s"]


def people(count: int) -> dict[str, dict[str, Any]]:
    """Agents: one of three serves one queue, one of three two, the others all; skills and tiers differ."""
    found = {}
    names = list(QUEUES)
    for number in range(count):
        served = [names[(number + more) % len(names)] for more in range((1, 2, len(names))[number % 3])]
        name = f"agent{number:03}"
        found[name] = {
            "device": f"{name}-phone",
            "queues": [{"name": queue, "tier": _tier(number, queue)} for queue in served],
            "skills": {"spanish": number % 6, "trainee": int(number % 7 == 0)},
            "at_start": "ready",
        }
    return found


def _tier(number: int, queue: str) -> int:
    tiers = 1 + len(QUEUES[queue].get("tiers", ()))
    return 1 + number // len(QUEUES) % (tiers + 1) % tiers


def callflows(agents: int) -> dict[str, Any]:
    """Content of each file, by name."""
    host, port = AGENTS
    staff = people(agents)
    steps = {
        queue: {"wait": {"queue": queue, "next": {"answered": "end"}}, "end": {"hangup": None}}
        for queue in QUEUES
    }
    return {
        **{f"flows/{queue}.yaml": {"steps": steps[queue]} for queue in QUEUES},
        "numbers.yaml": {
            "default": {"flow": "sales"},
            "numbers": {number: {"flow": queue} for number, queue in NUMBERS.items()},
        },
        "queues.yaml": {"queues": QUEUES},
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


class Published:
    """Who may serve whom, by settings as admins write them: `calllog.routing.Rules`."""

    def __init__(self, queues: Mapping[str, Any], agents: Mapping[str, Any]) -> None:
        lines = {name: Queue.model_validate(fields) for name, fields in queues.items()}
        self._agents = {name: Agent.model_validate(fields) for name, fields in agents.items()}
        self._stages = {name: list(stages_of(queue)) for name, queue in lines.items()}
        self._tiers = {
            (name, served.name): served.tier
            for name, agent in self._agents.items()
            for served in agent.queues
        }

    def can_serve(self, agent: str, joined: Joined, waited_ms: int) -> bool:
        """He is of a tier that is open, and can what is needed by then."""
        tier = self._tiers.get((agent, joined.queue))
        if tier is None:
            return False
        open_now = [stage for stage in self._stages[joined.queue] if stage.after_ms <= waited_ms]
        stage = open_now[-1] if open_now else self._stages[joined.queue][0]
        return tier <= stage.tier and meets(stage.need, self._agents[agent].skills)

    def changes_ms(self, joined: Joined) -> Sequence[int]:
        """When stages begin."""
        return [stage.after_ms for stage in self._stages[joined.queue]][1:]

    def tier(self, agent: str, queue: str) -> int:
        """As published."""
        return self._tiers[agent, queue]


class _Stage(NamedTuple):
    after_ms: int
    need: str
    tier: int


def stages_of(queue: Queue) -> Iterator[_Stage]:
    """What callers need, and the highest open tier, by waiting time."""
    for after_s in sorted({0, *(step.after_s for step in queue.relax), *queue.tiers.values()}):
        needs = [queue.needs, *(step.needs for step in queue.relax if step.after_s <= after_s)]
        tiers = [1, *(tier for tier, opens_s in queue.tiers.items() if opens_s <= after_s)]
        yield _Stage(1000 * after_s, canonical(needs[-1]), max(tiers))


def rules(agents: int) -> Rules:
    """Who may serve whom."""
    return Published(QUEUES, people(agents))
