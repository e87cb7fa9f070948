"""What every step does that records the caller: how long, how it ends, and whether he may say it again."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

import msgspec
from pydantic import Field

from ivr.flow.line import KEYS, About, Line, MediaFailed, Recording
from ivr.flow.sound import Sound, Text
from ivr.flow.step import Step
from ivr.flow.web import Request

REVIEW_S = 5.0
"""Time for a key after the review."""
AGAIN = "2"
"""The key that throws a recording away, for a new one."""


class Keeping(Step):
    """Record what the caller says."""

    outcomes: ClassVar[tuple[str, ...]] = ("done", "empty", "failed")
    otherwise: ClassVar = {"failed": "empty"}
    waits: ClassVar = True
    counted: ClassVar = True

    max_s: Annotated[int, Field(ge=1, le=3600)] = 120
    """Longest recording, in seconds."""
    silence_s: Annotated[int, Field(ge=0, le=60)] = 5
    """Seconds of silence that end it. 0: silence does not."""
    min_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    """Seconds of sound; with less in it nothing was said: `empty`."""
    end_key: Literal["#", "*", "any", "none"] = "#"
    """The key that ends it."""
    beep: bool = True
    """Whether a tone tells that it begins."""
    review: Sound | None = None
    """Heard after he has heard his recording: 2 throws it away for a new one, anything else keeps it."""
    retries: Annotated[int, Field(ge=0, le=9)] = 2
    """How often he may record it again."""

    def sounds(self) -> list[Sound]:
        """All that a caller can hear in it besides his own voice."""
        return [self.review] if self.review else []

    def prompts(self) -> Iterable[str]:
        return [name for sound in self.sounds() for name in sound.prompts()]

    def texts(self) -> Iterable[Text]:
        return [text for sound in self.sounds() for text in sound.texts()]

    async def take(self, line: Line, name: str, box: str = "", notify: str = "") -> str:
        """Record, and let him hear it and say it again. Returns the outcome."""
        keys = {"any": KEYS, "none": ""}.get(self.end_key, self.end_key)
        wish = Recording(self.max_s, self.silence_s, keys, self.beep, self.min_s, box, notify, self.key(line))
        try:
            for left in reversed(range(self.retries + 1)):
                recorded = await line.record(name, wish)
                if not recorded.media:
                    return "empty"
                if not left or not self.review or not await self._again(line, recorded.media, self.review):
                    break
        except MediaFailed:
            return "failed"
        line.keep_recording()
        return "done"

    async def _again(self, line: Line, media: str, review: Sound) -> bool:
        """Whether he wants to say it again; what cannot be played to him is kept."""
        try:
            await line.play([media], interrupt=KEYS)
            await line.play(await review.media(line), interrupt=KEYS)
        except MediaFailed:
            return False
        return await line.digit(REVIEW_S) == AGAIN


def recording_name(line: Line) -> str:
    """Names what this run of a counted step records; the same when the step is done again.

    The call's id and the number of its counted steps until now: no two recordings have one name.
    """
    return f"{plain_name(line.call)}-{sum(line.visits.values())}"


def plain_name(call: str) -> str:
    """A call's id as a part of a file's name."""
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in call)


def recorded_event(name: str, wish: Recording, about: About, path: str, length_s: float) -> dict[str, Any]:
    """The fields of `recorded` in the call log."""
    box = {"box": wish.box} if wish.box else {}
    return {"path": path, "recording": name, "length_ms": round(length_s * 1000), "from": about.number, **box}


def notice(name: str, wish: Recording, about: About, call: str, length_s: float) -> Request:
    """What is told to who wants to be told of a message."""
    told = {
        "box": wish.box,
        "message": name,
        "call": call,
        "caller": about.number,
        "called": about.called,
        "length_s": round(length_s, 1),
    }
    return Request("post", wish.notify, quote(wish.key, safe=":/"), msgspec.json.encode(told))
