"""How operations reach Redis and what becomes of their answers, whoever still waits for them.

An answer is dealt with when it arrives, not when the coroutine that asked runs again: its offers must be rung
and its failure must be journaled also if that coroutine has been cancelled meanwhile.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from calllog.errors import HoldfastError
from queues import scripts
from queues.deferral import Deferral
from queues.errors import Fenced, StoreAway, StoreFault
from queues.handle import CallHandle
from queues.keys import Keys
from queues.link import Link
from queues.results import Offer
from queues.wire import Arg, Asked, Request, pack

log = logging.getLogger(__name__)

DONE, REPEATED, FENCED, UNKNOWN, REFUSED = range(5)
"""Statuses by which scripts answer."""

REPLAY_AT_ONCE = 64

PATIENCE_S = {
    "note": 0.003,
    "arrive": 0.005,
    # They may free an agent; a hold exists nowhere else until it is written.
    **dict.fromkeys(("unbridged", "ended", "hold"), 0.01),
    "connected": 0.05,  # if the worker dies before, the bridge itself tells who takes over
}
"""Operations for which nobody on the line waits: they go with whatever else is sent within this time.

An `arrive` that somebody waits for goes at once. Each write wakes Redis up and makes it sync its file, which
costs more than what it is told to do.
"""


class Reply(NamedTuple):
    """What a call's operation answers; see queues/lua/operation.lua."""

    status: int
    seq: int
    state: str
    agent: str
    attempt: int
    due_at: int
    result: Any
    offers: Sequence[Any]
    journaled: bool = False


SENT = Reply(DONE, 0, "", "", 0, 0, 1, ())
JOURNALED = Reply(DONE, 0, "", "", 0, 0, 1, (), journaled=True)


class _Doors(msgspec.Struct, tag="doors"):
    """A message to a worker: somewhere somebody who waits may have to leave."""


class _Moved(msgspec.Struct, tag="moved"):
    """A message to a worker: one of its calls waits in another queue now, since `joined_at` (ms)."""

    call: str
    queue: str
    joined_at: int


class _Wake(msgspec.Struct, tag="offer"):
    """A message to a worker: an offer for one of its calls."""

    call: str
    agent: str
    device: str
    attempt: int
    queue: str
    ring_s: float
    leg: str = ""


class Attempts:
    """Which attempts of a call were told. Several phones may ring, and the message about any can be lost."""

    __slots__ = ("_above", "_floor")

    def __init__(self) -> None:
        self._floor = 0
        """Up to here each was told, or is not to be."""
        self._above: set[int] | None = None

    def up_to(self, attempt: int) -> None:
        """Those are dealt with elsewhere."""
        self._floor = max(self._floor, attempt)

    def new(self, attempt: int) -> bool:
        """Whether it has not been told; it is from now on."""
        above = self._above
        if attempt <= self._floor or (above is not None and attempt in above):
            return False
        if attempt == self._floor + 1:
            self._floor = attempt
        elif above is None:
            self._above = {attempt}
        else:
            above.add(attempt)
        return True


class _Operation(Request):
    """An operation on its way."""

    __slots__ = ("argv", "deferrable", "engine", "future", "handle", "script")

    def __init__(
        self, engine: "Operations", handle: CallHandle, script: str, argv: list[Arg], deferrable: bool
    ) -> None:
        super().__init__(engine.packed(script, argv))
        self.engine = engine
        self.handle = handle
        self.script = script
        self.argv = argv
        self.deferrable = deferrable
        self.future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def done(self, reply: Any) -> None:
        self.engine.answered(self, Reply(*reply))

    def failed(self, error: Exception) -> None:
        self.engine.failed(self, error)


class _Heeded(Asked):
    """A request whose answer is dealt with when it arrives, before whoever asked runs again."""

    __slots__ = ("heed",)

    def __init__(self, heed: Callable[[Any], None], answer: "asyncio.Future[Any]", *command: Arg) -> None:
        super().__init__(answer, *command)
        self.heed = heed

    def done(self, reply: Any) -> None:
        self.heed(reply)
        super().done(reply)


def now_ms() -> int:
    """Wall clock of this host, ms since the epoch."""
    return time.time_ns() // 1_000_000


class Operations:
    """The engine under `Store` and `Checkpoint`: one link, one journal, one place where offers are told."""

    def __init__(self, url: str, site: str, worker: str, journal: Path | None) -> None:
        self.worker = worker
        self.keys = Keys(site)
        self.library = scripts.load()
        probe = self._command("probe", ())
        self.link = Link(url, self.library.source, probe, self.keys.wake(worker) if worker else "")
        self.link.on_push = self._on_wake
        self.link.on_back = self._on_back
        self.deferral = Deferral(journal)
        self.on_offer: Callable[[Offer], None] = _ignore
        self.on_due: Callable[[int], None] = _ignore
        self.on_doors: Callable[[], None] = _nothing
        self.on_moved: Callable[[str, str, int], None] = _no_matter
        """A call was moved to a queue, at an instant (ms)."""
        self.before_replay: Callable[[], Awaitable[None]] = _at_once
        """Tells what the journal's operations must find told."""
        self.patience_s: Mapping[str, float] = PATIENCE_S
        self._rung: dict[str, Attempts] = {}
        self._replaying = asyncio.Lock()
        self._returning: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)
        await self.link.close()
        await self.deferral.close()

    # Operations on calls

    def operate(
        self,
        handle: CallHandle,
        script: str,
        own: Sequence[Arg] = (),
        at: int = 0,
        deferrable: bool = False,
        wait: bool = True,
    ) -> "asyncio.Future[Reply]":
        """Start an operation on a call; its notes ride with it. It goes on if nobody awaits it any more."""
        handle.op += 1
        notes, handle.pending = handle.pending, []
        argv: list[Arg] = [handle.call, handle.worker, handle.epoch, handle.op, at, len(notes)]
        for note in notes:
            argv += note
        argv += own
        work = _Operation(self, handle, script, argv, deferrable)
        if self.deferral.holds(handle.call):
            self.failed(work, StoreAway("earlier operations of this call wait for Redis in the journal"))
        else:
            if not (wait and script == "arrive"):
                work.wait_s = self.patience_s.get(script, 0.0)
            self.link.submit(work)
        return work.future

    async def perform(
        self, handle: CallHandle, script: str, own: Sequence[Arg] = (), at: int = 0, wait: bool = True
    ) -> Reply:
        """An operation that may be put off. Without `wait` the answer is `SENT`: on its way, in order."""
        future = self.operate(handle, script, own, at, deferrable=True, wait=wait)
        if wait:
            return await future
        future.add_done_callback(_seen)
        return SENT

    def packed(self, script: str, argv: Sequence[Arg]) -> bytes:
        """A function's call as it goes over the wire."""
        return pack(*self._command(script, argv))

    def _command(self, script: str, argv: Sequence[Arg]) -> tuple[Arg, ...]:
        return ("FCALL", self.library.function(script), 1, self.keys.log, *argv)

    def answered(self, work: _Operation, reply: Reply) -> None:
        """Redis has answered an operation."""
        if reply.status in (FENCED, UNKNOWN):
            why = "belongs to another worker by now" if reply.status == FENCED else "is not known"
            _fail(work.future, Fenced(f"{work.script}: the call {why}"))
            return
        work.handle.seq = reply.seq
        if reply.state == "ended":
            self.forget(work.handle.call)
        self.tell(reply.offers, reply.due_at)
        if not work.future.done():
            work.future.set_result(reply)

    def failed(self, work: _Operation, error: Exception) -> None:
        """Away: put off what may be put off; of the rest at least the notes, under the operation's number."""
        if not isinstance(error, StoreAway) or not self.deferral.possible:
            _fail(work.future, error)
            return
        argv, own_at = list(work.argv), 6 + 2 * int(work.argv[5])
        argv[4] = argv[4] or now_ms()
        if work.deferrable:
            self.deferral.append(work.script, argv, partial(_keep, work.future))
            return
        if own_at > 6:
            self.deferral.append("note", argv[:own_at], _nothing)
        _fail(work.future, error)

    # Everything else

    async def run(self, script: str, *argv: Arg, heed: Callable[[Any], None] | None = None) -> Any:
        """A function that is no operation of a call. Raises StoreAway.

        `heed` gets the answer in its order among all answers: an offer must be told before its call ends.
        """
        return await self.ask(script, *argv, heed=heed)

    def ask(
        self, script: str, *argv: Arg, heed: Callable[[Any], None] | None = None
    ) -> "asyncio.Future[Any]":
        """As `run`, and on its way when this returns: before whatever is asked after it."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.link.submit(_Heeded(heed or _ignore, answer, *self._command(script, argv)))
        return answer

    def tell(self, offers: Sequence[Any], due_at: int = 0) -> None:
        """Report offers (once per attempt of a call) and a new due time."""
        for call, agent, device, attempt, queue, ring_s, *leg in offers:
            self._ring(Offer(call, agent, device, attempt, queue, int(float(ring_s)), *leg))
        if due_at:
            self.on_due(due_at)

    def told(self, reply: Sequence[Any]) -> None:
        """Heed an answer that ends with a due time and offers."""
        self.tell(reply[-1], reply[-2])

    def _replayed(self, raw: Sequence[Any]) -> None:
        reply = Reply(*raw)
        self.tell(reply.offers, reply.due_at)

    def know(self, call: str, attempt: int) -> None:
        """This attempt is dealt with elsewhere (a take-over): do not tell it."""
        self._rung.setdefault(call, Attempts()).up_to(attempt)

    def forget(self, call: str) -> None:
        """The call is not ours any more."""
        self._rung.pop(call, None)

    def _ring(self, offer: Offer) -> None:
        told = self._rung.get(offer.call)
        if told is None:
            told = self._rung[offer.call] = Attempts()
        if told.new(offer.attempt):
            self.on_offer(offer)

    def _on_wake(self, message: str) -> None:
        try:
            wake = msgspec.json.decode(message, type=_Wake | _Doors | _Moved)
        except msgspec.DecodeError:
            log.error("a message to this worker is no offer, and not about doors or a move")
            return
        if isinstance(wake, _Doors):
            self.on_doors()
            return
        if isinstance(wake, _Moved):
            self.on_moved(wake.call, wake.queue, wake.joined_at)
            return
        ring_s = int(wake.ring_s)
        self._ring(Offer(wake.call, wake.agent, wake.device, wake.attempt, wake.queue, ring_s, wake.leg))

    # After Redis was away

    def _on_back(self) -> None:
        if self.worker and (self._returning is None or self._returning.done()):
            self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        """What was put off, then the offers whose message was lost."""
        try:
            await self.replay()
            cursor = ""
            while cursor != "0":
                cursor, _ = await self.run(
                    "ringing", self.worker, cursor or "0", heed=lambda reply: self.tell(reply[1])
                )
        except HoldfastError as error:
            log.warning("not back yet: %s", error)

    async def replay(self) -> int:
        """Run the journal in order, then empty it; how many operations that were. Raises StoreAway.

        What Redis refuses for good is set aside: the rest of the journal must not wait for it.
        """
        count = 0
        async with self._replaying:
            await self.before_replay()
            while batch := self.deferral.oldest(REPLAY_AT_ONCE):
                replies = [self.run(each.script, *each.argv, heed=self._replayed) for each in batch]
                answers = await asyncio.gather(*replies, return_exceptions=True)
                for away in answers:
                    if isinstance(away, BaseException) and not isinstance(away, StoreFault):
                        raise away
                for deferred, raw in zip(batch, answers, strict=True):
                    if isinstance(raw, BaseException):
                        self.deferral.set_aside(deferred, raw)
                    elif Reply(*raw).status in (FENCED, UNKNOWN):
                        log.warning(
                            "journal: %s came too late", deferred.script, extra={"call": deferred.call}
                        )
                await self.deferral.replayed(len(batch))
                count += len(batch)
        if count:
            log.warning("replayed %d operations from the journal", count)
        return count


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _keep(future: "asyncio.Future[Reply]") -> None:
    if not future.done():
        future.set_result(JOURNALED)


def _seen(future: "asyncio.Future[Reply]") -> None:
    """Nobody waits. If the call is not ours any more, its next operation will be told so."""
    if not future.cancelled():
        future.exception()


def _nothing() -> None:
    """Nobody waits for it."""


async def _at_once() -> None:
    """There is nothing to be told."""


def _no_matter(_call: str, _queue: str, _at: int) -> None:
    """Nobody listens."""


def _ignore(_: object) -> None:
    """Nobody listens."""
