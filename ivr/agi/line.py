"""A call on AGI, from its beginning to its last log line or to the front door, as straight-line code.

    flow ──► what AGI can do: answer, play, keys, record, hang up
      └────► what it cannot (queues, transfers) ──► 1. checkpoint ──► 2. connection closed: the dialplan
             goes on to the front door ──► 3. a worker claims and adopts it: the same step begins, by ARI

The way to the front door is also the way out of everything else: a worker that drains or dies, a connection
that breaks. Between two commands Asterisk throws keys away; so none is waited for in between: while something
else is done, the line listens.
"""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from calllog.errors import HoldfastError
from ivr.agi.wire import Conversation, LineLost, Refused, Result, quoted
from ivr.ari import AsteriskAway
from ivr.ari.asterisk import FALLBACK
from ivr.ari.events import UNHEARD
from ivr.call_line import CallLine, reason_of
from ivr.caller import AsteriskStopped, House
from ivr.flow.line import KEYS, About, Announcement, Hangup, Held, MediaFailed, Recorded, Recording
from ivr.flow.run import run_flow
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.step import Flow
from ivr.flow.web import Reply, Request
from ivr.outside import MUSIC
from ivr.recordings import Recordings
from ivr.type_ahead import TypeAhead
from queues.errors import Fenced
from queues.handle import CallHandle

log = logging.getLogger(__name__)

QUICK_S = 0.005
"""What is done within this needs nobody who listens meanwhile."""
LISTEN_S = 0.05
"""How long the line listens at a time while something else is done."""
RETRY_S = 0.5

T = TypeVar("T")


class HandOver(Exception):  # noqa: N818  (named by what is to happen)
    """The step needs what AGI does not have. Nobody catches it but the line itself."""


class AgiTape:
    """A channel on AGI as a `Tape`."""

    def __init__(self, talk: Conversation, recordings: Recordings) -> None:
        self._talk = talk
        self._recordings = recordings

    async def run(self, live: str, wish: Recording, longest_s: int, tone: bool) -> None:
        """As `Tape.run`; in a hangup Asterisk closes the file by itself."""
        words = [quoted(str(self._recordings.spooled(live))), "wav", quoted(wish.keys), longest_s * 1000, 0]
        words += ["BEEP"] if tone else []
        words += [f"s={wish.silence_s}"] if wish.silence_s else []
        try:
            await self._talk.do("RECORD FILE", *words)
        except Refused as error:
            raise MediaFailed("a recording failed") from error

    async def run_out(self, live: str) -> None:
        """Asterisk has closed it before it told of the hangup."""

    async def stop(self, live: str) -> None:
        """Nothing to stop: who adopts a call has it by ARI."""


class AgiLine(CallLine):
    """A live call on AGI, and the flow's `Line`."""

    def __init__(
        self,
        house: House,
        handle: CallHandle,
        about: About,
        language: str,
        talk: Conversation,
    ) -> None:
        super().__init__(house, handle, about, language, AgiTape(talk, house.recordings))
        self.left = False
        """The dialplan goes on with the channel, and the call waits for another worker, or for us."""
        self._talk = talk
        self._keys = TypeAhead()
        self._answered = False
        self._early = False
        """The caller hears us though nobody has answered."""
        self._told = 0
        """So many of the notes that wait to be written are not the step's own."""

    # The life of the call

    async def run(self, flow: Flow) -> None:
        """Run the flow; then write the call's end, or leave it to whoever gets the channel next."""
        try:
            await self._through(self._life(flow))
        except asyncio.CancelledError:
            await self._leave(at_once=True)
            raise
        finally:
            self._talk.close()

    async def _life(self, flow: Flow) -> None:
        try:
            try:
                await run_flow(self, flow)
            except Hangup as end:
                await self._end(end)
        except HandOver:
            await self._hand_over()
        except (LineLost, AsteriskAway) as error:
            log.warning("%s", error, extra={"call": self.call})
            await self._leave()

    async def _end(self, end: Hangup) -> None:
        verdict, reason, by, cause = "", reason_of(end), end.by, end.cause
        if by == "system":
            with suppress(Hangup, Refused):  # -1 is its way to say that it is done
                await self._talk.do("EXEC", "Hangup", cause)
        elif (own := await self.house.asterisk.own_cause(self.call)) == UNHEARD:
            reason, cause = reason_of(Hangup(by, own)), own
        elif own is not None:
            verdict, reason, by = AsteriskStopped.verdict, AsteriskStopped.reason, "system"
        await self._recorder.end(self.about)
        await self.house.checkpoint.ended(
            self.handle, verdict=verdict, reason=reason, ended_by=by, cause=cause
        )

    async def _fall_back(self, verdict: str, reason: str) -> None:
        with suppress(Hangup, LineLost, Refused):
            for what, where in (("CONTEXT", FALLBACK), ("EXTENSION", "s"), ("PRIORITY", 1)):
                await self._talk.do(f"SET {what}", where)
        await self.house.checkpoint.ended(
            self.handle, verdict=verdict, reason=reason, ended_by="system", cause=0
        )

    async def _hand_over(self) -> None:
        """To the front door, where the step begins anew: what it has told so far is not to be told twice."""
        del self.handle.pending[self._told if self._to_flush else 0 :]
        await self._leave()

    async def _leave(self, at_once: bool = False) -> None:
        """Everything is written down first: who gets the channel next reads it.

        `at_once`: the worker ends, and does not wait for Redis if that is away.
        """
        self.left = True
        try:
            await self.house.checkpoint.flush(self.handle)
            try:
                if not at_once:
                    await self._redis_is_back()
            except Hangup as end:
                await self._end(end)
                self.left = False
        except Fenced:
            self.left = False
        except (HoldfastError, OSError) as error:
            log.warning("call left as it was: %s", error, extra={"call": self.call})

    async def _redis_is_back(self) -> None:
        """Nobody claims calls while Redis is away: he is kept here until then. Raises `Hangup`."""
        music = False
        with suppress(LineLost, Refused):
            while self.house.store.away:
                if not music:
                    await self._talk.do("SET MUSIC", "ON", MUSIC)
                    music = True
                await self._listen(RETRY_S)
            if music:
                await self.house.store.replay()
                await self._talk.do("SET MUSIC", "OFF")

    # The line as flows see it

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        await super().checkpoint(flow, version, path, held)
        self._told = len(self.handle.pending)

    async def _tell(self, command: str, *words: object) -> Result:
        """Give a command; beside it the step's checkpoint is made durable: no key falls in between."""
        saved = asyncio.ensure_future(self._flush())
        try:
            return await self._talk.do(command, *words)
        finally:
            await saved

    async def _listen(self, for_s: float) -> None:
        """Take a key, if one comes within that time."""
        result = await self._tell("WAIT FOR DIGIT", max(1, round(for_s * 1000)))
        if result.key:
            self._keys.press(result.key)

    async def _during(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of `work`; keys pressed meanwhile are kept, and it is given up when he is gone."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task], timeout=QUICK_S)
            while not task.done():
                await self._listen(LISTEN_S)
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def answer(self) -> None:
        if not self._answered:
            # As ARI does: AGI's own ANSWER waits for the caller's sound, half a second if none comes.
            await self._talk.do("EXEC", "Answer", ",i")
            self._answered = True
            self.note("answered")
            self._told = len(self.handle.pending)

    async def say(self, text: str, passing: bool = False) -> str:
        return await self._during(super().say(text, passing))

    def flush_digits(self) -> None:
        self._keys.clear()

    def ignore_key(self, key: str, within_s: float) -> None:
        self._keys.ignore(key, within_s)

    async def digit(self, timeout_s: float) -> str | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while not self._keys:
            left_s = until - loop.time()
            if left_s <= 0:
                return None
            await self._listen(left_s)
        return self._keys.popleft()

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        if self._keys and self._keys[0] in interrupt:
            return self._keys[0]
        if not (self._answered or self._early):
            await self._tell("EXEC", "Progress")
            self._early = True
        for uri in media:
            key = await self._stream(uri.removeprefix("sound:"), interrupt)
            if key is not None:
                return key
        return None

    async def _stream(self, file: str, interrupt: str) -> str | None:
        """Play one file. Each key stops it, or would be lost; it goes on unless that was in `interrupt`."""
        at = 0
        while True:
            try:
                result = await self._tell("STREAM FILE", quoted(file), quoted(KEYS), at)
            except Refused as error:
                raise MediaFailed(f"a sound cannot be played: {file}") from error
            if not result.key:
                return None
            if self._keys.press(result.key) and result.key in interrupt:
                return result.key
            at = result.endpos

    async def record(self, name: str, wish: Recording) -> Recorded:
        self._keys.clear()
        return await super().record(name, wish)

    async def ask(self, request: Request) -> Reply:
        return await self._during(self._ask(request))

    async def _ask(self, request: Request) -> Reply:
        await self._flush()
        return await self.house.web.fetch(request)

    async def queue(
        self,
        name: str,  # noqa: ARG002
        max_wait_s: float | None,  # noqa: ARG002
        reason: str = "",  # noqa: ARG002
        standing: Standing = ORDINARY,  # noqa: ARG002
        exits: Collection[str] = ("timeout",),  # noqa: ARG002
    ) -> NoReturn:
        raise HandOver

    async def transfer(
        self,
        number: str,  # noqa: ARG002
        ring_s: int,  # noqa: ARG002
        key: str,  # noqa: ARG002
        announcement: Announcement | None = None,  # noqa: ARG002
    ) -> NoReturn:
        raise HandOver

    async def transfer_to_agent(self, agent: str, within_s: int) -> NoReturn:  # noqa: ARG002
        raise HandOver
