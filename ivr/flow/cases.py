"""Tests of call flows, as admins write them: `tests/*.yaml`. Who calls, what he does, what must happen."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ivr.callflows import Language
from ivr.flow.document import Broken, Document, Fields, Problem, place_of, read_document
from ivr.flow.folder import Folder
from ivr.flow.line import About, Figures
from ivr.flow.script import CALLER, MONDAY, Agents, Exit, Party, Script
from ivr.flow.waiting import EXITS, exits_of
from ivr.flow.web import Reply, WebFailed, WebTimeout
from ivr.flow.wording import Misnamed, fit, nearest, only

Verdict = Literal[
    "completed", "abandoned", "overflowed", "self_served", "ivr_exit", "rejected", "transferred", "failed"
]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Keys = Annotated[str, Field(pattern=r"^[0-9*#]*$", max_length=64)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _leaving(value: object) -> object:
    return {"outcome": value} if isinstance(value, str) else value


def _steps(value: object) -> object:
    """`- welcome` and `- choose: 1`, both as (step, outcome)."""
    if not isinstance(value, list):
        return value
    return [
        next(iter(each.items())) if isinstance(each, dict) and len(each) == 1 else (each, None)
        for each in value
    ]


def moment(written: str) -> datetime:
    """A day and time as somebody writes it. Raises `Misnamed`. A bare number is none."""
    try:
        return datetime.fromisoformat(re.sub(r"(?<=\d[ T])(?=\d:)", "0", written.strip()))
    except ValueError as error:
        raise Misnamed(f"`{written[:40]}` is no day and time", "such as `2026-12-24 17:30`") from error


def _moment(value: object) -> object:
    return moment(value) if isinstance(value, str) else value


class Staff(BaseModel):
    """The agents of a queue, in a test."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    after_s: Seconds = 10.0
    """Seconds in the queue after which an agent answers."""
    talk_s: Seconds = 60.0
    """Seconds that the talk lasts; then the agent hangs up."""
    nobody: bool = False
    """`yes`: no agent ever answers."""

    def agents(self) -> Agents:
        return Agents(inf if self.nobody else self.after_s, self.talk_s)


class Leaves(BaseModel):
    """How a queue's own rules end a wait, in a test."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    outcome: Literal["full", "closed", "no_agents", "ratio"]
    """What the queue's settings must make possible."""
    after_s: Seconds = 0.0
    """Seconds in the queue after which he leaves; 0: he is refused at the door."""


class Busy(BaseModel):
    """The figures of a queue, in a test."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    waiting: Annotated[int, Field(ge=0)] = 0
    """Callers who wait."""
    longest_wait_s: Seconds = 0.0
    """How long the first of them has been waiting, in seconds."""
    ready: Annotated[int, Field(ge=0)] = 0
    """Agents who could be rung."""
    staffed: Annotated[int, Field(ge=0)] = 0
    """Agents who are there: ready, ringing, talking or in wrap-up."""


class Answer(BaseModel):
    """What another server answers, in a test."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    status: Annotated[int, Field(ge=100, le=599)] = 200
    """HTTP status."""
    body: str = "{}"
    """What it sends, as JSON in quotes: `'{"open": 3}'`."""
    fails: Literal["no", "timeout", "unreachable"] = "no"
    """`timeout`: nothing comes until the step gives up; `unreachable`: there is no such server now."""

    def reply(self) -> Reply | WebFailed:
        """As the simulator takes it."""
        if self.fails == "no":
            return Reply(self.status, self.body.encode())
        return WebTimeout("no answer") if self.fails == "timeout" else WebFailed("cannot be reached")


class Outside(BaseModel):
    """Somebody outside who is called, in a test."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    outcome: Literal["done", "busy", "no_answer", "declined", "failed", "refused"] = "done"
    """How the call to him ends; `done`: he answers, and takes the call; `declined`: he does not take it."""
    after_s: Seconds = 5.0
    """Seconds until he answers, or until that is known."""
    talk_s: Seconds = 60.0
    """Seconds that the talk lasts."""


class Case(BaseModel):
    """One test: a caller, what he does, and what must happen then."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    to: str | None = None
    """The number called; `numbers.yaml` says which flow and language it leads to. Either this or `flow`."""
    flow: str | None = None
    """The flow the call begins in. Either this or `to`."""
    language: Language | None = None
    """Language of the call; not written: that of the number, or `en`."""
    caller: Annotated[str, Field(max_length=64)] = CALLER.number
    """The number from which the call comes; empty: he hides it."""
    at: Annotated[datetime, BeforeValidator(_moment)] = MONDAY
    """Day and time at which the call comes, such as `2026-12-24 17:30`, on the clock where the company is:
    the `timezone` of `hours.yaml`. Elsewhere: `2026-12-24 17:30-05:00`, or `Z` for UTC."""
    variables: Mapping[str, str] = {}
    """Variables that are set already when the flow begins."""
    figures: Mapping[str, Busy] = {}
    """Queue → its figures during the call; of one that is not written nothing is known."""
    counted: Mapping[str, Annotated[int, Field(ge=0, le=10**9)]] = {}
    """Step `split` → how many callers came to it before this one; not written: none."""
    presses: Mapping[str, Annotated[tuple[Keys, ...], BeforeValidator(_listed)]] = {}
    """Step → what the caller presses when it asks him; a list: the first time, the second time, …"""
    keys_at_s: Mapping[Seconds, Keys] = {}
    """Seconds since the call came → keys pressed then, whatever is heard."""
    speaks_s: Seconds = 5.0
    """How long he speaks when he is recorded; 0: he says nothing."""
    hangs_up_in: Mapping[str, Seconds] = {}
    """Step → the caller hangs up so many seconds after it began."""
    hangs_up_at_s: Seconds | None = None
    """Seconds since the call came after which the caller hangs up; not written: after an hour."""
    agents: Mapping[str, Staff] = {}
    """Queue → how its agents answer; not written: after 10 s, and they talk for 60 s."""
    exits: Mapping[str, Annotated[Leaves, BeforeValidator(_leaving)]] = {}
    """Queue → how its rules end the wait: `full`, `closed`, `no_agents` or `ratio`, or with `after_s`.
    Hours, longest wait and exit key need not be written: settings, `at` and the keys pressed say that."""
    cannot_play: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Prompts that cannot be played in this call, as if their files were broken."""
    replies: Annotated[tuple[Answer, ...], Field(max_length=100)] = ()
    """What other servers answer, one attempt after another; what is tried again and not written gets the same
    answer again, any other question `{}` with status 200."""
    outside: Mapping[str, Outside] = {}
    """Number → who is called there by `transfer`; not written: somebody who answers after 5 s."""
    steps: Annotated[tuple[tuple[str, str | None], ...], BeforeValidator(_steps)] | None = None
    """The steps the call must pass, in order, all of them: `name`, or `name: outcome`."""
    hears: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """What the caller must hear, in this order: prompts, or words of a spoken text."""
    hears_not: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """What the caller must never hear."""
    verdict: Verdict | None = None
    """The verdict of the call in the log."""
    human_within_s: Seconds | None = None
    """An agent must be talking to the caller so many seconds after the call came."""

    @model_validator(mode="after")
    def _one_beginning(self) -> "Case":
        if (self.to is None) == (self.flow is None):
            raise ValueError("write either `to:` with a number or `flow:` with a flow")
        if self.expects_nothing:
            raise ValueError(
                "a test needs what must happen: `steps`, `hears`, `hears_not`, `verdict` or `human_within_s`"
            )
        return self

    @property
    def expects_nothing(self) -> bool:
        """Whatever happened, it would pass."""
        return (
            self.steps is None
            and self.verdict is None
            and self.human_within_s is None
            and not (self.hears or self.hears_not)
        )

    def script(self, language: str, campaign: str) -> Script:
        """What the simulated world does."""
        return Script(
            keys=self.keys_at_s,
            turns=self.presses,
            speaks_s=self.speaks_s,
            gone_at=self.hangs_up_at_s,
            gone_in=self.hangs_up_in,
            sounds={
                f"{code}/{prompt}": -1.0
                for prompt in self.cannot_play
                for code in (language, language.partition("-")[0])
            },
            agents={queue: staff.agents() for queue, staff in self.agents.items()},
            exits={queue: Exit(each.outcome, each.after_s) for queue, each in self.exits.items()},
            about=About(self.caller, CALLER.name, self.to or CALLER.called, campaign),
            came_at=self.at,
            figures={queue: Figures(**busy.model_dump()) for queue, busy in self.figures.items()},
            counts=self.counted,
            variables=self.variables,
            replies=[answer.reply() for answer in self.replies],
            outside={number: Party(**each.model_dump()) for number, each in self.outside.items()},
        )


@dataclass(frozen=True, slots=True)
class Written:
    """A test, and where it is written."""

    name: str
    case: Case
    node: Fields
    file: str

    def problem(self, field: str, text: str) -> Problem:
        """What is wrong with it, at one of its fields."""
        return Problem(place_of(self.node, (self.name, field)), f"test `{self.name}`: {text}")


def read_cases(directory: Path, problems: list[Problem]) -> list[Written]:
    """All tests of a directory that can be read; of the others `problems` tells."""
    found: list[Written] = []
    for path in sorted(directory.glob("tests/*.yaml")):
        name = f"tests/{path.name}"
        try:
            document = read_document(path, name)
        except Broken as broken:
            problems.append(broken.problem)
            continue
        problems.extend(document.problems)
        found.extend(_cases(document, name, problems))
    return found


def _cases(document: Document, file: str, problems: list[Problem]) -> Iterator[Written]:
    only(document.root, ("tests",), problems, "a file of tests")
    tests = document.root.nodes.get("tests")
    if not isinstance(tests, Fields):
        problems.append(Problem(document.root.place, "a file of tests needs `tests:`, each with a name"))
        return
    for name, node in tests.nodes.items():
        case = fit(Case, node, problems, f"test `{name}`")
        if case is not None:
            yield Written(name, case, tests, file)


def check_cases(cases: list[Written], folder: Folder) -> Iterator[Problem]:
    """Names in tests that are nothing in the call flows."""
    steps = {name for draft in folder.drafts.values() for name in draft.source.nodes}
    splits = {
        name
        for draft in folder.drafts.values()
        for name, node in draft.source.nodes.items()
        if isinstance(node, Fields) and "split" in node.nodes
    }
    unread = folder.flows - folder.drafts.keys()  # their steps are not known
    queues = folder.names("queues.yaml", "queues")
    for written in cases:
        case = written.case
        if case.flow is not None and case.flow not in folder.flows:
            hint = nearest(case.flow, folder.flows)
            yield _at(written, ("flow",), f"there is no file flows/{case.flow}.yaml", hint)
        for step in case.counted:
            if step.rpartition("/")[2] in steps - splits:
                text = f"step `{step}` counts nobody"
                yield _at(written, ("counted", step), text, "only a `split` does")
        for field in ("counted", "presses", "hangs_up_in"):
            for step in getattr(case, field):
                if step.rpartition("/")[2] not in steps and not unread:
                    yield _at(written, (field, step), f"there is no step `{step}`", nearest(step, steps))
        for index, (step, _) in enumerate(case.steps or ()):
            if step.rpartition("/")[2] not in steps and not unread:
                yield _at(written, ("steps", index), f"there is no step `{step}`", nearest(step, steps))
        for field in ("agents", "figures", "exits"):
            for queue in getattr(case, field):
                if queues is not None and queue not in queues:
                    hint = nearest(queue, queues)
                    yield _at(written, (field, queue), f"there is no queue `{queue}` in queues.yaml", hint)
        for queue, each in case.exits.items():
            if queue in folder.queues and each.outcome not in exits_of(folder.queues[queue]):
                text = f"queue `{queue}` is never left with `{each.outcome}`"
                fields = " or ".join(f"`{name}`" for name in EXITS[each.outcome])
                yield _at(written, ("exits", queue), text, f"write {fields} for it in queues.yaml")


def _at(written: Written, path: tuple[str | int, ...], text: str, hint: str) -> Problem:
    place = place_of(written.node, (written.name, *path), key=path[0] != "flow")
    return Problem(place, f"test `{written.name}`: {text}", hint)
