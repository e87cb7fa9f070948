"""How long a flow can keep a caller from people: the slowest way to the first step that asks for them.

That is a queue, an agent's telephone or a number outside. What he waits from there on is up to people, not to
the flow. Each step takes as long as it can (`longest`); what is measured is this:

    flow ── step ── step ─┬─ loop: 3 ──┐          a step that counts its rounds is gone through so often
                     ▲    │            │
                     └────┼── again ◄──┘          other rounds are gone once, and told: `loops`
                          ├── flow ─► … back      a flow that is called: to people in it, or out of it again
                          └── queue               here it ends
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ivr.flow.longest import is_human, longest_s
from ivr.flow.simulation import Company
from ivr.flow.step import Flow, Step
from ivr.flow.ways import reached
from ivr.steps.loop import Loop

MOST_STATES = 20_000
"""Counters that multiply beyond that are not followed: their loops count as others do."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The longest time until people are asked for, if he goes each round at most once that is not counted."""

    seconds: float
    loops: bool
    """He can go a round as often as he likes, and so take longer."""


class At(NamedTuple):
    """Where a caller is in a flow: the step, and how often each loop has been gone."""

    step: str
    rounds: tuple[tuple[str, int], ...] = ()


class Way(NamedTuple):
    """From one place to the next; to None: there it ends."""

    to: At | None
    seconds: float
    loops: bool = False
    """Something on the way can be repeated at will."""


Goal = str | None
"""An outcome with which a flow goes back to the one that has called it, without people; None: people."""


def worst_case(company: Company, flow: Flow, language: str) -> WorstCase | None:
    """The slowest way from the flow's beginning to people; None: no way leads to them."""
    return _Slowest(company, language).way(flow, None)


class _Slowest:
    """Looks for the slowest ways; each flow and each step is looked at once."""

    def __init__(self, company: Company, language: str) -> None:
        self._company = company
        self._language = language
        self._found: dict[tuple[str, Goal], WorstCase | None] = {}
        self._lasts: dict[tuple[str, str], float] = {}

    def way(self, flow: Flow, goal: Goal) -> WorstCase | None:
        """Through `flow` to a goal; None: it cannot be reached."""
        key = (flow.name, goal)
        if key not in self._found:
            self._found[key] = None  # should it call itself: that way is none
            ways = self._unrolled(flow, goal, counting=True) or self._unrolled(flow, goal, counting=False)
            self._found[key] = _longest(ways or {}, At(flow.start))
        return self._found[key]

    def _unrolled(self, flow: Flow, goal: Goal, counting: bool) -> dict[At, list[Way]] | None:
        """Every place in the flow that can be reached, and the ways from it; None: too many."""
        ways: dict[At, list[Way]] = {}
        todo = [At(flow.start)]
        while todo:
            at = todo.pop()
            if at in ways:
                continue
            ways[at] = list(self._ways(flow, at, goal, counting))
            todo.extend(way.to for way in ways[at] if way.to is not None)
            if counting and len(ways) > MOST_STATES:
                return None
        return ways

    def _ways(self, flow: Flow, at: At, goal: Goal, counting: bool) -> Iterator[Way]:
        step = flow.steps[at.step]
        if is_human(step):
            if goal is None:
                yield Way(None, 0.0)
            return
        if step.returns is not None:
            if goal == step.returns:
                yield Way(None, 0.0)
            return
        if step.calls is not None:
            yield from self._through(flow, at, step, goal)
            return
        if counting and isinstance(step, Loop):
            yield from _round(at, step)
            return
        for outcome in step.possible():
            target = step.target(outcome)
            if target is not None:
                yield Way(At(target, at.rounds), self._lasts_s(flow, at.step, step))

    def _through(self, flow: Flow, at: At, step: Step, goal: Goal) -> Iterator[Way]:
        """By way of a flow that the step calls."""
        called = flow.flows.get(step.calls or "")
        if called is None:
            return
        inside = self.way(called, None) if goal is None else None
        if inside is not None:
            yield Way(None, inside.seconds, inside.loops)
        for outcome in sorted({each.returns for each in called.steps.values() if each.returns is not None}):
            through, target = self.way(called, outcome), step.target(outcome)
            if through is not None and target is not None:
                yield Way(At(target, at.rounds), through.seconds, through.loops)

    def _lasts_s(self, flow: Flow, name: str, step: Step) -> float:
        key = (flow.name, name)
        if key not in self._lasts:
            self._lasts[key] = longest_s(self._company, step, self._language)
        return self._lasts[key]


def _round(at: At, step: Loop) -> Iterator[Way]:
    """As the step counts: `again` so many times, then `done`, and from the beginning."""
    rounds = dict(at.rounds)
    gone = rounds.pop(at.step, 0)
    if gone < step.times:
        rounds[at.step] = gone + 1
    target = step.target("again" if gone < step.times else "done")
    if target is not None:
        yield Way(At(target, tuple(sorted(rounds.items()))), 0.0)


def _longest(ways: Mapping[At, list[Way]], start: At) -> WorstCase | None:
    """The longest way from `start` to an end."""
    before: dict[At, set[At]] = {at: set() for at in ways}
    for at, following in ways.items():
        for way in following:
            if way.to is not None:
                before[way.to].add(at)
    good = reached(before, [at for at, following in ways.items() if any(way.to is None for way in following)])
    if start not in good:
        return None
    useful = {at: [way for way in ways[at] if way.to is None or way.to in good] for at in good}
    longest: dict[At, float] = {}
    loops = any(way.loops for following in useful.values() for way in following)
    for group in _rounds(useful):
        turns = any(way.to in group for at in group for way in useful[at])
        loops = loops or turns
        out = [
            way.seconds * (not turns) + (longest[way.to] if way.to is not None else 0.0)
            for at in group
            for way in useful[at]
            if way.to not in group
        ]
        inside = sum(max(way.seconds for way in useful[at]) for at in group) if turns else 0.0
        longest.update(dict.fromkeys(group, inside + max(out)))
    return WorstCase(longest[start], loops)


def _rounds(ways: Mapping[At, list[Way]]) -> Iterator[set[At]]:
    """The places, those together that lead to each other, each after all that can follow it.

    Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972), without recursion.
    """
    number: dict[At, int] = {}
    low: dict[At, int] = {}
    open_: list[At] = []
    waiting: set[At] = set()
    for root in ways:
        if root in number:
            continue
        walk = [(root, iter(ways[root]))]
        number[root] = low[root] = len(number)
        open_.append(root)
        waiting.add(root)
        while walk:
            at, rest = walk[-1]
            fresh = next((way.to for way in rest if way.to is not None and way.to not in number), None)
            if fresh is not None:
                number[fresh] = low[fresh] = len(number)
                open_.append(fresh)
                waiting.add(fresh)
                walk.append((fresh, iter(ways[fresh])))
                continue
            walk.pop()
            near = [way.to for way in ways[at] if way.to is not None and way.to in waiting]
            low[at] = min([low[at], *(min(low[to], number[to]) for to in near)])
            if low[at] == number[at]:
                group: set[At] = set()
                while at not in group:
                    group.add(open_.pop())
                waiting -= group
                yield group
