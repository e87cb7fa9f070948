"""In which languages a step can be heard: those of its numbers, or of `language` steps before."""

from collections.abc import Iterable, Iterator, Mapping

from ivr.callflows import Route
from ivr.flow.reading import Draft
from ivr.flow.ways import Drafts, calls, ways

At = tuple[str, str]
"""A flow and a step in it."""


def languages_at(drafts: Drafts, routes: Iterable[Route]) -> Mapping[At, set[str]]:
    """Languages a call can have when a step begins; where no number leads, those of all numbers."""
    routes = [route for route in routes if route.flow in drafts]
    spread = _Spread(drafts)
    for route in routes:
        spread.begin(drafts[route.flow], {route.language})
    everywhere = {route.language for route in routes} or {"en"}
    for name, draft in drafts.items():  # what nothing leads to yet is to be right when something does
        if (name, draft.start) not in spread.found:
            spread.begin(draft, everywhere)
        whole = set().union(*(spread.found.get((name, step), ()) for step in draft.steps))
        for step in draft.steps:
            spread.found.setdefault((name, step), whole)
    return spread.found


class _Spread:
    """Carries languages from step to step, into and out of flows, until nothing changes."""

    def __init__(self, drafts: Drafts) -> None:
        self.found: dict[At, set[str]] = {}
        self._drafts = drafts
        self._callers: dict[str, list[At]] = {}
        for name, draft in drafts.items():
            for step, called in calls(draft):
                self._callers.setdefault(called, []).append((name, step))

    def begin(self, draft: Draft, languages: set[str]) -> None:
        """Calls come to the beginning of a flow in these languages."""
        todo = [((draft.name, draft.start), languages)]
        while todo:
            at, spoken = todo.pop()
            known = self.found.setdefault(at, set())
            if spoken <= known:
                continue
            known |= spoken
            step = self._drafts[at[0]].steps.get(at[1])
            after = set(step.speaks() if step else ()) or set(known)
            todo += [(following, after) for following in self._following(self._drafts[at[0]], at[1])]

    def _following(self, draft: Draft, name: str) -> Iterator[At]:
        """Where the call can be next."""
        step = draft.steps.get(name)
        if step is None:
            yield from ((draft.name, each) for each in (draft.broken.get(name) or {}).values())
        elif step.calls is not None and step.calls in self._drafts:
            yield step.calls, self._drafts[step.calls].start
        else:
            yield from ((draft.name, each) for each in ways(draft, step))
            if step.beside in self._drafts:  # it leads nowhere: the call goes on where it waited
                yield str(step.beside), self._drafts[str(step.beside)].start
            if step.returns is not None:
                yield from self._back(draft.name, step.returns)
            elif step.agent_left is not None and draft.after_agent is None:
                yield from self._after_agent(draft.name)

    def _back(self, called: str, outcome: str) -> Iterator[At]:
        for flow, step in self._callers.get(called, ()):
            target = self._drafts[flow].steps[step].target(outcome)
            if target is not None:
                yield flow, target

    def _after_agent(self, called: str) -> Iterator[At]:
        for flow, _ in self._callers.get(called, ()):
            after_agent = self._drafts[flow].after_agent
            if after_agent is not None:
                yield flow, after_agent
