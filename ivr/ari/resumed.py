"""A WebSocket of Asterisk's that was opened to this worker's last process, and goes on with this one.

The handshake was long ago: picows is told it again, and what it answers stays here. The last process may have
died in the middle of a message: what Asterisk says is passed on from the first whole one.
"""

import asyncio
from typing import Any

import msgspec

HANDSHAKE = (
    b"GET /asterisk HTTP/1.1\r\nHost: worker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
WHOLE_TEXT = 0x81
"""First byte of a frame that is a whole message of text (RFC 6455, 5.2); all that Asterisk tells comes so."""
MASKED = 0x80
"""Bit of the second byte: Asterisk is the client, so all its frames are masked."""
LARGEST = 1 << 20
"""Bytes. Asterisk makes a frame on its stack, which is a quarter of that."""


class Resumed(asyncio.Protocol):
    """Stands before picows until it knows where a message begins; then picows reads the socket itself."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._unread = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        muted = _Muted(transport)
        self._protocol.connection_made(muted)
        _feed(self._protocol, HANDSHAKE)
        muted.speak()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        begin = first_message(self._unread)
        if begin is None:
            return
        whole, self._unread = bytes(self._unread[begin:]), bytearray()
        self._transport.pause_reading()  # the loop chooses how to read when reading begins
        self._transport.set_protocol(self._protocol)
        _feed(self._protocol, whole)
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return bool(self._protocol.eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


class _Muted:
    """A transport that keeps what is written to it until it may speak."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._speaks = False

    def speak(self) -> None:
        self._speaks = True

    def write(self, data: bytes) -> None:
        if self._speaks:
            self._transport.write(data)

    def writelines(self, data: list[bytes]) -> None:
        if self._speaks:
            self._transport.writelines(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _feed(protocol: Any, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        room = protocol.get_buffer(-1)
        some = rest[: len(room)]
        room[: len(some)] = some
        protocol.buffer_updated(len(some))
        rest = rest[len(some) :]


def first_message(data: bytearray) -> int | None:
    """Where the first whole message of text begins; None: more must be read to know it."""
    begin = data.find(WHOLE_TEXT)
    while begin >= 0:
        ends = _payload(data, begin)
        if ends is None:
            return None
        if _is_json(data, *ends):
            return begin
        begin = data.find(WHOLE_TEXT, begin + 1)
    return None


def _payload(data: bytearray, begin: int) -> tuple[int, int] | None:
    """Begin and end of the payload if a frame begins there; (0, 0): none does; None: that is not read yet."""
    if len(data) < begin + 2:
        return None
    length, at = data[begin + 1] & ~MASKED, begin + 2
    if not data[begin + 1] & MASKED:
        return 0, 0
    if extended := {126: 2, 127: 8}.get(length, 0):
        if len(data) < at + extended:
            return None
        length, at = int.from_bytes(data[at : at + extended]), at + extended
    if length > LARGEST:
        return 0, 0
    at += 4
    if len(data) > at and data[at] ^ data[at - 4] != ord("{"):
        return 0, 0
    return (at, at + length) if len(data) >= at + length else None


def _is_json(data: bytearray, begin: int, end: int) -> bool:
    if begin == end:
        return False
    mask = bytes(data[begin - 4 : begin])
    payload = bytes(byte ^ mask[n & 3] for n, byte in enumerate(data[begin:end]))
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True
