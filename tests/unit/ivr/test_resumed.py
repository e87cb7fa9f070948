"""A worker goes on with the socket that Asterisk had opened to its last process."""

import asyncio
import os
import socket
from collections.abc import Callable

import msgspec
import pytest

from ivr.ari import Link
from ivr.ari.events import Event
from ivr.ari.resumed import first_message
from ivr.holder import Cloakroom

PONG = b"\x8a\x80abcd"


def event(number: int, padding: int = 0) -> bytes:
    """A frame of Asterisk's, masked as a client's are."""
    told = {"type": "ChannelHangupRequest", "timestamp": "2026-11-22T20:00:00.000+0000", "cause": number}
    channel = {"id": f"call-{number}", "name": "x" * padding, "state": "Up"}
    return frame(msgspec.json.encode({**told, "channel": channel}))


def frame(payload: bytes) -> bytes:
    mask = os.urandom(4)
    length = len(payload)
    head = bytes([0x80 | length]) if length < 126 else b""
    if 126 <= length < 1 << 16:
        head = b"\xfe" + length.to_bytes(2)
    elif length >= 1 << 16:
        head = b"\xff" + length.to_bytes(8)
    return b"\x81" + head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


@pytest.mark.parametrize("padding", [0, 200, 70_000])
@pytest.mark.parametrize("lost", [0, 1, 2, 7, 60])
def test_it_begins_with_the_first_whole_message(lost: int, padding: int) -> None:
    """The last process had read so many bytes of a message when it died."""
    rest = event(1, 150)[lost:] if lost else b""
    assert first_message(bytearray(rest + event(2, padding) + event(3))) == len(rest)


def test_all_of_a_message_must_have_come() -> None:
    whole = event(1, 200)
    assert all(first_message(bytearray(whole[:length])) is None for length in range(len(whole)))
    assert first_message(bytearray(whole)) == 0


def test_what_looks_like_a_message_is_not_one() -> None:
    """Bytes inside a message, a frame that is not masked, one of control, an impossible length."""
    lures = b"\x81\x05{abcd" + b"\x81\x85abcd\x1axxxx" + b"\x81\xff" + b"\x7f" * 8 + b"\x81\x80abcd" + PONG
    assert first_message(bytearray(lures + event(2))) == len(lures)


class Shelf:
    """A holder in this process."""

    def __init__(self, held: socket.socket | None) -> None:
        self.held = held
        self.holds = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def hold(self, descriptor: int) -> None:
        os.fstat(descriptor)
        self._loop.call_soon_threadsafe(self.holds.set)

    def take(self) -> socket.socket | None:
        held, self.held = self.held, None
        return held


def link(shelf: Shelf | Cloakroom, told: Callable[[Event], None], lost: asyncio.Event) -> Link:
    return Link("secret", told, lambda: None, lost.set, lambda: True, shelf)


async def _command(asterisk: socket.socket) -> dict[str, object]:
    """The next command that Asterisk reads."""
    loop = asyncio.get_running_loop()
    head = await loop.sock_recv(asterisk, 2)
    assert head[0] == 0x81
    assert head[1] < 126
    command: dict[str, object] = msgspec.json.decode(await loop.sock_recv(asterisk, head[1]))
    return command


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asterisk = socket.create_connection(server.getsockname())
        worker, _ = server.accept()
    asterisk.setblocking(False)
    return asterisk, worker


async def test_events_that_waited_come_first_then_commands_are_answered() -> None:
    asterisk, worker = _tcp_pair()
    half = event(0, 100)[30:]
    asterisk.sendall(half + event(1) + PONG + event(2, 100_000))
    causes: asyncio.Queue[object] = asyncio.Queue()
    lost = asyncio.Event()
    shelf = Shelf(worker)
    line = link(shelf, lambda told: causes.put_nowait(getattr(told, "cause", told)), lost)
    async with asyncio.timeout(10):
        watch = asyncio.create_task(line.watch())
        assert [await causes.get() for _ in range(2)] == [1, 2]
        await shelf.holds.wait()
        reply = asyncio.create_task(line.request("GET", "asterisk/ping"))
        command = await _command(asterisk)  # the answer to a handshake of long ago would come before it
        assert command["uri"] == "asterisk/ping"
        answer = {"type": "RESTResponse", "request_id": command["request_id"], "status_code": 200}
        answer |= {"reason_phrase": "OK", "uri": "", "message_body": "pong"}
        asterisk.sendall(frame(msgspec.json.encode(answer)))
        assert await reply == "pong"
        asterisk.close()
        await lost.wait()
        watch.cancel()


async def test_commands_go_out_while_asterisk_says_nothing() -> None:
    asterisk, worker = _tcp_pair()
    lost = asyncio.Event()
    line = link(Shelf(worker), lambda _: None, lost)
    async with asyncio.timeout(10):
        await line.resume(worker)
        assert line.connected
        line.send("GET", "asterisk/ping")
        assert (await _command(asterisk))["uri"] == "asterisk/ping"
        asterisk.close()
        await lost.wait()
    assert not line.connected


async def test_a_link_that_is_closed_takes_none() -> None:
    asterisk, worker = _tcp_pair()
    line = link(Shelf(None), lambda _: None, asyncio.Event())
    await line.close()
    await line.resume(worker)
    assert not line.connected
    async with asyncio.timeout(10):
        assert await asyncio.get_running_loop().sock_recv(asterisk, 1) == b""
    asterisk.close()


async def test_the_other_end_learns_that_a_socket_is_dropped_which_is_held_elsewhere() -> None:
    asterisk, worker = _tcp_pair()
    lost = asyncio.Event()
    line = link(Shelf(None), lambda _: None, lost)
    async with asyncio.timeout(10):
        with worker.dup():
            await line.resume(worker)
            line._drop()
            assert await asyncio.get_running_loop().sock_recv(asterisk, 1) == b""
    asterisk.close()
