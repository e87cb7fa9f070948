"""Which branches of a flow its tests have taken."""

from dataclasses import dataclass

from ivr.flow.simulation import Outcome
from ivr.flow.step import Flow, Step

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
