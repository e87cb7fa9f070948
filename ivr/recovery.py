"""When a worker has calls again that nobody served: its own after it was away, and those of workers now gone.

`Adoption` does it; here is what that has to be told each time, and what the call log is told of it.
"""

import logging
from typing import Protocol

from ivr.adoption import Adoption, Recovered
from ivr.ari import Asterisk
from ivr.checkpoint import Peer
from ivr.nailed import Nailed
from queues.operations import now_ms

log = logging.getLogger(__name__)


class Tell(Protocol):
    """Writes an event of this worker into the call log, beside the work."""

    def __call__(self, kind: str, **fields: object) -> None: ...


class Recovery:
    """Its methods raise `AsteriskAway` or `StoreAway` if one of them goes meanwhile."""

    def __init__(
        self, worker: str, asterisk: Asterisk, adoption: Adoption, nailed: Nailed, tell: Tell
    ) -> None:
        self.seen_before = 0
        """When this name's last process was seen alive, ms; 0 once its calls are taken over."""
        self.done = False
        """The calls of this name's last process have been adopted."""
        self.died_at = 0
        """When the Asterisk that was there before this one went away, ms; 0: there was none."""
        self._cuts: list[int] = []
        """When Asterisk went away, ms, since what is known of our calls was last brought up to date."""
        self._started_at = 0
        self._worker = worker
        self._asterisk = asterisk
        self._adoption = adoption
        self._nailed = nailed
        self._tell = tell

    def cut(self, at: int) -> None:
        """Asterisk is away (ms): what has become of our calls is not known from then on, until we recover."""
        self._cuts.append(at)

    async def recover(self) -> None:
        """Our own: we, or Asterisk, or our lease have been away."""
        seen_at = self.seen_before
        started_at = await self._asterisk.started_at()
        died = self._started_at not in (0, started_at)
        cuts = len(self._cuts)
        cut_at = self._cuts[0] if cuts else 0
        if died:
            self.died_at = cut_at
        recovered = await self._adoption.reconcile(started_at, seen_at, cut_at, died)
        del self._cuts[:cuts]  # one that came meanwhile is for the next time
        self.seen_before, self.done = 0, True
        self._started_at = started_at
        self._recovered(self._worker, seen_at, recovered)
        await self._nailed.recover()

    async def regain(self) -> None:
        """Our own whose sessions have gone without an end, unless they are somebody else's by now."""
        self._recovered(self._worker, 0, await self._adoption.regain())

    async def take_over(self, peer: Peer) -> None:
        """Those of a worker that is gone."""
        self._recovered(peer.name, peer.seen_at, await self._adoption.take_over(peer))
        await self._nailed.adopt(peer.name, peer.legs)

    def _recovered(self, peer: str, seen_at: int, recovered: Recovered) -> None:
        if recovered.adopted:
            gap_ms = max(0, now_ms() - seen_at) if seen_at else 0
            log.warning("took %d calls over from %s, %d ms on", recovered.adopted, peer, gap_ms)
            self._tell(
                "worker_recovered", peer=peer, gap_ms=gap_ms, adopted=recovered.adopted, lost=recovered.lost
            )
