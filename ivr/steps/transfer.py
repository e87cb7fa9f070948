"""`transfer`: give the caller to a number outside, or to one agent."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ivr.flow.expressions import Template
from ivr.flow.line import Announcement, Line, MediaFailed
from ivr.flow.sound import Sound, Text
from ivr.flow.step import Step

Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]


class Transfer(Step):
    """Connect the caller with a telephone number outside, or with one agent; he hears music until then.

    With `announce` the one who was called is told who comes before he is connected, and takes the call by a
    key. If he does not (it may be his voicemail that has answered), the caller goes on with `declined`.
    """

    outcomes: ClassVar = ("done", "busy", "no_answer", "declined", "refused", "failed")
    otherwise: ClassVar = {
        "done": None,
        **dict.fromkeys(("busy", "no_answer", "declined", "refused"), "failed"),
    }
    main: ClassVar = "number"
    waits: ClassVar = True
    counted: ClassVar = True
    example: ClassVar[str] = """\
steps:
  partner:
    transfer:
      number: "+49 30 901820"
      ring_s: 25
      announce: {say: A caller for you from the sales line. Press 1 to take the call or 2 to refuse it.}
    next:
      failed: sorry
  sorry:
    say: Nobody can be reached there now.
    next: end
  end: {hangup: }
"""

    number: Template | None = None
    """The telephone number, as `policy.yaml` allows it. Either this or `agent`."""
    agent: str | None = None
    """An agent of `agents.yaml`. Either this or `number`."""
    ring_s: Annotated[int, Field(ge=1, le=300)] = 30
    """Seconds in which somebody must answer; for an agent, in which he must be free and answer."""
    announce: Sound | None = None
    """What he hears who answers at `number`, again and again until he presses a key. Without it, he is
    connected at once."""
    accept: Key = "1"
    """The key by which he takes the call. Only with `announce`."""
    refuse: Key = "2"
    """The key by which he refuses it. Only with `announce`."""
    asked_s: Annotated[int, Field(ge=1, le=120)] = 20
    """Seconds, once he has answered, in which he must take the call. Only with `announce`."""

    @model_validator(mode="after")
    def _one_target(self) -> "Transfer":
        if (self.number is None) == (self.agent is None):
            raise ValueError("write either `number:` with a telephone number or `agent:` with an agent")
        return self

    def possible(self) -> tuple[str, ...]:
        if self.agent is not None:
            return ("done", "no_answer")
        return tuple(each for each in self.outcomes if each != "declined" or self.announce is not None)

    def prompts(self) -> Iterable[str]:
        return () if self.announce is None else self.announce.prompts()

    def texts(self) -> Iterable[Text]:
        return () if self.announce is None else self.announce.texts()

    @property
    def agent_left(self) -> str | None:
        return "done" if self.agent is not None else None

    def nonsense(self) -> str | None:
        if self.agent is not None and self.next and "no_answer" not in self.next:
            return "outcome `no_answer` leads nowhere"
        if self.agent is not None and self.announce is not None:
            return (
                "an agent is not asked, but rung when he is ready: leave out `announce`, or call a `number`"
            )
        if self.announce is None:
            vain = sorted(self.model_fields_set & {"accept", "refuse", "asked_s"})
            return f"without `announce` nobody is asked: leave out `{vain[0]}`" if vain else None
        if self.accept == self.refuse:
            return f"`accept` and `refuse` are the same key, {self.accept}"
        return None

    def numbers(self) -> Iterable[str]:
        return () if self.number is None else (self.number.fixed or "",)

    def agents(self) -> Iterable[str]:
        return () if self.agent is None else (self.agent,)

    async def run(self, line: Line) -> str:
        if self.agent is not None:
            return await line.transfer_to_agent(self.agent, self.ring_s)
        assert self.number is not None, "one of both is written"
        try:
            announcement = await self._announcement(line)
        except MediaFailed:
            return "failed"  # nobody takes a call of which he was not told
        return await line.transfer(await self.number.text(line), self.ring_s, self.key(line), announcement)

    async def _announcement(self, line: Line) -> Announcement | None:
        if self.announce is None:
            return None
        return Announcement(await self.announce.media(line), self.accept, self.refuse, self.asked_s)
