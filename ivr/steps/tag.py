"""`tag`: mark the call for the figures."""

from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.line import Line
from ivr.flow.step import Step, innermost

Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Tag(Step):
    """Mark the call in the call log: what it is about, or which campaign has brought it."""

    outcomes: ClassVar = ("done",)
    main: ClassVar = "topic"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  about:
    tag: {topic: delivery, campaign: spring}
    next: sales
  sales:
    queue: sales
"""

    topic: Word | None = None
    """What the call is about: a word of your own. A call can have several."""
    campaign: Word | None = None
    """The campaign from now on, instead of the one that `numbers.yaml` says."""

    @property
    def needs_answer(self) -> bool:
        return False

    def nonsense(self) -> str | None:
        return None if self.topic or self.campaign else "write `topic:` or `campaign:`"

    async def run(self, line: Line) -> str:
        if self.campaign is not None:
            line.about = line.about._replace(campaign=self.campaign)
        line.note("tagged", path=innermost(line.path), topic=self.topic or "", campaign=self.campaign or "")
        return "done"
