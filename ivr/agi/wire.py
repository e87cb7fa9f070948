"""The AGI protocol on pyst2: commands and replies of one call.

Of pyst2 only `asterisk.agi.AGI` is used, and only how it puts a command together and takes a reply apart. It
is written for a program with one call and blocks: each command is a job in a thread. Around it:

- it reads and writes a `Wire` of ours: whatever bytes a phone has sent are text there, and nothing that it is
  asked to say can be more than one command;
- it takes `HANGUP`, and the end of the connection, for broken replies: they never reach it.

Replies and their meaning: Asterisk 22's res/res_agi.c.
"""

# ruff: noqa: N818  (an error is named by what is the matter: LineLost, Refused)

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from queue import SimpleQueue
from typing import NamedTuple

from asterisk.agi import (
    AGI,
    AGIAppError,
    AGIError,
    AGIHangup,
    AGIInvalidCommand,
    AGIUnknownError,
    AGIUsageError,
)

from calllog.errors import HoldfastError
from ivr.flow.line import Hangup

LONGEST_COMMAND = 8000
"""Bytes. Asterisk reads 8191 at a time, and takes what is left of a longer one for the next command."""
LONGEST_REPLY = 1000
"""Bytes; the replies that we ask for have less than a hundred."""
MOST_LINES = 100
"""Lines that may lie unread: a reply has one, and a complaint about a command some twenty."""
DEAD = 511
"""Asterisk's refusal of commands for a channel that has been hung up."""


class LineLost(HoldfastError):
    """The connection has broken. The caller may be there; the dialplan goes on with him."""

    reason = "agi-connection-lost"


class Refused(HoldfastError):
    """Asterisk could not do it; the caller is there."""

    reason = "agi-refused"


class Result(NamedTuple):
    """The reply to a command."""

    number: int
    """0, or the key that ended it, as its character's code."""
    endpos: int = 0
    """Where in the file it ended, in samples."""
    data: str = ""
    """The word in brackets behind the number."""

    @property
    def key(self) -> str:
        """The key that ended it; empty: none did."""
        return chr(self.number) if 0 < self.number < 128 else ""


class Gone(Exception):
    """The caller has hung up."""


class Wire:
    """What pyst2 takes for its standard input and output. `told` and `end` belong to the event loop."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """`send` puts bytes on the way, from the event loop."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._end: Exception | None = None

    # In the event loop

    def told(self, line: bytes) -> None:
        """Asterisk has sent a line."""
        if line.strip() == b"HANGUP":
            self.end(Gone())
        elif len(line) > LONGEST_REPLY or self._lines.qsize() > MOST_LINES:
            self.end(LineLost("what comes is no AGI"))
        else:
            self._lines.put(text_of(line))

    def end(self, why: Exception) -> None:
        """Nothing more will come; who reads after the last line, or writes, is told `why`."""
        if self._end is None:
            self._end = why
            self._lines.put(None)

    # In pyst2's thread

    def readline(self) -> str:
        """The next line of a reply."""
        line = self._lines.get()
        if line is None:
            self._lines.put(None)
            assert self._end is not None
            raise self._end
        return line

    def write(self, command: str) -> None:
        """Send one command. Raises `Refused` if it would be more than one."""
        data = command.encode("utf-8", "replace")
        if not data.endswith(b"\n") or any(end in data[:-1] for end in b"\n\r\0"):
            raise Refused("a line end in a value: it would be a second command")
        if len(data) > LONGEST_COMMAND:
            raise Refused("a command is too long: its rest would be a second one")
        self._loop.call_soon_threadsafe(self._send, data)

    def flush(self) -> None:
        """Nothing is kept back."""


class _Nowhere:
    """Where pyst2's remarks go: it repeats numbers, names and digits of people."""

    def write(self, _: str) -> None:
        """Forget it."""


class _Agi(AGI):  # type: ignore[misc]  # pyst2 has no types
    """pyst2's, without its beginning (a signal handler, which only a main thread may set) and its quoting."""

    def __init__(self, wire: Wire) -> None:
        self.stdin = self.stdout = wire
        self.stderr = _Nowhere()
        self.env: dict[str, str] = {}
        self._got_sighup = False

    def _quote(self, string: object) -> str:
        return quoted(str(string))

    def perform(self, command: str, *words: object) -> Result:
        """Give a command and wait for its reply, in this thread. Raises `Gone`, `Refused`, `LineLost`."""
        try:
            reply = self.execute(command, *words)
        except AGIHangup as hangup:
            raise Gone from hangup
        except (AGIInvalidCommand, AGIUsageError, AGIAppError) as refusal:
            raise Refused(f"{command}: {type(refusal).__name__}") from refusal
        except AGIUnknownError as answer:
            if answer.args and answer.args[0] == DEAD:
                raise Gone from answer
            raise LineLost("what comes is no AGI") from answer
        except (AGIError, ValueError) as garbage:
            raise LineLost("what comes is no AGI") from garbage
        number, data = reply["result"]
        endpos, _ = reply.get("endpos", ("0", ""))
        try:
            return Result(int(number), int(endpos), data)
        except ValueError as garbage:
            raise LineLost("what comes is no AGI") from garbage


class Conversation:
    """One call's AGI, for the event loop: one command at a time."""

    def __init__(self, send: Callable[[bytes], None], close: Callable[[], None], threads: Executor) -> None:
        """`close` ends the connection; `threads`: where pyst2 blocks, one for each call at the most."""
        self.wire = Wire(send)
        self._agi = _Agi(self.wire)
        self._close = close
        self._threads = threads

    async def do(self, command: str, *words: object) -> Result:
        """Give a command and wait until it is done. Its words are sent as they are; `quoted` makes one.

        Raises `Hangup` (the caller is gone), `Refused`, `LineLost`.
        """
        try:
            try:
                return await self._perform(command, *words)
            except Refused:
                # -1 also means that he has gone: his hangup is told before the next reply then, or by it.
                await self._perform("CHANNEL STATUS")
                raise
        except Gone:
            raise Hangup("caller") from None

    async def _perform(self, command: str, *words: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._agi.perform, command, *words
        )

    def close(self) -> None:
        """Let go of the channel: the dialplan goes on with it."""
        self.wire.end(LineLost("the connection was closed"))
        self._close()


def quoted(text: str) -> str:
    """One word of a command, whatever is in it, as res_agi.c takes words apart."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def text_of(data: bytes) -> str:
    """Bytes of a phone or of Asterisk as text: UTF-8, and what is none as Latin-1, which everything is."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
