"""Where a step can lead, within its flow and out of it: what the checks of graphs and names go by."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ivr.flow.reading import Draft
from ivr.flow.step import Step

MAX_DEPTH = 10
"""So deep may flows call each other: where a call is has to stay readable."""

Drafts = Mapping[str, Draft]


def ways(draft: Draft, step: Step) -> set[str]:
    """The steps that can follow."""
    following = targets(step, step.possible())
    if draft.after_agent is not None and step.agent_left and step.target(step.agent_left) is None:
        following.add(draft.after_agent)
    return following


def targets(step: Step, outcomes: Iterable[str]) -> set[str]:
    """Where these outcomes of a step lead."""
    return {target for target in map(step.target, outcomes) if target is not None}


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


def menus(draft: Draft) -> set[str]:
    """The flows that can run while callers wait in a step of this one."""
    return {step.beside for step in draft.steps.values() if step.beside is not None}


def outcomes(draft: Draft) -> set[str]:
    """How a flow can end for the one that has called it."""
    return {step.returns for step in draft.steps.values() if step.returns is not None}


def families(drafts: Drafts) -> Iterator[set[str]]:
    """Flows that call each other, directly or not, or run beside a wait: they know the same variables."""
    near: dict[str, set[str]] = {name: set() for name in drafts}
    for name, draft in drafts.items():
        for called in (*(called for _, called in calls(draft)), *menus(draft)):
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
        self._hasty: dict[str, set[str]] = {}
        self._ends: dict[str, bool] = {}

    def hasty(self, step: Step, depth: int = 0) -> set[str]:
        """The outcomes that the step can have although nobody was waited for, caller or agent."""
        if step.calls is None:
            possible = set(step.possible())
            return possible & {*step.at_once} if step.waits else possible
        called = self._drafts.get(step.calls)
        if called is None or depth > MAX_DEPTH:
            return set()
        if called.name not in self._hasty:
            self._hasty[called.name] = set()
            self._hasty[called.name] = self._comes_back(called, depth + 1)
        return self._hasty[called.name]

    def _comes_back(self, called: Draft, depth: int) -> set[str]:
        """The outcomes of a flow on ways on which nobody is waited for."""
        following = {name: targets(step, self.hasty(step, depth)) for name, step in called.steps.items()}
        passed = reached(following, {called.start}) & called.steps.keys()
        ends = (called.steps[name].returns for name in passed)
        return {outcome for outcome in ends if outcome is not None}

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
