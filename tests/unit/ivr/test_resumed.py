"""A worker goes on with the socket that Asterisk had opened to its last process."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import Process
from pathlib import Path

import msgspec
import picows.version
import pytest
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from ivr.ari import Link
from ivr.ari.events import Event
from ivr.ari.resumed import first_message
from ivr.holder import Cloakroom, Holder

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


@contextmanager
def _holder(path: Path) -> Iterator[Cloakroom]:
    """A holder of its own process, as worker hf-1 sees it."""
    process = Process(target=Holder().serve, args=(path,))
    process.start()
    cloakroom = Cloakroom(path, "hf-1")
    while True:
        try:
            cloakroom.take()
            break
        except OSError:
            assert process.is_alive()
    try:
        yield cloakroom
    finally:
        process.kill()
        process.join()


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
        await _answer_ping(asterisk)  # the answer to a handshake of long ago would come before it
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


async def _answer_ping(asterisk: socket.socket) -> None:
    command = await _command(asterisk)
    assert command["uri"] == "asterisk/ping"
    answer = {"type": "RESTResponse", "request_id": command["request_id"], "status_code": 200}
    answer |= {"reason_phrase": "OK", "uri": "", "message_body": "pong"}
    asterisk.sendall(frame(msgspec.json.encode(answer)))


async def test_who_leaves_and_comes_back_finds_the_socket_open(tmp_path: Path) -> None:
    """Asterisk notices nothing; what it writes meanwhile is read by the next process."""
    lost = asyncio.Event()
    causes: asyncio.Queue[object] = asyncio.Queue()
    async with asyncio.timeout(10):
        with _holder(tmp_path / "holder.sock") as cloakroom:
            asterisk, worker = _tcp_pair()
            line = link(cloakroom, lambda _: None, lost)
            await line.resume(worker)
            leaving = asyncio.create_task(line.leave(comes_back=True))
            await _answer_ping(asterisk)
            await leaving
            assert lost.is_set()
            assert not line.connected
            asterisk.sendall(event(7))
            following = link(cloakroom, lambda told: causes.put_nowait(getattr(told, "cause", told)), lost)
            watch = asyncio.create_task(following.watch())
            assert await causes.get() == 7
            asked = asyncio.create_task(following.request("GET", "asterisk/ping"))
            await _answer_ping(asterisk)  # nothing else has been written, no close either
            assert await asked == "pong"
            watch.cancel()
            asterisk.close()


CLOSE = b"\x88\x02\x03\xe8"
"""Status 1000."""


async def test_who_leaves_for_good_reads_until_asterisk_has_closed(tmp_path: Path) -> None:
    """Asterisk's thread that reads may wait for ever when one that writes finds the socket closed."""
    causes: asyncio.Queue[object] = asyncio.Queue()
    async with asyncio.timeout(10):
        with _holder(tmp_path / "holder.sock") as cloakroom:
            asterisk, worker = _tcp_pair()
            line = link(
                cloakroom, lambda told: causes.put_nowait(getattr(told, "cause", told)), asyncio.Event()
            )
            await line.resume(worker)
            await line._held(line._transport)  # type: ignore[arg-type]  # as once a second
            leaving = asyncio.create_task(line.leave())
            await _answer_ping(asterisk)
            assert await asyncio.get_running_loop().sock_recv(asterisk, 100) == CLOSE
            asterisk.sendall(event(5))
            assert await causes.get() == 5
            assert not leaving.done()
            asterisk.sendall(b"\x88\x82abcd" + bytes((0x03 ^ ord("a"), 0xE8 ^ ord("b"))))
            await leaving
            assert await asyncio.get_running_loop().sock_recv(asterisk, 100) == b"", "and not held any more"
            asterisk.close()


@pytest.mark.parametrize("answers", [False, True])
async def test_who_leaves_half_way_through_a_command_or_without_a_holder_closes(
    answers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when Asterisk does not answer at all."""
    async with asyncio.timeout(20):
        with _holder(tmp_path / "holder.sock") as cloakroom:
            asterisk, worker = _tcp_pair()
            nobody = Cloakroom(tmp_path / "nobody.sock", "hf-1")
            line = link(nobody if answers else cloakroom, lambda _: None, asyncio.Event())
            await line.resume(worker)
            monkeypatch.setattr("ivr.ari.link.LAST_S", 2.0 if answers else 0.01)
            leaving = asyncio.create_task(line.leave(comes_back=True))
            if answers:
                await _answer_ping(asterisk)
                monkeypatch.setattr("ivr.ari.link.LAST_S", 0.01)
            await leaving
            rest = b""
            while read := await asyncio.get_running_loop().sock_recv(asterisk, 1000):
                rest += read
            assert rest.endswith(CLOSE)
            asterisk.close()


async def test_a_link_that_is_closed_takes_none() -> None:
    asterisk, worker = _tcp_pair()
    line = link(Shelf(None), lambda _: None, asyncio.Event())
    await line.leave()
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


async def test_what_was_written_before_the_end_is_read_first() -> None:
    """Asterisk died, or gave the socket up, while nobody read."""
    asterisk, worker = _tcp_pair()
    asterisk.sendall(event(1) + event(2))
    asterisk.close()
    causes: list[object] = []
    lost = asyncio.Event()
    line = link(Shelf(None), lambda told: causes.append(getattr(told, "cause", told)), lost)
    async with asyncio.timeout(10):
        await line.resume(worker)
        await lost.wait()
    assert causes == [1, 2]


async def test_the_socket_ends_where_picows_cannot_go_on_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the worker would die of it, come back, and die again, for as long as it is held."""

    def another(*_: object) -> None:
        raise TypeError("__init__() takes exactly 3 positional arguments (15 given)")

    monkeypatch.setattr("ivr.ari.link.WSProtocol", another)
    asterisk, worker = _tcp_pair()
    line = link(Shelf(None), lambda _: None, asyncio.Event())
    async with asyncio.timeout(10):
        with worker.dup():
            await line.resume(worker)
            assert not line.connected
            assert await asyncio.get_running_loop().sock_recv(asterisk, 1) == b""
    asterisk.close()


async def test_resume_makes_what_the_server_of_picows_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard for whoever upgrades picows: there is no public way to go on with an open socket."""
    made: list[tuple[object, ...]] = []
    offered: list[Callable[[], object]] = []

    class Noted:
        def __init__(self, *arguments: object) -> None:
            made.append(arguments)
            raise TypeError("noted")

    async def create_server(factory: Callable[[], object], **_: object) -> None:
        offered.append(factory)

    line = link(Shelf(None), lambda _: None, asyncio.Event())
    monkeypatch.setattr("picows.api.WSProtocol", Noted)
    monkeypatch.setattr("ivr.ari.link.WSProtocol", Noted)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", create_server, raising=False)
    await line.listen("127.0.0.1", 0)
    asterisk, worker = _tcp_pair()
    await line.resume(worker)
    asterisk.close()
    with pytest.raises(TypeError, match="noted"):
        offered[0]()
    resumed, accepted = made
    broken = (
        f"picows {picows.version.__version__} makes its server's side of a connection of other arguments than"
        " Link.resume (ivr/ari/link.py): compare with ws_create_server in picows/api.py, and mend that"
    )
    assert len(resumed) == len(accepted), broken
    ours = {3, 4, 6}  # who listens, the log, and how long the handshake may take, which was long ago
    pairs = enumerate(zip(resumed, accepted, strict=True))
    assert all(one == other for n, (one, other) in pairs if n not in ours), broken
    assert callable(accepted[3]), broken
    needed = ("connection_made", "get_buffer", "buffer_updated", "eof_received", "connection_lost")
    assert all(hasattr(WSProtocol, name) for name in needed), broken
