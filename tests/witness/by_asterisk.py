"""What Asterisk says of each call: its channel event log (CEL) and its own record of SIP messages. Pure.

CEL has no event for a hold, and of who hung up only a name, which the first to hang up in a bridge leaves on
both channels. So holds, transfers, and whose BYE it was are from the other record.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import msgspec

from tests.witness.dialogs import Dialog, Message, dialogs
from tests.witness.facts import CALLER, NOBODY, By, Fact

_MUSIC = "MOH_STREAM_"
_LEG = "-a"
"""Between a call's id and the number of the attempt, in the id that our side gives to an agent's channel."""


class Unread(Exception):  # noqa: N818
    """A line of CEL is not as it should be; the text has it."""


class Line(msgspec.Struct, frozen=True):
    """One channel event."""

    eventenum: str
    eventtime: float
    """Seconds since the epoch."""
    channame: str
    uniqueid: str
    num: str = ""
    userdeftype: str = ""
    eventextra: str = ""

    @property
    def at(self) -> float:
        """Milliseconds."""
        return self.eventtime * 1000


class _Extra(msgspec.Struct, frozen=True):
    bridge_id: str = ""
    hangupsource: str = ""


class _Stay(NamedTuple):
    """A channel in a bridge."""

    bridge: str
    since: float


@dataclass
class Channel:
    """What CEL tells of one channel. Instants in milliseconds; 0: did not happen."""

    unique_id: str
    name: str
    number: str
    started_at: float
    answered_at: float = 0
    ended_at: float = 0
    source: str = ""
    """Name of the channel whose phone hung up first."""
    stays: list[_Stay] = field(default_factory=list)
    music: list[Fact] = field(default_factory=list)
    """Of the queue: none while he is in a bridge, where music tells a hold by the other party."""
    _bridged: bool = False

    @property
    def endpoint(self) -> str:
        """`PJSIP/alice-phone-00000001` → `alice-phone`."""
        return self.name.partition("/")[2].rpartition("-")[0]

    def add(self, line: Line) -> None:
        """The next event of this channel."""
        kind = line.eventenum
        extra = msgspec.json.decode(line.eventextra, type=_Extra) if line.eventextra else _Extra()
        if kind == "ANSWER":
            self.answered_at = self.answered_at or line.at
        elif kind == "HANGUP":
            self.ended_at, self.source = line.at, extra.hangupsource
        elif kind == "BRIDGE_ENTER":
            self._bridged = True
            self.stays.append(_Stay(extra.bridge_id, line.at))
        elif kind == "BRIDGE_EXIT":
            self._bridged = False
        elif line.userdeftype.startswith(_MUSIC):
            self._music(line)

    def _music(self, line: Line) -> None:
        playing = bool(self.music) and self.music[-1].what == "music"
        if line.eventenum == "STREAM_END" and playing:
            self.music.append(Fact("music over", CALLER, line.at))
        elif line.eventenum == "STREAM_BEGIN" and not playing and not self._bridged:
            self.music.append(Fact("music", CALLER, line.at))


def read_cel(text: str) -> list[Line]:
    """The lines that Asterisk has written, in order of time. Raises Unread."""
    found = []
    for line in text.splitlines():
        try:
            found.append(msgspec.json.decode(line, type=Line))
        except msgspec.MsgspecError as error:
            raise Unread(f"{error}: {line}") from error
    return sorted(found, key=lambda line: line.eventtime)


def channels(lines: Iterable[Line]) -> dict[str, Channel]:
    """Unique id → channel. Events of channels that began before are passed over."""
    found: dict[str, Channel] = {}
    for line in lines:
        if line.eventenum == "CHAN_START":
            found[line.uniqueid] = Channel(line.uniqueid, line.channame, line.num, line.at)
        elif line.uniqueid in found:
            found[line.uniqueid].add(line)
    return found


def by_asterisk(cel: str, sip: Iterable[Message], devices: Mapping[str, str]) -> dict[str, list[Fact]]:
    """Caller's number → what Asterisk says of his call. `devices`: device → agent. Raises Unread."""
    seen = channels(read_cel(cel))
    callers: dict[tuple[str, str], list[Dialog]] = defaultdict(list)
    for begun in dialogs(sip).values():
        callers[CALLER if begun.phone_began else begun.called, begun.number].append(begun)
    told: dict[str, list[Fact]] = {}
    for channel in seen.values():
        agent = devices.get(channel.endpoint)
        caller = seen.get(channel.unique_id.rpartition(_LEG)[0]) if agent else channel
        if caller is None or not caller.number:
            continue
        legs = callers[agent or CALLER, caller.number]
        legs = [*legs, *callers[agent, NOBODY]] if agent else legs
        leg = next((own for own in legs if _same(own, channel, bool(agent))), None)
        if leg is None:
            continue  # an agent's channel that was ended before his phone was dialled
        facts = told.setdefault(caller.number, [])
        facts += _agent(agent, channel, caller, leg) if agent else _caller(channel, leg)
    return told


def _same(leg: Dialog, channel: Channel, of_agent: bool) -> bool:
    """A caller calls once from a number; an agent's phone may be dialled more than once for one caller."""
    ended_at = channel.ended_at or leg.invited_at
    return not of_agent or channel.started_at <= leg.invited_at <= ended_at


def _caller(channel: Channel, leg: Dialog) -> Iterator[Fact]:
    yield Fact("arrived", CALLER, channel.started_at)
    if channel.answered_at:
        yield Fact("answered", CALLER, channel.answered_at)
    yield from channel.music
    yield from _talk(CALLER, channel, leg)


def _agent(agent: str, channel: Channel, caller: Channel, leg: Dialog) -> Iterator[Fact]:
    yield Fact("rung", agent, leg.invited_at)
    if channel.answered_at:
        yield Fact("picked up", agent, channel.answered_at)
    for stay in channel.stays:
        for other in caller.stays:
            if other.bridge == stay.bridge:
                yield Fact("bridged", agent, max(stay.since, other.since))
    yield from _talk(agent, channel, leg)


def _talk(who: str, channel: Channel, leg: Dialog) -> Iterator[Fact]:
    # What comes when the channel has ended is still accepted, and holds nobody.
    holds = [(on, at) for on, at in leg.holds if at < (channel.ended_at or inf)]
    for on, at in holds:
        yield Fact("hold" if on else "unhold", who, at)
    if leg.referred_at:
        yield Fact("given", who, leg.referred_at)
    if not channel.ended_at:
        return
    if holds and holds[-1][0]:
        yield Fact("unhold", who, channel.ended_at)
    by: By = "self" if channel.source == channel.name else leg.over_by
    yield Fact("ended" if who == CALLER else "leg over", who, channel.ended_at, by)
