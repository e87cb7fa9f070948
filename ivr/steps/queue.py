"""`queue`: wait for an agent, and talk to him."""

from collections.abc import Iterable
from typing import ClassVar

from ivr.flow.line import Line
from ivr.flow.waiting import Waiting


class Queue(Waiting):
    """Put the caller into a queue; music plays until an agent answers."""

    main: ClassVar = "name"
    example: ClassVar[str] = """\
steps:
  sales:
    queue:
      name: sales
      max_wait_s: 600
    next:
      answered: end
      timeout: sorry
  sorry:
    say: All our people are still in calls.
    next: end
  end: {hangup: }
"""

    name: str
    """Name of the queue in `queues.yaml`; its settings there say how else a caller can leave it."""

    def queues(self) -> Iterable[str]:
        return (self.name,)

    async def run(self, line: Line) -> str:
        return await line.queue(self.name, self.max_wait_s, exits=self.exits())
