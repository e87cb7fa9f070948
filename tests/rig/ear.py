"""What a phone hears, and what it says: the RTP end of a SIPp call, on a port of ours.

SIPp puts the port into its SDP. (Its own RTP echo keeps nothing.) Keys that SIPp sends from the same
port, on a raw socket, do not disturb us.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

from tests.rig.keypad import EVENTS, PAYLOAD_TYPE, Due
from tests.rig.sound import FRAME, RATE, Frames, Samples, decode_ulaw, encode_ulaw

PCMU = 0
HOST = "127.0.0.1"
_HEADER = struct.Struct("!BBHII")
_WRAP = 1 << 32
_INSTANT = struct.Struct("@ll")
_TIMESTAMPS = 35
"""SO_TIMESTAMPNS of Linux, which Python does not name."""
_FORCED_BUFFER = 33
"""SO_RCVBUFFORCE."""
_BUFFER = 1 << 22
PATIENCE_S = 20.0
_ASTRAY = RATE
"""A timestamp this many samples away from the clock begins a new timeline: the sender has changed."""


class Packet(NamedTuple):
    """One RTP packet with PCMU sound."""

    at: float
    """When it came, seconds since the epoch."""
    source: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """What came in, on a line of time; where no packet came there are zeros."""

    began_at: float
    """Instant of the first sample, seconds since the epoch."""
    samples: list[int] = field(repr=False)

    def part(self, from_at: float, to_at: float) -> list[int]:
        """What was heard between two instants (seconds since the epoch), in whole frames."""
        first, last = (max(round((at - self.began_at) * RATE / FRAME), 0) for at in (from_at, to_at))
        return self.samples[first * FRAME : last * FRAME]

    @property
    def length_s(self) -> float:
        return len(self.samples) / RATE


def assemble(packets: list[Packet]) -> Recording:
    """Lay the packets out by their timestamps; a new source, or one gone astray, is placed by the clock.

    Gaps are whole frames, so that frames can be found again; Asterisk's timestamps of files follow its clock.
    """
    if not packets:
        return Recording(0.0, [])
    began_at = packets[0].at
    placed: list[tuple[int, bytes]] = []
    source = timestamp = origin = follows = 0
    for packet in packets:
        due = round((packet.at - began_at) * RATE / FRAME) * FRAME
        ahead = (packet.timestamp - timestamp + _WRAP // 2) % _WRAP - _WRAP // 2
        if not placed or packet.source != source or abs(origin + ahead - due) > _ASTRAY:
            source, origin, ahead = packet.source, due, 0
        timestamp, origin = packet.timestamp, origin + ahead
        origin = follows + round((origin - follows) / FRAME) * FRAME
        follows = origin + len(packet.payload)
        placed.append((origin, packet.payload))
    samples = [0] * max(origin + len(payload) for origin, payload in placed)
    for origin, payload in placed:
        if origin >= 0:
            samples[origin : origin + len(payload)] = decode_ulaw(payload)
    return Recording(began_at, samples)


class Ear:
    """A UDP port that records what is sent to it and can speak back. `async with Ear() as ear`.

    The kernel says when each packet came: this process may be busy comparing sounds just then.
    """

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.keys = ""
        """Keys that came as telephone events."""
        self._key_at = -1
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._peer: tuple[str, int] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._socket.setblocking(False)
        with suppress(PermissionError):  # beyond what the machine grants to everybody, where that is allowed
            self._socket.setsockopt(socket.SOL_SOCKET, _FORCED_BUFFER, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        self._socket.bind((HOST, 0))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _read(self) -> None:
        while True:
            try:
                data, notes, _, sender = self._socket.recvmsg(2048, socket.CMSG_SPACE(_INSTANT.size))
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # whom we spoke to is not there: no matter to what we hear
            self._heard(data, [note for _, kind, note in notes if kind == _TIMESTAMPS], sender)

    def _heard(self, data: bytes, instants: list[bytes], sender: tuple[str, int]) -> None:
        if len(data) < _HEADER.size:
            return
        first, second, _, timestamp, source = _HEADER.unpack_from(data)
        if first >> 6 == 2 and second & 0x7F == PCMU:
            seconds, nanoseconds = _INSTANT.unpack(instants[0])
            self._peer = sender
            start = _HEADER.size + 4 * (first & 0x0F)
            self.packets.append(Packet(seconds + nanoseconds / 1e9, source, timestamp, data[start:]))
            self._news.set()
        elif first >> 6 == 2 and second & 0x7F == PAYLOAD_TYPE and timestamp != self._key_at:
            self._key_at = timestamp  # it is the same in all packets of a key
            self.keys += EVENTS[data[_HEADER.size]]

    @property
    def recording(self) -> Recording:
        """All that was heard so far."""
        return assemble(self.packets)

    def speak_to(self, port: int) -> None:
        """Speak to this port of this machine, before anything was heard."""
        self._peer = HOST, port

    async def listen(self, until_at: float) -> None:
        """Until something was heard at this instant (seconds since the epoch) or later."""
        while not self.packets or self.packets[-1].at < until_at:
            await self._more()

    async def hears(self, sound: Samples, from_s: float = 0.0, since_at: float = 0.0) -> None:
        """Until this sound is being heard, from so many seconds of it on. Raises TimeoutError.

        `since_at`: what was heard before (seconds since the epoch) counts not.
        """
        wanted, looked = Frames(sound[round(from_s * RATE) :]), 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for packet in self.packets[looked:]:
                    if packet.at >= since_at and decode_ulaw(packet.payload) in wanted:
                        return
                looked = len(self.packets)
                await self._more()

    async def _more(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def say(self, samples: Samples, once: asyncio.Future[None] | None = None) -> None:
        """Speak to whoever was heard last, in packets of 20 ms. RuntimeError if nobody was heard yet.

        `once`: before that is done the stream is silence, as telephones send it.
        """
        if not self._peer:
            raise RuntimeError("nobody to speak to: no packet has come yet")
        loop = asyncio.get_running_loop()
        source, sequence, began = random.getrandbits(32), random.getrandbits(16), loop.time()
        for number, frame in enumerate(_frames(samples, once)):
            header = _HEADER.pack(0x80, PCMU, (sequence + number) & 0xFFFF, number * FRAME, source)
            self._socket.sendto(header + encode_ulaw(frame), self._peer)
            await asyncio.sleep(began + (number + 1) * FRAME / RATE - loop.time())

    async def send(self, packets: Iterable[Due]) -> None:
        """Send packets at their times to whoever was heard last. RuntimeError if nobody was heard yet."""
        if not self._peer:
            raise RuntimeError("nobody to speak to: no packet has come yet")
        loop = asyncio.get_running_loop()
        began = loop.time()
        for due in packets:
            if (left_s := began + due.at_s - loop.time()) > 0:
                await asyncio.sleep(left_s)
            self._socket.sendto(due.data, self._peer)


def _frames(samples: Samples, once: asyncio.Future[None] | None) -> Iterator[Samples]:
    while once is not None and not once.done():
        yield [0] * FRAME
    if once is not None:
        once.result()
    yield from (samples[start : start + FRAME] for start in range(0, len(samples), FRAME))
