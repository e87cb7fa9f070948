"""A worker that dies on order: `python -m tests.chaos.doomed N` instead of `python -m ivr.worker N`.

It is the worker itself, made of the worker's own parts. Around its three ways out of the process, Asterisk's
socket in, commands out, Redis, it is watched from outside: each event, command and script passes points:
`before` anything of it, `sent`: written, no answer read, `after`: the answer came, nobody has acted on it.
At the instants of a plan it kills itself, or Redis, with SIGKILL; the hit is on the disk before.

Directory HOLDFAST_DOOM: `plan.json` (`Plan`), `hits.jsonl` (`Hit`, one a line, in order of death); beside
them what the workers tell each other.
"""

import asyncio
import fcntl
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import hiredis
import msgspec
import psutil

import ivr.checkpoint
import ivr.worker
from ivr.agent_leg import owner_of
from ivr.ari import Link
from ivr.ari import events as ari
from ivr.door import Door
from ivr.settings import Settings
from ivr.supervision import Supervision
from queues import scripts
from queues.store import Store
from queues.wire import Request
from tests.chaos.windows import Instant, Windows

T = TypeVar("T")

_OFFER_LENGTHS = (6, 7)
ALIVE_S = 1.05
"""Redis must have lived so long before it is killed again: its supervisor starts it at most once a second."""


class Plan(msgspec.Struct):
    """What is to be killed and when."""

    instants: list[Instant] = []
    victim: str = "worker"
    """`worker`: the one that comes to the instant; `redis`."""
    stranger: list[str] = []
    """Workers who say that they run on another host: the others cannot end their processes."""


class Chosen(msgspec.Struct):
    """An instant that a worker waits for; after its death it goes on waiting for it unless it was hit."""

    worker: str
    instant: Instant


class Serving(msgspec.Struct):
    """A worker has opened its door, as this process."""

    worker: str
    pid: int


class Hit(msgspec.Struct):
    """A kill, as it is written down before it happens."""

    window: str
    point: str
    nth: int
    call: str
    worker: str
    pid: int
    at: int
    """ms since the epoch."""


class Doom:
    """The plan of all workers, and what of it has been done. One instant is chosen at a time."""

    def __init__(self, directory: Path, worker: str, data: Path) -> None:
        self.directory = directory
        self.worker = worker
        path = directory / "plan.json"
        self.plan = msgspec.json.decode(path.read_bytes(), type=Plan) if path.exists() else Plan()
        self._data = data
        self._windows = Windows()
        self._passed: Counter[Instant] = Counter()
        self._chosen = self._choose()

    # The report

    @contextmanager
    def _report(self, name: str) -> Iterator[int]:
        """A file of the directory, for appending, while no other worker has it."""
        file = os.open(self.directory / name, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _choose(self) -> Instant | None:
        """The next instant of the plan that is left; noted, so that no other worker takes it, too."""
        with self._report("hits.jsonl") as report, self._report("chosen.jsonl") as file:
            done = {Instant(hit.window, hit.point, hit.nth) for hit in _lines(report, Hit)}
            others = {chosen.instant for chosen in _lines(file, Chosen) if chosen.worker != self.worker}
            for instant in self.plan.instants:
                if instant not in done | others:
                    os.write(file, msgspec.json.encode(Chosen(self.worker, instant)) + b"\n")
                    return instant
        return None

    # Points

    def pass_by(self, call: str, point: str) -> None:
        """The call has come to this point."""
        for window, opens in self._windows.pass_by(call, point):
            if opens:
                self._time(call, window)
            self._come_to(call, window, point)

    def _time(self, call: str, window: str) -> None:
        chosen = self._chosen
        if chosen is not None and chosen.window == window and chosen.point.startswith("+"):
            after_s = int(chosen.point[1:].split()[0]) / 1000
            asyncio.get_running_loop().call_later(after_s, self._on_time, call, chosen)

    def _on_time(self, call: str, instant: Instant) -> None:
        if self._windows.open(call) == instant.window:
            self._come_to(call, instant.window, instant.point)

    def _come_to(self, call: str, window: str, point: str) -> None:
        chosen = self._chosen
        if chosen is None or (chosen.window, chosen.point) != (window, point):
            return
        self._passed[chosen] += 1
        if self._passed[chosen] == chosen.nth:
            self._kill(chosen, call)

    def serves(self) -> None:
        """This worker takes calls from now on."""
        with self._report("serving.jsonl") as file:
            os.write(file, msgspec.json.encode(Serving(self.worker, os.getpid())) + b"\n")

    def _kill(self, instant: Instant, call: str) -> None:
        with self._report("hits.jsonl") as file:
            hits = _lines(file, Hit)
            victim = self._redis(hits) if self.plan.victim == "redis" else self._myself(hits)
            if not victim:
                self._passed[instant] -= 1
                return
            hit = Hit(*instant, call, self.worker, victim, _now_ms())
            os.write(file, msgspec.json.encode(hit) + b"\n")
            os.fsync(file)
            os.kill(victim, signal.SIGKILL)
        self._chosen = self._choose()

    def _redis(self, hits: list[Hit]) -> int:
        """Its process; 0 while it is dead already, or its supervisor would let it lie for a while."""
        pid = Supervision(self._data).pid("redis")
        try:
            young = time.time() - psutil.Process(pid).create_time() < ALIVE_S
        except psutil.NoSuchProcess:
            return 0
        return 0 if not pid or young or pid in {hit.pid for hit in hits} else pid

    def _myself(self, hits: list[Hit]) -> int:
        """This process; 0 if no other worker would be left who serves: one fault at a time."""
        dead = {hit.pid for hit in hits}
        with self._report("serving.jsonl") as file:
            latest = {serving.worker: serving.pid for serving in _lines(file, Serving)}
        others = {pid for worker, pid in latest.items() if worker != self.worker}
        return os.getpid() if others - dead else 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _lines(file: int, kind: type[T]) -> list[T]:
    """What a report holds."""
    return [msgspec.json.decode(line, type=kind) for line in os.pread(file, 1 << 24, 0).splitlines()]


class WatchedLink(Link):
    """Asterisk's socket, with a point before and after each event and around each command."""

    doom: Doom

    def __init__(
        self, password: str, on_event: Callable[[ari.Event], None], *rest: Any, **named: Any
    ) -> None:
        def watched(event: ari.Event) -> None:
            call, word = _told(event)
            self.doom.pass_by(call, f"event {word} before")
            on_event(event)
            self.doom.pass_by(call, f"event {word} after")

        super().__init__(password, watched, *rest, **named)

    async def request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> str:
        call, word = _commanded(method, path, query or {})
        try:
            return await super().request(method, path, query, body)
        finally:
            self.doom.pass_by(call, f"{word} after")

    def _write(self, number: str, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> None:
        call, word = _commanded(method, path, query or {})
        self.doom.pass_by(call, f"{word} before")
        super()._write(number, method, path, query, body)
        self.doom.pass_by(call, f"{word} sent")


class WatchedDoor(Door):
    """Tells when the worker begins to take calls."""

    doom: Doom

    def open(self) -> None:
        super().open()
        self.doom.serves()


class WatchedRequest(Request):
    """A request of which the answer is seen first."""

    __slots__ = ("answered", "request")

    def __init__(self, request: Request, answered: Callable[[Any], None]) -> None:
        super().__init__(request.packed, request.wait_s)
        self.request = request
        self.answered = answered

    def done(self, reply: Any) -> None:
        self.answered(reply)

    def failed(self, error: Exception) -> None:
        self.request.failed(error)


class WatchedStore(Store):
    """Redis, with points around each script that is about a call."""

    doom: Doom

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._submit = self.operations.link.submit
        self.operations.link.submit = self._watched  # type: ignore[method-assign]
        self._woken = self.operations.link.on_push
        self.operations.link.on_push = self._push

    def _watched(self, request: Request) -> None:
        call, script = self._meaning(request.packed)
        if not script:
            return self._submit(request)
        if call:
            self.doom.pass_by(call, f"script {script} before")
        self._submit(WatchedRequest(request, partial(self._answered, call, script, request.done)))
        if call:
            # The link writes at the end of this turn of the loop; this is queued behind it.
            asyncio.get_running_loop().call_soon(self.doom.pass_by, call, f"script {script} sent")
        return None

    def _answered(self, call: str, script: str, done: Callable[[Any], None], reply: Any) -> None:
        if isinstance(reply, list) and reply and isinstance(reply[-1], list):
            for offer in reply[-1]:
                if isinstance(offer, list) and len(offer) in _OFFER_LENGTHS:
                    self.doom.pass_by(offer[0], "reserved")
        if call:
            self.doom.pass_by(call, f"script {script} after")
        done(reply)

    def _push(self, message: str) -> None:
        """Another worker's script has reserved an agent for a call of ours."""
        self.doom.pass_by(msgspec.json.decode(message)["call"], "reserved")
        self._woken(message)

    def _meaning(self, packed: bytes) -> tuple[str, str]:
        """Call (if it is about one) and name of the script that a request runs; empty if it runs none."""
        reader = hiredis.Reader(encoding="utf-8", errors="replace")
        reader.feed(packed)
        words = reader.gets()
        script = self.operations.library.named(words) if isinstance(words, list) else ""
        return (words[4] if script in scripts.OPERATIONS else ""), script


def _told(event: ari.Event) -> tuple[str, str]:
    """Call and word of an event; a change of a channel's state is told by the state."""
    if isinstance(event, ari.PlaybackFinished):
        return owner_of(event.playback.id), "PlaybackFinished"
    if isinstance(event, ari.RecordingFinished | ari.RecordingFailed):
        return owner_of(event.recording.name), type(event).__name__
    channel = event.channel.id
    call = owner_of(channel)
    word = event.channel.state if isinstance(event, ari.ChannelStateChange) else type(event).__name__
    # A caller's own channel tells nothing of the agent's phone.
    return call, word if channel != call or word not in ("Ringing", "Up") else f"caller-{word}"


def _commanded(method: str, path: str, query: Mapping[str, str]) -> tuple[str, str]:
    """Call and word of a command: `ari POST channels/*/dial`."""
    parts = path.split("/")
    named = query.get("channelId") or query.get("bridgeId") or (parts[1] if len(parts) > 1 else "")
    if parts[0] in ("channels", "bridges", "playbacks") and len(parts) > 1 and parts[1] != "create":
        parts[1] = "*"
    return owner_of(named), f"ari {method} {'/'.join(parts)}"


def main() -> None:
    settings, name = Settings(), f"hf-{sys.argv[1]}"
    doom = Doom(Path(os.environ["HOLDFAST_DOOM"]), name, settings.data)
    WatchedLink.doom = WatchedStore.doom = WatchedDoor.doom = doom
    vars(ivr.worker).update(Link=WatchedLink, Store=WatchedStore, Door=WatchedDoor)
    if name in doom.plan.stranger:
        for module in (ivr.worker, ivr.checkpoint):
            vars(module).update(host_id=lambda: f"elsewhere:{name}")
    ivr.worker.main()


if __name__ == "__main__":
    main()
