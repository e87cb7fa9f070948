"""A real worker with real Redis, and the double at its socket, in one loop whose time a test moves."""

import asyncio
import select
import socket
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import AgentStateChanged, AnyEvent, decode
from calllog.grammar import violations
from ivr.settings import Settings
from ivr.worker import Worker
from tests.queues.redis_process import RedisProcess
from tests.wire.asterisk_double import AsteriskDouble, Reply, neutral
from tests.wire.plots import make_callflows, words_for
from tests.wire.recording import Recording, recordings
from tests.wire.virtual_time import VirtualLoop

T = TypeVar("T")

QUIET_TURNS = 8
"""So many turns of the loop in which nobody says anything: a message needs at most half of them to arrive."""
LINGER_S = 0.001
TICK_S = 0.1
"""How often a worker feels its own load."""
PASSWORD = "wire-secret"
STATES = {"ready", "offline", "unreachable", "paused", "wrapup"}
"""What an agent may be in when no call is left."""
AT_START = ("bert", "nora", "remo", "pia")


class Leak(AssertionError):  # noqa: N818  (named by what is the matter)
    """Something is left of a call that is over."""


class Bench:
    """`with` it, `run` what a test does. One worker serves all runs, so that what leaks is seen."""

    def __init__(self, redis: RedisProcess, directory: Path) -> None:
        self._redis = redis
        self._client = redis.client()
        self._directory = directory
        self._callflows = make_callflows(directory / "callflows")
        self.recordings = recordings()
        self._sites = 0
        self._calls = 0
        self._spoilt = False
        self._runner: asyncio.Runner

    def __enter__(self) -> "Bench":
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.run(self.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.end())
        self._runner.close()

    def run(self, test: Coroutine[Any, Any, T]) -> T:
        """Run it in the worker's loop."""
        try:
            return self._runner.run(test)
        except BaseException:
            self._spoilt = True
            raise

    async def start(self) -> None:
        """A new worker, in a new site."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self._sites += 1
        site = f"wire{self._sites}"
        self.settings = self._settings(site, self._directory / site)
        self._words = words_for(self._callflows, self.settings.data)
        self.url = f"http://127.0.0.1:{self.settings.worker_port + 1}/asterisk"
        self._log = f"{{{site}}}:log"
        self._read_to = "-"
        self._heard = 0
        self.swept: list[str] = []
        """What the sweeper found: always a finding."""
        self.worker = Worker(self.settings, 1)
        self.double = AsteriskDouble(self.url, PASSWORD, self._greeting(), self._templates())
        self._count_events()
        self._serving = asyncio.create_task(self.worker.serve())
        await self._reachable()
        await self.double.connect()
        await self.settle()
        await self.move(1.0)
        assert self.worker.door.admits(0), "the worker has not come up"
        self.tasks = self._tasks()

    async def end(self) -> None:
        """The worker leaves."""
        self.worker._stop.set()
        await self.double.disconnect()
        while not self._serving.done():
            await self.settle()
            self.loop.move(1.0)
        await self.double.close()
        await self._serving

    async def _renew(self) -> None:
        """A new worker after one that is spoilt."""
        for session in self.worker.sessions.values():
            if session.task is not None:
                session.task.cancel()
        with suppress(Exception):
            await self.end()
        await self.start()

    def _settings(self, site: str, data: Path) -> Settings:
        (data / "secrets").mkdir(parents=True)
        (data / "secrets" / "worker").write_text(PASSWORD)
        return Settings(
            site=site,
            data=data,
            callflows=self._callflows,
            redis_url=self._redis.url,
            worker_port=_free_port() - 1,
            agi_port=0,
            max_calls=1000,
        )

    async def _reachable(self) -> None:
        while not self._serving.done():
            with suppress(OSError):
                (await asyncio.open_connection("127.0.0.1", self.worker.port))[1].close()
                return
            await asyncio.sleep(0)
        self._serving.result()

    def _greeting(self) -> dict[str, Reply]:
        pairs = list(self.recordings["connect"].replies)
        return {
            f"{command.m['method']} {command.m['uri']}": (
                reply.m["status_code"],
                reply.m.get("message_body", ""),
            )
            for command, reply in pairs
        }

    def _templates(self) -> dict[str, Any]:
        events = (line for each in self.recordings.values() for line in each.lines if line.event)
        return {line.kind: line.m for line in events}

    def _count_events(self) -> None:
        taken = self.worker.link.take

        def counting(text: bytes) -> None:
            self._heard += 1
            taken(text)

        self.worker.link.take = counting  # type: ignore[method-assign]
        swept = self.worker.store.sweep

        async def sweeping() -> Any:
            found = await swept()
            self.swept += found.details
            return found

        self.worker.store.sweep = sweeping  # type: ignore[method-assign]

    # Time

    async def settle(self) -> None:
        """Until nobody has anything to say: worker, Redis, the double; only time could change something."""
        quiet, before = 0, (-1, -1, -1)
        while quiet < QUIET_TURNS:
            await asyncio.sleep(0)
            pipe = self.worker.store.operations.link._pipe
            if pipe is not None and pipe.unanswered and pipe.transport is not None and not pipe._outgoing:
                select.select([pipe.transport.get_extra_info("socket")], [], [], 0.05)
                quiet = 0
                continue
            if pipe is not None and pipe._outgoing:
                self.loop.move(LINGER_S)  # what nobody waits for is written a moment later
                quiet = 0
                continue
            now = (self._heard, len(self.double.commands), self.double.sent)
            quiet = quiet + 1 if now == before else 0
            before = now

    async def move(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.move(seconds)
        await self.settle()
        self.loop.move(TICK_S)
        await self.settle()

    def silence(self) -> None:
        """The worker has not renewed its lease for long: it may not command until it does."""
        lease = self.worker.lease
        lease._renewed = lease._redis_away = float("-inf")

    # Calls

    def call_id(self) -> str:
        """An id that no call had."""
        self._calls += 1
        return f"pbx-1700000000.{self._calls * 10}"

    async def prepare(self, recording: Recording) -> None:
        """Agents as they were when the recording began; all that was logged before is of no interest."""
        if self._spoilt:
            self._spoilt = False
            await self._renew()
        for agent in self.worker.switchboard.callflows.agents:
            await self.worker.store.agent(agent, "offline")
        for agent in AT_START:
            await self.worker.store.agent(agent, "ready")
        if recording.name == "pause":
            await self.worker.store.agent("cody", "ready")
        self.double.reset()
        self.swept.clear()
        await self.settle()
        self.log()

    def neutral(self, command: str) -> str:
        """A command as recordings have it."""
        for word, spoken in self._words.items():
            command = command.replace(word, spoken)
        return neutral(command)

    def log(self) -> list[AnyEvent]:
        """What was logged since the last time."""
        entries: Any = self._client.xrange(self._log, self._read_to, "+")
        if entries:
            self._read_to = f"({entries[-1][0]}"
        return [decode(line) for _, fields in entries for line in fields["e"].split("\n")]

    # Afterwards

    async def check(self, events: Sequence[AnyEvent]) -> None:
        """The log is sound, and nothing is left. Raises AssertionError."""
        calls = {event.call for event in events if isinstance(event, CallEvent)}
        for call in calls:
            found = violations([e for e in events if isinstance(e, CallEvent) and e.call == call])
            assert not found, [str(one) for one in found]
        assert not self.double.bridges, self.double.bridges
        self._check_worker()
        await self._check_redis()

    def _check_worker(self) -> None:
        worker = self.worker
        left = {
            "sessions": list(worker.sessions),
            "left": list(worker.switchboard.left),
            "routes": list(worker.switchboard.routes),
            "parked": list(worker.switchboard._parked or ()),
            "replies": list(worker.link._replies),
            "rung": list(worker.store.operations._rung),
            "tasks": [repr(task.get_coro()) for task in self._tasks() - self.tasks],
            "journal": list(worker.store.operations.deferral._waiting),
        }
        if any(left.values()):
            raise Leak({name: what for name, what in left.items() if what})
        assert worker.door.admits(0), "the door has stayed closed"

    @property
    def idle(self) -> bool:
        """Nothing goes on for any call."""
        worker = self.worker
        return not (worker.sessions or worker.switchboard.left or self._tasks() - self.tasks)

    def _tasks(self) -> set[asyncio.Task[Any]]:
        mine = asyncio.current_task()
        return {task for task in self.worker.tasks.group._tasks if not task.done() and task is not mine}

    async def _check_redis(self) -> None:
        worker = self.worker
        if owned := await worker.checkpoint.owned(worker.name):
            raise Leak({"owned": owned})
        for agent in await worker.store.agents():
            assert agent.state in STATES, agent
            assert not agent.call, agent
        for queue in await worker.store.waiting():
            assert not queue.waiting, queue
        await worker.store.sweep()
        assert not self.swept, self.swept


def of_calls(events: Sequence[AnyEvent]) -> list[AnyCallEvent]:
    """The events of calls among these."""
    return [event for event in events if isinstance(event, CallEvent)]


def of_agents(events: Sequence[AnyEvent], agent: str) -> list[AgentStateChanged]:
    """One agent's changes of state among these."""
    return [event for event in events if isinstance(event, AgentStateChanged) and event.agent == agent]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
