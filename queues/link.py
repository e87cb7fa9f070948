"""One connection to Redis, shared by everything a worker does at once.

    submit ──► written together with whatever else this turn of the loop wants ──► answered in order
      │
      ├─ 1. connection lost: made anew at once, what was unanswered is sent again, in order
      ├─ 2. that fails, or an answer is 1 s late: away. Whatever is unanswered fails, until
      │      Redis lets us write again (probe)
      └─ 3. functions forgotten: the library is loaded anew, what met this is sent again, in order

Sending again is safe because every function recognises a repetition. The client of redis-py
costs several times as much per call as packing and parsing with hiredis directly.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import hiredis

from queues.address import Address, parse
from queues.errors import StoreAway, StoreFault
from queues.wire import Arg, Asked, Pipe, Request, pack

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
RETRY_S = 0.1
GRACE_S = 0.02
LAST_S = 0.5
MAX_TRIES = 3
"""So often one request may meet a Redis that lets the probe write but refuses the request itself."""

AWAY_CODES = frozenset(
    {
        *("LOADING", "READONLY", "MISCONF", "OOM", "BUSY", "TRYAGAIN", "NOREPLICAS"),
        *("CLUSTERDOWN", "MASTERDOWN", "NOAUTH", "WRONGPASS", "NOPERM"),
    }
)
"""Errors by which Redis says that it cannot serve now, whatever is asked; a full client list is one more."""


def code_of(error: Exception) -> str:
    """First word of an error reply."""
    return str(error).partition(" ")[0]


def is_away(error: Exception) -> bool:
    """Whether an error reply means that Redis cannot serve for the time being."""
    return code_of(error) in AWAY_CODES or "max number of clients" in str(error)


class Link:
    """The connection as the store sees it: always there, or away."""

    def __init__(self, url: str, library: str, probe: Sequence[Arg], subscribe: str = "") -> None:
        """`library`: source of functions, loaded after each connect; `probe`: a command that writes."""
        self._url = url
        self._load = ("FUNCTION", "LOAD", library) if library else ("PING",)
        self._probe = tuple(probe)
        self._subscribe = subscribe
        self._pipe: Pipe | None = None
        self._waiting: deque[Request] = deque()
        self._resend: deque[Request] | None = None
        self._mending: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._late: Request | None = None
        self._closed = False
        self._ready = asyncio.Event()
        self._reason = ""
        self.away = False
        self.on_back: Callable[[], None] = lambda: None
        """Called after each connect, before anything that was submitted is sent."""
        self.on_push: Callable[[str], None] = _ignore
        """Called with each message of the channel."""

    def submit(self, request: Request) -> None:
        """Send a request as soon as may be; it fails at once while Redis is away."""
        if self._closed:
            request.failed(StoreAway("the store is closed"))
        elif self._pipe is not None and self._resend is None:
            self._pipe.send(request)
            if self._watch is None:
                self._watch_answers(TIMEOUT_S)
        elif self.away:
            request.failed(StoreAway(self._reason))
        else:
            self._waiting.append(request)
            self._mend()

    async def call(self, *command: Arg) -> Any:
        """One command, waited for. Raises StoreAway or StoreFault."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.submit(Asked(answer, *command))
        return await answer

    async def connect(self) -> None:
        """Wait until Redis is there, however long that takes."""
        self._mend()
        await self._ready.wait()

    async def close(self) -> None:
        """End the connection after a last moment for answers; whatever is unanswered then fails."""
        if self._pipe is not None and self._pipe.unanswered:
            with suppress(TimeoutError, StoreAway):
                async with asyncio.timeout(LAST_S):
                    await self.call("PING")
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._keep(pipe)
            if pipe.transport is not None:
                pipe.transport.close()
        self._fail_all("the store is closed")

    # Answers

    def _on_answer(self, pipe: Pipe, request: Request, reply: Any) -> None:
        if not isinstance(reply, hiredis.ReplyError):
            request.done(reply)
        elif "Function not found" in str(reply) and request.tries < MAX_TRIES:
            request.tries += 1
            self._load_again(request)
        elif is_away(reply) and request.tries < MAX_TRIES:
            request.tries += 1
            self._reason = f"Redis: {reply}"
            pipe.unanswered.appendleft(request)
            pipe.abort()
        elif is_away(reply):
            request.failed(StoreAway(f"Redis: {reply}"))
        else:
            request.failed(StoreFault(f"Redis: {reply}"))
        if self._resend is not None and not pipe.unanswered and pipe is self._pipe:
            self._send_again()

    def _load_again(self, request: Request) -> None:
        """Hold everything back until what is on its way has been answered: order is kept."""
        if self._resend is None:
            log.warning("Redis has forgotten our functions; loading them again")
            self._resend = deque()
        self._resend.append(request)

    def _send_again(self) -> None:
        pipe, again, self._resend = self._pipe, self._resend, None
        assert pipe is not None
        assert again is not None
        pipe.send(Request(pack(*self._load)))
        for request in (*again, *self._take_waiting()):
            pipe.send(request)

    def _take_waiting(self) -> list[Request]:
        waiting, self._waiting = list(self._waiting), deque()
        return waiting

    def _watch_answers(self, delay_s: float) -> None:
        self._watch = asyncio.get_running_loop().call_later(delay_s, self._look_at_oldest)

    def _look_at_oldest(self) -> None:
        self._watch = None
        pipe = self._pipe
        if pipe is None or not pipe.unanswered:
            return
        oldest = pipe.unanswered[0]
        age = asyncio.get_running_loop().time() - oldest.sent_at
        if age < TIMEOUT_S:
            self._watch_answers(TIMEOUT_S - age)
            return
        if self._late is not oldest:  # perhaps this process was held up and the answer is waiting to be read
            self._late = oldest
            self._watch_answers(GRACE_S)
            return
        self._pipe = None
        self._keep(pipe)
        pipe.abort()
        self._go_away(f"Redis has not answered for {TIMEOUT_S:.0f} s")
        self._mend()

    # Loss and return

    def _keep(self, pipe: Pipe) -> None:
        """What the lost connection had not answered goes first, in its order."""
        kept = [*(self._resend or ()), *pipe.unanswered]
        self._resend = None
        pipe.unanswered.clear()
        self._waiting.extendleft(reversed(kept))

    def _on_lost(self, pipe: Pipe) -> None:
        if pipe is self._pipe:
            self._pipe = None
            self._keep(pipe)
            if not self._closed:
                self._mend()

    def _go_away(self, reason: str) -> None:
        self._ready.clear()
        if not self.away or reason != self._reason:
            log.warning("Redis is away: %s", reason)
        self.away, self._reason = True, reason
        self._fail_all(reason)

    def _fail_all(self, reason: str) -> None:
        for request in self._take_waiting():
            request.failed(StoreAway(reason))

    def _mend(self) -> None:
        if self._pipe is None and (self._mending is None or self._mending.done()):
            self._mending = asyncio.get_running_loop().create_task(self._connect_again())

    async def _connect_again(self) -> None:
        while self._pipe is None:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    pipe = await self._open()
            except TimeoutError:
                self._go_away(f"Redis has not answered for {TIMEOUT_S:.0f} s")
            except (OSError, hiredis.ReplyError) as error:
                self._go_away(f"Redis: {error}")
            else:
                self._use(pipe)
                return
            await asyncio.sleep(RETRY_S)

    def _use(self, pipe: Pipe) -> None:
        if self.away:
            log.warning("Redis is back")
        self._pipe, self.away = pipe, False
        self.on_back()
        for request in self._take_waiting():
            self._pipe.send(request)
        if pipe.unanswered and self._watch is None:
            self._watch_answers(TIMEOUT_S)
        self._ready.set()

    async def _open(self) -> Pipe:
        """Connect, log in, load the scripts, subscribe, and see that writing works."""
        at = parse(self._url)
        loop = asyncio.get_running_loop()

        def make() -> Pipe:
            return Pipe(self._on_push)

        if at.path:
            _, pipe = await loop.create_unix_connection(make, at.path)
        else:
            tls = ssl.create_default_context() if at.tls else None
            _, pipe = await loop.create_connection(make, at.host, at.port, ssl=tls)
        try:
            await self._greet(pipe, at)
        except BaseException:
            pipe.abort()
            raise
        pipe.answered, pipe.lost = self._on_answer, self._on_lost
        return pipe

    async def _greet(self, pipe: Pipe, at: Address) -> None:
        hello: tuple[Arg, ...] = ("HELLO", 3)
        if at.password:
            hello = (*hello, "AUTH", at.username or "default", at.password)
        commands: list[tuple[Arg, ...]] = [hello]
        if at.db:
            commands.append(("SELECT", at.db))
        commands += [self._load, self._probe]
        for reply in await asyncio.gather(*(pipe.call(*command) for command in commands)):
            if isinstance(reply, hiredis.ReplyError) and "already exists" not in str(reply):
                raise reply
        if self._subscribe and pipe.transport is not None:
            pipe.transport.write(pack("SUBSCRIBE", self._subscribe))

    def _on_push(self, push: list[Any]) -> None:
        if len(push) == 3 and push[0] == "message":
            self.on_push(push[2])


def _ignore(_: object) -> None:
    """For what needs no answer."""
