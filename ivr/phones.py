"""Which phones can be rung and which are in use, asked of Asterisk once a second by one of the workers.

Asked, not told: Asterisk tells of its endpoints only together with every change of every channel to and from
them. Measured at 25 calls a second, that cost a tenth of Asterisk's CPU for each worker that listened.

The same answer names each phone's channels: one that is none of ours is a private call. Only such a channel
is asked after, once: whoever dials a code talks to us.
"""

from collections.abc import Callable

from ivr.agent_leg import is_ours
from ivr.ari import Asterisk
from queues.store import Store

CODES = "*"
"""Begins what agents dial to tell us something."""
CONTEXT = "agents"
BROADCAST = "StasisBroadcast"
"""Serves those who call us, and by whom an agent asks somebody on another line."""


class Phones:
    """Tells the store of each phone that came or went, or began or ended a call, since the last look."""

    def __init__(self, asterisk: Asterisk, store: Store, is_device: Callable[[str], bool]) -> None:
        """`is_device`: whether agents work at an endpoint of this name; the others are trunks."""
        self._asterisk = asterisk
        self._store = store
        self._is_device = is_device
        self._known: dict[str, tuple[bool, bool]] = {}
        self._private: dict[str, bool] = {}
        """Channels to and from phones that we have not made, and whether they are private."""

    def forget(self) -> None:
        """Tell everything again at the next look: Asterisk is another one, or the store has new agents."""
        self._known.clear()

    async def look(self) -> None:
        """One look. Raises `AsteriskAway` or `StoreAway`; the next look makes up for it."""
        private: dict[str, bool] = {}
        for phone in await self._asterisk.phones():
            if not self._is_device(phone.resource):
                continue
            strange = [channel for channel in phone.channel_ids if not is_ours(channel)]
            private |= {channel: await self._is_private(channel) for channel in strange}
            now = phone.state == "online", any(private[channel] for channel in strange)
            if self._known.get(phone.resource) != now:
                await self._store.reach(phone.resource, *now)
                self._known[phone.resource] = now
        self._private = private

    async def _is_private(self, channel: str) -> bool:
        known = self._private.get(channel)
        if known is not None:
            return known
        found = await self._asterisk.channel(channel)
        dialled = found.dialplan if found is not None else None
        if dialled is None:
            return False
        ours = dialled.exten.startswith(CODES) or dialled.app_name == BROADCAST
        return not (dialled.context == CONTEXT and ours)
