"""Where Asterisk's FastAGI connections come in: who may connect, what call it is, whether we take it.

    connection ──► 1. block of `agi_…` lines, bounded in size and time ──► 2. the flow's name is written
    on the channel ──► 3. taken: the flow runs, or not: the connection is closed, and the dialplan goes on

All workers listen on one port; the kernel spreads the connections. Once a call has left us unfinished, its
channel is in the dialplan, on its way to the front door: until somebody has it, we look after it.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, IPv6Network, ip_address

from calllog.errors import HoldfastError
from ivr.agi.line import AgiLine
from ivr.agi.wire import Conversation, LineLost, quoted, text_of
from ivr.ari.asterisk import FALLBACK
from ivr.ari.events import Channel
from ivr.call_line import REASONS
from ivr.caller import House
from ivr.callflows import Callflows
from ivr.checkpoint import CallRecord
from ivr.flow.line import About
from ivr.place import FLOW_MARK
from ivr.tasks import Tasks
from queues.handle import CallHandle
from queues.operations import now_ms

# ruff: noqa: N818  (an error is named by what is the matter: Unfit)

log = logging.getLogger(__name__)

MOST_ENVIRONMENT = 16_384
"""Bytes of the block that begins a connection; Asterisk sends about one thousand."""
ENVIRONMENT_S = 5.0
"""How long it may take; Asterisk sends it at once."""
STRANGERS = 64
"""Connections at a time that have not said yet what they want."""
TOGETHER_MS = 1000
"""When Asterisk dies, its connections end within so much of each other."""
SPARE = 8
"""Threads for the calls that are not taken."""

_REQUEST = re.compile(r"/*flow/([a-z0-9][a-z0-9_-]{0,39})/*")
_CALL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}")
UNKNOWN = "unknown"
"""What Asterisk says of a number or name that is not known."""


class Unfit(HoldfastError):
    """What comes is no AGI, or names no call."""

    reason = "agi-unfit"


class Server:
    """FastAGI of one worker."""

    def __init__(
        self,
        worker: str,
        house: House,
        callflows: Callable[[], Callflows],
        admits: Callable[[int], bool],
        tasks: Tasks,
        *,
        most: int,
        networks: Sequence[IPv4Network | IPv6Network],
    ) -> None:
        """`admits`: whether one more call is taken, beside so many on AGI; `most`: calls on AGI at a time.

        `networks` may connect, and loopback.
        """
        self._worker = worker
        self._house = house
        self._callflows = callflows
        self._admits = admits
        self._tasks = tasks
        self._most = most
        self._networks = networks
        self._threads = ThreadPoolExecutor(most + SPARE, thread_name_prefix="agi")
        self._strangers = 0
        self._lines: dict[AgiLine, asyncio.Task[None]] = {}
        self._left: dict[str, int] = {}
        """Calls that nobody has got yet → when they were last seen alive, ms."""
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Take connections from now on. Raises OSError."""
        self._server = await asyncio.start_server(
            self._accept, host, port, limit=MOST_ENVIRONMENT, reuse_port=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else 0

    async def leave(self) -> None:
        """Take no more calls, and hand those we have to the front door."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._lines.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False)

    def __len__(self) -> int:
        """Calls on AGI."""
        return len(self._lines)

    def serves(self, call: str) -> bool:
        """Whether the call is on AGI here, or has just left."""
        return call in self._left or any(line.call == call for line in self._lines)

    # A connection

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.start(self._connected(reader, writer))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (HoldfastError, TimeoutError, OSError, ValueError, EOFError) as error:
            log.warning("an AGI connection is not served: %s", error or type(error).__name__)
        except Exception:
            log.exception("an AGI connection failed")
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        if not self._permits(address):
            raise Unfit(f"{address} is in none of HOLDFAST_TRUSTED")
        if self._strangers >= STRANGERS:
            raise Unfit("too many connections that do not say what they want")
        self._strangers += 1
        try:
            async with asyncio.timeout(ENVIRONMENT_S):
                told = await _environment(reader)
        finally:
            self._strangers -= 1
        talk = Conversation(writer.write, writer.close, self._threads)
        listener = self._tasks.start(_listen(reader, talk))
        try:
            await self._take(told, talk)
        finally:
            talk.close()
            listener.cancel()

    def _permits(self, address: str) -> bool:
        found = ip_address(address)
        return found.is_loopback or any(
            found in network for network in self._networks if network.version == found.version
        )

    async def _take(self, told: Mapping[str, str], talk: Conversation) -> None:
        """Run the flow that was asked for, or leave the call to the dialplan."""
        request, call = _REQUEST.fullmatch(told.get("network_script", "")), told.get("uniqueid", "")
        if request is None or not _CALL.fullmatch(call):
            raise Unfit("it names no flow: write AGI(agi://HOST:PORT/flow/NAME)")
        callflows, name = self._callflows(), request[1]
        flow = callflows.flows.get(name)
        if flow is None:
            raise Unfit(f"there is no flow `{name}`: the dialplan goes on")
        # From here on the front door knows which flow it is, wherever the call is lost.
        await talk.do("SET VARIABLE", FLOW_MARK, quoted(f":{name}"))
        if len(self) >= self._most or not self._admits(len(self)) or self._house.store.away:
            log.info("not taken: the front door decides", extra={"call": call})
            return
        if await self._house.checkpoint.record(call) is not None:
            log.warning("call has a worker already", extra={"call": call})
            return
        line = self._line(told, call, talk)
        await self._house.checkpoint.arrive(
            line.handle,
            from_=line.about.number,
            to=line.about.called,
            campaign=line.about.campaign,
            language=line.language,
            asterisk=call.rpartition("-")[0],
            at=now_ms(),
            agi=True,
            wait=False,
        )
        self._lines[line] = self._tasks.start(line.run(flow))
        try:
            await asyncio.wait([self._lines[line]])
        finally:
            del self._lines[line]
            if line.left:
                self.look_after(call)

    def _line(self, told: Mapping[str, str], call: str, talk: Conversation) -> AgiLine:
        def known(name: str) -> str:
            value = told.get(name, "")
            return "" if value == UNKNOWN else value

        called = known("dnid") or known("extension")
        route = self._callflows().route(called)
        about = About(known("callerid"), known("calleridname"), called, route.campaign)
        handle = CallHandle(call, self._worker)
        return AgiLine(self._house, handle, about, route.language, talk)

    # Calls that have left

    def look_after(self, call: str) -> None:
        """Its channel is in the dialplan; the call is ours until the front door has given it to somebody."""
        self._left.setdefault(call, now_ms())

    async def look(self, died_at: int) -> None:
        """Write the end of calls whose callers have gone on the way. `died_at`: when an Asterisk died, ms.

        Raises `AsteriskAway`, `StoreAway`: then it is looked again.
        """
        if not self._left:
            return
        looked_at, channels = now_ms(), await self._house.asterisk.channels()
        for call, seen_at in list(self._left.items()):
            record = await self._house.checkpoint.record(call)
            channel = channels.get(call)
            if record is None or record.state == "ended" or not record.agi or record.owner != self._worker:
                del self._left[call]
            elif channel is None or channel.dialplan.context == FALLBACK:
                await self._close(record, channel, seen_at, died=died_at >= seen_at - TOGETHER_MS)
                del self._left[call]
            else:
                self._left[call] = looked_at

    async def _close(self, record: CallRecord, channel: Channel | None, seen_at: int, died: bool) -> None:
        checkpoint = self._house.checkpoint
        adopted = await checkpoint.adopt(record.call, record.owner, record.epoch, self._worker)
        if adopted is None:
            return
        handle = CallHandle.of_record(adopted, self._worker)
        if channel is not None:
            log.error("nobody claimed a call that had left AGI", extra={"call": record.call})
            await checkpoint.ended(handle, verdict="failed", reason="not-claimed", ended_by="system")
            return
        between = (seen_at, now_ms())
        verdict, reason, by = (
            ("lost", "asterisk-died", "system") if died else ("", REASONS["caller"], "caller")
        )
        await checkpoint.ended(
            handle, verdict=verdict, reason=reason, ended_by=by, at=seen_at, between=between
        )


async def _environment(reader: asyncio.StreamReader) -> dict[str, str]:
    """The block that begins a connection: name, without `agi_`, and value. Raises `Unfit`, ValueError."""
    told: dict[str, str] = {}
    size = 0
    while line := (await reader.readline()):
        size += len(line)
        if size > MOST_ENVIRONMENT:
            raise Unfit("what it says of the call is too long")
        name, colon, value = text_of(line).partition(":")
        if not name.strip():
            return told
        if not colon or not name.startswith("agi_"):
            break
        told[name.removeprefix("agi_")] = value.strip()
    raise Unfit("it does not speak AGI")


async def _listen(reader: asyncio.StreamReader, talk: Conversation) -> None:
    """Give the conversation all that comes, until the connection ends."""
    try:
        while line := await reader.readline():
            talk.wire.told(line)
        talk.wire.end(LineLost("the AGI connection was closed from the other side"))
    except (OSError, ValueError) as error:
        talk.wire.end(LineLost(f"the AGI connection broke: {error}"))
