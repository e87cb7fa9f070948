"""What queues, agents and flows say of each other about who answers: skills, tiers, lanes."""

from collections.abc import Iterator

from ivr.flow.document import Problem, place_of, place_of_text
from ivr.flow.folder import Folder, node_of
from ivr.flow.naming import nearest
from queues.models import MAX_LANES, Agent
from queues.needs import skills_in
from queues.published import lanes_of, lanes_served


def check_routing(folder: Folder) -> Iterator[Problem]:
    """Skills that nobody has, tiers that never open, agents who would have to look into too many lanes."""
    yield from _skills(folder)
    ladders = ladders_of(folder)
    lanes = {name: lanes_of(queue, ladders.get(name, ())) for name, queue in folder.queues.items()}
    for name, agent in folder.agents.items():
        yield from _tiers(folder, name, agent)
        served = lanes_served(agent, lanes)
        if served > MAX_LANES:
            place = place_of(node_of(folder, "agents.yaml", "agents", name), ("queues",))
            text = f"agent `{name}` serves {served} lanes; {MAX_LANES} are the most"
            hint = "a lane is a queue, a need and its highest open tier: give him fewer of them"
            yield Problem(place, text, hint)


def ladders_of(folder: Folder) -> dict[str, frozenset[str]]:
    """Queue → needs that flows bring beside the queue's own."""
    found: dict[str, set[str]] = {}
    for draft in folder.drafts.values():
        for step in draft.steps.values():
            for queue, ladder in step.ladders():
                found.setdefault(queue, set()).add(ladder)
    return {queue: frozenset(ladders) for queue, ladders in found.items()}


def _skills(folder: Folder) -> Iterator[Problem]:
    written_agents = folder.names("agents.yaml", "agents")
    if written_agents is None or len(written_agents) > len(folder.agents):
        return  # who has what cannot be known before they are right
    known = {skill for agent in folder.agents.values() for skill in agent.skills}
    for name, queue in folder.queues.items():
        node = node_of(folder, "queues.yaml", "queues", name)
        written: list[tuple[str, tuple[str | int, ...]]] = [(queue.needs, ("needs",))]
        written += [(step.needs, ("relax", index, "needs")) for index, step in enumerate(queue.relax)]
        for need, path in written:
            for skill in skills_in(need):
                if skill not in known:
                    text = f"queue `{name}`: no agent has the skill `{skill}`"
                    yield Problem(place_of(node, path), text, nearest(skill, known))
    for draft in folder.drafts.values():
        for name, step in draft.steps.items():
            for need in step.needed():
                for skill in skills_in(need):
                    if skill not in known:
                        text = f"step `{name}`: no agent has the skill `{skill}`"
                        place = place_of_text(draft.source.nodes[name], need)
                        yield Problem(place, text, nearest(skill, known))


def _tiers(folder: Folder, name: str, agent: Agent) -> Iterator[Problem]:
    for index, served in enumerate(agent.queues):
        queue = folder.queues.get(served.name)
        if queue is not None and served.tier not in {1, *queue.tiers}:
            place = place_of(node_of(folder, "agents.yaml", "agents", name), ("queues", index, "tier"))
            text = f"agent `{name}`: queue `{served.name}` never opens tier {served.tier}"
            yield Problem(place, text, f"write `tiers: {{{served.tier}: SECONDS}}` for it in queues.yaml")
