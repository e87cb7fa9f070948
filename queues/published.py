"""Queues and agents as the scripts get them: what a match needs, worked out once. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from queues.models import HEARD, Agent, Queue, Relax
from queues.needs import canonical, meets

ANYBODY_AT_ONCE = "0:"
"""A ladder of somebody who needs nothing, whatever the queue says."""


def ladder_of(needs: str, relax: Sequence[Relax]) -> str:
    """Needs by waiting time: `0:spanish >= 3|60:spanish|120:`; empty: anybody from the beginning."""
    steps = [(0, canonical(needs)), *((step.after_s, canonical(step.needs)) for step in relax)]
    if not any(need for _, need in steps):
        return ""
    return "|".join(f"{after_s}:{need}" for after_s, need in steps)


def stages(queue: Queue, ladder: str) -> Iterator[tuple[str, int]]:
    """Need and highest open tier of each stage that a caller with this ladder can come to."""
    needs = [(int(step.partition(":")[0]), step.partition(":")[2]) for step in ladder.split("|") if step]
    needs = needs or [(0, "")]
    for instant in sorted({0, *(after_s for after_s, _ in needs), *queue.tiers.values()}):
        need = [need for after_s, need in needs if after_s <= instant][-1]
        yield need, max([1, *(tier for tier, after_s in queue.tiers.items() if after_s <= instant)])


def lanes_of(queue: Queue, ladders: Collection[str] = ()) -> list[tuple[str, int]]:
    """The lanes of a queue: need and tier. `ladders`: those that flows bring beside the queue's own."""
    own = ladder_of(queue.needs, queue.relax)
    return sorted({stage for ladder in {own, *ladders} for stage in stages(queue, ladder)})


def lanes_served(agent: Agent, lanes: Mapping[str, Collection[tuple[str, int]]]) -> int:
    """In how many lanes this agent's next caller is looked for."""
    return sum(
        tier >= served.tier and meets(need, agent.skills)
        for served in agent.queues
        for need, tier in lanes.get(served.name, ())
    )


def queue_settings(queue: Queue, ladders: Collection[str] = ()) -> dict[str, Any]:
    """A queue's hash; lists and tables in the form that Lua reads without a parser."""
    return queue.model_dump(exclude={"needs", "relax", "tiers", "refuse_if", "leave_if", "sla", *HEARD}) | {
        "refuse_if": ",".join(queue.refuse_if),
        "leave_if": ",".join(queue.leave_if),
        "ladder": ladder_of(queue.needs, queue.relax),
        "tiers": ",".join(f"{tier}:{after_s}" for tier, after_s in sorted(queue.tiers.items())),
        "published": "|".join(_lane(need, tier) for need, tier in lanes_of(queue, ladders)),
    }


def agent_settings(agent: Agent, place: int) -> dict[str, Any]:
    """What `enroll` gets of an agent. `place`: his in agents.yaml, from 1."""
    serves = (
        f"{one.name}:{one.tier}:{one.head_start_s}:{one.order or place}:{one.weight}" for one in agent.queues
    )
    return agent.model_dump(exclude={"queues", "skills"}) | {
        "queues": [one.name for one in agent.queues],
        "serves": ",".join(serves),
        "skills": ",".join(f"{name}={level}" for name, level in sorted(agent.skills.items()) if level),
    }


def _lane(need: str, tier: int) -> str:
    return (f"/{tier}" if tier > 1 else "") + (f"?{need}" if need else "")
