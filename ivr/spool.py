"""What Asterisk did alone: calls that no worker claimed, read from its spool into the call log as `inferred`.

Asterisk appends one JSON object a line (asterisk/etc/cdr_custom.conf). A worker takes the file away by
renaming it, so two workers never read the same one; one that dies meanwhile finds its own again.
"""

import logging
from pathlib import Path

import msgspec

from ivr.checkpoint import Checkpoint
from ivr.flow.keeping import plain_name
from ivr.recordings import Recordings
from queues.errors import Fenced
from queues.handle import CallHandle
from queues.store import Store

log = logging.getLogger(__name__)

BOX = "fallback"
"""The box of the messages that Asterisk takes alone."""
MIN_S = 0.5
"""Seconds of sound; with less in it nothing was said."""


class FallbackCall(msgspec.Struct):
    """One line of the spool. Instants in seconds since the epoch, `answer` 0 if never. Personal: `number`."""

    uniqueid: str
    number: str
    called: str
    start: float
    end: float
    answer: float = 0.0
    disposition: str = ""
    userfield: str = ""

    @property
    def verdict(self) -> str:
        """What became of the caller; `userfield` is how far the fallback came with him."""
        if not self.answer:
            return "rejected"
        return "overflowed" if self.userfield == "message" else "transferred"


class Spool:
    """The fallback's spool under the data directory, as one worker reads it."""

    def __init__(self, data: Path, worker: str, store: Store, checkpoint: Checkpoint) -> None:
        self._file = data / "spool" / "fallback" / "calls.json"
        self._taken = self._file.with_name(f"calls.{worker}.json")
        self._messages = data / "spool" / "message"
        self._recordings = Recordings(data)
        self._worker = worker
        self._store = store
        self._checkpoint = checkpoint

    async def drain(self) -> int:
        """Write what lies in the spool into the call log; how many calls. Nothing is lost on `StoreAway`."""
        if not self._taken.exists():
            try:
                self._file.rename(self._taken)
            except FileNotFoundError:
                return 0
        lines = self._taken.read_bytes().splitlines()
        told = 0
        for number, line in enumerate(lines, 1):
            try:
                call = msgspec.json.decode(line, type=FallbackCall, strict=False)
            except msgspec.DecodeError as error:
                log.error("line %d of the fallback's spool cannot be read, kept aside: %s", number, error)
                with self._file.with_name("broken.json").open("ab") as aside:
                    aside.write(line + b"\n")
                continue
            told += await self._tell(call)
        self._taken.unlink()
        return told

    async def _tell(self, call: FallbackCall) -> int:
        handle = CallHandle(call.uniqueid, self._worker)
        start, end = round(call.start * 1000), round(call.end * 1000)
        try:
            await self._checkpoint.arrive(
                handle,
                at=start,
                from_=call.number,
                to=call.called,
                asterisk=call.uniqueid.rpartition("-")[0],
                inferred=True,
            )
        except Fenced:
            return 0  # a call of ours that failed and was given to the fallback: its log is written
        if call.answer:
            self._store.note(handle, "answered", round(call.answer * 1000))
        if call.userfield == "message":
            self._take_message(handle, call, end)
        await self._checkpoint.ended(
            handle,
            at=end,
            verdict=call.verdict,
            reason=f"fallback-{call.userfield or 'none'}",
            ended_by="caller" if call.answer else "system",
            between=(start, max(start, end)),
        )
        await self._checkpoint.tell(
            self._worker,
            0,
            "fallback_taken",
            start,
            asterisk=handle.call.rpartition("-")[0],
            to=call.called,
            result=call.userfield,
            **{"from": call.number},
        )
        log.warning("Asterisk served a call alone", extra={"call": call.uniqueid})
        return 1

    def _take_message(self, handle: CallHandle, call: FallbackCall, at: int) -> None:
        """What the caller has left is a message like any other."""
        name = f"{plain_name(call.uniqueid)}-0"
        try:
            length_s = self._recordings.take_in(self._messages / f"{call.uniqueid}.wav", name)
        except OSError as error:
            log.error("a message cannot be kept: %s", error.strerror, extra={"call": call.uniqueid})
            return
        if self._recordings.sounds_s(name, MIN_S) < MIN_S:
            self._recordings.delete(name)
            return
        fields = {"path": "fallback/message", "recording": name, "length_ms": round(length_s * 1000)}
        self._store.note(handle, "recorded", at, box=BOX, **fields, **{"from": call.number})
