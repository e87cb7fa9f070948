"""What a sensitive step has learned: kept for the step that uses it, and nowhere but in memory."""

from contextlib import suppress
from typing import ClassVar

import pytest

from ivr.flow.expressions import SecretTemplate, Template
from ivr.flow.line import Hangup, Held, Line
from ivr.flow.run import run_flow
from ivr.flow.step import Flow, Step
from ivr.steps.hangup import Hangup as End
from ivr.steps.queue import Queue
from ivr.steps.transfer import Transfer
from tests.unit.flow.calls import Script, ScriptedLine, run


class Learn(Step):
    """Learns a secret."""

    outcomes: ClassVar = ("done",)
    name: str = "pin"

    def secrets(self) -> tuple[str, ...]:
        return (self.name,)

    async def run(self, line: Line) -> str:
        line.secrets[self.name] = "1234"
        return "done"


class Send(Step):
    """Uses it outside."""

    outcomes: ClassVar = ("done",)
    counted: ClassVar = True
    body: SecretTemplate

    async def run(self, line: Line) -> str:
        line.note("sent", text=await self.body.text(line), key=self.key(line))
        return "done"


def walked(*steps: Step) -> ScriptedLine:
    names = [f"s{number}" for number in range(len(steps))]
    following = [*names[1:], "end"]
    whole: dict[str, Step] = {
        name: step.model_copy(update={"next": dict.fromkeys(step.outcomes, after)})
        for name, step, after in zip(names, steps, following, strict=True)
    }
    whole["end"] = End()

    async def through() -> ScriptedLine:
        line = ScriptedLine(Script())
        with suppress(Hangup):
            await run_flow(line, Flow("main", "s0", whole, version=7))
        return line

    return run(through())


def test_until_it_is_used_a_take_over_asks_again_and_the_use_has_the_same_key() -> None:
    line = walked(
        Learn(),
        Send(body=SecretTemplate("x")),
        Send(body=SecretTemplate("{pin}")),
        Send(body=SecretTemplate("y")),
    )
    asked = Held("main/s0", {})
    assert line.held == [None, asked, asked, None, None]
    assert [fields["text"] for kind, fields in line.notes if kind == "sent"] == ["x", "1234", "y"]
    assert [fields["key"] for kind, fields in line.notes if kind == "sent"] == [
        f"test-1.1:main/s{number}:1" for number in (1, 2, 3)
    ]
    assert line.secrets == {}


def test_the_first_of_two_secrets_is_asked_again() -> None:
    line = walked(Learn(), Learn(name="code"), Send(body=SecretTemplate("{pin}{code}")))
    assert [held and held.path for held in line.held] == [None, "main/s0", "main/s0", None]


@pytest.mark.parametrize("long", [Queue(name="sales"), Transfer(number=Template("030 901820"))])
def test_nothing_secret_waits_in_a_queue_or_talks_outside(long: Step) -> None:
    """A take-over would ask for it again, in the middle of the talk."""
    line = walked(Learn(), long)
    assert line.held == [None, None, None]
    assert line.secrets == {}
