"""What a phone hears, and what it says: the RTP end of a SIPp call, on a port of ours.

SIPp puts the port into its SDP. (Its own RTP echo keeps nothing.) Keys that SIPp sends from the same
port, on a raw socket, do not disturb us.
"""

import asyncio
import random
import struct
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

from tests.rig.sound import FRAME, RATE, Samples, decode_ulaw, encode_ulaw

PCMU = 0
HOST = "127.0.0.1"
_HEADER = struct.Struct("!BBHII")
_WRAP = 1 << 32
_ASTRAY = RATE // 4
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

    A packet that is off by less than a frame follows the one before without gap, as it would in a phone:
    Asterisk's timestamps of files follow its clock.
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
        if abs(origin - follows) < FRAME:
            origin = follows
        follows = origin + len(packet.payload)
        placed.append((origin, packet.payload))
    samples = [0] * max(origin + len(payload) for origin, payload in placed)
    for origin, payload in placed:
        if origin >= 0:
            samples[origin : origin + len(payload)] = decode_ulaw(payload)
    return Recording(began_at, samples)


class Ear(asyncio.DatagramProtocol):
    """A UDP port that records what is sent to it and can speak back. `async with Ear() as ear`."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[str, int] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        at = time.time()
        if len(data) < _HEADER.size:
            return
        first, second, _, timestamp, source = _HEADER.unpack_from(data)
        if first >> 6 == 2 and second & 0x7F == PCMU:
            self._peer = addr
            start = _HEADER.size + 4 * (first & 0x0F)
            self.packets.append(Packet(at, source, timestamp, data[start:]))
            self._news.set()

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
            self._news.clear()
            await self._news.wait()

    async def say(self, samples: Samples) -> None:
        """Speak to whoever was heard last, in packets of 20 ms. RuntimeError if nobody was heard yet."""
        if not self._transport or not self._peer:
            raise RuntimeError("nobody to speak to: no packet has come yet")
        loop = asyncio.get_running_loop()
        source, sequence, began = random.getrandbits(32), random.getrandbits(16), loop.time()
        for number, start in enumerate(range(0, len(samples), FRAME)):
            header = _HEADER.pack(0x80, PCMU, (sequence + number) & 0xFFFF, start, source)
            self._transport.sendto(header + encode_ulaw(samples[start : start + FRAME]), self._peer)
            await asyncio.sleep(began + (number + 1) * FRAME / RATE - loop.time())
