"""`split`: send a share of the callers each way."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.line import Line
from ivr.flow.step import Step, innermost

Way = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Share = Annotated[int, Field(ge=1, le=1000)]


class Split(Step):
    """Send callers different ways by shares: counted, not by chance, so that any ten calls are as it says."""

    main: ClassVar = "shares"
    only_main: ClassVar = True
    counted: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  try-out:
    split: {new: 1, old: 9}
    next: {new: new-words, old: sales}
  new-words:
    say: One moment please.
    next: sales
  sales:
    queue: sales
"""

    shares: Annotated[Mapping[Way, Share], Field(min_length=2, max_length=20)]
    """Outcomes of your own, each with its share: `{new: 1, old: 9}` sends one caller of ten to `new`."""

    @property
    def needs_answer(self) -> bool:
        return False

    def possible(self) -> tuple[str, ...]:
        return tuple(self.shares)

    async def run(self, line: Line) -> str:
        return self._way(await line.count(innermost(line.path), self.key(line)))

    def _way(self, number: int) -> str:
        """The way of the caller with this number, from 1: that which is furthest behind its share."""
        whole = sum(self.shares.values())
        ahead = dict.fromkeys(self.shares, 0)
        way = ""
        for _ in range((number - 1) % whole + 1):
            for each, share in self.shares.items():
                ahead[each] += share
            way = max(ahead, key=ahead.__getitem__)
            ahead[way] -= whole
        return way
