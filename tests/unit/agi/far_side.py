"""Both sides of a call on AGI: an Asterisk that says what its script says over a real socket, and a house."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ivr.agi.server import Server
from ivr.ari.events import Channel
from ivr.caller import House
from ivr.callflows import Callflows, Route
from ivr.checkpoint import CallRecord, Kept
from ivr.flow.step import Flow
from ivr.flow.web import Reply, Request
from ivr.recordings import Recordings
from ivr.tasks import Tasks
from queues.errors import StoreAway
from queues.handle import CallHandle
from queues.results import Done
from tests.unit.flow.calls import flow_of

CALL = "pbx-1.7"
ENVIRONMENT = {
    "network": "yes",
    "network_script": "flow/main",
    "request": "agi://127.0.0.1/flow/main",
    "uniqueid": CALL,
    "callerid": "4930",
    "calleridname": "Ada",
    "dnid": "100",
    "extension": "s",
}
PATIENCE_S = 10.0

Answer = Callable[[str], bytes | None]
"""What Asterisk says to a command; None: what it says to any that it has carried out."""


class Pbx:
    """An Asterisk that has one call. `commands`: what it was told, in order."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.commands: list[str] = []
        self.gone = asyncio.Event()
        """The other side has closed the connection."""

    async def call(self, port: int, environment: bytes) -> None:
        """Connect, and do what is asked until the other side closes, or an answer ends with `EOF`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(environment)
            while line := await reader.readline():
                command = line.decode().rstrip("\n")
                self.commands.append(command)
                said = self._answer(command)
                writer.write(b"200 result=0 endpos=800\n" if said is None else said.removesuffix(b"EOF"))
                if said is not None and said.endswith(b"EOF"):
                    break
        except ConnectionError:
            pass
        finally:
            self.gone.set()
            writer.close()


def environment(**told: str) -> bytes:
    """The block that begins a connection; what is told is as `ENVIRONMENT` but for that."""
    lines = [f"agi_{name}: {value}\n" for name, value in {**ENVIRONMENT, **told}.items()]
    return ("".join(lines) + "\n").encode("latin-1")


@dataclass
class FakeHouse:
    """All that lines and the server ask of the house; `told` is what came to Redis, in order."""

    data: Path
    told: list[str] = field(default_factory=list)
    away: bool = False
    cause: int | Exception | None = None
    """Why Asterisk ends the call by itself."""
    records: dict[str, CallRecord] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    replies: "list[asyncio.Future[Reply]]" = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def house(self) -> House:
        fake = SimpleNamespace(
            store=self,
            checkpoint=self,
            asterisk=SimpleNamespace(channels=self._channels, own_cause=self._own_cause),
            web=self,
            outbox=None,
            prompt=self._prompt,
            say=self._say,
            recordings=Recordings(self.data),
            hours=None,
            now=lambda: datetime.now(UTC),
        )
        return cast(House, fake)

    async def _channels(self) -> dict[str, Channel]:
        return self.channels

    async def _own_cause(self, call: str) -> int | None:
        assert call == CALL
        if isinstance(self.cause, Exception):
            raise self.cause
        return self.cause

    def _prompt(self, name: str, language: str) -> str:
        return f"sound:/prompts/{language}/{name}"

    async def _say(self, text: str, language: str, passing: bool) -> str:  # noqa: ARG002
        await asyncio.sleep(0.02)
        return f"sound:/speech/{text}"

    async def fetch(self, request: Request) -> Reply:  # noqa: ARG002
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.replies.append(reply)
        return await reply

    # Store

    def note(self, h: CallHandle, kind: str, at: int = 0, **fields: Any) -> None:
        told = [str(fields[name]) for name in ("path", "outcome") if name in fields]
        h.pending.append((at, " ".join([kind, *told])))

    async def replay(self) -> int:
        self.told.append("replayed")
        return 0

    # Checkpoint

    async def record(self, call: str) -> CallRecord | None:
        if self.away:
            raise StoreAway("away")
        return self.records.get(call)

    async def arrive(self, h: CallHandle, **own: Any) -> Done:
        assert own["agi"]
        assert h.call == CALL
        self.told.append(f"arrived {own['from_']} {own['to']} {own['campaign']} {own['asterisk']}")
        return Done(True)

    async def step(self, h: CallHandle, *, path: str, kept: Kept, **rest: Any) -> Done:
        assert rest["ride"]
        self.names.append(kept.name)
        h.pending.append((0, f"at {path}"))
        return Done(True)

    async def flush(self, h: CallHandle) -> Done:
        self._write(h)
        return Done(True)

    async def ended(self, h: CallHandle, **own: Any) -> None:
        self._write(h)
        between = " inferred" if own.get("between") else ""
        self.told.append(f"ended {own.get('verdict', '')}|{own['reason']}|{own['ended_by']}{between}")

    async def adopt(self, call: str, owner: str, epoch: int, worker: str) -> CallRecord | None:  # noqa: ARG002
        return self.records.pop(call, None)

    def _write(self, h: CallHandle) -> None:
        notes, h.pending = h.pending, []
        self.told += [body for _, body in notes]


class Site:
    """A server that listens, on a port of its own, with one flow called `main`."""

    def __init__(self, fake: FakeHouse, server: Server, port: int, tasks: Tasks) -> None:
        self.fake = fake
        self.server = server
        self.port = port
        self._tasks = tasks

    async def call(self, answer: Answer = lambda _: None, told: bytes | None = None) -> Pbx:
        """A call, until it is over for us."""
        pbx = Pbx(answer)
        async with asyncio.timeout(PATIENCE_S):
            await pbx.call(self.port, environment() if told is None else told)
            while len(self.server):  # noqa: ASYNC110  (its end is nobody's event)
                await asyncio.sleep(0.001)
        return pbx


@asynccontextmanager
async def site(
    text: str,
    tmp_path: Path,
    others: Mapping[str, str] | None = None,
    *,
    most: int = 4,
    admits: bool = True,
    networks: Sequence[str] = (),
    port: int = 0,
) -> AsyncIterator[Site]:
    """A site whose flow `main` is this text."""
    flow = flow_of(text, others)
    flows: dict[str, Flow] = {"main": flow}
    route = Route(flow="main", language="en", campaign="web")
    callflows = cast(Callflows, SimpleNamespace(flows=flows, route=lambda _: route))
    (tmp_path / "spool" / "recording").mkdir(parents=True)
    (tmp_path / "recordings").mkdir()
    fake = FakeHouse(tmp_path)
    async with Tasks() as tasks:
        server = Server(
            "hf-1",
            fake.house,
            lambda: callflows,
            lambda _: admits,
            tasks,
            most=most,
            networks=[IPv4Network(each) for each in networks],
        )
        await server.listen("127.0.0.1", port)
        try:
            yield Site(fake, server, server.port, tasks)
        finally:
            await server.leave()
