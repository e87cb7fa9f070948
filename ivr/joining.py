"""How a caller comes into a queue, or finds its door shut; music plays from then on."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from ivr.caller import Caller
from ivr.place import MARK, Place
from ivr.wait import Wait
from queues.errors import StoreAway
from queues.head_starts import HeadStart
from queues.operations import now_ms

RETRY_S = 0.5


class Claim(NamedTuple):
    """With what he comes to the queue."""

    starts: Mapping[HeadStart, float]
    ladder: str | None
    prefer: tuple[str, float]
    """Head starts, needs of his own and whom he prefers, see `Store.join`."""
    before: int
    """When he had joined it, ms, if his channel is all that is left of the call; else 0."""
    knocks: bool
    """Whether its door may stay shut for him."""
    recall: bool = False
    """He comes back to the agent who has given him away."""


async def join(caller: Caller, wait: Wait, claim: Claim) -> str:
    """Stand in line; why the door stayed shut, or nothing. Raises `Hangup`."""
    house, queue = caller.house, caller.house.queue(wait.queue)
    await caller.leave_bridge()
    ways, closed = wait.ways(queue) if claim.knocks else (), house.closed(wait.queue)
    if queue.exit_key or queue.menu is not None:
        caller.keys.clear()  # what he has pressed before is not meant for it
    if not ways:
        await house.asterisk.start_music(caller.call, queue.music)
    asked_at = claim.before or now_ms()
    while True:
        try:
            joined = await house.store.join(
                caller.handle,
                wait.queue,
                claim.starts,
                asked_at,
                claim.ladder,
                ways,
                closed,
                claim.prefer,
                claim.recall,
            )
            break
        except StoreAway:
            # His place counts from now; he hears music until Redis is back, and is let in then.
            if ways:
                ways = ()
                await house.asterisk.start_music(caller.call, queue.music)
            await caller.next(asyncio.get_running_loop().time() + RETRY_S)
    if joined.refused:
        return joined.refused
    if ways:
        await house.asterisk.start_music(caller.call, queue.music)
    wait.begin(joined.joined_at)
    mark = Place(wait.queue, joined.joined_at, wait.path).write()
    await house.asterisk.mark(caller.call, MARK, mark)
    return ""
