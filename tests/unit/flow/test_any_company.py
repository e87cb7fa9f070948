"""Whatever passes the check runs: no crash, no turning without caller or agent, and an end with a verdict.

And this test can fail: let the check forget one rule, and it finds flows that go wrong.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as some
from hypothesis.errors import NoSuchExample

from ivr.flow.simulation import Company, Outcome
from ivr.flow.step import Step
from ivr.flow.ways import Inner
from ivr.steps import verbs
from ivr.steps.loop import Loop
from tests.unit.flow.any_flows import (
    EXAMPLES,
    HASTY,
    Steps,
    World,
    called,
    company,
    example,
    flows,
    loaded,
    serious,
    worlds,
)

VERDICTS = {"completed", "abandoned", "overflowed", "self_served", "ivr_exit", "rejected", "transferred"}


def right(checked: Company, outcome: Outcome) -> None:
    """The call has ended with a verdict, and each outcome was a possible one."""
    assert outcome.verdict in VERDICTS
    assert outcome.ended_by in ("caller", "system")
    for passed in outcome.line.passed:
        flow, _, name = passed.path.partition("/")
        step = checked.callflows.flows[flow].steps[name]
        assert passed.outcome in (*step.possible(), step.returns)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(flows(), worlds())
def test_flows_that_pass_the_check_run_to_an_end(written: dict[str, Steps], world: World) -> None:
    with company(written) as folder:
        assume(not serious(folder))
        checked = loaded(folder)
        right(checked, called(checked, world))


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_is_among_the_generated_steps(verb: str) -> None:
    """If this fails for a new verb, the generated company lacks what its example speaks of."""
    assert EXAMPLES[verb], f"the example of `{verb}` has no such step"
    back: Steps = {"steps": {"agreed": {"back": "agreed"}, "refused": {"back": "refused"}}}
    with company({"example": example(verb), "consent": back, "third": back}) as folder:
        assert serious(folder) == []


def nothing(*_: object, **__: object) -> Iterator[Any]:
    return iter(())


FORGOTTEN: dict[str, tuple[str, tuple[str, ...], str]] = {
    "ivr.flow.graph._endless": ("", ("set", "tag"), "turns"),
    "ivr.flow.graph._targets": ("step", (), "KeyError"),
    "ivr.flow.family._circles": ("circle", ("flow", "set"), "turns"),
    "ivr.flow.family._call": ("flow", ("flow", "menu"), "KeyError"),
    "ivr.flow.references._queues": ("queue", ("queue", "menu"), "no queue"),
    "ivr.flow.references._schedules": ("hours", ("hours", "menu"), "no opening hours"),
    "ivr.flow.references._prompts": ("prompt", ("play", "menu"), "no prompt"),
    "ivr.flow.dialling._numbers": ("number", ("transfer", "menu"), "NotAllowed"),
}
"""Rule of the check → what it finds, verbs that show it, and what happens if it is forgotten."""


def goes_wrong(flaw: str = "", of: tuple[str, ...] = (), most: int = 500) -> str:
    """What a call does in some flow that passes the check; empty: nothing was found."""
    seen: list[str] = []

    def wrong(example: tuple[dict[str, Steps], World]) -> bool:
        with company(example[0]) as folder:
            if serious(folder):
                return False
            checked = loaded(folder)
            try:
                right(checked, called(checked, example[1]))
            except Exception as error:  # noqa: BLE001  (whatever goes wrong is looked for)
                seen.append(f"{type(error).__name__}: {error}")
                return True
        return False

    search = settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with suppress(NoSuchExample):
        find(some.tuples(flows(flaw, of), worlds()), wrong, settings=search)
    return seen[-1] if seen else ""


@pytest.mark.parametrize("rule", FORGOTTEN)
def test_a_check_that_forgets_a_rule_is_found_out(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flaw, of, what = FORGOTTEN[rule]
    assert goes_wrong(flaw, of, most=40) == ""
    monkeypatch.setattr(rule, nothing)
    assert what in goes_wrong(flaw, of)


Forgets = tuple[object, str, object, tuple[str, ...]]
MISTAKEN: dict[str, Forgets] = {
    "flows that are called are slow": (Inner, "_comes_back", lambda *_: set(), ("flow", "set")),
    "a refused transfer is slow": (Step, "at_once", (), ("transfer",)),
    "a recording that fails is slow": (Step, "at_once", (), ("record",)),
    "a loop does not begin anew": (Loop, "recurring", lambda _: ("again", "done"), ("loop",)),
    **{
        f"`{verb}` is slow": (verbs()[verb], "waits", True, (verb,))
        for verb in sorted({*HASTY} - {"back", "hangup", "flow", "loop"})
    },
}
"""What the check may wrongly believe of steps, and verbs that show it."""


@pytest.mark.parametrize("belief", MISTAKEN)
def test_a_check_that_is_mistaken_about_steps_is_found_out(
    belief: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, value, of = MISTAKEN[belief]
    monkeypatch.setattr(where, name, value)
    if name == "waits":
        monkeypatch.setattr(where, "at_once", ())
    found = goes_wrong(of=of)
    assert "it turns without the caller" in found or "'failed' in {" in found
