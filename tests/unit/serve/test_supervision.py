"""The supervisor itself, with programs that do nothing: who dies is there again, who is stopped is not."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import psutil
import pytest

from ivr import readiness
from ivr.supervision import Service, Supervision

WAIT_S = 10.0


def until(what: Callable[[], object]) -> None:
    """Look until it is so; the test fails when it is not within WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.005)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Supervision]:
    supervision = Supervision(tmp_path)
    supervision.write([Service("one", ("sleep", "1000")), Service("two", ("sleep", "1000"))], down=["two"])
    lock = os.open(tmp_path / "run" / "serve.lock", os.O_RDWR | os.O_CREAT)
    scanner = subprocess.Popen(
        supervision.command([]), pass_fds=(lock,), stderr=subprocess.DEVNULL, start_new_session=True
    )
    until(lambda: supervision.pid("one"))
    yield supervision
    supervision.sweep()
    scanner.wait(WAIT_S)
    os.close(lock)


def supervisors(tree: Supervision, name: str) -> list[psutil.Process]:
    """Processes that supervise that service now: one, but for the moments after it was killed."""
    return [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == "s6-supervise" and process.info["cwd"] == str(tree.directory(name))
    ]


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits only for whoever started it to notice."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def succeed(tree: Supervision, old: psutil.Process) -> None:
    """Kill the supervisor of `one` and wait until its successor has something that waits for the lock."""
    old.kill()
    until(lambda: [new for new in supervisors(tree, "one") if new.pid != old.pid and new.children()])


def aged(tree: Supervision, name: str) -> int:
    """The service's process, made to look as if it had run for a while (s6 slows down what dies at once)."""
    os.utime(tree.data / "run" / "pid" / name, (0, 0))
    return tree.pid(name)


def test_a_killed_service_is_there_again_within_a_second(tree: Supervision) -> None:
    before = aged(tree, "one")
    killed = time.monotonic()
    os.kill(before, signal.SIGKILL)
    until(lambda: tree.pid("one") not in (0, before))
    assert time.monotonic() - killed < 1.0


def test_a_service_that_waits_is_started_by_order_and_stays(tree: Supervision) -> None:
    assert tree.pid("two") == 0
    tree.up("two")
    until(lambda: tree.pid("two"))
    before = aged(tree, "two")
    os.kill(before, signal.SIGKILL)
    until(lambda: tree.pid("two") not in (0, before))


def stays_away(tree: Supervision, name: str) -> bool:
    """Whether nothing starts it again, its supervisor having seen it end."""
    service = str(tree.directory(name))
    wanted = ["s6-svstat", "-o", "wantedup", service]
    until(lambda: subprocess.run(wanted, capture_output=True, text=True, check=True).stdout == "false\n")
    subprocess.run(["s6-svwait", "-d", "-t", "10000", service], check=True)
    back = subprocess.run(["s6-svwait", "-u", "-t", "600", service], stderr=subprocess.DEVNULL, check=False)
    return back.returncode == 99


def test_a_stopped_service_stays_away(tree: Supervision) -> None:
    before = aged(tree, "one")
    tree.down("one")
    assert stays_away(tree, "one")
    assert ended(before)


def test_who_is_stopped_while_he_is_being_started_again_stays_away(tree: Supervision, tmp_path: Path) -> None:
    """The order comes while `finish` has just seen that the service is wanted, and goes before it acts."""
    looked, go = tmp_path / "looked", tmp_path / "go"
    os.mkfifo(go)
    finish = tree.directory("one") / "finish"
    slow = f"s6-svstat -o wantedup . && touch {looked} && read _ < {go}"
    finish.write_text(finish.read_text().replace("s6-svstat -o wantedup .", slow))
    os.kill(aged(tree, "one"), signal.SIGKILL)
    until(looked.exists)
    with ThreadPoolExecutor(1) as other:
        stopped = other.submit(tree.down, "one")
        wait([stopped], timeout=0.3)  # which it would be at once, did it not wait for `finish`
        go.write_text("\n")
        stopped.result(WAIT_S)
    assert stays_away(tree, "one")


def test_a_killed_supervisor_leaves_the_service_alone_and_its_successor_waits(tree: Supervision) -> None:
    service = tree.pid("one")
    succeed(tree, *supervisors(tree, "one"))
    assert tree.pid("one") == service
    os.kill(service, signal.SIGKILL)
    until(lambda: tree.pid("one") not in (0, service))


def test_an_orphan_can_be_stopped(tree: Supervision) -> None:
    service = tree.pid("one")
    succeed(tree, *supervisors(tree, "one"))
    tree.down("one")
    until(lambda: ended(service))


def test_forsaken_supervisors_make_room_and_services_go_on(tree: Supervision) -> None:
    service = tree.pid("one")
    (forsaken,) = supervisors(tree, "one")
    scanner = forsaken.parent()
    assert scanner is not None
    scanner.kill()
    tree.forsake()
    until(lambda: not supervisors(tree, "one"))
    assert tree.pid("one") == service


def test_the_sweep_leaves_nothing(tree: Supervision) -> None:
    service = tree.pid("one")
    assert tree.sweep() >= 4
    until(lambda: ended(service))


def test_services_that_are_no_more_lose_their_directory(tmp_path: Path) -> None:
    supervision = Supervision(tmp_path)
    supervision.write([Service("worker-1", ("true",)), Service("worker-2", ("true",))])
    supervision.write([Service("worker-1", ("true",))])
    assert supervision.names() == ["worker-1"]


def test_a_service_tells_when_it_serves(tmp_path: Path, tree: Supervision) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    script = f"read _ < {go}; echo >&$HOLDFAST_READY_FD; exec sleep 1000"
    tree.write([Service("slow", ("sh", "-c", script), tells=True)])
    subprocess.run(["s6-svscanctl", "-a", str(tree.scan)], check=True)
    until(lambda: tree.pid("slow"))
    assert not tree.ready("slow")
    go.write_text("\n")
    until(lambda: tree.ready("slow"))


def test_a_service_knows_whether_it_is_started_again(
    tree: Supervision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree.directory("one"))  # a service begins there
    until(readiness.comes_back)  # it may take longer to answer than it may
    subprocess.run(["s6-svc", "-t", "."], check=True)
    until(readiness.comes_back)
    tree.down("one")
    until(lambda: not readiness.comes_back())
    monkeypatch.chdir(tmp_path)
    assert not readiness.comes_back(), "nobody supervises"
