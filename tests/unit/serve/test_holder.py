"""The holder: a worker's socket stays open when the worker's own descriptor is gone."""

import os
import socket
import stat
from collections.abc import Iterator
from multiprocessing import Process
from pathlib import Path

import pytest

from ivr.holder import HELD_S, MOST, Cloakroom, Holder


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where a holder answers."""
    path = tmp_path / "holder.sock"
    process = _started(path)
    yield path
    process.kill()
    process.join()


def _started(path: Path) -> Process:
    """A holder that answers. It has what is open here, as it was born of this process."""
    process = Process(target=Holder().serve, args=(path,))
    process.start()
    while not _answers(path):
        assert process.is_alive()
    return process


def _asked(holder: Holder, request: bytes, lent: socket.socket | None = None) -> bytes:
    """What a holder of this process answers, at the beginning of time."""
    asker, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with asker, asked:
        socket.send_fds(asker, [request], [lent.fileno()] if lent else [])
        holder.answer(asked, now=0.0)
        answer, given, _, _ = socket.recv_fds(asker, 100, 1)
    for descriptor in given:
        os.close(descriptor)
    return answer


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


def test_what_is_no_socket_is_nobodys(path: Path, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        Cloakroom(path, "hf-1").hold(file.fileno())
    before = len(os.listdir("/proc/self/fd"))
    assert Cloakroom(path, "hf-1").take() is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_newer_one_ten_thousand_times_leaves_one(pair: Pair) -> None:
    """An asker each, as workers ask, and no descriptor more in the end than in the beginning."""
    _, worker = pair
    holder, before = Holder(), len(os.listdir("/proc/self/fd"))
    for _ in range(10_000):
        assert _asked(holder, b"hold hf-1", worker) == b"held"
    assert len(os.listdir("/proc/self/fd")) == before + 1
    holder.let_go(HELD_S + 1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_ten_thousand_names_it_holds_so_many(pair: Pair) -> None:
    """Whoever comes too late is told, those before him keep what they have, and there is room again later."""
    _, worker = pair
    holder, before = Holder(), len(os.listdir("/proc/self/fd"))
    for number in range(10_000):
        held = _asked(holder, f"hold hf-{number}".encode(), worker)
        assert held == (b"held" if number < MOST else b"none")
    assert len(os.listdir("/proc/self/fd")) == before + MOST
    assert _asked(holder, b"hold hf-0", worker) == b"held"
    assert _asked(holder, b"give hf-1") == b"given"
    holder.let_go(HELD_S + 1)
    assert len(os.listdir("/proc/self/fd")) == before
    assert _asked(holder, b"hold hf-9999", worker) == b"held"
    holder.let_go(HELD_S + 1)


def test_a_worker_that_is_refused_learns_it(path: Path, pair: Pair) -> None:
    _, worker = pair
    for number in range(MOST):
        Cloakroom(path, f"hf-{number}").hold(worker.fileno())
    with pytest.raises(OSError, match="has not taken it"):
        Cloakroom(path, "one-too-many").hold(worker.fileno())


def test_a_holder_that_is_killed_takes_nothing_with_it(tmp_path: Path, pair: Pair) -> None:
    """The worker has its own, and has it held by the next holder, on the same path."""
    asterisk, worker = pair
    path = tmp_path / "holder.sock"
    for _ in range(2):
        process = _started(path)
        Cloakroom(path, "hf-1").hold(worker.fileno())
        process.kill()
        process.join()
        with pytest.raises(OSError, match="refused"):
            Cloakroom(path, "hf-1").take()
        asterisk.send(b"x")
        assert worker.recv(1) == b"x"


def test_a_holder_that_is_killed_with_its_worker_ends_the_socket(tmp_path: Path) -> None:
    """Asterisk sees the end and connects again, as it does without a holder."""
    path = tmp_path / "holder.sock"
    process = _started(path)
    asterisk, worker = socket.socketpair()
    asterisk.settimeout(5)
    with asterisk:
        with worker:
            Cloakroom(path, "hf-1").hold(worker.fileno())
        process.kill()
        assert asterisk.recv(1) == b""
    process.join()


def test_only_its_user_may_ask(path: Path) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_without_a_holder_there_is_an_error(tmp_path: Path) -> None:
    cloakroom = Cloakroom(tmp_path / "nobody.sock", "hf-1")
    with pytest.raises(OSError, match="No such file"):
        cloakroom.take()
