"""The caller's line as a flow sees it that runs while he waits: the menu of his queue.

The wait reads what is told of the call and hands on what he hears and presses. Where the call is does not
change: whoever takes it over finds him waiting, with what he has said so far, and without the menu.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

from ivr.ari import AriError
from ivr.caller import Caller, Message
from ivr.flow.line import About, Held, Line, MediaFailed
from ivr.flow.values import Value
from ivr.flow.web import Reply, Request
from ivr.hearing import hear_out
from ivr.mailbox import Mailbox


class MenuLine:
    """A line beside the line. What is not about sounds and keys is the same there."""

    def __init__(self, line: Line, caller: Caller, told: Mailbox[Message]) -> None:
        self._line = line
        self._caller = caller
        self._told = told
        self.path = ""
        self.secrets: dict[str, Value] = {}
        """They are forgotten with the menu."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._line, name)

    def as_line(self) -> Line:
        return cast("Line", self)

    @property
    def about(self) -> About:
        return self._line.about

    @about.setter
    def about(self, about: About) -> None:
        self._line.about = about

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:  # noqa: ARG002  (he stays where he waits)
        self.path = path
        await self._line.remember()

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        caller = self._caller
        if caller.keys and caller.keys[0] in interrupt:
            return caller.keys[0]
        playback = caller.name_playback()
        try:
            await caller.house.asterisk.play(caller.call, playback, media)
            return await hear_out(caller, self._told.take, playback, media, interrupt)
        except AriError as error:
            raise MediaFailed(f"cannot be played: {error}") from error

    async def digit(self, timeout_s: float) -> str | None:
        until = asyncio.get_running_loop().time() + timeout_s
        while not self._caller.keys:
            if await self._told.take(until) is None:
                return None
        return self._caller.keys.popleft()

    async def ask(self, request: Request) -> Reply:
        return await self._caller.house.web.fetch(request)
