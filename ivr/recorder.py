"""What one caller says, recorded on his live channel, and what becomes of it.

record ──► a take: in the checkpoint, in Asterisk's spool ──► its file has its name ──► keep: in the log
              │ he hangs up: what he has said until then is kept in the same way
              │ the worker dies: Asterisk goes on; the next owner goes on with a second part
              └ nothing was said, or he wants to say it again: dropped
"""

import asyncio
import logging
from typing import Protocol

from ivr.caller import House
from ivr.checkpoint import Take
from ivr.flow.keeping import notice, recorded_event
from ivr.flow.line import About, MediaFailed, Recorded, Recording
from ivr.recordings import Recordings, live_name
from queues.handle import CallHandle

log = logging.getLogger(__name__)


class Tape(Protocol):
    """What records on one kind of line, into the spool."""

    async def run(self, live: str, wish: Recording, longest_s: int, tone: bool) -> None:
        """Record until a key, silence, or the longest time. Raises `Hangup`, `MediaFailed`."""

    async def run_out(self, live: str) -> None:
        """He has hung up: wait until Asterisk has closed the file."""

    async def stop(self, live: str) -> None:
        """End what an earlier owner has begun."""


class Recorder:
    """A call's recordings, one after the other."""

    take: Take | None = None
    """What is being recorded, or waits for `keep`; part of the checkpoint."""

    def __init__(self, house: House, handle: CallHandle, tape: Tape) -> None:
        self._house = house
        self._handle = handle
        self._tape = tape
        self._resumed = False
        self._live = ""
        """The recording that goes on in Asterisk."""
        self._before_s = 0.0
        """What he had said when this worker took the call over."""
        self._length_s = 0.0

    @property
    def _files(self) -> Recordings:
        return self._house.recordings

    @property
    def _mine(self) -> tuple[str, int]:
        return self._handle.call, self._handle.epoch

    def restore(self, take: Take | None) -> None:
        """What the call's last worker was recording."""
        self.take, self._resumed = take, take is not None

    def interrupted(self, name: str) -> bool:
        """Whether this take had begun before we took the call over."""
        return self._resumed and self.take is not None and self.take.name == name

    async def stop(self, since: int) -> None:
        """End what earlier owners, from this epoch on, have begun."""
        for epoch in range(since, self._handle.epoch):
            await self._tape.stop(live_name(self._handle.call, epoch))

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
            await self._run(take)
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
        house, handle = self._house, self._handle
        fields = recorded_event(take.name, take.wish, about, take.path, self._length_s)
        house.store.note(handle, "recorded", at, **fields)
        if take.wish.notify:
            house.outbox.post(handle, notice(take.name, take.wish, about, handle.call, self._length_s))

    async def end(self, about: About, at: int = 0) -> None:
        """Nothing more will be said: what he has said until now is kept, whatever he was about to do."""
        take = self.take
        if take is None:
            return
        live, self._live = self._live, ""
        if live:
            await self._tape.run_out(live)
        try:
            said = await asyncio.to_thread(self._keep_file, take)
        except MediaFailed as error:
            log.error("%s", error, extra={"call": self._handle.call})
            said = False
        if said:
            self.keep(about, at)
        self.take = None

    async def _run(self, take: Take) -> None:
        """Record what is left of the longest time. After a hangup the file is still open: `end` knows."""
        self._live = live_name(*self._mine)
        longest_s = max(1, take.wish.max_s - round(self._before_s))
        tone = take.wish.beep and not self._before_s
        try:
            await self._tape.run(self._live, take.wish, longest_s, tone)
        except MediaFailed:
            self._live = ""
            raise
        self._live = ""

    def _keep_file(self, take: Take) -> bool:
        """Put the take together; if nothing was said in it, there is none. Raises `MediaFailed`."""
        self._length_s = self._files.keep(*self._mine, take.name)
        said = self._length_s > 0 and self._files.sounds_s(take.name, take.wish.min_s) >= take.wish.min_s
        if not said:
            self._files.drop(*self._mine, take.name)
        return said
