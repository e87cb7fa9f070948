"""What a caller hears when an agent has answered and is his, before they are brought together."""

import asyncio
import logging

from ivr.ari import AriError
from ivr.ari import events as ari
from ivr.caller import Caller, Message
from ivr.flow.line import Line, MediaFailed
from ivr.flow.queue_sounds import media_of, sound_of
from queues.heard import Heard

log = logging.getLogger(__name__)

LONGEST_S = 15.0
"""Nobody is kept apart for longer."""


async def tell(caller: Caller, agent: str, heard: Heard | None, line: Line) -> bool:
    """Play it to the caller; whether the agent, whose channel is named, is still there. Raises `Hangup`.

    What else is told of the call meanwhile stays in the caller's mailbox, in its order.
    """
    if heard is None:
        return True
    kept: list[Message] = []
    until, there = asyncio.get_running_loop().time() + LONGEST_S, True
    try:
        media = await media_of(sound_of(heard), line, {})
        playback = caller.name_playback()
        await caller.house.asterisk.play(caller.call, playback, media)
        while there and (message := await caller.next(until)) is not None:
            match message:
                case ari.PlaybackFinished(playback=played) if played.id == playback:
                    break
                case ari.ChannelHangupRequest(channel=his) | ari.ChannelDestroyed(channel=his):
                    there = his.id != agent
            kept.append(message)
        if caller.playing == playback:
            await caller.house.asterisk.stop(playback)
    except (AriError, MediaFailed) as error:
        log.warning("a caller is not told: %s", error, extra={"call": caller.call})
    for message in kept:
        if not caller.typed(message):
            caller.mailbox.put(message)
    return there
