"""Calls without a worker find one again: after our restart, another worker's death, or Asterisk's.

Adoption is per call, by a script on the call's old epoch: whoever tries, one wins. A worker that has won
a call of another moves its channels over; media goes on, because Asterisk holds it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from ivr.agent_leg import asked_channel, is_outside, leg_channel, owner_of
from ivr.ari import AriError, Asterisk, AsteriskAway, Silenced
from ivr.ari.asterisk import FALLBACK
from ivr.ari.events import Channel
from ivr.caller import Vanished
from ivr.checkpoint import CallRecord, Checkpoint, Peer
from ivr.session import Session
from queues.errors import StoreAway
from queues.operations import now_ms

log = logging.getLogger(__name__)

BEFORE_SEEN_MS = 500
"""A dead worker may have been told of a hangup so long before its last renewal without having written it."""

AT_ONCE = 32
"""How many calls are adopted side by side: enough to hide round trips, few enough to keep mailboxes short."""

RETURN_MS = 10_000
"""A call whose channel is gone is left to its old worker this long: Asterisk keeps its last events for it."""


@dataclass
class Recovered:
    """What an adoption has found: calls that have a worker again, and how many of them ended unseen."""

    adopted: int = 0
    lost: int = 0


class Adoption:
    """Finds calls that need a worker and starts sessions for them."""

    def __init__(
        self,
        worker: str,
        asterisk: Asterisk,
        checkpoint: Checkpoint,
        sessions: dict[str, Session],
        resume: Callable[[CallRecord], Session],
        arrive: Callable[[Channel], Awaitable[None]],
        forget: Callable[[str], None],
        left: set[str],
        on_agi: Callable[[str], bool] = lambda _: False,
        look_after: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`left`: calls of ours that have lost their session; `forget` is told of those that others have.

        `on_agi`: whether agi.Server sees to a call; `look_after` gives it those of before a restart.
        """
        self._worker = worker
        self._asterisk = asterisk
        self._checkpoint = checkpoint
        self._sessions = sessions
        self._resume = resume
        self._arrive = arrive
        self._forget = forget
        self._left = left
        self._on_agi = on_agi
        self._look_after = look_after
        self._started_at = 0
        self._missed: dict[str, int] = {}
        self._taking: set[str] = set()

    async def reconcile(
        self, started_at: int = 0, seen_at: int = 0, cut_at: int = 0, died: bool = False
    ) -> Recovered:
        """Hold our calls against what Asterisk has: after a start, a reconnect, or a lapse of the lease.

        `started_at`: when this Asterisk began; `seen_at`: when our name's last process was seen alive;
        `cut_at`: when Asterisk went away; ms.
        `died`: it is another Asterisk now. One that was only cut off may have told a hangup to nobody.
        Raises `AsteriskAway` or `StoreAway` if one of them goes meanwhile; it is done again on their return.
        """
        self._started_at = started_at
        recovered = Recovered()
        ours = [(call, session) for call, session in self._sessions.items() if session.begun]
        channels = await self._asterisk.channels()
        held = set((await self._asterisk.application()).channel_ids)
        for call, session in ours:
            if call not in channels and call in self._sessions:
                session.mailbox.put(Vanished(cut_at or now_ms(), now_ms(), lost=died))
        await self._regain(channels, recovered, seen_at, cut_at, died)
        await self.receive([channels[held_by_us] for held_by_us in held & channels.keys()])
        return recovered

    async def regain(self) -> Recovered:
        """Go on with calls that have lost their session. Raises `AsteriskAway` or `StoreAway`."""
        recovered = Recovered()
        if self._left:
            await self._regain(await self._asterisk.channels(), recovered)
        return recovered

    async def _regain(
        self,
        channels: dict[str, Channel],
        recovered: Recovered,
        seen_at: int = 0,
        cut_at: int = 0,
        died: bool = False,
    ) -> None:
        owned = await self._checkpoint.owned(self._worker)
        for call in self._left.difference(owned):
            if not self._checkpoint.defers(call):
                self._forget(call)  # it has ended, or another worker was quicker
        unserved = [
            call
            for call in owned
            if not (call in self._sessions or self._on_agi(call) or self._checkpoint.defers(call))
        ]
        legs = _legs(channels)
        await self._each(
            unserved, lambda call: self._adopt_own(call, channels, legs, seen_at, cut_at, died, recovered)
        )

    async def receive(self, channels: Iterable[Channel]) -> None:
        """Channels in our application that may belong to nobody: callers' begin a call, legs end."""
        for channel in channels:
            call = owner_of(channel.id)
            if call in self._sessions or channel.dialplan.context == FALLBACK:
                continue
            record = await self._checkpoint.record(call)
            live = record is not None and record.state != "ended"
            if record is not None and live and record.owner != self._worker and not record.agi:
                continue  # our application still lists channels that were taken over from us
            if call == channel.id and (record is None or record.state != "ended"):
                await self._arrive(channel)
            else:
                await self._asterisk.hang_up(channel.id)

    async def take_over(self, peer: Peer) -> Recovered:
        """Adopt the calls of a worker whose lease has run out. While that goes on, it is not begun again."""
        recovered = Recovered()
        if peer.name in self._taking:
            return recovered
        self._taking.add(peer.name)
        try:
            owned = await self._checkpoint.owned(peer.name)
            channels = await self._asterisk.channels() if owned else {}
            legs = _legs(channels)
            await self._each(owned, lambda call: self._adopt_from(peer, call, channels, legs, recovered))
        finally:
            self._taking.discard(peer.name)
        return recovered

    async def _adopt_own(
        self,
        call: str,
        channels: dict[str, Channel],
        legs: Mapping[str, list[str]],
        seen_at: int,
        cut_at: int,
        died: bool,
        recovered: Recovered,
    ) -> None:
        was_served = call in self._left
        record = await self._won(call, self._worker, call in channels)
        if record is None:
            return
        recovered.adopted += 1
        session = self._resume(record)
        await self._end_strays(record, legs.get(call, []))
        if call not in channels:
            # If Asterisk has told the end, it is ahead of this in the mailbox.
            recovered.lost += not len(session.mailbox)
            if was_served and cut_at:
                session.mailbox.put(Vanished(cut_at, now_ms(), lost=died))
            else:
                since = seen_at - BEFORE_SEEN_MS if seen_at else record.known_at
                session.mailbox.put(Vanished(since, now_ms(), self._died_since(record)))

    async def _adopt_from(
        self,
        peer: Peer,
        call: str,
        channels: dict[str, Channel],
        legs: Mapping[str, list[str]],
        recovered: Recovered,
    ) -> None:
        """`legs`: call → the channels that were made for it."""
        gone = call not in channels
        if gone and now_ms() - self._missed.setdefault(call, now_ms()) < RETURN_MS:
            return
        missed_at = self._missed.pop(call, 0)
        record = await self._won(call, peer.name, not gone)
        if record is None:
            return
        recovered.adopted += 1
        session = self._resume(record)
        session.moving = not gone
        try:
            if not gone:
                await self._asterisk.take(call)
                for leg in await self._end_strays(record, legs.get(call, [])):
                    await self._asterisk.take(leg)
                if record.consult_line in channels:
                    await self._asterisk.take(record.consult_line)
        except AriError as error:
            log.warning("a channel could not be taken over: %s", error, extra={"call": call})
            gone = call not in await self._asterisk.channels()
        if gone:
            recovered.lost += 1
            died = self._died_since(record)
            session.mailbox.put(Vanished(peer.seen_at - BEFORE_SEEN_MS, missed_at or now_ms(), died))

    def _died_since(self, record: CallRecord) -> bool:
        """Whether the call was in an Asterisk before the one that is there now.

        That its worker was seen later says nothing: it renews its lease while Asterisk is away.
        """
        return self._started_at > record.known_at

    async def _end_strays(self, record: CallRecord, legs: list[str]) -> list[str]:
        """End what the call has left behind; which of its legs it goes on with."""
        if record.state not in ("connecting", "talking"):
            return [leg for leg in legs if is_outside(leg)]
        stay = [leg for leg in (record.leg, record.consult and record.consult_leg) if leg]
        goes_on = {leg_channel(record.call, record.attempt)}
        if record.consult:
            goes_on.add(asked_channel(record.call, record.consult_agent, record.consult_attempt))
        for leg in legs:
            if leg not in goes_on:
                await self._asterisk.hang_up(leg)
        return [*(leg for leg in legs if leg in goes_on), *stay]

    async def _won(self, call: str, owner: str, lives: bool) -> CallRecord | None:
        """None if somebody else has it, or will: a call that was on AGI is on its way to the front door."""
        seen = await self._checkpoint.record(call)
        if seen is None or seen.state == "ended":
            return None
        if seen.agi and lives:
            if owner == self._worker:
                self._look_after(call)
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


def _legs(channels: Iterable[str]) -> Mapping[str, list[str]]:
    """Call → the channels that were made for it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for channel in channels:
        if owner_of(channel) != channel:
            found[owner_of(channel)].append(channel)
    return found
