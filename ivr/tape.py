"""Recording on a channel that we have by ARI."""

import asyncio

from ivr.ari import events as ari
from ivr.caller import Caller
from ivr.flow.line import MediaFailed, Recording

LATE_S = 10.0
"""So long after the longest recording its end has been told, or never will be."""
END_S = 1.0
"""So long after a hangup the end of his recording has been told, or never will be."""


class ChannelTape:
    """The caller's channel as a `Tape`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def run(self, live: str, wish: Recording, longest_s: int, tone: bool) -> None:
        """As `Tape.run`. Keys pressed before or meanwhile do not count."""
        caller, asterisk = self._caller, self._caller.house.asterisk
        deadline = asyncio.get_running_loop().time() + longest_s + LATE_S
        caller.keys.clear()
        await caller.tell(asterisk.record(caller.call, live, longest_s, wish.silence_s, tone))
        while True:
            match await caller.next(deadline):
                case ari.RecordingFinished(recording=made) if made.name == live:
                    caller.keys.clear()
                    return
                case ari.RecordingFailed(recording=made) if made.name == live:
                    raise MediaFailed(f"recording failed: {made.cause}")
                case ari.ChannelDtmfReceived(digit=digit) if digit in wish.keys and digit in caller.keys:
                    await asterisk.stop_recording(live)
                case None:
                    await asterisk.stop_recording(live)
                    raise MediaFailed("nobody tells of the recording's end")

    async def run_out(self, live: str) -> None:
        """As `Tape.run_out`: Asterisk tells of the end a moment after the hangup."""
        until = asyncio.get_running_loop().time() + END_S
        while (message := await self._caller.mailbox.take(until)) is not None:
            match message:
                case ari.RecordingFinished(recording=made) | ari.RecordingFailed(recording=made):
                    if made.name == live:
                        return

    async def stop(self, live: str) -> None:
        await self._caller.house.asterisk.stop_recording(live)
