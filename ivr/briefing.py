"""What an agent is told who has answered, and whether he takes the call; beside the caller's music.

1. answered ──► 2. told ──► taken                                       no key is asked for
                 └───────► 3. the key: taken · no key, hung up: `not_confirmed`
"""

import asyncio
import logging
import time

from ivr.agent_leg import playback_of
from ivr.announcing import announce
from ivr.ari import AriError
from ivr.ari import events as ari
from ivr.flow.line import Announcement, Line, MediaFailed
from ivr.flow.queue_sounds import media_of, question_of, sound_of
from ivr.flow.values import Value
from ivr.ringing import Callee
from ivr.wait import Wait
from queues.heard import Confirm, Heard
from queues.models import Device, Queue

log = logging.getLogger(__name__)

LONGEST_S = 60.0
"""So long an agent listens at most, if nobody tells of the end of it."""


class Briefing:
    """What there is to tell of one caller in one queue."""

    def __init__(self, queue: Queue, wait: Wait, line: Line) -> None:
        """`queue`: its settings when the agent was chosen."""
        self._queue = queue
        self._wait = wait
        self._line = line

    async def give(self, callee: Callee, device: Device | None) -> str:
        """Tell him who has answered, and ask him if need be; empty: he takes the call, else why not."""
        media = await self._whisper(self._queue.whisper)
        confirm = self._confirm(device)
        if confirm is None:
            return await _listens(callee, media) if media else ""
        try:
            question = question_of(confirm, self._line.language)
            media += await media_of(question, self._line, {"key": confirm.key}, kept=True)
        except MediaFailed as error:
            log.error("an agent cannot be asked: %s", error, extra={"call": callee.call})
            media = []
        asked = Announcement(media, confirm.key, "", confirm.within_s)
        if media and not await announce(callee, asked):
            return ""
        await callee.asterisk.hang_up(callee.leg.channel)
        return "not_confirmed"

    def _confirm(self, device: Device | None) -> Confirm | None:
        """How he is asked; None: he is not."""
        own = device.confirm if device is not None else None
        outside = device is not None and device.number is not None
        if own is False or (own is None and not outside and self._queue.confirm is None):
            return None
        return self._queue.confirm or Confirm()

    async def _whisper(self, heard: Heard | None) -> list[str]:
        """What he is told; what cannot be said is left out."""
        if heard is None:
            return []
        waited_s = max(0, round(time.time() - self._wait.joined_at / 1000))
        values: dict[str, Value] = {
            "title": self._queue.title or self._wait.queue,
            "waited_s": waited_s,
            "reason": self._wait.reason,
        }
        try:
            return await media_of(sound_of(heard), self._line, values)
        except MediaFailed as error:
            log.warning("an agent is told nothing: %s", error, extra={"call": self._line.call})
            return []


async def _listens(callee: Callee, media: list[str]) -> str:
    """Until he has heard it; `rejected` if he hangs up meanwhile."""
    asterisk, channel = callee.asterisk, callee.leg.channel
    until = asyncio.get_running_loop().time() + LONGEST_S
    playback = playback_of(callee.leg, callee.handle, 0)
    try:
        await asterisk.play(channel, playback, media)
        while (message := await callee.hear(until)) is not None:
            match message:
                case ari.PlaybackFinished(playback=played) if played.id == playback:
                    return ""
                case ari.ChannelHangupRequest(channel=his) | ari.ChannelDestroyed(channel=his):
                    if his.id == channel:
                        return "rejected"
        await asterisk.stop(playback)
    except AriError as error:
        log.warning("an agent is told nothing: %s", error, extra={"call": callee.call})
    return ""
