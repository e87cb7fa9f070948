"""Which branches of a flow its tests have taken, and how long a caller can be kept from a human at most."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ivr.flow.line import Hangup
from ivr.flow.simulation import PATIENCE_S, Company, CompanyLine, Outcome
from ivr.flow.simulator import Script
from ivr.flow.step import Flow, Step
from ivr.flow.virtual_time import run

Branch = tuple[str, str]
"""Path of a step, and an outcome; without outcome: a step that has none, such as `hangup`."""


def branches(flow: Flow) -> list[Branch]:
    """Every branch of a flow. An outcome that merely goes the way of another (`failed` → `done`) is none."""
    found: list[Branch] = []
    for name, step in flow.steps.items():
        path = f"{flow.name}/{name}"
        found += [(path, outcome) for outcome in step.possible() if _own_way(step, outcome)]
        if not step.possible():
            found.append((path, ""))
    return found


def _own_way(step: Step, outcome: str) -> bool:
    other = step.otherwise.get(outcome)
    return other is None or step.target(outcome) != step.target(other)


def taken(outcome: Outcome) -> set[Branch]:
    """Every branch that a simulated call has taken."""
    begun = {(what.removeprefix("step "), "") for what in outcome.line.story if what.startswith("step ")}
    return begun | {(each.path, each.outcome) for each in outcome.line.passed}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests have taken of one flow."""

    flow: str
    covered: int
    missed: tuple[Branch, ...]

    @property
    def percent(self) -> int:
        """Rounded down: 100 means every branch."""
        return 100 * self.covered // max(1, self.covered + len(self.missed))


def coverage(flow: Flow, seen: set[Branch]) -> Coverage:
    whole = branches(flow)
    missed = tuple(branch for branch in whole if branch not in seen)
    return Coverage(flow.name, len(whole) - len(missed), missed)


class SlowLine(CompanyLine):
    """A caller who lets every time pass: he presses `key` in the last moment, or nothing if it is empty."""

    key = ""

    async def digit(self, timeout_s: float) -> str | None:
        pressed = await super().digit(timeout_s)
        return pressed or self.key or None


def longest_s(company: Company, step: Step, language: str) -> float:
    """How long a caller can be in a step at most, in seconds: the slowest of callers who play for time.

    One presses nothing, the others press a key in the last moment. A step that puts him into a queue is 0 s.
    """
    if any(True for _ in step.queues()):
        return 0.0
    return max(run(_alone(company, step, language, key)) for key in ("", "0", "#"))


async def _alone(company: Company, step: Step, language: str, key: str) -> float:
    line = SlowLine(company, Script(gone_at=PATIENCE_S), language)
    line.key = key
    with suppress(Hangup):
        await step.run(line)
    return line.now_s


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The longest time until a caller is in a queue, if he passes each step at most once."""

    seconds: float
    loops: bool
    """He may pass steps again, and so take longer."""


def worst_case(company: Company, flow: Flow, language: str) -> WorstCase | None:
    """The slowest way from the flow's beginning to a human; None: no way leads to one."""
    return _Slowest(company, language).way(flow)


class _Slowest:
    """Looks for the slowest ways; a flow that others call is looked at once."""

    def __init__(self, company: Company, language: str) -> None:
        self._company = company
        self._language = language
        self._found: dict[tuple[str, bool], WorstCase | None] = {}

    def way(self, flow: Flow, to_human: bool = True) -> WorstCase | None:
        """To a human in `flow` or in one that it calls; or, `to_human` no, to any end of it."""
        key = (flow.name, to_human)
        if key not in self._found:
            self._found[key] = None  # should it call itself: once is enough
            self._found[key] = self._longest(flow, to_human)
        return self._found[key]

    def _longest(self, flow: Flow, to_human: bool) -> WorstCase | None:
        ways = {
            name: {to for to in map(step.target, step.possible()) if to} for name, step in flow.steps.items()
        }
        reach = {name: _reached(ways, name) for name in ways}
        goals = {name for name, step in flow.steps.items() if self._is_goal(flow, step, to_human)}
        useful = {name for name in reach[flow.start] if reach[name] & goals}
        if not useful:
            return None
        cost = {name: self._cost(flow, flow.steps[name], name in goals and to_human) for name in useful}
        rounds = {
            name: frozenset(other for other in reach[name] & useful if name in reach[other])
            for name in useful
        }
        longest: dict[frozenset[str], float] = {}
        for name in sorted(useful, key=lambda each: len(reach[each])):  # what follows a step comes before it
            group = rounds[name]
            if group not in longest:
                after = {rounds[to] for member in group for to in ways[member] & useful} - {group}
                here = sum(cost[member] for member in group)
                longest[group] = here + max((longest[each] for each in after), default=0.0)
        return WorstCase(longest[rounds[flow.start]], any(len(group) > 1 for group in longest))

    def _is_goal(self, flow: Flow, step: Step, to_human: bool) -> bool:
        if not to_human:
            return True
        called = flow.flows.get(step.calls) if step.calls else None
        return any(True for _ in step.queues()) or (called is not None and self.way(called) is not None)

    def _cost(self, flow: Flow, step: Step, to_human: bool) -> float:
        called = flow.flows.get(step.calls) if step.calls else None
        if called is None:
            return longest_s(self._company, step, self._language)
        slowest = [self.way(called, to_human=False), self.way(called) if to_human else None]
        return max((each.seconds for each in slowest if each), default=0.0)


def _reached(ways: Mapping[str, Iterable[str]], start: str) -> set[str]:
    """Every step that can follow, `start` included."""
    reached, todo = {start}, [start]
    while todo:
        fresh = set(ways[todo.pop()]) - reached
        reached |= fresh
        todo.extend(fresh)
    return reached
