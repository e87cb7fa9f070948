"""Whom we call: numbers the dial policy does not allow, agents and trunks that are not there."""

from collections.abc import Iterator

from ivr.flow.document import Place, Problem, place_of, place_of_text
from ivr.flow.folder import Folder, node_of
from ivr.flow.reading import Draft
from ivr.flow.wording import nearest
from ivr.policy import NotAllowed


def check_dialling(folder: Folder) -> Iterator[Problem]:
    """What `transfer` steps say of other files, and policy.yaml of trunks.yaml, that is not so."""
    yield from _trunk(folder)
    for name, device in folder.devices.items():
        if device.number is not None:
            node = node_of(folder, "agents.yaml", "devices", name)
            yield from _allowed(folder, f"device `{name}`", device.number, place_of(node, ("number",)))
    for draft in folder.drafts.values():
        for name in draft.steps:
            yield from _agents(folder, draft, name)
            yield from _numbers(folder, draft, name)


def _trunk(folder: Folder) -> Iterator[Problem]:
    policy, document = folder.policy, folder.documents.get("policy.yaml")
    trunks = folder.names("trunks.yaml", "trunks")
    if policy is None or document is None or trunks is None:
        return
    place = place_of(document.root, ("dial", "trunk"))
    if policy.trunk not in trunks:
        text = f"dial: there is no trunk `{policy.trunk}` in trunks.yaml"
        yield Problem(place, text, nearest(policy.trunk, trunks))
    elif policy.trunk in folder.trunks and folder.trunks[policy.trunk].address is None:
        text = f"dial: the trunk `{policy.trunk}` has no `address` in trunks.yaml"
        yield Problem(place, text, "calls outside need to know where they go")


def _agents(folder: Folder, draft: Draft, name: str) -> Iterator[Problem]:
    agents = folder.names("agents.yaml", "agents")
    for agent in draft.steps[name].agents():
        if agents is not None and agent not in agents:
            place = place_of_text(draft.source.nodes[name], agent)
            text = f"step `{name}`: there is no agent `{agent}` in agents.yaml"
            yield Problem(place, text, nearest(agent, agents))


def _numbers(folder: Folder, draft: Draft, name: str) -> Iterator[Problem]:
    for number in draft.steps[name].numbers():
        place = place_of_text(draft.source.nodes[name], number) if number else draft.at(name, key=True)
        yield from _allowed(folder, f"step `{name}`", number, place)


def _allowed(folder: Folder, who: str, number: str, place: Place) -> Iterator[Problem]:
    """Why that number may not be called; an empty one is known only in the call."""
    if folder.policy is None:
        if "policy.yaml" not in folder.documents:
            text = f"{who}: without policy.yaml no number may be called"
            yield Problem(place, text, "docs: callflows, policy.yaml")
    elif number:
        try:
            folder.policy.number(number)
        except NotAllowed as error:
            yield Problem(place, f"{who}: policy.yaml does not allow this number: {error}")
