"""Which phones can be rung, asked of Asterisk once a second by one of the workers.

Asked, not told: Asterisk tells of its endpoints only together with every change of every channel to and from
them. Measured at 25 calls a second, that cost a tenth of Asterisk's CPU for each worker that listened.
"""

from ivr.ari import Asterisk
from queues.store import Store


class Phones:
    """Tells the store of each phone that came or went since the last look."""

    def __init__(self, asterisk: Asterisk, store: Store) -> None:
        self._asterisk = asterisk
        self._store = store
        self._known: dict[str, bool] = {}

    def forget(self) -> None:
        """Tell everything again at the next look: Asterisk is another one, or the store has new agents."""
        self._known.clear()

    async def look(self) -> None:
        """One look. Raises `AsteriskAway` or `StoreAway`; the next look makes up for it."""
        for device, reachable in (await self._asterisk.phones()).items():
            if self._known.get(device) is not reachable:
                await self._store.reach(device, reachable)
                self._known[device] = reachable
