"""A caller hears a sound: until it is over, or a key of his stops it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ivr.ari import events as ari
from ivr.caller import Caller, Message
from ivr.flow.line import MediaFailed

SOUND_WATCH_S = 30.0
"""A sound that lasts longer is asked after: if its end was not told, he would be left in silence."""

SOUND_GRACE_S = 1.0
"""News of the end may be on its way when Asterisk is asked."""


async def hear_out(
    caller: Caller,
    told: Callable[[float], Awaitable[Message | None]],
    playback: str,
    media: Sequence[str],
    interrupt: str,
) -> str | None:
    """The key that has stopped it, or nothing; if its end does not come, Asterisk is asked after it.

    `told`: the next that is told of the call, None at the loop time given. Raises `MediaFailed`.
    """
    asterisk, keys, loop = caller.house.asterisk, caller.keys, asyncio.get_running_loop()
    look_at, missed = loop.time() + SOUND_WATCH_S, False
    while True:
        match await told(look_at):
            case ari.PlaybackFinished(playback=played) if played.id == playback:
                if played.state != "done":
                    raise MediaFailed(f"playback ended as {played.state!r}: {', '.join(media)}")
                return None
            case ari.ChannelDtmfReceived(digit=digit) if digit in interrupt and digit in keys:
                await asterisk.stop(playback)
                return digit
            case None if missed:
                await asterisk.stop(playback)
                raise MediaFailed(f"nobody tells of the playback's end: {', '.join(media)}")
            case None:
                missed = not await asterisk.plays(playback)
                look_at = loop.time() + (SOUND_GRACE_S if missed else SOUND_WATCH_S)
