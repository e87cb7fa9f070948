"""One test of a call flow: its call, simulated, and what has happened otherwise than it says."""

from ivr.flow.cases import Case, Written
from ivr.flow.document import Problem
from ivr.flow.simulation import Company, CompanyLine, MakeLine, Outcome, simulate


def run_case(company: Company, case: Case, line: MakeLine = CompanyLine) -> Outcome:
    """Simulate the call of a test."""
    route = company.callflows.route(case.to or "")
    flow = case.flow or route.flow
    language = case.language or (route.language if case.to is not None else "en")
    campaign = route.campaign if case.to is not None else ""
    return simulate(company, flow, language, case.script(language, campaign), line)


def differences(written: Written, outcome: Outcome) -> list[Problem]:
    """What has happened otherwise than the test says; empty: it passed."""
    case, line = written.case, outcome.line
    found = []
    if case.steps is not None:
        text = _steps_differ(case.steps, outcome)
        found += [written.problem("steps", text)] if text else []
    missed = _missed(case.hears, line.heard)
    if missed is not None:
        found.append(written.problem("hears", f"`{missed}` was not heard; heard was {_list(line.heard)}"))
    for words in case.hears_not:
        if any(words in each for each in line.heard):
            found.append(written.problem("hears_not", f"`{words}` was heard"))
    if case.verdict is not None and case.verdict != outcome.verdict:
        found.append(written.problem("verdict", f"the call was `{outcome.verdict}`, not `{case.verdict}`"))
    if case.human_within_s is not None:
        talks = [at for at, what in line.told if what == "talk"]
        if not talks or talks[0] > case.human_within_s:
            when = f"after {talks[0]:.1f} s" if talks else "never"
            found.append(written.problem("human_within_s", f"an agent was there {when}"))
    return found


def walked(outcome: Outcome) -> list[tuple[str, str | None]]:
    """The steps of a call, as they began, with their outcomes; None: he was in it when the call ended."""
    began = [what.removeprefix("step ") for what in outcome.line.story if what.startswith("step ")]
    ended = list(outcome.line.passed)
    steps: list[tuple[str, str | None]] = []
    for path in began:
        here = next((each for each in ended if each.path == path), None)
        steps.append((path, here.outcome if here else None))
        if here:
            ended.remove(here)
    return steps


def _steps_differ(expected: tuple[tuple[str, str | None], ...], outcome: Outcome) -> str:
    actual = walked(outcome)
    for number, ((step, way), (path, happened)) in enumerate(zip(expected, actual, strict=False), start=1):
        if step not in (path, path.rpartition("/")[2]):
            return f"step {number} was `{path}`, not `{step}`; the call went {_list(_shown(actual))}"
        if way is not None and way != happened:
            said = f"ended with `{happened}`" if happened else "had not ended when the call was over"
            return f"step {number}, `{step}`, {said}, not with `{way}`"
    if len(expected) > len(actual):
        missing = expected[len(actual)][0]
        return f"`{missing}` was not reached; the call went {_list(_shown(actual))}"
    if len(actual) > len(expected):
        return f"the call went on to `{actual[len(expected)][0]}` after the last step of the test"
    return ""


def _shown(steps: list[tuple[str, str | None]]) -> list[str]:
    return [path if way is None else f"{path} ({way})" for path, way in steps]


def _missed(expected: tuple[str, ...], heard: list[str]) -> str | None:
    """The first of `expected` that was not heard in its order."""
    coming = iter(heard)
    return next((words for words in expected if not any(words in each for each in coming)), None)


def _list(texts: list[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts) or "nothing"
