"""What one caller says, recorded on his live channel, and what becomes of it.

record ──► a take: in the checkpoint, in Asterisk's spool ──► its file has its name ──► keep: in the log
              │ he hangs up: what he has said until then is kept in the same way
              │ the worker dies: Asterisk goes on; the next owner goes on with a second part
              └ nothing was said, or he wants to say it again: dropped
"""

import asyncio
import logging

from ivr.ari import events as ari
from ivr.caller import Caller
from ivr.checkpoint import Take
from ivr.flow.keeping import notice, recorded_event
from ivr.flow.line import About, MediaFailed, Recorded
from ivr.recordings import Recordings, live_name

log = logging.getLogger(__name__)

LATE_S = 10.0
"""So long after the longest recording its end has been told, or never will be."""
END_S = 1.0
"""So long after a hangup the end of his recording has been told, or never will be."""


class Recorder:
    """A call's recordings, one after the other."""

    take: Take | None = None
    """What is being recorded, or waits for `keep`; part of the checkpoint."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._resumed = False
        self._live = ""
        """The recording that goes on in Asterisk."""
        self._before_s = 0.0
        """What he had said when this worker took the call over."""
        self._length_s = 0.0

    @property
    def _files(self) -> Recordings:
        return self._caller.house.recordings

    @property
    def _mine(self) -> tuple[str, int]:
        return self._caller.call, self._caller.handle.epoch

    def restore(self, take: Take | None) -> None:
        """What the call's last worker was recording."""
        self.take, self._resumed = take, take is not None

    def interrupted(self, name: str) -> bool:
        """Whether this take had begun before we took the call over."""
        return self._resumed and self.take is not None and self.take.name == name

    async def stop(self, since: int) -> None:
        """End what earlier owners, from this epoch on, have begun."""
        for epoch in range(since, self._caller.handle.epoch):
            await self._caller.house.asterisk.stop_recording(live_name(self._caller.call, epoch))

    async def begin(self, take: Take, about: About) -> None:
        """From now on this is the take; it has to be in the checkpoint before `record`."""
        if self.interrupted(take.name):
            return
        if self.take is not None and self.take.name != take.name:
            await self.end(about)  # its step is gone: the flow was changed
        self._resumed = False
        await asyncio.to_thread(self._files.drop, *self._mine, take.name)
        self.take = take

    async def record(self, about: About) -> Recorded:
        """Record until a key, silence, or the longest time. Raises `Hangup`, `MediaFailed`.

        What was interrupted goes on without a tone; what was complete already is not recorded again.
        """
        take = self.take
        assert take is not None, "begin() comes before"
        resumed, self._resumed = self._resumed, False
        self._before_s = await asyncio.to_thread(self._files.spooled_s, *self._mine)
        if resumed and not self._before_s and (length_s := self._files.length_s(take.name)):
            self._length_s = length_s
            return Recorded(self._files.media(take.name), length_s)
        try:
            await self._until_finished(take, tone=take.wish.beep and not self._before_s)
        except MediaFailed:
            await self.end(about)
            raise
        said = await asyncio.to_thread(self._keep_file, take)
        if not said:
            self.take = None
        return Recorded(self._files.media(take.name) if said else "", self._length_s)

    def keep(self, about: About, at: int = 0) -> None:
        """The take is what he wanted: the log has it, and who wants to be told is. `at`: when, ms; 0: now."""
        take, self.take = self.take, None
        assert take is not None, "there is something to keep"
        house, handle = self._caller.house, self._caller.handle
        fields = recorded_event(take.name, take.wish, about, take.path, self._length_s)
        house.store.note(handle, "recorded", at, **fields)
        if take.wish.notify:
            house.outbox.post(handle, notice(take.name, take.wish, about, handle.call, self._length_s))

    async def end(self, about: About, at: int = 0) -> None:
        """Nothing more will be said: what he has said until now is kept, whatever he was about to do."""
        take = self.take
        if take is None:
            return
        if self._live:
            await self._told_of_the_end()
        try:
            said = await asyncio.to_thread(self._keep_file, take)
        except MediaFailed as error:
            log.error("%s", error, extra={"call": self._caller.call})
            said = False
        if said:
            self.keep(about, at)
        self.take = None

    def _keep_file(self, take: Take) -> bool:
        """Put the take together; if nothing was said in it, there is none. Raises `MediaFailed`."""
        self._length_s = self._files.keep(*self._mine, take.name)
        said = self._length_s > 0 and self._files.sounds_s(take.name, take.wish.min_s) >= take.wish.min_s
        if not said:
            self._files.drop(*self._mine, take.name)
        return said

    async def _until_finished(self, take: Take, tone: bool) -> None:
        caller, asterisk, wish = self._caller, self._caller.house.asterisk, take.wish
        live = live_name(caller.call, caller.handle.epoch)
        longest_s = max(1, wish.max_s - round(self._before_s))
        deadline = asyncio.get_running_loop().time() + longest_s + LATE_S
        caller.keys.clear()
        self._live = live
        await caller.tell(asterisk.record(caller.call, live, longest_s, wish.silence_s, tone))
        while True:
            match await caller.next(deadline):
                case ari.RecordingFinished(recording=made) if made.name == live:
                    self._live = ""
                    caller.keys.clear()
                    return
                case ari.RecordingFailed(recording=made) if made.name == live:
                    self._live = ""
                    raise MediaFailed(f"recording failed: {made.cause}")
                case ari.ChannelDtmfReceived(digit=digit) if digit in wish.keys and digit in caller.keys:
                    await asterisk.stop_recording(live)
                case None:
                    self._live = ""
                    await asterisk.stop_recording(live)
                    raise MediaFailed("nobody tells of the recording's end")

    async def _told_of_the_end(self) -> None:
        """He has gone: Asterisk closes the file and tells of it, a moment later."""
        until = asyncio.get_running_loop().time() + END_S
        live, self._live = self._live, ""
        while (message := await self._caller.mailbox.take(until)) is not None:
            match message:
                case ari.RecordingFinished(recording=made) | ari.RecordingFailed(recording=made):
                    if made.name == live:
                        return
