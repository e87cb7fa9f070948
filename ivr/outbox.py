"""Letters of flows to other people's servers: each arrives at least once, whoever of us is killed meanwhile.

    a `webhook` step ──► rides with the call's next write to Redis (or our journal) ──► outbox ──► the server
                                                        ▲ not delivered: later again, for a day   │
                                                        └─────────────────────────────────────────┘
The letter and the step that follows are written together: neither is there without the other. Any worker may
deliver it; each attempt carries the same `Idempotency-Key`, by which the server recognises a repetition.
"""

import asyncio
import logging

import msgspec

from ivr.flow.web import Method, Request, WebFailed
from ivr.web import Web
from queues.errors import StoreAway
from queues.handle import CallHandle
from queues.store import Store

log = logging.getLogger(__name__)

LOOK_S = 0.25
"""How often a worker looks for letters that are due."""
AT_ONCE = 32
"""Letters that one worker delivers at the same time."""
TIMEOUT_S = 10.0
"""For one attempt."""
LEASE_S = 30.0
"""So long a letter is a worker's; if it dies, another one tries after that."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
"""Before the second attempt; each pause is twice the one before."""
GIVEN_UP_S = 86_400.0

GONE = 410
"""Status by which a server says that it wants no more of these."""


class _Letter(msgspec.Struct):
    """A request as it is kept. Personal: all of it."""

    method: Method
    url: str
    body: str
    headers: dict[str, str]


class Outbox:
    """One worker's view of the site's outbox."""

    def __init__(self, store: Store, web: Web) -> None:
        self._store = store
        self._web = web
        self._under_way: set[asyncio.Task[None]] = set()

    def post(self, h: CallHandle, request: Request) -> None:
        """Take a letter; it rides with the call's next write."""
        letter = _Letter(request.method, request.url, request.body.decode(), dict(request.headers))
        self._store.post(h, request.key, msgspec.json.encode(letter).decode())

    async def look(self) -> None:
        """Begin to deliver what is due. Raises `StoreAway`."""
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return
        for key, packed, attempts, age_ms in await self._store.operations.run(
            "outgoing", room, round(LEASE_S * 1000)
        ):
            task = asyncio.create_task(self._deliver(key, packed, attempts, age_ms / 1000))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """What is under way is left to the others."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _deliver(self, key: str, packed: str, attempts: int, age_s: float) -> None:
        letter = msgspec.json.decode(packed, type=_Letter)
        request = Request(letter.method, letter.url, key, letter.body.encode(), letter.headers, TIMEOUT_S)
        wrong = await self._attempt(request)
        again_s = min(FIRST_PAUSE_S * 2.0 ** min(attempts, 20), LONGEST_PAUSE_S) if wrong else 0.0
        if wrong and age_s + again_s > GIVEN_UP_S:
            log.error("webhook %s given up after %d attempts: %s", key, attempts + 1, wrong)
            again_s = 0.0
        elif wrong:
            log.info("webhook %s, attempt %d: %s", key, attempts + 1, wrong)
        try:
            await self._store.operations.run("sent", key, round(again_s * 1000))
        except StoreAway as error:
            log.info("webhook %s will be sent again: %s", key, error)

    async def _attempt(self, request: Request) -> str:
        """Why it has not arrived; empty if it has, or is not wanted any more."""
        try:
            reply = await self._web.fetch(request)
        except WebFailed as error:
            return str(error)
        if reply.status == GONE:
            log.error("webhook %s is not wanted any more (status %d)", request.key, GONE)
            return ""
        return "" if 200 <= reply.status < 300 else f"status {reply.status}"
