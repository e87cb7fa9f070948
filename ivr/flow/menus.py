"""Menus of queues: flows that run while a caller waits. What they cannot do there, and how they must end."""

from collections.abc import Iterator

from ivr.flow.document import Problem, place_of
from ivr.flow.folder import Folder, node_of
from ivr.flow.reading import Draft
from ivr.flow.waiting import LEAVES, WAITS
from ivr.flow.ways import calls, reached
from ivr.flow.wording import nearest
from ivr.steps import verbs

ENDS = (WAITS, LEAVES)


def check_menus(folder: Folder) -> Iterator[Problem]:
    """Flows that are not there, steps that leave the line or the wait, ends that mean nothing."""
    whose = dict[str, str]()
    for name, queue in folder.queues.items():
        if queue.menu is None:
            continue
        flow = queue.menu.flow
        if flow not in folder.flows:
            place = place_of(node_of(folder, "queues.yaml", "queues", name), ("menu", "flow"))
            text = f"queue `{name}`: there is no file flows/{flow}.yaml"
            yield Problem(place, text, nearest(flow, folder.flows))
        elif flow in folder.drafts:
            whose.setdefault(flow, name)
    following = {name: {called for _, called in calls(draft)} for name, draft in folder.drafts.items()}
    told = set[str]()
    for flow, queue_name in whose.items():
        for inner in sorted(reached(following, [flow]) & folder.drafts.keys() - told):
            told.add(inner)
            yield from _steps(folder.drafts[inner], queue_name)
        yield from _ends(folder.drafts[flow], queue_name)


def _steps(draft: Draft, queue: str) -> Iterator[Problem]:
    kinds = {kind: verb for verb, kind in verbs().items()}
    for name, step in draft.steps.items():
        if not step.while_waiting:
            verb = kinds[type(step)]
            text = f"step `{name}`: no `{verb}` can be in the menu of queue `{queue}`: its callers wait"
            yield Problem(draft.at(name, key=True), text, _instead(verb))


def _instead(verb: str) -> str:
    if verb == "hangup":
        return f"end the menu with `back: {WAITS}`, or `back: {LEAVES}` to leave the queue"
    return f"end the menu with `back: {LEAVES}`, and do it where `{LEAVES}` of the `queue` step leads"


def _ends(draft: Draft, queue: str) -> Iterator[Problem]:
    for name, step in draft.steps.items():
        if step.returns is not None and step.returns not in ENDS:
            text = f"step `{name}`: the menu of queue `{queue}` ends with `{WAITS}` or `{LEAVES}`"
            yield Problem(draft.at(name, key=True), text, f"not with `{step.returns}`")
