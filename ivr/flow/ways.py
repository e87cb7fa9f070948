"""Where a step can lead, within its flow and out of it: what the checks of graphs and names go by."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ivr.flow.reading import Draft
from ivr.flow.step import Step

MAX_DEPTH = 10
"""So deep may flows call each other: where a call is has to stay readable."""

Drafts = Mapping[str, Draft]


def ways(draft: Draft, step: Step, but: Iterable[str] = ()) -> set[str]:
    """The steps that can follow; `but`: outcomes that are left out."""
    targets = {step.target(outcome) for outcome in step.possible() if outcome not in but}
    if draft.after_agent is not None and step.agent_left and step.target(step.agent_left) is None:
        targets.add(draft.after_agent)
    return {target for target in targets if target is not None}


Each = TypeVar("Each")


def reached(following: Mapping[Each, Iterable[Each]], start: Iterable[Each]) -> set[Each]:
    """Everything that can be reached, the start included."""
    found = set(start)
    todo = list(found)
    while todo:
        fresh = {each for each in following.get(todo.pop(), ()) if each not in found}
        found |= fresh
        todo.extend(fresh)
    return found


def calls(draft: Draft) -> Iterator[tuple[str, str]]:
    """Its steps that call a flow, and which."""
    for name, step in draft.steps.items():
        if step.calls is not None:
            yield name, step.calls


def outcomes(draft: Draft) -> set[str]:
    """How a flow can end for the one that has called it."""
    return {step.returns for step in draft.steps.values() if step.returns is not None}


def families(drafts: Drafts) -> Iterator[set[str]]:
    """Flows that call each other, directly or not: they know the same variables."""
    near: dict[str, set[str]] = {name: set() for name in drafts}
    for name, draft in drafts.items():
        for _, called in calls(draft):
            if called in near:
                near[name].add(called)
                near[called].add(name)
    left = set(drafts)
    while left:
        family = reached(near, [min(left)])
        yield family
        left -= family


class Inner:
    """What happens in flows that are called, worked out once for each."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._waits: dict[str, bool] = {}
        self._ends: dict[str, bool] = {}

    def waits(self, step: Step, depth: int = 0) -> bool:
        """Whether the caller or an agent is waited for in the step, whatever happens in it."""
        if step.calls is None:
            return step.waits
        called = self._drafts.get(step.calls)
        if called is None or depth > MAX_DEPTH:
            return True
        if called.name not in self._waits:
            self._waits[called.name] = True
            self._waits[called.name] = self._comes_back_late(called, depth + 1)
        return self._waits[called.name]

    def _comes_back_late(self, called: Draft, depth: int) -> bool:
        hasty = {name for name, each in called.steps.items() if not self.waits(each, depth)}
        following = {name: ways(called, called.steps[name]) & hasty for name in hasty}
        back = reached(following, {called.start} & hasty)
        return all(called.steps[name].returns is None for name in back)

    def ends(self, draft: Draft, step: Step, depth: int = 0) -> bool:
        """Whether the call, or the flow, can be over with this step."""
        if step.calls is None:
            left = step.agent_left if draft.after_agent is not None else None
            possible = [outcome for outcome in step.possible() if outcome != left]
            return not step.possible() or any(step.target(outcome) is None for outcome in possible)
        called = self._drafts.get(step.calls)
        if called is None or depth > MAX_DEPTH:
            return True
        if called.name not in self._ends:
            self._ends[called.name] = True
            inner = called.steps.values()
            ends = any(each.returns is None and self.ends(called, each, depth + 1) for each in inner)
            self._ends[called.name] = ends
        return self._ends[called.name]
