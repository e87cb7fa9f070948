"""Whatever pair of flows passes the check runs to an end: they call, decide, count and set as they like."""

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from ivr.flow.family import check_families
from ivr.flow.graph import check_graph
from ivr.flow.line import Figures
from ivr.flow.reading import Draft
from ivr.flow.ways import Inner
from tests.unit.flow.calls import Agents, Script, call, draft_of

NAMES = ("a", "b", "c", "d", "e")
HARMLESS = ("is never reached", "no step sets", "leads nowhere")
"""What is wrong with a flow that runs nevertheless: an outcome without a way ends the call."""

names = some.sampled_from(NAMES)
conditions = some.sampled_from(
    ["x > 1", "x == none", 'y == "1"', "queue.sales.waiting > 2", "x % 2 == 0", "language == 'es'"]
)
values = some.sampled_from(["1", '"{x + 1}"', '"{y}{y}"', '"{caller.name}"', "yes", '"{x * x}"'])


@some.composite
def steps(draw: some.DrawFn, called: str) -> str:
    """One step. `called`: the flow it may call; empty: it may go back instead."""
    one, two, three = draw(names), draw(names), draw(names)
    kinds = [
        f"{{set: {{x: {draw(values)}, y: {draw(values)}}}, next: {one}}}",
        f"{{branch: {draw(conditions)}, next: {{yes: {one}, no: {two}}}}}",
        f"{{branch: {{p: {draw(conditions)}, q: x == 0}}, next: {{p: {one}, q: {two}, default: {three}}}}}",
        f"{{loop: {draw(some.integers(1, 3))}, next: {{again: {one}, done: {two}}}}}",
        f"{{split: {{p: 1, q: 2}}, next: {{p: {one}, q: {two}}}}}",
        f"{{tag: word, next: {one}}}",
        f"{{language: es, next: {one}}}",
        f"{{hours: removed, next: {{open: {one}, closed: {two}}}}}",
        f"{{menu: hello, next: {{1: {one}, invalid: {two}, timeout: {three}}}}}",
        "{queue: sales}",
        f"{{escalate: {{queue: sales, reason: r, max_wait_s: 5}}, next: {{timeout: {one}}}}}",
        "{hangup: }",
    ]
    kinds += [f"{{flow: {called}, next: {one}}}"] * 3 if called else [f"{{back: {draw(names)}}}"] * 3
    return draw(some.sampled_from(kinds))


def flows(called: str) -> some.SearchStrategy[list[str]]:
    return some.lists(steps(called), min_size=len(NAMES), max_size=len(NAMES))


def _text(written: list[str], after_agent: bool) -> str:
    text = "steps:\n" + "".join(f"  {name}: {step}\n" for name, step in zip(NAMES, written, strict=True))
    return text + (f"after_agent:\n  z: {{play: hello, next: {NAMES[-1]}}}\n" if after_agent else "")


def _draft(text: str, name: str) -> Draft:
    draft, problems = draft_of(text, name)
    assert draft, problems
    assert not problems, problems
    return draft


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(flows("inner"), flows(""), some.booleans(), some.booleans(), some.floats(0.1, 30))
def test_a_pair_of_flows_that_passes_the_check_runs_to_its_end(
    outer: list[str], inner: list[str], after_agent: bool, after_inner: bool, after_s: float
) -> None:
    texts = {"main": _text(outer, after_agent), "inner": _text(inner, after_inner)}
    drafts = {name: _draft(text, name) for name, text in texts.items()}
    known = Inner(drafts)
    wrong = [problem for draft in drafts.values() for problem in check_graph(draft, known)]
    wrong += check_families(drafts, set(drafts))
    assume(all(any(each in problem.text for each in HARMLESS) for problem in wrong))
    script = Script(
        keys={3.0: "1", 20.0: "1"},
        gone_at=2000.0,
        agents={"sales": Agents(after_s, talk_s=1.0)},
        figures={"sales": Figures(waiting=3)},
    )
    line = call(texts["main"], script, others={"inner": texts["inner"]})
    assert line.story[-1] in ("over by system", "over by caller")
    for passed in line.passed:
        flow, _, name = passed.path.partition("/")
        step = drafts[flow].steps[name]
        assert step.calls or step.returns or passed.outcome in step.possible()
