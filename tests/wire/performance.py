"""A recording performed before a worker, line after line, with faults put in.

An event is told when all that was recorded before it has been said: commands that the worker gives are waited
for. What can no longer happen (an event of a phone that was never rung) does not. When the recording is over,
or has become impossible, everybody who is still there hangs up, and the call must come to its end.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from tests.wire.asterisk_double import Answer, query
from tests.wire.bench import Bench
from tests.wire.recording import CALL, REPLY, Line, Recording

LONG_S = 0.1
"""Shorter silences in a recording are nobody's patience."""
BROADCAST_S = 0.5
PATIENCE_S = 1.0
PATIENCE_STEPS = 22
LATEST_S = PATIENCE_S * PATIENCE_STEPS
"""A reply is waited for 10 s, news of a hangup 5 s; a lost one is noticed in two looks, 10 s apart."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong. Numbers are those of the recording's lines."""

    status: Mapping[int, int] = field(default_factory=dict)
    """Command → the status it is answered with."""
    late: frozenset[int] = frozenset()
    """Commands whose reply comes after the next event."""
    lost: frozenset[int] = frozenset()
    """Events that are not told."""
    twice: frozenset[int] = frozenset()
    """Events that are told twice."""
    away: Mapping[int, int] = field(default_factory=dict)
    """Line → how many lines long the socket is closed from there on."""
    hangs_up: int | None = None
    """The caller hangs up before this line."""
    hint: bool = True
    """… and Asterisk tells so."""
    silenced: frozenset[int] = frozenset()
    """Lines before which the worker's lease becomes too old; half a second later it renews it."""
    mute: frozenset[int] = frozenset()
    """Commands that are never answered, although carried out."""


@dataclass
class Performance:
    """What came of it."""

    missing: list[str] = field(default_factory=list)
    """Recorded commands that the worker did not give."""
    beside: list[str] = field(default_factory=list)
    """Commands that it gave, and that are not in the recording."""
    impossible: list[str] = field(default_factory=list)
    """Recorded events that could not happen."""
    reconciled: bool = False
    """The call ended only when Asterisk connected again."""
    waited_s: float = 0.0
    """Time that passed after the last hangup until all was over."""


class Performer:
    """Performs one recording once."""

    def __init__(self, bench: Bench, recording: Recording, faults: Faults) -> None:
        self._bench = bench
        self._double = bench.double
        self._faults = faults
        self.call = bench.call_id()
        stem = self.call[:-1]
        text = msgspec.json.encode(list(recording.lines)).decode().replace(CALL.format(""), stem)
        self._lines = msgspec.json.decode(text, type=list[Line])
        commands = (n for n, line in enumerate(self._lines) if line.d == "out")
        replies = (line.m for line in self._lines if line.d == "in" and line.kind == REPLY)
        self._replies = dict(zip(commands, replies, strict=True))
        self._open = {number: self._lines[number].command for number in self._replies}
        """Commands that are still expected."""
        self._away_until = -1
        self._late = False
        self.found = Performance()
        self.before: dict[int, Callable[[], Awaitable[None]]] = {}
        """What else happens before a line."""

    async def perform(self) -> Performance:
        """From the first line to the end of the call."""
        self._double.on_command = self._answer
        for number, line in enumerate(self._lines):
            await self._faulty_socket(number)
            if number in self.before:
                await self._bench.settle()
                await self.before[number]()
            if number in self._faults.silenced:
                await self._bench.settle()
                self._bench.silence()
            if self._faults.hangs_up == number:
                await self._hangs_up()
                break
            if line.d == "out":
                await self._expect(number, line)
            elif line.event:
                await self._tell(number, line)
            else:
                await self._allow(line)
        await self._wind_up()
        self.found.missing += self._open.values()
        return self.found

    # Commands

    def _answer(self, command: Line) -> Answer:
        said = self._bench.neutral(command.command)
        natural = self._double.natural(command)
        number = next((n for n, expected in self._open.items() if expected == said), None)
        if number is None:
            if self.call in said:
                self.found.beside.append(said)
            return Answer(natural)
        del self._open[number]
        recorded = self._replies[number]
        reply = recorded["status_code"], recorded.get("message_body", "")
        if natural[0] >= 400:
            reply = natural
        if number in self._faults.status:
            reply = self._faults.status[number], ""
            if command.m["method"] == "DELETE":  # only what is gone cannot be taken down
                self._double.bridges.pop(command.m["uri"].removeprefix("bridges/"), None)
        return Answer(reply, number, number in self._faults.mute)

    async def _expect(self, number: int, line: Line) -> None:
        """Wait until the worker has given the command; longer than in the recording it never takes."""
        await self._bench.settle()
        if number not in self._open:
            return
        if self._double.held:
            await self._double.release()
            await self._bench.settle()
        gap_s = self._gap_s(number)
        if number in self._open and line.m["uri"] == "events/claim" and self._double.connected:
            await self._broadcast_again(line)
        if number in self._open and self._double.connected and gap_s > LONG_S:
            await self._bench.move(gap_s + LONG_S)

    def _gap_s(self, number: int) -> float:
        return (self._lines[number].ms - self._lines[number - 1].ms) / 1000 if number else 0.0

    async def _broadcast_again(self, claim: Line) -> None:
        """Nobody has claimed: the dialplan tries again after half a second."""
        channel = query(claim)["channelId"]
        if not self._double.channels[channel].gone:
            await self._bench.move(BROADCAST_S)
            await self._double.tell(self._double.event("CallBroadcast", channel))
            await self._bench.settle()

    async def _allow(self, reply: Line) -> None:
        """The place where the reply was recorded."""
        number = next(n for n, recorded in self._replies.items() if recorded is reply.m)
        if number in self._faults.late:
            self._late = True
        elif not self._late:
            await self._double.allow(number)

    # Events

    async def _tell(self, number: int, line: Line) -> None:
        if not self._possible(line):
            self.found.impossible.append(line.kind)
            return
        if self._gap_s(number) > LONG_S:
            await self._bench.move(self._gap_s(number))
        times = 0 if number in self._faults.lost else 2 if number in self._faults.twice else 1
        await self._double.tell(line.m, times)
        if self._late:
            self._late = False
            await self._double.release()

    def _possible(self, line: Line) -> bool:
        if line.kind == "CallBroadcast":
            return True
        if line.kind == "PlaybackFinished":
            return line.m["playback"]["id"] in self._double.playing
        name = line.m["channel"]["id"]
        channel = self._double.channels.get(name)
        if channel is None or channel.gone:
            return False
        if line.kind == "StasisStart":
            return name in self._double.claimed or "-a" in name
        if channel.ending and line.kind not in ("ChannelHangupRequest", "ChannelDestroyed"):
            return False
        return channel.ours

    async def _hangs_up(self) -> None:
        caller = self._double.channels.get(self.call)
        if caller is not None and not caller.gone:
            await self._double.hang_up(self.call, hint=self._faults.hint and caller.ours)

    # The socket

    async def _faulty_socket(self, number: int) -> None:
        if number == self._away_until or (number > self._away_until and not self._double.connected):
            await self._return()
        if number in self._faults.away and self._double.connected:
            await self._bench.settle()
            await self._double.disconnect()
            await self._bench.settle()
            self._away_until = number + self._faults.away[number]

    async def _return(self) -> None:
        await self._double.connect()
        await self._bench.settle()

    # The end

    async def _wind_up(self) -> None:
        """Everybody hangs up; time passes as long as that helps; then Asterisk connects again."""
        if not self._double.connected:
            await self._return()
        await self._quiet()
        for again in (True, False):
            for channel in [c for c in self._double.channels.values() if not c.gone]:
                await self._double.hang_up(channel.id, hint=channel.ours)
            await self._quiet()
            if not again:
                break
            for _ in range(PATIENCE_STEPS):
                if self._bench.idle:
                    return
                await self._bench.move(PATIENCE_S)
                if not self._double.connected:
                    await self._return()
                self.found.waited_s += PATIENCE_S
                await self._quiet()
            self.found.reconciled = True
            await self._double.disconnect()
            await self._bench.settle()
            await self._return()

    async def _quiet(self) -> None:
        await self._bench.settle()
        while await self._double.catch_up():
            await self._bench.settle()
