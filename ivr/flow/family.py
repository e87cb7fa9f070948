"""What flows say of each other: calls and their outcomes, variables, and what must stay secret."""

from collections.abc import Iterator, Mapping

from ivr.flow.document import Place, Problem, place_of_name, place_of_text
from ivr.flow.expressions import Expression, SecretTemplate, Template, written_in
from ivr.flow.formula import NAMES
from ivr.flow.reading import Draft
from ivr.flow.step import ANY
from ivr.flow.ways import MAX_DEPTH, Drafts, calls, families, menus, outcomes, reached, ways
from ivr.flow.wording import nearest


def check_families(drafts: Drafts, flows: set[str]) -> Iterator[Problem]:
    """`flows`: names of all flows, those that cannot be read included."""
    for draft in drafts.values():
        for name, called in calls(draft):
            yield from _call(draft, name, called, drafts, flows)
    yield from _circles(drafts)
    for family in families(drafts):
        members = [drafts[name] for name in sorted(family)]
        if not any(member.broken for member in members) and not _calls_unread(members, drafts):
            yield from _variables(members)
        yield from _secrets(members)


def _calls_unread(members: list[Draft], drafts: Drafts) -> bool:
    named = {called for member in members for _, called in calls(member)}
    return not named.union(*map(menus, members)) <= drafts.keys()


def _call(draft: Draft, name: str, called: str, drafts: Drafts, flows: set[str]) -> Iterator[Problem]:
    place, step = place_of_text(draft.source.nodes[name], called), draft.steps[name]
    if called not in flows:
        yield Problem(place, f"step `{name}`: there is no file flows/{called}.yaml", nearest(called, flows))
        return
    if called not in drafts or drafts[called].broken:
        return
    known = outcomes(drafts[called])
    for outcome in step.next:
        if outcome != ANY and outcome not in known:
            text = f"step `{name}`: flow `{called}` has no outcome `{outcome}`"
            hint = nearest(outcome, known) or f"it has no `back` step: nothing follows `{name}`"
            yield Problem(draft.at(name, "next", outcome, key=True), text, hint)
    for outcome in sorted(known):
        if outcome not in step.next and ANY not in step.next:
            text = f"step `{name}`: outcome `{outcome}` of flow `{called}` leads nowhere"
            hint = f"name the step for `{outcome}` under `next:`"
            yield Problem(draft.at(name, key=True), text, hint)


def _circles(drafts: Drafts) -> Iterator[Problem]:
    """Flows that call themselves, directly or through others: nobody would ever come back out."""
    following = {name: {called for _, called in calls(draft)} for name, draft in drafts.items()}
    told: set[str] = set()
    for name, draft in drafts.items():
        for step, called in calls(draft):
            if name in told or name not in reached(following, [called]):
                continue
            ahead = reached(following, [called])
            told |= {each for each in ahead & drafts.keys() if name in reached(following, following[each])}
            way = "" if called == name else f" by way of `{called}`"
            text = f"step `{step}`: flow `{name}` calls itself{way}"
            yield Problem(draft.at(step, key=True), text, "go to a step of the flow under `next:` instead")
    if not told:
        yield from _too_deep(drafts, following)


def _too_deep(drafts: Drafts, following: Mapping[str, set[str]]) -> Iterator[Problem]:
    """`following` has no circle."""
    level = set().union(*following.values())
    for _ in range(MAX_DEPTH - 1):
        level = set().union(*(following.get(name, set()) for name in level))
    for name in sorted(level & drafts.keys()):
        for step, _ in calls(drafts[name]):
            text = f"step `{step}`: flows call each other more than {MAX_DEPTH} deep here"
            yield Problem(drafts[name].at(step, key=True), text, "let some of them follow each other instead")


def _variables(members: list[Draft]) -> Iterator[Problem]:
    known = {name for member in members for step in member.steps.values() for name in step.sets()}
    for member in members:
        for name, step in member.steps.items():
            for written in written_in(step):
                for missing in sorted(written.reads - known):
                    text = f"step `{name}`: no step sets `{missing}`"
                    yield Problem(_place(member, name, written), text, nearest(missing, known | {*NAMES}))


def _secrets(members: list[Draft]) -> Iterator[Problem]:
    secret = {name for member in members for step in member.steps.values() for name in step.secrets()}
    if not secret:
        return
    for member in members:
        for name, step in member.steps.items():
            for written in written_in(step):
                shown = sorted(written.reads & secret)
                if shown and isinstance(written, Template) and not isinstance(written, SecretTemplate):
                    text = f"step `{name}`: `{shown[0]}` is sensitive and cannot be spoken, kept or logged"
                    hint = "use it in a condition, or under `send` or `headers` of an `http` step"
                    yield Problem(_place(member, name, written), text, hint)
        yield from _also_set(member, secret)
        yield from _forgotten(member, secret)


def _also_set(member: Draft, secret: set[str]) -> Iterator[Problem]:
    """One name cannot be kept and not kept: what another step puts there would be written down."""
    for name, step in member.steps.items():
        for value in sorted(secret & {*step.sets()} - {*step.secrets()}):
            text = f"step `{name}`: `{value}` is sensitive elsewhere: what is put there here would be logged"
            yield Problem(place_of_name(member.source.nodes[name], value), text, "give it another name")


def _forgotten(member: Draft, secret: set[str]) -> Iterator[Problem]:
    """A sensitive value is forgotten after the step that uses it: a later one would find nothing."""
    following = {name: ways(member, step) for name, step in member.steps.items()}
    for value in sorted(secret):
        uses = {n for n, step in member.steps.items() if any(value in w.reads for w in written_in(step))}
        gives = {n for n, step in member.steps.items() if value in step.secrets()}
        open_ways = {n: targets - gives for n, targets in following.items()}
        for name in sorted(uses):
            for later in sorted(reached(open_ways, open_ways[name]) & uses):
                text = f"step `{later}`: `{value}` is sensitive and forgotten after step `{name}`"
                yield Problem(member.at(later, key=True), text, "use it in one step, or ask again")


def _place(draft: Draft, name: str, written: Expression | Template) -> Place:
    return place_of_text(draft.source.nodes[name], written.written)
