"""`record`: keep what the caller says."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.flow.expressions import VariableName
from ivr.flow.line import KEYS, Line, MediaFailed, Recorded, Recording
from ivr.flow.sound import Sound, Text
from ivr.flow.step import Step

REVIEW_S = 5.0
"""Time for a key after the review."""
AGAIN = "2"
"""The key that throws a recording away, for a new one."""


class Record(Step):
    """Record what the caller says, into a file below the data directory. Keys pressed before do not count."""

    outcomes: ClassVar = ("done", "empty", "failed")
    otherwise: ClassVar = {"failed": "empty"}
    waits: ClassVar = True
    counted: ClassVar = True
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
    max_s: Annotated[int, Field(ge=1, le=3600)] = 120
    """Longest recording, in seconds."""
    silence_s: Annotated[int, Field(ge=0, le=60)] = 5
    """Seconds of silence that end it. 0: silence does not."""
    min_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """In a shorter one nothing was said: `empty`."""
    end_key: Literal["#", "*", "any", "none"] = "#"
    """The key that ends it."""
    beep: bool = True
    """Whether a tone tells that it begins."""
    review: Sound | None = None
    """Heard after he has heard his recording: 2 throws it away for a new one, anything else keeps it."""
    retries: Annotated[int, Field(ge=0, le=9)] = 2
    """How often he may record it again."""

    def sets(self) -> Iterable[str]:
        return (self.into,)

    def prompts(self) -> Iterable[str]:
        return self.review.prompts() if self.review else ()

    def texts(self) -> Iterable[Text]:
        return self.review.texts() if self.review else ()

    async def run(self, line: Line) -> str:
        name = recording_name(self.key(line))
        try:
            for left in reversed(range(self.retries + 1)):
                recorded = await line.record(name, self._wish)
                if self._said_s(recorded) < self.min_s:
                    return "empty"
                if not left or not self.review or not await self._again(line, recorded, self.review):
                    break
        except MediaFailed:
            return "failed"
        line.variables[self.into] = name
        return "done"

    @property
    def _wish(self) -> Recording:
        keys = {"any": KEYS, "none": ""}.get(self.end_key, self.end_key)
        return Recording(self.max_s, self.silence_s, keys, self.beep)

    def _said_s(self, recorded: Recorded) -> float:
        """Silence is told apart only if it ends a recording."""
        return recorded.talking_s if self.silence_s else recorded.length_s

    async def _again(self, line: Line, recorded: Recorded, review: Sound) -> bool:
        await line.play([recorded.media], interrupt=KEYS)
        await line.play(await review.media(line), interrupt=KEYS)
        return await line.digit(REVIEW_S) == AGAIN


def recording_name(key: str) -> str:
    """A file's name from the key of one run of a step: the same when the step is done again."""
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in key)
