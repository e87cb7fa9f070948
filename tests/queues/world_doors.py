"""What who waits does at the doors, as a further step of a world."""

from tests.queues.reference_doors import WAYS
from tests.queues.world_transfers import TransferWorld


class DoorWorld(TransferWorld):
    """A site on which callers leave by the queues' rules."""

    async def exit(self) -> None:
        """Somebody who waits looks whether he may stay; so do those who are told to."""
        h, ways = self._pick_call("waiting", "offered"), self.pick((WAYS, WAYS, ("ratio",), ()))
        if h:
            reason = await self._at(h).store.exit(h, ways)
            assert reason == self._ride(h).exit(h.call, ways)
        seen = {crowd.queue: (crowd.reason, {*crowd.calls}) for crowd in await self._anyone().store.doors()}
        assert seen == self.ref.doors()
