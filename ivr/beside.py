"""What a caller is told and asked while he waits, beside the wait: a child task with a mailbox of its own.

    music ──► it is time ──► 1. his place, if need be ──► 2. the sound ──► music again ──► …
      └─────► a key, or it is time ──► 3. the menu's flow ──► music again, or `exit`: he leaves
                 an agent has answered and is settled, or he leaves: 4. hush

The wait reads what is told about the call and hands on what concerns a sound, and the keys of a menu. Nothing
here ever delays it: what is heard at that moment is stopped, and a menu is over.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from math import inf
from typing import Any, NamedTuple

from calllog.errors import HoldfastError
from ivr.agent_leg import earlier_playbacks
from ivr.ari import AriError
from ivr.ari import events as ari
from ivr.caller import Caller, Message, Over
from ivr.flow.line import Line, MediaFailed
from ivr.flow.queue_sounds import media_of, position_of, sound_of
from ivr.flow.run import run_beside
from ivr.flow.step import Flow
from ivr.flow.waiting import LEAVES
from ivr.hearing import SOUND_WATCH_S
from ivr.mailbox import Mailbox
from ivr.programme import Item, Programme
from ivr.wait import Wait
from ivr.waiting_menu import MenuLine
from queues.heard import Announce

log = logging.getLogger(__name__)


class _Told(NamedTuple):
    """Something that can be heard, and how the log names it."""

    media: list[str]
    spoken: str
    position: int | None = None


class Beside:
    """What one caller is told and asked in one wait."""

    def __init__(self, caller: Caller, wait: Wait, line: Line) -> None:
        self._caller = caller
        self._house = caller.house
        self._wait = wait
        self._line = line
        self._programme = Programme()
        self._mailbox: Mailbox[Message] = Mailbox()
        self._changes: Mailbox[bool] = Mailbox()
        """One for each publication that he has not seen yet."""
        self._task: asyncio.Task[None] | None = None
        self._playback = ""
        self._menu = False
        """He is in the menu."""
        self._menu_begun = False
        """He has been in it: it does not begin by itself any more."""

    @property
    def _announce(self) -> Announce | None:
        return self._house.queue(self._wait.queue).announce

    async def begin(self, taken_over: bool = False) -> None:
        """From now on he is told what is due.

        `taken_over`: what his last worker was playing is stopped, and the music is back.
        """
        queue = self._house.queue(self._wait.queue)
        if taken_over and (queue.announce or queue.menu or queue.connecting):
            if queue.announce is not None:
                self._programme.take_over(self._now_s, queue.announce)
            self._menu_begun = queue.menu is not None and (queue.menu.after_s or 0) <= self._now_s
            for playback in earlier_playbacks(self._caller.call, self._caller.handle.epoch):
                await self._house.asterisk.stop(playback)
            await self._music()
        if self._task is None:
            self._start(self._run())

    def published(self) -> None:
        """Settings have changed."""
        self._changes.put(True)

    async def go_on(self) -> None:
        """He waits on after all: with music, and told what is due."""
        await self._music()
        await self.begin()

    async def begin_anew(self) -> None:
        """He has come into another queue: what he was told in the one before does not count."""
        self._programme = Programme()
        self._menu_begun = False
        await self.begin()

    def hears(self, told: ari.PlaybackFinished | ari.ChannelDtmfReceived) -> bool:
        """Whether it is of use here: the end of a sound, or a key of the menu."""
        if isinstance(told, ari.ChannelDtmfReceived):
            return self._takes(told)
        self._mailbox.put(told)
        return True

    def _takes(self, pressed: ari.ChannelDtmfReceived) -> bool:
        """Whether a key is the menu's: the one that begins it, and all of his while he is in it."""
        if not self._caller.typed(pressed):
            return False
        if self._menu:
            self._mailbox.put(pressed)
            return True
        menu = self._house.queue(self._wait.queue).menu
        flow = self._house.flow(menu.flow) if menu is not None and menu.key == pressed.digit else None
        if flow is None:
            return False
        playback, self._playback = self._playback, ""
        self.give_up()
        self._open()
        self._start(self._run(flow, playback))
        return True

    def give_up(self) -> None:
        """Nothing is begun any more."""
        if self._task is not None:
            self._task.cancel()
        self._task = None

    async def hush(self) -> None:
        """He is to hear something else at once."""
        self.give_up()
        playback, self._playback = self._playback, ""
        if self._menu:
            playback = self._caller.playing
            self._close()
        if playback:  # Asterisk bridges nobody before he has heard what he is played
            await self._house.asterisk.stop(playback)

    # The child

    def _start(self, whole: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.create_task(whole)
        self._task.add_done_callback(self._over)

    @property
    def _now_s(self) -> float:
        """Seconds since he joined."""
        return asyncio.get_running_loop().time() - self._wait.began

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("announcements end: %r", error, extra={"call": self._caller.call})

    async def _run(self, menu: Flow | None = None, playback: str = "") -> None:
        """`menu`: it has been opened, and what he hears still, named `playback`, is to be stopped."""
        if menu is not None and await self._through(menu, playback):
            return
        while True:
            self._changes.empty()
            announce = self._announce
            item = self._programme.next(announce) if announce is not None else None
            menu, begins_s = self._by_itself()
            first_s = min(begins_s, item.at_s if item is not None else inf)
            if await self._changes_before(first_s if first_s < inf else None):
                continue
            if menu is not None and begins_s == first_s:
                self._open()
                if await self._through(menu):
                    return
            elif announce is not None and item is not None:
                await self._attempt(item, announce)

    def _by_itself(self) -> tuple[Flow | None, float]:
        """The menu that begins by itself, and when (seconds since he joined); None: none does."""
        menu = self._house.queue(self._wait.queue).menu
        if menu is None or menu.after_s is None or self._menu_begun:
            return None, inf
        flow = self._house.flow(menu.flow)
        return flow, inf if flow is None else max(menu.after_s, self._programme.quiet_until_s)

    def _open(self) -> None:
        """He is in the menu: his keys are its own from now on."""
        self._menu = self._menu_begun = True
        self._caller.keys.clear()
        self._mailbox.empty()

    def _close(self) -> None:
        """He is not in it any more. What he has typed and nobody has taken was for it."""
        self._menu = False
        self._caller.keys.clear()
        announce = self._announce
        self._programme.resume(self._now_s, announce.gap_s if announce is not None else 0.0)

    async def _through(self, flow: Flow, playback: str = "") -> bool:
        """Go through the menu; whether the caller leaves the queue by it."""
        outcome = ""
        try:
            if playback:
                await self._house.asterisk.stop(playback)
            line = MenuLine(self._line, self._caller, self._mailbox)
            outcome = await run_beside(line.as_line(), flow)
            await self._line.remember()
        except HoldfastError as error:
            log.warning("a menu breaks off: %s", error, extra={"call": self._caller.call})
        self._close()
        if outcome == LEAVES and LEAVES in self._wait.exits:
            self._caller.mailbox.put(Over(self))
            return True
        with suppress(HoldfastError):
            await self._music()
        return False

    async def _changes_before(self, at_s: float | None) -> bool:
        """Sleep until then, or for ever; whether other settings came first."""
        until = None if at_s is None else self._wait.began + at_s
        return await self._changes.take(until) is not None

    async def _attempt(self, item: Item, announce: Announce) -> None:
        """Tell him; what cannot be told is left out: he hears music instead."""
        began_s = self._now_s
        try:
            told = await self._said(item, announce)
            self._programme.passed(item, announce, began_s)
            if told is None:
                return
            self._line.note("announced", position=told.position, spoken=told.spoken)
            await self._house.checkpoint.flush(self._caller.handle)
            await self._play(told.media)
            self._programme.told(item, self._now_s, announce)
        except HoldfastError as error:
            self._programme.passed(item, announce, self._now_s)
            log.warning("an announcement is left out: %s", error, extra={"call": self._caller.call})
            with suppress(HoldfastError):
                await self._music()

    async def _said(self, item: Item, announce: Announce) -> _Told | None:
        """What he is to hear; None: nothing now. Raises `MediaFailed`."""
        if item.kind == "reminder" and announce.reminders is not None:
            heard = announce.reminders.sounds[item.number]
            sound = sound_of(heard)
            return _Told(await media_of(sound, self._line, {}), str(sound.say or ", ".join(heard.play)))
        news = announce.position
        position = await self._house.place(self._wait.queue, self._caller.call)
        if news is None or not self._programme.worth(position, news):
            return None
        media = await media_of(position_of(news), self._line, {"position": position}, kept=True)
        return _Told(media, "position", position)

    async def _play(self, media: list[str]) -> None:
        """Until it has been heard. Raises `MediaFailed`."""
        asterisk, loop = self._house.asterisk, asyncio.get_running_loop()
        self._mailbox.empty()
        playback = self._playback = self._caller.name_playback()
        try:
            await asterisk.play(self._caller.call, playback, media)
            while True:
                match await self._mailbox.take(loop.time() + SOUND_WATCH_S):
                    case ari.PlaybackFinished(playback=played) if played.id == playback:
                        break
                    case None if not await asterisk.plays(playback):
                        break  # nobody has told of its end
        except AriError as error:
            raise MediaFailed(f"cannot be played: {error}") from error
        self._playback = ""
        await self._music()

    async def _music(self) -> None:
        await self._house.asterisk.start_music(self._caller.call, self._house.queue(self._wait.queue).music)
