"""Clears what is left behind: libraries in Redis, versions of call flows, passing speech, old recordings."""

import asyncio
import logging
from collections.abc import AsyncIterator

from ivr.publish import Versions
from ivr.recordings import Recordings
from ivr.speech import Speech
from queues.keys import Keys
from queues.scripts import PREFIX
from queues.store import Store

log = logging.getLogger(__name__)

CLEAR_S = 600.0
"""How often a worker clears; nothing is in the way meanwhile."""
SCAN_COUNT = 1000


class Clearing:
    """One worker's broom. What somebody may still use stays."""

    def __init__(
        self, store: Store, versions: Versions, speech: Speech, recordings: Recordings, days: int
    ) -> None:
        """`days`: so long recordings are kept; 0: for ever."""
        self._link = store.operations.link
        self._keys = store.operations.keys
        self._library = store.operations.library.name
        self._versions = versions
        self._speech = speech
        self._recordings = recordings
        self._days = days

    async def clear(self) -> None:
        """Clear all of it. Raises StoreAway: then nothing is known of who uses what, and that stays."""
        if forgotten := await asyncio.to_thread(self._speech.forget):
            log.info("cleared %d sentences that were spoken to one caller each", forgotten)
        if old := await asyncio.to_thread(self._recordings.clear, self._days):
            log.info("cleared %d files of recordings: they were old", old)
        for name in await self._unused_libraries():
            await self._link.call("FUNCTION", "DELETE", name)
            log.info("cleared function library %s: no live worker uses it", name)
        in_use = await self._versions_in_use()
        if cleared := await asyncio.to_thread(self._versions.clear, in_use):
            log.info("cleared versions %s of the call flows: no live call uses them", cleared)

    async def _unused_libraries(self) -> list[str]:
        """A worker that lives and does not say which it uses (an older release) protects all of them.

        One that starts at this moment, and a command, loads its library again if it must.
        """
        used = {self._library}
        async for library in self._libraries_of_the_living():
            if not library:
                return []
            used.add(library)
        found = await self._link.call("FUNCTION", "LIST", "LIBRARYNAME", f"{PREFIX}*")
        return sorted(entry["library_name"] for entry in found if entry["library_name"] not in used)

    async def _libraries_of_the_living(self) -> AsyncIterator[str]:
        """Of all sites that this Redis has: they share its libraries."""
        async for prefix in self._sites():
            for worker in await self._link.call("HKEYS", f"{prefix}workers"):
                if await self._link.call("EXISTS", f"{prefix}lease:{worker}"):
                    yield await self._link.call("HGET", f"{prefix}process:{worker}", "library") or ""

    async def _sites(self) -> AsyncIterator[str]:
        workers, cursor = Keys("*").workers, ""
        seen: set[str] = set()
        while cursor != "0":
            cursor, found = await self._link.call(
                "SCAN", cursor or "0", "MATCH", workers, "COUNT", SCAN_COUNT, "TYPE", "hash"
            )
            for key in set(found) - seen:
                seen.add(key)
                yield key.removesuffix("workers")

    async def _versions_in_use(self) -> set[int]:
        """Versions that live calls are on, also those of dead workers."""
        used = set()
        for worker in await self._link.call("HKEYS", self._keys.workers):
            for call in await self._link.call("SMEMBERS", self._keys.owned(worker)):
                version = await self._link.call("HGET", self._keys.call(call), "version")
                used.add(int(version or 0))
        return used
