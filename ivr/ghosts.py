"""What Asterisk has and what we believe, held against each other now and then: news can be lost on the way.

A call whose caller's channel is gone is a ghost: he would wait, and an agent would be rung for him, for ever.
So is a talk whose agent is gone. The reverse is a caller in our application whom nobody serves.
Each must be so in two looks, one after the other: the news may be on its way during the first.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from ivr.agent_leg import owner_of
from ivr.ari import Asterisk
from ivr.ari.events import Channel, ChannelDestroyed
from ivr.caller import Message, Vanished
from ivr.mailbox import Mailbox
from queues.operations import now_ms

log = logging.getLogger(__name__)


class Ghosts:
    """Looks for them. A look costs one request, for the ids of our channels; in doubt a second one."""

    def __init__(
        self,
        asterisk: Asterisk,
        routes: Mapping[str, Mailbox[Message]],
        is_caller: Callable[[str], bool],
        tell: Callable[[ChannelDestroyed], None],
        receive: Callable[[Iterable[Channel]], Awaitable[None]],
    ) -> None:
        """`routes`: the channels we know, callers' and agents'; `receive` takes channels that we do not.

        `tell`: takes what Asterisk should have told of agents' channels, as if it had.
        """
        self._asterisk = asterisk
        self._routes = routes
        self._is_caller = is_caller
        self._as_told = tell
        self._receive = receive
        self.forget()

    def forget(self) -> None:
        """What was seen says nothing any more: we have no calls, or were not with Asterisk."""
        self._missing: set[str] = set()
        self._strange: set[str] = set()
        self._left: set[str] = set()
        """Our application still has them, and other workers serve them: they were moved."""
        self._last_at = self._before_at = now_ms()
        """When the last look began, and the one before; ms."""

    async def look(self) -> None:
        """One look. Nothing is asked while we have no calls. Raises `AsteriskAway` or `StoreAway`."""
        if not self._routes:
            return self.forget()
        known, began_at = set(self._routes), now_ms()
        held = set((await self._asterisk.application()).channel_ids)
        missing = (known - held) & self._routes.keys()
        self._left &= held
        strange = held - self._routes.keys() - self._left
        gone, stray = missing & self._missing, strange & self._strange
        if gone or stray:
            channels = await self._asterisk.channels()
            self._tell(gone - channels.keys())
            await self._receive([channels[each] for each in stray & channels.keys()])
            self._left |= stray
        self._missing, self._strange = missing, strange
        self._before_at, self._last_at = self._last_at, began_at
        return None

    def _tell(self, gone: set[str]) -> None:
        """Tell the calls what Asterisk has not told them."""
        for channel in gone & self._routes.keys():
            call = owner_of(channel)
            log.warning("a channel is gone, and nobody was told: %s", channel, extra={"call": call})
            if self._is_caller(channel):
                self._routes[channel].put(Vanished(self._before_at, now_ms()))
            else:
                self._as_told(ChannelDestroyed(channel=Channel(id=channel)))
