"""Telling somebody who was called who comes, and asking whether he takes the call; the caller hears music.

1. told ──► 2. time to press ──► 1. again, until his time is over: `declined`
     └──────────┴──► the one key: he takes it · the other, or he hangs up: `declined`
"""

import asyncio
import logging
from math import inf

from ivr.agent_leg import playback_of
from ivr.ari import AriError, NotFound
from ivr.ari import events as ari
from ivr.flow.line import Announcement
from ivr.ringing import Callee

log = logging.getLogger(__name__)

PAUSE_S = 2.0
"""Time to press a key before he hears it once more."""

NEWS_S = 1.0
"""A sound that breaks off may do so because he has hung up: the news of that is so much later at most."""


async def announce(callee: Callee, announcement: Announcement) -> str:
    """Ask him; empty: he takes the call. Else `declined`, or `failed` if he could not be told anything."""
    asterisk, leg, loop = callee.asterisk, callee.leg, asyncio.get_running_loop()
    until, say_at, said, verdict = loop.time() + announcement.within_s, loop.time(), 0, "declined"
    playback = ""
    try:
        while (now := loop.time()) < until:
            if now >= say_at:
                said, say_at = said + 1, inf
                playback = playback_of(leg, callee.handle, said)
                await asterisk.play(leg.channel, playback, announcement.media)
            match await callee.hear(min(until, say_at)):
                case ari.PlaybackFinished(playback=played) if played.id == playback:
                    say_at, playback = loop.time() + PAUSE_S, ""
                    if played.state != "done":
                        say_at, until, verdict = inf, loop.time() + NEWS_S, "failed"
                case ari.ChannelDtmfReceived(channel=his, digit=digit) if his.id == leg.channel:
                    if digit in (announcement.accept, announcement.refuse):
                        verdict = "" if digit == announcement.accept else "declined"
                        break
                case ari.ChannelHangupRequest(channel=his) | ari.ChannelDestroyed(channel=his):
                    if his.id == leg.channel:
                        return "declined"
    except NotFound:
        return "declined"  # he has hung up
    except AriError as error:
        log.warning("nobody can be asked: %s", error, extra={"call": callee.call, "channel": leg.channel})
        return "failed"
    if not verdict and playback:  # Asterisk bridges nobody before he has heard what he is played
        await asterisk.stop(playback)
    return verdict
