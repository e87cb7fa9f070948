"""What an admin publishes while the site is lived through."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from queues.errors import NotWaiting
from queues.models import Agent, Queue
from queues.store import Store
from tests.queues.agent_steps import Pick
from tests.queues.post import AGENTS, QUEUES
from tests.queues.reference import Person, Reference, Serves

SALES: tuple[dict[str, Any], ...] = (
    {},
    {"strategy": "fewest_calls", "tiers": {2: 1, 3: 4}},
    {"strategy": "least_talk", "needs": "spanish >= 3", "relax": ({"after_s": 2, "needs": "spanish"},)},
    {"strategy": "linear", "weight_s": 30, "tiers": {2: 2}, "relax": ({"after_s": 3, "needs": ""},)},
    {"strategy": "random", "needs": "not trainee", "last_agent_s": 3},
    {"strategy": "ring_all", "tiers": {2: 1}},
    {"strategy": "progressive", "ring_more_s": 1},
    {"strategy": "weighted_random", "weight_s": 2, "last_agent_s": 60},
    {"strategy": "round_robin", "needs": "spanish or trainee", "relax": ({"after_s": 1, "needs": ""},)},
)
"""What an admin can make of the queue `sales`."""
STEP_NEEDS: tuple[tuple[tuple[int, str], ...], ...] = (
    (),
    (),
    (),
    ((0, "spanish >= 3"), (2, "")),
    ((0, "trainee"),),
)
"""Needs that a flow brings, by waiting time."""
SERVES: tuple[dict[str, dict[str, Serves]], ...] = (
    {},
    {"ann": {"gold": Serves(head_start_s=4, order=2)}, "bob": {"sales": Serves(tier=2, order=1, weight=3)}},
    {
        "cat": {"sales": Serves(tier=2, weight=5), "tech": Serves(head_start_s=60)},
        "bob": {"sales": Serves(order=3, weight=3)},
    },
    {
        "ann": {"sales": Serves(tier=3, weight=2)},
        "bob": {"sales": Serves(tier=2)},
        "cat": {"sales": Serves(weight=9)},
    },
)
SKILLS: tuple[dict[str, dict[str, int]], ...] = (
    {"ann": {"spanish": 5}, "bob": {"spanish": 2, "trainee": 1}, "cat": {"trainee": 3}},
    {"bob": {"spanish": 3}, "cat": {"spanish": 1}},
)


def people(serves: dict[str, dict[str, Serves]], skills: dict[str, dict[str, int]]) -> list[Person]:
    """Everybody, as an admin writes him."""
    return [
        Person(
            agent,
            f"{agent}-phone",
            *of,
            skills=skills.get(agent, {}),
            serves={
                queue: replace(one, order=one.order or place)
                for queue in of[0]
                for one in (serves.get(agent, {}).get(queue, Serves()),)
            },
        )
        for place, (agent, of) in enumerate(AGENTS.items(), 1)
    ]


async def publish(
    store: Store, ref: Reference, version: int, pick: Pick, taste: Sequence[dict[str, Any]]
) -> None:
    """Take other settings live, in both worlds. `taste`: what he may make of `sales`."""
    rules = dict(QUEUES) | {"sales": replace(QUEUES["sales"], **pick(taste))}
    everybody = people(pick(SERVES), pick(SKILLS))
    queues = {name: Queue(**vars(of)) for name, of in rules.items()}
    agents = {p.agent: Agent.model_validate(_written(p)) for p in everybody}
    vip_s = pick((0, 45))
    assert await store.configure(queues, agents, version, vip=lambda number: vip_s if number else -1)
    ref.publish(rules, {p.agent: p for p in everybody}, vip_s)


def _written(p: Person) -> dict[str, Any]:
    served = [{"name": queue, **vars(one)} for queue, one in p.serves.items()]
    return {
        "device": p.device,
        "queues": served,
        "wrapup_s": p.wrapup_s,
        "wrapup": p.wrapup,
        "skills": dict(p.skills),
    }


async def move(store: Store, ref: Reference, call: str, pick: Pick) -> None:
    """To another queue, to another place, to another priority; or he does not wait."""
    queue, position = pick(("", "", "gold", "sales")), pick((0, 1, 2, 2, 3))
    priority = pick((None, None, 7, 0))
    c = ref.callers[call]
    if not ref.move(call, queue, position, priority):
        with pytest.raises(NotWaiting):
            await store.move(call, queue, position, priority, by="eve")
        return
    moved = await store.move(call, queue, position, priority, by="eve")
    assert moved == (c.queue, ref.position(c), c.state)
