"""A telephone that has dialled a code: what is said there, and what is pressed."""

import asyncio

from ivr.ari import AriError
from ivr.ari import events as ari
from ivr.caller import House, Message
from ivr.mailbox import Mailbox
from ivr.presses import Presses

FIRST_S, NEXT_S = 10.0, 5.0
"""So long the first key is waited for, and each one after it, seconds."""
SAYING_S = 15.0
"""No sound of ours is longer; its end may never be told."""


class Keypad:
    """One channel of an agent. After `close` it is of no more interest."""

    def __init__(self, house: House, channel: str) -> None:
        self._house = house
        self.channel = channel
        self._mailbox: Mailbox[Message] = Mailbox()
        self._presses = Presses()
        self._playing = ""
        self._played = 0
        self.gone = False
        """He has hung up."""
        self.stays = False
        """He stays connected, and somebody else has the channel now."""
        house.listen(channel, self._mailbox)

    def close(self) -> None:
        self._house.forget(self.channel)

    async def ask(self, sound: str, most: int) -> str:
        """Digits until `#`, until nothing comes any more, or one more than `most`: too many are no answer.

        The first key ends the sound; `*` takes back what was pressed. Empty: nothing, too much, or he is
        gone. Raises AriError.
        """
        await self.play(sound)
        loop, digits, until = asyncio.get_running_loop(), "", None
        while not self.gone and len(digits) <= most:
            if until is None and not self._playing:
                until = loop.time() + FIRST_S
            key = await self._next(until if until is not None else loop.time() + SAYING_S)
            if key is None or key == "#":
                break
            if key:
                await self._hush()
                digits = "" if key == "*" else digits + key
                until = loop.time() + NEXT_S
        await self._hush()
        return digits if len(digits) <= most and not self.gone else ""

    async def _next(self, until: float) -> str | None:
        """The next key; empty: something else has happened; None: the loop time `until` has come."""
        match await self._mailbox.take(until):
            case None:
                return None
            case ari.ChannelDtmfReceived(digit=digit) as event:
                sounding = bool(self._playing)
                return digit if self._presses.new(digit, event.at, event.duration_ms, sounding) else ""
            case ari.PlaybackFinished(playback=playback) if playback.id == self._playing:
                self._playing = ""
            case ari.ChannelHangupRequest() | ari.ChannelDestroyed():
                self.gone = True
        return ""

    async def play(self, sound: str) -> None:
        """Begin a sound; with the first one we answer. Raises AriError."""
        if not self._played:
            await self._house.asterisk.answer(self.channel)
        self._playing = f"{self.channel}-p{self._played}"
        self._played += 1
        await self._house.asterisk.play(self.channel, self._playing, [f"sound:{sound}"])

    async def hear(self, sound: str) -> None:
        """Play a sound to its end. Raises AriError."""
        await self.play(sound)
        until = asyncio.get_running_loop().time() + SAYING_S
        while self._playing and not self.gone and await self._next(until) is not None:
            pass
        await self._hush()

    async def _hush(self) -> None:
        if self._playing:
            playing, self._playing = self._playing, ""
            try:
                await self._house.asterisk.stop(playing)
            except AriError:
                self.gone = True
