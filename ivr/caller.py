"""The caller's side of a call: his channel, and the mailbox of all that is told about the call.

Messages are read in one place, `Caller.next`: there his hangup is raised, whatever was waited for, holds are
logged, keys go into the type-ahead buffer. Whoever serves him sees results, a hangup or a timeout.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, NoReturn, TypeVar

from calllog.errors import HoldfastError
from ivr.agent_leg import AgentLeg, playback_id
from ivr.ari import Asterisk, Conflict, NotFound
from ivr.ari import events as ari
from ivr.checkpoint import Checkpoint
from ivr.feature_keys import FeatureKeys
from ivr.flow.line import About, Hangup
from ivr.flow.opening import Hours
from ivr.flow.step import Flow
from ivr.mailbox import Mailbox
from ivr.nailed import Nailed
from ivr.outbox import Outbox
from ivr.policy import Destination
from ivr.presses import Presses
from ivr.recordings import Recordings
from ivr.transfers import Stop, Transfers
from ivr.type_ahead import TypeAhead
from ivr.web import Web
from queues.handle import CallHandle
from queues.models import Agent, Device, Queue
from queues.store import Offer, Store

GONE_TIMEOUT_S = 5.0
"""After a command met a dead channel, its hangup event is this late at most; then Asterisk is asked."""


class Vanished(NamedTuple):
    """The caller's channel is gone, and nobody was told when who lives: between these instants (ms)."""

    not_before: int
    not_after: int
    lost: bool = False
    """It was Asterisk that died."""


class AsteriskDied(HoldfastError):  # noqa: N818  (named by what is the matter)
    """Asterisk has restarted; the call was in the old one."""

    verdict = "lost"
    reason = "asterisk-died"


class AsteriskStopped(HoldfastError):  # noqa: N818
    """Somebody has stopped Asterisk under the call: nobody in it has hung up."""

    verdict = "lost"
    reason = "asterisk-stopped"


class Over(NamedTuple):
    """Something that was done beside his waiting is over; it wakes who waits for it."""

    what: object = None


class Look(NamedTuple):
    """The rules of his queue may let him wait no longer, or were published anew; he looks for himself."""

    reason: str = ""
    """closed, no_agents, full or ratio; empty: settings were published."""


class Moved(NamedTuple):
    """Somebody has put him into another queue."""

    queue: str
    joined_at: int
    """When, ms."""


class Dialled(NamedTuple):
    """The agent with whom he talks has dialled a number on another line. Personal: `written`."""

    line: str
    """The channel of that call."""
    written: str


Message = (
    ari.ChannelEvent
    | ari.PlaybackFinished
    | ari.RecordingFinished
    | ari.RecordingFailed
    | Offer
    | Vanished
    | Over
    | Look
    | Moved
    | Dialled
)
Result = TypeVar("Result")


@dataclass(frozen=True)
class House:
    """What every call of a worker shares."""

    asterisk: Asterisk
    store: Store
    checkpoint: Checkpoint
    flow: Callable[[str], Flow | None]
    """A flow by name, as it is published."""
    queue: Callable[[str], Queue]
    """Settings of a queue by name; of one that is not there any more the usual ones."""
    agent: Callable[[str], Agent | None]
    """What is published of an agent."""
    device: Callable[[str], Device | None]
    """What is published of a device."""
    prompt: Callable[[str, str], str]
    """Media URI of a prompt by name and language; raises `MediaFailed`."""
    say: Callable[[str, str, bool], Awaitable[str]]
    """Media URI of a text in a language; the last: it is not to be kept. Raises `MediaFailed`."""
    transfers: Callable[[], Transfers | None]
    """Where agents may transfer callers; None: nowhere."""
    stop_at: Callable[[str], Stop]
    """Whom an agent means who transfers a caller there; raises `Unknown`."""
    outside: Callable[[str, About], Destination]
    """Where to call a number as somebody wrote it, for this caller; raises `NotAllowed`."""
    web: Web
    outbox: Outbox
    nailed: Nailed
    recordings: Recordings
    listen: Callable[[str, Mailbox[Message]], None]
    """Put a channel's events into a mailbox from now on."""
    forget: Callable[[str], None]
    """The channel's events are of no more interest."""
    hours: Callable[[str], Hours | None]
    """Opening hours by name."""
    vip: Callable[[str], int]
    """Head start of whoever calls from a number, in seconds."""
    closed: Callable[[str], bool]
    """Whether the opening hours of a queue are over now."""
    place: Callable[[str, str], Awaitable[int]]
    """The place of a call in a queue, within about a second; 0: none, or not known now."""
    now: Callable[[], datetime]
    """The time of day where the company is."""
    leave: Callable[[str], None]
    """Nobody serves the call any more, and its end is not written: keep its news for whoever adopts it."""

    def feature_keys(self, leg: AgentLeg) -> FeatureKeys:
        """What he can say by keys while he talks."""
        may = self.transfers()
        return FeatureKeys(may.keys if may is not None else None, self.nailed.end_key if leg.nailed else "")


class Caller:
    """One caller. Whatever is awaited here raises `Hangup` when he is gone."""

    def __init__(self, house: House, handle: CallHandle) -> None:
        self.house = house
        self.handle = handle
        self.call = handle.call
        """The call's id, and his channel's."""
        self.about = About()
        """Who he is, for those who are called for him."""
        self.mailbox: Mailbox[Message] = Mailbox()
        self.keys = TypeAhead()
        """What he has pressed and nobody has taken."""
        self.outside = ""
        """The channel to a number outside with which he is being connected; its holds are nobody's here."""
        self.apart: frozenset[str] = frozenset()
        """Channels of agents who speak with each other about him; their holds are not his."""
        self.playing = ""
        """Id of the playback he hears; it is told when it has ended."""
        self._plays = 0
        self._presses = Presses()
        self.left_in = ""
        """The bridge where his agent has left him alone; he leaves it when he is to hear something."""
        self.gone_at = 0
        """When he hung up, ms; 0: he has not, or nobody knows."""
        self.gone_between: tuple[int, int] | None = None
        self.parting: Message | None = None
        """What told that he is gone."""

    def name_playback(self) -> str:
        """A name for what he is played next; it is the one that plays from now on."""
        self._plays += 1
        self.playing = playback_id(self.call, self.handle.epoch, self._plays)
        return self.playing

    async def next(self, until: float | None = None) -> Message | None:
        """The next message that somebody may wait for; None at the loop time `until`."""
        while True:
            message = await self.mailbox.take(until)
            if message is None or not await self._absorb(message):
                return message

    async def during(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What comes of `work`; it is given up when he is gone."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._over)
        try:
            while not task.done():
                await self.next()
            return task.result()
        finally:
            task.cancel()

    def _over(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            task.exception()  # known to whoever waits; if nobody does, it is of no interest
        self.mailbox.put(Over())

    async def catch_up(self, connecting: bool = False) -> None:
        """Absorb what has come already; the rest stays, in order. Raises `Hangup` if the caller is gone.

        `connecting`: a hold is of the talk that is about to begin, and waits for it.
        """
        for _ in range(len(self.mailbox)):
            message = await self.mailbox.take()
            if connecting and isinstance(message, ari.ChannelHold | ari.ChannelUnhold):
                self.mailbox.put(message)
                continue
            if message is not None and not await self._absorb(message) and not self.typed(message):
                self.mailbox.put(message)

    def typed(self, message: Message) -> bool:
        """Whether it tells of a key of the caller: that is in the type-ahead buffer once it was read."""
        return isinstance(message, ari.ChannelDtmfReceived) and message.channel.id == self.call

    async def _absorb(self, message: Message) -> bool:
        """What means the same wherever the call is. Raises `Hangup` if the caller is gone."""
        if isinstance(message, Vanished):
            self.parting = message
            self._vanished(message)
        if isinstance(message, ari.PlaybackFinished) and message.playback.id == self.playing:
            self.playing = ""
        if not isinstance(message, ari.ChannelEvent):
            return False
        from_caller = message.channel.id == self.call
        match message:
            case ari.ChannelHangupRequest(shut_down=True):
                self.gone_at, self.parting = message.at, message
                raise AsteriskStopped("Asterisk was stopped under the call")
            case ari.ChannelHangupRequest() | ari.ChannelDestroyed() if from_caller:
                self.gone_at, self.parting = message.at, message
                raise Hangup("caller", message.q850)
            case ari.ChannelDtmfReceived(digit=digit) if from_caller:
                if not self._presses.new(digit, message.at, message.duration_ms, bool(self.playing)):
                    return True
                return not self.keys.press(digit)
            case ari.ChannelHold() | ari.ChannelUnhold() if message.channel.id in {self.outside, *self.apart}:
                return True
            case ari.ChannelHold() | ari.ChannelUnhold():
                by = "caller" if from_caller else "agent"
                started = isinstance(message, ari.ChannelHold)
                await self.house.store.hold(self.handle, by=by, started=started, at=message.at, wait=False)
                return True
        return False

    def _vanished(self, message: Vanished) -> NoReturn:
        self.gone_at = message.not_before
        self.gone_between = (message.not_before, message.not_after)
        if message.lost:
            raise AsteriskDied("the call was in the Asterisk that died")
        raise Hangup("caller")

    def miss(self, channel: str) -> None:
        """Somebody in the call is gone, and nobody was told: tell it as Asterisk would have."""
        news = ari.ChannelDestroyed(channel=ari.Channel(id=channel))
        self.house.nailed.heard(news)
        self.mailbox.put(news)

    async def tell(self, command: Awaitable[None]) -> None:
        """Give a command for his channel. If that is dead, wait for the news of the hangup.

        Without news Asterisk is asked: if the channel lives, the refusal is raised: it is an error of ours.
        """
        try:
            await command
        except (NotFound, Conflict):
            deadline = asyncio.get_running_loop().time() + GONE_TIMEOUT_S
            while await self.next(deadline) is not None:
                pass
            if await self.house.asterisk.lives(self.call):
                raise
            raise Hangup("caller") from None

    async def leave_bridge(self) -> None:
        """Go where he can be played something; does nothing if no agent has left him in a bridge."""
        if self.left_in:
            bridge, self.left_in = self.left_in, ""
            await self.house.asterisk.unbridge(bridge, goes_on=self.call)
