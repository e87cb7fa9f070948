"""What is wrong with a flow as a whole: steps that lead nowhere, are never reached, or turn for ever."""

from collections.abc import Iterator, Mapping

from ivr.flow.document import Problem
from ivr.flow.reading import Draft
from ivr.flow.step import Step
from ivr.flow.ways import Inner, reached, targets, ways
from ivr.flow.wording import closest, nearest

SHOWN = 10
"""Steps of a loop that are named."""


def check_graph(draft: Draft, inner: Inner | None = None) -> Iterator[Problem]:
    """Every problem of the flow's graph. Of a broken step only its written targets are known.

    `inner`: what happens in the flows that it may call.
    """
    inner = inner or Inner({})
    names = {*draft.steps, *draft.broken}
    if draft.start not in names:
        yield Problem(
            draft.start_at, f"`start`: there is no step `{draft.start}`", nearest(draft.start, names)
        )
    for name, step in draft.steps.items():
        nonsense = step.nonsense()
        if nonsense:
            yield Problem(draft.at(name, key=True), f"step `{name}`: {nonsense}")
        yield from _outcomes(draft, name, step)
        yield from _targets(draft, name, step.next, names)
        yield from _dead_ends(draft, name, step)
    for name, written in draft.broken.items():
        yield from _targets(draft, name, written or {}, names)
    if None not in draft.broken.values() and draft.start in names:
        yield from _unreachable(draft)
    turning = list(_endless(draft, inner))
    yield from turning or _without_end(draft, inner)


def _outcomes(draft: Draft, name: str, step: Step) -> Iterator[Problem]:
    possible = step.possible()
    for outcome in step.next:
        if outcome not in possible:
            text = f"step `{name}` has no outcome `{outcome}`"
            if outcome in step.outcomes:
                because = step.because(outcome)
                why = f": {because}" if because else " with these fields"
                text = f"step `{name}`: outcome `{outcome}` cannot happen{why}"
            yield Problem(draft.at(name, "next", outcome, key=True), text, nearest(outcome, possible))


def _targets(draft: Draft, name: str, targets: Mapping[str, str], names: set[str]) -> Iterator[Problem]:
    for outcome, target in targets.items():
        if target not in names:
            text = f"step `{name}`: there is no step `{target}`"
            yield Problem(draft.at(name, "next", outcome), text, nearest(target, names))


def _dead_ends(draft: Draft, name: str, step: Step) -> Iterator[Problem]:
    for outcome in step.possible():
        if outcome not in step.next and outcome not in step.otherwise:
            because = step.because(outcome)
            text = f"step `{name}`: outcome `{outcome}` leads nowhere{f', and {because}' if because else ''}"
            hint = f"name the step for `{outcome}` under `next:`; to end the call use a `hangup` step"
            yield Problem(draft.at(name, key=True), text, hint)


def _unreachable(draft: Draft) -> Iterator[Problem]:
    following = _following(draft)
    found = {draft.start}
    todo = [draft.start]
    while todo:
        name = todo.pop()
        if name not in following:  # said already; what was meant is not unreachable because of it
            name = closest(name, list(following)) or name
        fresh = following.get(name, set()) - found
        found.add(name)
        found |= fresh
        todo.extend(fresh)
    if draft.after_agent is not None and any(step.calls for step in draft.steps.values()):
        found |= reached(following, [draft.after_agent])
    for name in draft.steps:
        if name not in found:
            hint = "name it under some `next:`, or delete it"
            yield Problem(draft.at(name, key=True), f"step `{name}` is never reached", hint)


def _following(draft: Draft) -> dict[str, set[str]]:
    following = {name: ways(draft, step) for name, step in draft.steps.items()}
    return following | {name: {*(targets or {}).values()} for name, targets in draft.broken.items()}


def _without_end(draft: Draft, inner: Inner) -> Iterator[Problem]:
    """Steps from where nothing leads to an end: only the caller's hangup would be one."""
    before: dict[str, set[str]] = {}
    for name, following in _following(draft).items():
        for target in following:
            before.setdefault(target, set()).add(name)
    last = {name for name, step in draft.steps.items() if inner.ends(draft, step)}
    good = reached(before, {*last, *draft.broken, *(before.keys() - draft.steps.keys())})
    stuck = [name for name in draft.steps if name not in good]
    if stuck:
        text = f"from step `{stuck[0]}` no way leads to an end of the call"
        hint = "let some outcome lead to a step that ends it, such as `hangup`"
        yield Problem(draft.at(stuck[0], key=True), text, hint)


def _endless(draft: Draft, inner: Inner) -> Iterator[Problem]:
    """Loops on which nobody is waited for, caller or agent, and no step counts its rounds."""
    following = {
        name: targets(step, inner.hasty(step) - {*step.recurring()}) & draft.steps.keys()
        for name, step in draft.steps.items()
    }
    while _trim(following):
        loop = _loop(following)
        shown = [f"`{name}`" for name in loop[:SHOWN]] + ["…"] * (len(loop) > SHOWN)
        text = f"steps {' → '.join([*shown, f'`{loop[0]}`'])} turn for ever"
        hint = "let the loop pass a step that waits for the caller, such as `menu`, or a `loop` that counts"
        yield Problem(draft.at(loop[0], key=True), text, hint)
        for name in loop:
            del following[name]


def _trim(ways: dict[str, set[str]]) -> bool:
    """Take away every step from which no loop can be reached; whether any is left."""
    before: dict[str, set[str]] = {name: set() for name in ways}
    for name, following in ways.items():
        following.difference_update([each for each in following if each not in ways])
        for each in following:
            before[each].add(name)
    ends = [name for name, following in ways.items() if not following]
    while ends:
        end = ends.pop()
        del ways[end]
        for name in before[end]:
            ways[name].discard(end)
            if not ways[name]:
                ends.append(name)
    return bool(ways)


def _loop(ways: dict[str, set[str]]) -> list[str]:
    """One loop; every step in `ways` has a way that stays in it. It begins with its step written first."""
    walked: dict[str, int] = {}
    name = next(iter(ways))
    while name not in walked:
        walked[name] = len(walked)
        name = min(ways[name])
    loop = list(walked)[walked[name] :]
    order = {name: number for number, name in enumerate(ways)}
    first = loop.index(min(loop, key=order.__getitem__))
    return loop[first:] + loop[:first]
