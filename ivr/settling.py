"""An agent has answered: is the caller his?"""

import asyncio

from ivr.agent_leg import AgentLeg
from ivr.caller import Caller, House
from queues.errors import StoreAway

ONE_MOMENT_S = 3.0
"""How long an agent who has answered is kept while Redis is away."""


async def settle(caller: Caller, leg: AgentLeg) -> bool:
    """Win the pair. While Redis is away the agent hears "one moment", for a short while at most."""
    house, loop = caller.house, asyncio.get_running_loop()
    deadline = loop.time() + ONE_MOMENT_S
    playback, told = f"{leg.channel}-p0", False
    while True:
        try:
            stays = leg.channel if leg.nailed else ""
            won = await house.store.settle(caller.handle, leg.agent, leg.attempt, leg=stays)
            break
        except StoreAway:
            if not told:
                told = True
                await house.asterisk.play(leg.channel, playback, ["sound:one-moment-please"])
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(0.1)
            await caller.catch_up()
    if told:  # Asterisk bridges nobody before he has heard what he is played
        await house.asterisk.stop(playback)
    return won


def listen(caller: Caller, leg: AgentLeg) -> None:
    """What is told of a leg of a call that was taken over goes to the call."""
    if leg.nailed:
        caller.house.nailed.lend(leg.channel)
    caller.house.listen(leg.channel, caller.mailbox)


async def dismiss(house: House, leg: AgentLeg, *bridges: str) -> None:
    """The call does not need him any more: he is let go, or goes back to where he waits.

    `bridges`: where he may be besides his own. A phone that still rings is told that somebody else has
    answered: it does not count a missed call.
    """
    if leg.nailed:
        house.nailed.back(leg, *bridges)
    else:
        await house.asterisk.hang_up(leg.channel, 16 if leg.answered else 26)


async def let_go(caller: Caller, lost: list[AgentLeg]) -> None:
    """Whoever was being rung by a worker that died is rung no more: nobody knows how far that was."""
    house = caller.house
    while lost:
        leg = lost.pop()
        await house.asterisk.hang_up(leg.channel)
        await house.asterisk.unbridge(leg.bridge)
        await house.store.decline(
            caller.handle,
            agent=leg.agent,
            attempt=leg.attempt,
            reason="worker_lost",
            ring_ms=leg.ring_ms(),
        )
        house.forget(leg.channel)
