"""The holder: a worker's socket stays open when the worker's own descriptor is gone."""

import os
import socket
import stat
from collections.abc import Iterator
from multiprocessing import Process
from pathlib import Path

import pytest

from ivr.holder import HELD_S, Cloakroom, Holder


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where a holder answers."""
    path = tmp_path / "holder.sock"
    process = Process(target=Holder().serve, args=(path,))
    process.start()
    while not _answers(path):
        assert process.is_alive()
    yield path
    process.kill()
    process.join()


def _answers(path: Path) -> bool:
    try:
        return Cloakroom(path, "nobody").take() is None
    except OSError:
        return False


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Asterisk's end and the worker's."""
    asterisk, worker = socket.socketpair()
    asterisk.settimeout(5)
    with asterisk, worker:
        yield asterisk, worker


Pair = tuple[socket.socket, socket.socket]


def test_the_next_process_reads_what_was_written_meanwhile(path: Path, pair: Pair) -> None:
    asterisk, worker = pair
    Cloakroom(path, "hf-1").hold(worker.fileno())
    worker.close()
    asterisk.send(b"ChannelHangupRequest")
    held = Cloakroom(path, "hf-1").take()
    assert held is not None
    with held:
        assert held.recv(100) == b"ChannelHangupRequest"
        held.send(b"answer")
    assert asterisk.recv(100) == b"answer"


def test_it_is_still_held_when_that_process_dies_at_once(path: Path, pair: Pair) -> None:
    _, worker = pair
    Cloakroom(path, "hf-1").hold(worker.fileno())
    worker.close()
    for _ in range(3):
        held = Cloakroom(path, "hf-1").take()
        assert held is not None
        held.close()


def test_each_worker_gets_its_own(path: Path, pair: Pair) -> None:
    _, worker = pair
    Cloakroom(path, "hf-1").hold(worker.fileno())
    assert Cloakroom(path, "hf-2").take() is None


def test_one_that_the_other_end_has_closed_is_nobodys(path: Path, pair: Pair) -> None:
    asterisk, worker = pair
    Cloakroom(path, "hf-1").hold(worker.fileno())
    asterisk.close()
    assert Cloakroom(path, "hf-1").take() is None


def test_a_newer_one_takes_its_place_and_the_older_ends(path: Path, pair: Pair) -> None:
    asterisk, worker = pair
    cloakroom = Cloakroom(path, "hf-1")
    cloakroom.hold(worker.fileno())
    worker.close()
    newer, other = socket.socketpair()
    with newer, other:
        cloakroom.hold(other.fileno())
        assert asterisk.recv(1) == b""
        other.close()
        newer.send(b"x")
        held = cloakroom.take()
        assert held is not None
        with held:
            assert held.recv(1) == b"x"


def test_what_nobody_asks_about_is_let_go(pair: Pair) -> None:
    asterisk, worker = pair
    holder, (asker, asked) = Holder(), socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with asker, asked:
        socket.send_fds(asker, [b"hold hf-1"], [worker.fileno()])
        holder.answer(asked, now=0.0)
    worker.close()
    holder.let_go(HELD_S)
    asterisk.setblocking(False)
    with pytest.raises(BlockingIOError):
        asterisk.recv(1)
    holder.let_go(HELD_S + 1)
    assert asterisk.recv(1) == b""


def test_strangers_get_nothing_and_leave_nothing(path: Path, pair: Pair) -> None:
    """Nonsense, a descriptor that was not asked for, an asker who says nothing: the next one is answered."""
    _, worker = pair
    for request in (b"", b"\xff\xfe", b"give", b"hold", b"x" * 60, b"give hf-1"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asker:
            asker.connect(str(path))
            if request:
                socket.send_fds(asker, [request], [worker.fileno()])
    assert Cloakroom(path, "hf-1").take() is None


def test_only_its_user_may_ask(path: Path) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_without_a_holder_there_is_an_error(tmp_path: Path) -> None:
    cloakroom = Cloakroom(tmp_path / "nobody.sock", "hf-1")
    with pytest.raises(OSError, match="No such file"):
        cloakroom.take()
