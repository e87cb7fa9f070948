"""What a flow's line is, whichever way the call is driven: by ARI (`Session`) or by AGI (`AgiLine`).

What concerns Redis, prompts and the house is here. What concerns the channel is theirs.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Mapping
from datetime import datetime
from random import randrange
from typing import NoReturn

from calllog.errors import HoldfastError
from ivr.ari import Silenced
from ivr.ari.events import UNHEARD
from ivr.caller import House
from ivr.checkpoint import Kept, Take
from ivr.flow.line import About, Figures, Hangup, Held, Recorded, Recording
from ivr.flow.opening import Hours
from ivr.flow.step import innermost
from ivr.flow.values import Value
from ivr.flow.web import Request
from ivr.recorder import Recorder, Tape
from queues.errors import Fenced, StoreAway
from queues.handle import CallHandle

log = logging.getLogger(__name__)

CAUSES = {
    "normal": 16,
    "busy": 17,
    "congestion": 42,
    "rejected": 21,
    "unavailable": 20,
    "unallocated": 1,
    "changed": 22,
}
"""Names for `hangup cause`, by Q.850; Asterisk maps them to a SIP final response before the answer."""

REASONS = {"caller": "caller-hangup", "agent": "agent-hangup", "system": "flow-ended"}
"""Who ended a call → the reason in the call log."""

BREATH = 50
"""After so many steps other calls have their turn, even if none of the steps has waited."""

CHANCES = 1_000_000
"""While Redis is away nobody counts: then it is chance."""


def reason_of(end: Hangup) -> str:
    """Why a call ended, in the call log's words."""
    return "caller-unheard" if (end.by, end.cause) == ("caller", UNHEARD) else REASONS[end.by]


class CallLine:
    """A live call as its flow sees it; half of `ivr.flow.line.Line`."""

    def __init__(self, house: House, handle: CallHandle, about: About, language: str, tape: Tape) -> None:
        self.house = house
        self.handle = handle
        self.call = handle.call
        self.language = language
        self.about = about
        self.variables: dict[str, Value] = {}
        self.secrets: dict[str, Value] = {}
        self.visits: dict[str, int] = {}
        self.path = ""
        self._recorder = Recorder(house, handle, tape)
        self._point: tuple[str, int, Held] = ("", 0, Held("", {}))
        """Flow, version, and where a take-over goes on."""
        self._to_flush = False
        self._steps = 0

    async def _through(self, life: Awaitable[None]) -> None:
        """Live it to its end. An error ends this call, and no other."""
        told = {"call": self.call}
        try:
            await life
        except (Fenced, Silenced):
            log.warning("call left to its new owner", extra=told)
        except HoldfastError as error:
            log.error("call failed: %s", error, extra=told)
            await self._fail(error.verdict, error.reason)
        except Exception:
            log.exception("call failed", extra=told)
            await self._fail("failed", "internal-error")

    async def _fail(self, verdict: str, reason: str) -> None:
        """End the call by an error of ours: the caller gets the dialplan's fallback, not silence."""
        try:
            await self._fall_back(verdict, reason)
        except (HoldfastError, OSError):
            log.exception("the end of a failed call could not be written", extra={"call": self.call})

    async def _fall_back(self, verdict: str, reason: str) -> None:
        """What that is on this line."""
        raise NotImplementedError

    def restore(self, kept: Kept) -> None:
        """Know what the call's last worker has written down."""
        self.variables, self.visits = dict(kept.variables), dict(kept.visits)
        self.language = kept.language or self.language
        self._recorder.restore(kept.take)
        about = self.about._replace(name=kept.name)
        self.about = about._replace(campaign=kept.campaign) if kept.campaign else about

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        self.path = path
        self._point = (flow, version, held or Held(path, self.visits))
        await self._mark()
        self._steps += 1
        if self._steps % BREATH == 0:
            await asyncio.sleep(0)

    async def _mark(self) -> None:
        """Note where the call is, with all that the flow has learned until now."""
        flow, version, (path, visits) = self._point
        kept = self._kept(visits)
        await self.house.checkpoint.step(
            self.handle, flow=flow, version=version, path=path, kept=kept, ride=True
        )
        self._to_flush = True

    def _kept(self, visits: Mapping[str, int]) -> Kept:
        about, take = self.about, self._recorder.take
        return Kept(about.name, about.campaign, self.language, self.variables, visits, take)

    async def remember(self) -> None:
        """Make durable what the flow has learned, wherever the call is."""
        await self.house.checkpoint.remember(self.handle, self._kept(self.visits))

    async def _flush(self) -> None:
        """Make the step's checkpoint durable before the step does anything that must not be done twice.

        A `queue` or `hangup` step begins with a write of its own: there the checkpoint rides.
        """
        if self._to_flush:
            self._to_flush = False
            await self.house.checkpoint.flush(self.handle)

    def interrupted(self, name: str) -> bool:
        return self._recorder.interrupted(name)

    async def record(self, name: str, wish: Recording) -> Recorded:
        await self._recorder.begin(Take(name, innermost(self.path), wish), self.about)
        await self._mark()  # whoever takes the call over knows what is being recorded
        await self._flush()
        return await self._recorder.record(self.about)

    def keep_recording(self) -> None:
        self._recorder.keep(self.about)

    def prompt(self, name: str) -> str:
        return self.house.prompt(name, self.language)

    async def say(self, text: str, passing: bool = False) -> str:
        return await self.house.say(text, self.language, passing)

    def now(self) -> datetime:
        return self.house.now()

    async def figures(self, queue: str) -> Figures | None:
        try:
            return Figures(*await self.house.store.figures(queue))
        except StoreAway:
            return None

    async def count(self, counter: str, key: str) -> int:
        try:
            return await self.house.store.count(counter, key)
        except StoreAway:
            return randrange(1, CHANCES)

    async def first(self, what: str, key: str, within_s: int) -> bool:
        whose = hashlib.sha256(f"{self.about.number} {what}".encode()).hexdigest()
        try:
            return await self.house.store.once(whose, key, within_s)
        except StoreAway:
            return False

    def hours(self, name: str) -> Hours | None:
        return self.house.hours(name)

    def note(self, kind: str, **fields: object) -> None:
        self.house.store.note(self.handle, kind, 0, **fields)

    def post(self, request: Request) -> None:
        self.house.outbox.post(self.handle, request)

    async def hangup(self, cause: str) -> NoReturn:
        raise Hangup("system", CAUSES[cause])
