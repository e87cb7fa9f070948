"""Whatever passes the check runs: no crash, no turning without the caller, and an end with the call."""

from hypothesis import assume, given
from hypothesis import strategies as some

from ivr.flow.graph import check_graph
from tests.unit.flow.calls import Agents, Script, call, draft_of

NAMES = ("a", "b", "c", "d", "e")
names = some.sampled_from(NAMES)
keys = some.dictionaries(some.floats(0, 200), some.text("0123456789*#", min_size=1, max_size=4), max_size=6)


@some.composite
def steps(draw: some.DrawFn) -> str:
    """One step, as it would be written."""
    to = [draw(names) for _ in range(3)]
    return draw(
        some.sampled_from(
            [
                f"{{play: hello, next: {to[0]}}}",
                f"{{play: not-there, next: {{done: {to[0]}, failed: {to[1]}}}}}",
                f"{{say: Hello, next: {to[0]}}}",
                f"{{menu: hello, next: {{1: {to[0]}, invalid: {to[1]}, timeout: {to[2]}}}}}",
                f"{{menu: {{say: x, digits: 2, retries: 0}}, "
                f"next: {{12: {to[0]}, invalid: {to[1]}, timeout: {to[2]}}}}}",
                "{queue: sales}",
                f"{{queue: {{name: sales, max_wait_s: 5}}, next: {{answered: {to[0]}, timeout: {to[1]}}}}}",
                "{hangup: }",
                "{hangup: busy}",
            ]
        )
    )


@given(some.lists(steps(), min_size=1, max_size=len(NAMES)), keys, some.floats(0.1, 30))
def test_a_flow_that_passes_the_check_runs_to_its_end(
    written: list[str], pressed: dict[float, str], after_s: float
) -> None:
    text = "steps:\n" + "".join(f"  {name}: {step}\n" for name, step in zip(NAMES, written, strict=False))
    draft, problems = draft_of(text)
    assert draft, problems
    wrong = [*problems, *check_graph(draft)]
    assume(all("is never reached" in problem.text for problem in wrong))  # harmless to the flow that runs
    script = Script(keys=pressed, gone_at=1000.0, agents={"sales": Agents(after_s, talk_s=1.0)})
    line = call(text, script)
    assert line.story[-1] in ("over by system", "over by caller")
    outcomes = [fields for kind, fields in line.notes if kind == "step"]
    for fields in outcomes:
        step = draft.steps[str(fields["path"]).removeprefix("main/")]
        assert fields["outcome"] in step.possible()
    assert len(outcomes) < 5000, "it turned without the caller"
