"""Surveys in flows: who is asked must have been invited, and who is invited must be asked."""

from collections.abc import Iterator

from ivr.flow.document import Problem, place_of_text
from ivr.flow.reading import Draft
from ivr.flow.step import Step
from ivr.flow.ways import Drafts, families
from ivr.flow.wording import nearest


def check_surveys(drafts: Drafts) -> Iterator[Problem]:
    """Questions that nobody can be asked, and invitations that nothing follows."""
    for family in families(drafts):
        members = [drafts[name] for name in sorted(family)]
        if any(member.broken for member in members):
            continue  # what cannot be read may be what is missing
        steps = [(draft, *named) for draft in members for named in draft.steps.items()]
        yield from _of_family(steps)


def _of_family(steps: list[tuple[Draft, str, Step]]) -> Iterator[Problem]:
    invited = {survey for _, _, step in steps for survey in step.invites()}
    asked = {survey for _, _, step in steps for survey in step.inquires()}
    for draft, name, step in steps:
        for survey, only_invited in step.inquires().items():
            if only_invited and survey not in invited:
                place = place_of_text(draft.source.nodes[name], survey)
                text = f"step `{name}`: no step invites callers to the survey `{survey}`: nobody is asked"
                hint = (
                    nearest(survey, invited) if invited else "invite them before, or write `uninvited: yes`"
                )
                yield Problem(place, text, hint)
        for survey in step.invites():
            if survey not in asked:
                place = place_of_text(draft.source.nodes[name], survey)
                text = f"step `{name}`: no step asks a question of the survey `{survey}`"
                hint = nearest(survey, asked) if asked else "ask it in `after_agent:`, with a `survey` step"
                yield Problem(place, text, hint)
