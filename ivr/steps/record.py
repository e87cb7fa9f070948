"""`record`: keep what the caller says."""

from collections.abc import Iterable
from typing import ClassVar

from ivr.flow.expressions import VariableName
from ivr.flow.keeping import Keeping, recording_name
from ivr.flow.line import Line


class Record(Keeping):
    """Record what the caller says, into a file below the data directory. Keys pressed before do not count.

    What he has said until he hangs up is kept, too. To take a message use `voicemail`.
    """

    example: ClassVar[str] = """\
steps:
  ask:
    say: Please tell us your name and your wish after the tone, and press the hash key.
    next: name
  name:
    record:
      into: wish
      max_s: 60
      review: {say: "To keep this press 1, to record it again press 2."}
    next: {done: thanks, empty: bye}
  thanks:
    say: Thank you.
    next: bye
  bye: {hangup: }
"""

    into: VariableName
    """Name of the variable that keeps the recording's name: the file is `recordings/NAME.wav`."""

    def sets(self) -> Iterable[str]:
        return (self.into,)

    async def run(self, line: Line) -> str:
        name = recording_name(line)
        outcome = await self.take(line, name)
        if outcome == "done":
            line.variables[self.into] = name
        return outcome
