"""Legs of agents that stay connected between calls, as Redis knows them: whose, and which worker has them."""

from collections.abc import Awaitable
from typing import Literal, NamedTuple

from queues.operations import Operations


class Leg(NamedTuple):
    """A leg that a worker has in its application."""

    channel: str
    agent: str
    """Whose it is; empty: nobody's any more, it is to be ended."""
    lent: bool
    """He has a call, or is being brought together with a caller."""


class Legs:
    """The legs that one worker has. Every method raises `StoreAway`.

    A leg comes to a worker when the agent dials in there (`Store.agent`, `nail`), with an offer, with a call
    that is adopted, or by `adopt`: each of them is one script, so that no two workers have it.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def mine(self) -> list[Leg]:
        """Those that this worker has."""
        return await self._ask("mine")

    async def adopt(self, peer: str) -> list[Leg]:
        """Take those of a worker whose lease has run out, but those in calls: they come with the calls."""
        return await self._ask("adopt", peer)

    def gone(self, channel: str, why: Literal["hung_up", "leg_lost"]) -> Awaitable[object]:
        """A leg is not connected any more; whose it was goes offline, when his call and wrap-up are over.

        It is on its way when this returns: the end of his call, if it is told after this, finds the leg gone.
        """
        operations = self._operations
        return operations.ask("leg", operations.worker, "gone", channel, why, heed=operations.told)

    async def known(self, channel: str) -> bool:
        """Whether that channel is a leg that stays, whoever has it."""
        operations = self._operations
        return bool(await operations.link.call("HEXISTS", operations.keys.legs, channel))

    async def _ask(self, what: str, *rest: str) -> list[Leg]:
        operations = self._operations
        reply = await operations.run("leg", operations.worker, what, *rest, heed=operations.told)
        return [Leg(channel, agent, lent == "1") for channel, agent, lent in reply[0]]
