"""Whatever passes the check runs: flows of the steps of all examples, rewired at random, calling each other.

A verb that is new is among them as soon as it has an example.
"""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from ivr.flow.check import callflows_of, check_callflows
from ivr.flow.folder import Folder
from ivr.flow.simulation import Company, Outcome, simulate, sounds_of
from ivr.flow.simulator import Agents, Script
from ivr.steps import verbs
from tests.unit.flow.small_company import build, edit, record, write

VERDICTS = {"completed", "abandoned", "overflowed", "self_served", "ivr_exit", "rejected", "transferred"}
NAMES = ("a", "b", "c", "d", "e", "f")
POOL: list[dict[str, Any]] = [
    step
    for kind in verbs().values()
    for part in ("steps", "after_agent")
    for step in (yaml.load(kind.example, yaml.BaseLoader).get(part) or {}).values()  # noqa: S506  (texts only)
]
CALLED = "consent"
MOST_STEPS = 20_000
"""Far more than a caller can pass in the hour before he hangs up, if each loop waits for him."""


@some.composite
def flows(draw: some.DrawFn) -> dict[str, dict[str, Any]]:
    """A flow `example` and one that it may call: up to six steps each, and every `next:` leads anywhere."""
    return {name: _flow(draw, name) for name in ("example", CALLED)}


def _flow(draw: some.DrawFn, flow: str) -> dict[str, Any]:
    chosen = draw(some.lists(some.sampled_from(POOL), min_size=1, max_size=len(NAMES)))
    if flow == CALLED:
        chosen = [*chosen[: len(NAMES) - 1], {"back": "agreed"}]
    names = NAMES[: len(chosen)]
    steps = {}
    for number, (name, step) in enumerate(zip(names, chosen, strict=True)):
        ahead = some.sampled_from(names[number + 1 :] or names)
        target = ahead | some.sampled_from(names)
        following = step.get("next")
        step = {key: value for key, value in step.items() if key != "next"}
        if isinstance(following, str):
            step["next"] = draw(target)
        elif following:
            step["next"] = {outcome: draw(target) for outcome in following}
        steps[name] = step
    return {"steps": steps}


keys = some.dictionaries(some.floats(0, 100), some.text("0123456789*#", min_size=1, max_size=4), max_size=5)


def company(directory: Path, written: dict[str, dict[str, Any]]) -> Folder:
    """A company that has everything which examples speak of."""
    build(directory)
    edit(directory, "queues.yaml", "queues:\n", "queues:\n  chiefs: {level: 2}\n")
    write(directory, "hours.yaml", "hours: {office: {week: {monday-friday: 9:00-17:00}}}\n")
    for name, flow in written.items():
        write(directory, f"flows/{name}.yaml", yaml.safe_dump(flow, sort_keys=False))
    for draft in check_callflows(directory).drafts.values():
        for step in draft.steps.values():
            for prompt in step.prompts():
                record(directory / f"prompts/en/{prompt}.wav", samples=8000)
    return check_callflows(directory)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(flows(), keys, some.floats(0.1, 30), some.booleans())
def test_flows_that_pass_the_check_run_to_an_end(
    written: dict[str, dict[str, Any]], pressed: dict[float, str], after_s: float, patient: bool
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = company(Path(scratch), written)
        assume(all("is never reached" in problem.text for problem in folder.problems))  # that does no harm
        callflows = callflows_of(folder, folder.directory / "prompts")
        loaded = Company(callflows, sounds_of(callflows, folder.directory))
        script = Script(
            keys=pressed,
            agents={"sales": Agents(after_s, talk_s=1.0)},
            gone_at=None if patient else 25.0,
        )
        right(loaded, simulate(loaded, "example", "en", script))


def right(loaded: Company, outcome: Outcome) -> None:
    """The call has ended with a verdict, and each outcome was a possible one."""
    assert outcome.verdict in VERDICTS
    assert outcome.ended_by in ("caller", "system", "agent")
    assert len(outcome.line.passed) < MOST_STEPS, "it turned without the caller"
    for passed in outcome.line.passed:
        flow, _, name = passed.path.partition("/")
        step = loaded.callflows.flows[flow].steps[name]
        assert passed.outcome in (*step.possible(), step.returns, *step.next) or "" in step.next
