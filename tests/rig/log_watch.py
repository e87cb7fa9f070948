"""The call log as a live test reads it: followed from the start, and waited for by event, never by time."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Ended
from calllog.errors import LogAway
from calllog.events import AgentStateChanged, AnyEvent
from calllog.stream import LogStream

PATIENCE_S = 60.0


class LogWatch:
    """Every event of a site from now on. `async with LogWatch(url, site) as log`.

    Methods that wait raise TimeoutError after `patience_s`.
    """

    def __init__(self, url: str, site: str, whole: bool = False) -> None:
        """`whole`: with all that was logged before the watch began."""
        self._whole = whole
        self._closing = False
        self.events: list[AnyEvent] = []
        self.broken: list[str] = []
        """Entries that are no events. Always a finding."""
        self._stream = LogStream(url, site)
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        last = [] if self._whole else await self._stream.last(1)
        self._task = asyncio.create_task(self._follow(last[0].position if last else "0-0"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task
        self._closing = True
        while not self._task.done():  # a lost connection can swallow a cancellation
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1)
        await self._stream.__aexit__()

    async def _follow(self, after: str) -> None:
        while not self._closing:
            try:
                async for entry in self._stream.follow(after):
                    after = entry.position
                    async with self._news:
                        if entry.event is None:
                            self.broken.append(entry.broken)
                        else:
                            self.events.append(entry.event)
                        self._news.notify_all()
            except LogAway:  # killed by a test; those who wait have patience of their own
                await asyncio.sleep(0.1)

    async def until(self, wanted: Callable[[AnyEvent], bool], patience_s: float = PATIENCE_S) -> AnyEvent:
        """The first event, past or coming, that is wanted."""
        assert self._task
        seen = 0
        async with asyncio.timeout(patience_s), self._news:
            while True:
                if self._task.done():
                    self._task.result()
                for event in self.events[seen:]:
                    if wanted(event):
                        return event
                seen = len(self.events)
                await self._news.wait()

    async def call_of(self, number: str, patience_s: float = PATIENCE_S) -> str:
        """The id of the call from this number, which must be new for each call."""
        arrived = await self.until(
            lambda event: isinstance(event, Arrived) and event.from_ == number, patience_s
        )
        assert isinstance(arrived, Arrived)
        return arrived.call

    async def event(self, call: str, kind: str, patience_s: float = PATIENCE_S) -> AnyCallEvent:
        """The first event of this kind in a call."""
        found = await self.until(
            lambda event: isinstance(event, CallEvent) and event.call == call and event.kind == kind,
            patience_s,
        )
        assert isinstance(found, CallEvent)
        return found

    async def whole(self, number: str, patience_s: float = PATIENCE_S) -> list[AnyCallEvent]:
        """All events of the call from this number, once it has ended."""
        call = await self.call_of(number, patience_s)
        await self.event(call, "ended", patience_s)
        return self.of_call(call)

    async def state(self, agent: str, state: str, patience_s: float = PATIENCE_S) -> AgentStateChanged:
        """The agent's latest change of state, once it is this one."""

        def reached(event: AnyEvent) -> bool:
            return (
                isinstance(event, AgentStateChanged) and event is self.last_state(agent) and event.to == state
            )

        found = await self.until(reached, patience_s)
        assert isinstance(found, AgentStateChanged)
        return found

    def agent_states(self, agent: str) -> list[AgentStateChanged]:
        """The agent's changes of state so far."""
        return [
            event for event in self.events if isinstance(event, AgentStateChanged) and event.agent == agent
        ]

    def last_state(self, agent: str) -> AgentStateChanged | None:
        """The last of them."""
        return next(iter(self.agent_states(agent)[-1:]), None)

    def of_call(self, call: str) -> list[AnyCallEvent]:
        """The events of one call so far, in order."""
        events = [event for event in self.events if isinstance(event, CallEvent) and event.call == call]
        return sorted(events, key=lambda event: event.seq)

    def calls(self) -> list[str]:
        """All calls that have arrived so far."""
        return [event.call for event in self.events if isinstance(event, Arrived)]

    def ended(self, call: str) -> bool:
        return any(isinstance(event, Ended) and event.call == call for event in self.events)


def kinds(events: Sequence[AnyCallEvent]) -> list[str]:
    """The kinds of these events, with the two sorts of hold told apart: `hold_started:agent`."""
    return [f"{event.kind}:{event.by}" if event.kind.startswith("hold_") else event.kind for event in events]  # type: ignore[union-attr]
