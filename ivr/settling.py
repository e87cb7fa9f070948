"""An agent has answered: is the caller his?"""

import asyncio

from ivr.agent_leg import AgentLeg
from ivr.ari import Asterisk
from ivr.caller import Caller
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
            won = await house.store.settle(caller.handle, agent=leg.agent, attempt=leg.attempt)
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


async def hang_up_agent(asterisk: Asterisk, leg: AgentLeg) -> None:
    """A phone that still rings is told that somebody else has answered: it does not count a missed call."""
    await asterisk.hang_up(leg.channel, 16 if leg.answered else 26)
