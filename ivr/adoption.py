"""Calls without a worker find one again: after our restart, another worker's death, or Asterisk's.

Adoption is per call, by a script on the call's old epoch: whoever tries, one wins. A worker that has won
a call of another moves its channels over; media goes on, because Asterisk holds it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from ivr.agent_leg import leg_channel, owner_of
from ivr.ari import AriError, Asterisk, AsteriskAway, Silenced
from ivr.ari.events import Channel, ChannelDestroyed, stamp_ms
from ivr.checkpoint import CallRecord, Checkpoint
from ivr.session import Session
from queues.errors import StoreAway

log = logging.getLogger(__name__)

AT_ONCE = 32
"""How many calls are adopted side by side: enough to hide round trips, few enough to keep mailboxes short."""

RETURN_S = 10.0
"""A call whose channel is gone is left to its old worker this long: Asterisk keeps its last events for it."""


class Adoption:
    """Finds calls that need a worker and starts sessions for them."""

    def __init__(
        self,
        worker: str,
        asterisk: Asterisk,
        checkpoint: Checkpoint,
        sessions: dict[str, Session],
        resume: Callable[[CallRecord], Session],
        arrive: Callable[[Channel], None],
    ) -> None:
        self._worker = worker
        self._asterisk = asterisk
        self._checkpoint = checkpoint
        self._sessions = sessions
        self._resume = resume
        self._arrive = arrive
        self._missed: dict[str, float] = {}

    async def reconcile(self) -> None:
        """Hold our calls against what Asterisk has: after a start, a reconnect, or a lapse of the lease.

        Raises `AsteriskAway` or `StoreAway` if one of them goes meanwhile; it is done again on their return.
        """
        channels = await self._asterisk.channels()
        held = set((await self._asterisk.application()).channel_ids)
        for call, session in self._sessions.items():
            if call not in channels:
                # Its end would have been told before this answer: Asterisk itself has died under it.
                session.mailbox.put(ChannelDestroyed(channel=Channel(id=call)))
        owned = [call for call in await self._checkpoint.owned(self._worker) if call not in self._sessions]
        await self._each(owned, lambda call: self._adopt_own(call, channels))
        for channel in held & channels.keys():
            call = owner_of(channel)
            if call in self._sessions:
                continue
            if call == channel:
                self._arrive(channels[channel])
            else:
                await self._asterisk.hang_up(channel)

    async def take_over(self, peer: str) -> None:
        """Adopt the calls of a worker whose lease has run out."""
        owned = await self._checkpoint.owned(peer)
        if not owned:
            return
        channels = await self._asterisk.channels()
        begun = time.monotonic()
        await self._each(owned, lambda call: self._adopt_from(peer, call, channels))
        log.warning("took over from %s in %.0f ms", peer, (time.monotonic() - begun) * 1000)

    async def _adopt_own(self, call: str, channels: dict[str, Channel]) -> None:
        record = await self._won(call, self._worker)
        if record is None:
            return
        session = self._resume(record)
        if call not in channels:
            # If Asterisk has told the end, it is ahead of this in the mailbox.
            session.mailbox.put(ChannelDestroyed(channel=Channel(id=call)))

    async def _adopt_from(self, peer: str, call: str, channels: dict[str, Channel]) -> None:
        gone = call not in channels
        if gone and time.monotonic() - self._missed.setdefault(call, time.monotonic()) < RETURN_S:
            return
        self._missed.pop(call, None)
        record = await self._won(call, peer)
        if record is None:
            return
        session = self._resume(record)
        try:
            if not gone:
                await self._asterisk.take(call)
                if record.state in ("connecting", "talking"):
                    await self._asterisk.take(leg_channel(call, record.attempt))
        except AriError as error:
            log.warning("a channel could not be taken over: %s", error, extra={"call": call})
            gone = call not in await self._asterisk.channels()
        if gone:
            session.mailbox.put(ChannelDestroyed(channel=Channel(id=call)))

    async def _won(self, call: str, owner: str) -> CallRecord | None:
        seen = await self._checkpoint.record(call)
        if seen is None or seen.state == "ended":
            return None
        return await self._checkpoint.adopt(call, owner, seen.epoch, self._worker)

    async def _each(self, calls: list[str], adopt: Callable[[str], Awaitable[None]]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(call: str) -> None:
            async with gate:
                try:
                    await adopt(call)
                except (AsteriskAway, StoreAway, Silenced) as error:
                    log.warning("adoption put off: %s", error, extra={"call": call})

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(one(call))


def created_at(channel: Channel) -> int:
    """When Asterisk made a channel, ms since the epoch."""
    return stamp_ms(channel.creationtime)
