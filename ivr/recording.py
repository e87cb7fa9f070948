"""What callers say, kept: recorded by Asterisk on the live channel, and put where it stays.

Asterisk writes `spool/recording/<live>.wav`, also when the caller hangs up in the middle of it. The file is
given its own name then; its owner stays Asterisk's user, who may play it.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from ivr.ari import events as ari
from ivr.caller import Caller
from ivr.flow.line import Hangup, MediaFailed, Recorded, Recording

LATE_S = 10.0
"""So long after the longest recording its end has been told, or never will be."""


class Recordings:
    """The directory of recordings below the data directory."""

    def __init__(self, data: Path) -> None:
        self._live = data / "spool" / "recording"
        self._kept = data / "recordings"

    def live(self, live: str) -> Path:
        """Where Asterisk writes that live recording, without the ending `.wav`."""
        return self._live / live

    def keep(self, live: str, name: str) -> str:
        """Give a live recording its name, in place of an earlier one; its media URI. Raises `MediaFailed`."""
        kept = self._kept / name
        try:
            (self._live / f"{live}.wav").rename(kept.with_name(f"{name}.wav"))
        except OSError as error:
            raise MediaFailed(f"a recording cannot be kept: {error.strerror}") from error
        return f"sound:{kept}"


def live_name(call: str, epoch: int) -> str:
    """One live recording at a time for each owner of a call: a take-over can stop what the last one began."""
    return f"{call}-r{epoch}"


async def record(caller: Caller, name: str, wish: Recording) -> Recorded:
    """Record until a key of `wish.keys`, silence, or the longest time. Raises `Hangup`, `MediaFailed`."""
    asterisk, live = caller.house.asterisk, live_name(caller.call, caller.handle.epoch)
    deadline = asyncio.get_running_loop().time() + wish.max_s + LATE_S
    caller.keys.clear()
    await caller.tell(asterisk.record(caller.call, live, wish.max_s, wish.silence_s, wish.beep))
    key = ""
    try:
        while True:
            match await caller.next(deadline):
                case ari.RecordingFinished(recording=made) if made.name == live:
                    break
                case ari.RecordingFailed(recording=made) if made.name == live:
                    raise MediaFailed(f"recording failed: {made.cause}")
                case ari.ChannelDtmfReceived(digit=digit) if digit in wish.keys and digit in caller.keys:
                    key = key or digit
                    await asterisk.stop_recording(live)
                case None:
                    await asterisk.stop_recording(live)
                    raise MediaFailed("nobody tells of the recording's end")
    except (Hangup, MediaFailed):
        with suppress(MediaFailed):
            caller.house.keep(live, name)  # what he has said until then is kept
        raise
    caller.keys.clear()
    return Recorded(caller.house.keep(live, name), made.duration, made.talking_duration, key)
