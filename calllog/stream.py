"""Reading the call log from its Redis stream: all of it, one call, the last events, or whatever comes.

An entry of the stream holds the events of one transition, a line of JSON each. Every line comes out: one
that is no event has `event` None and says why in `broken`. Nothing is dropped.
Only scripts write to the stream (calllog/lua/log.lua); this module reads. For an archive (`Feed`) it reads as
a consumer group, and trims behind what all archives have.
"""

import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple, Self

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from calllog.call_events import AnyCallEvent, CallEvent, Unbridged
from calllog.errors import BrokenEntry, LogAway
from calllog.events import AgentStateChanged, AnyEvent, Disposition, decode

PAGE = 1000
BLOCK_MS = 5000
TIMEOUT_S = 10.0
"""Longer than BLOCK_MS: a follower's silence is not Redis' silence."""

NOWHERE = "0-0"
"""The position before the first entry."""

GROUP = "archive:"
"""What the names of archives' consumer groups begin with."""
GIVEN_UP_S = 7 * 86_400
"""An archive whose archiver has told nothing for so long keeps the log from being trimmed no longer."""

EARLY_S = 10
"""An id made by Asterisk tells the second the call began; clocks may differ by as much."""

_BEGAN = re.compile(r"(\d{9,11})\.\d+$")
_PLAIN = re.compile(r"[\w.:-]+$", re.ASCII)


class Entry(NamedTuple):
    """One line of the log. `position`: its transition's id in the stream; `raw`: its JSON, as written."""

    position: str
    raw: bytes
    event: AnyEvent | None
    broken: str = ""
    """Why it is no event; empty if it is one."""


class ArchiveState(msgspec.Struct, kw_only=True):
    """What an archiver has told of itself last. `alarm`: why archiving stands still or is late, or empty.

    `lag_entries` wait in the stream, the oldest of them for `lag_ms`. `lines`: ever read; `kept_aside`: those
    of them that were no events.
    """

    place: str
    archive: str = ""
    position: str = ""
    lag_entries: int = 0
    lag_ms: int = 0
    alarm: str = ""
    lines: int = 0
    kept_aside: int = 0
    seen_at: int = 0


class LogStream:
    """The call log of one site. All methods raise LogAway when Redis cannot be reached."""

    def __init__(self, url: str, site: str) -> None:
        """`url` as redis-py understands it: `unix:///…/redis.sock`, `redis://…`. Connects when first used."""
        self._redis: Redis = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=2)
        self._key = f"{{{site}}}:log"
        self._archives = f"{{{site}}}:archives"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()

    async def size(self) -> int:
        """Transitions on the stream."""
        return int(await self._ask(self._redis.xlen(self._key)))

    async def read(self, after: str = "0-0") -> AsyncGenerator[Entry, None]:
        """Every entry behind this position, oldest first, up to the end as it is when it is reached."""
        async for position, fields in self._raw(after):
            for line in entries(position, fields):
                yield line

    async def page(self, after: str) -> tuple[list[Entry], bool]:
        """The next entries behind a position, and whether the one at the position is still on the stream.

        If it is, nothing behind it has been trimmed.
        """
        found = await self._ask(self._redis.xrange(self._key, after, "+", PAGE + 1))
        held = bool(found) and found[0][0].decode() == after
        behind = [(position.decode(), fields) for position, fields in found[held:]]
        return [line for position, fields in behind for line in entries(position, fields)], held

    async def end(self) -> str:
        """The position of the last transition."""
        return await self._end()

    async def last(self, count: int) -> list[Entry]:
        """The last events, oldest first."""
        page = await self._ask(self._redis.xrevrange(self._key, "+", "-", count)) if count else []
        lines = [line for position, fields in reversed(page) for line in entries(position.decode(), fields)]
        return lines[-count:]

    async def follow(self, after: str = "") -> AsyncGenerator[Entry, None]:
        """Every entry behind this position (empty: from now on), then whatever comes, without end."""
        after = after or await self._end()
        while True:
            streams = {self._key: after}
            for _, page in await self._ask(self._redis.xread(streams, PAGE, BLOCK_MS)):  # type: ignore[arg-type]
                for position, fields in page:
                    after = position.decode()
                    for line in entries(after, fields):
                        yield line

    async def of_call(self, call: str) -> list[Entry]:
        """Everything about one call, in order; empty if the log knows no such call.

        Reads from the second in which the id says the call began, some way beyond `ended`, and until its
        agents have wrapped up.
        """
        began = _BEGAN.search(call)
        if began:
            found = await self._search(call, f"{max(int(began[1]) - EARLY_S, 0) * 1000}-0")
            if found and isinstance(found[0].event, CallEvent) and found[0].event.seq == 1:
                return found
        return await self._search(call, "0-0")

    async def archives(self) -> list[ArchiveState]:
        """What the archivers of this site have told of themselves."""
        told = await self._ask(self._redis.hvals(self._archives))
        return [msgspec.json.decode(state, type=ArchiveState) for state in told]

    async def tell(self, state: ArchiveState) -> None:
        """Write down how an archive is, for `archives`."""
        said = msgspec.json.encode(state)
        await self._ask(self._redis.hset(self._archives, state.place, said))

    async def forget(self, state: ArchiveState) -> None:
        """An archive is no more used: nothing waits for it."""
        if state.archive:
            await self._ask(self._redis.xgroup_destroy(self._key, f"{GROUP}{state.archive}"))
        await self._ask(self._redis.hdel(self._archives, state.place))

    async def _search(self, call: str, after: str) -> list[Entry]:
        found: list[Entry] = []
        search = _Search(call)
        beyond = 0
        async for position, fields in self._raw(after):
            if search.may_concern(fields.get(b"e", b"")):
                found += [seen for seen in entries(position, fields) if search.concerns(seen)]
            beyond += search.ended
            if beyond > PAGE and not search.wrapping_up:
                break
        return found

    async def _raw(self, after: str) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
        while page := await self._ask(self._redis.xrange(self._key, f"({after}", "+", PAGE)):
            for position, fields in page:
                after = position.decode()
                yield after, fields

    async def _end(self) -> str:
        last = await self._ask(self._redis.xrevrange(self._key, "+", "-", 1))
        return last[0][0].decode() if last else "0-0"

    async def _ask(self, asked: Any) -> Any:
        try:
            return await asked
        except (RedisError, OSError) as error:
            raise LogAway(f"the call log cannot be read: {error}") from error


class Feed(LogStream):
    """The log as one archive reads it: each entry until it is acknowledged.

    Each archive is a group of its own, so that each has all. What a group was given counts for nothing
    without the archive's own word: if that is behind (a new one, one from a backup), the group is set back.
    """

    def __init__(self, url: str, site: str, archive: str) -> None:
        super().__init__(url, site)
        self.archive = archive
        self._group = f"{GROUP}{archive}"

    async def attach(self, position: str) -> bool:
        """Go on behind what the archive has. Returns whether the log still reaches back to there."""
        try:
            await self._redis.xgroup_create(self._key, self._group, "0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise LogAway(f"the call log cannot be read: {error}") from error
        except (RedisError, OSError) as error:
            raise LogAway(f"the call log cannot be read: {error}") from error
        mine = next(group for group in await self._groups() if group["name"] == self._group.encode())
        if _parts(mine["last-delivered-id"].decode()) > _parts(position):
            await self._ask(self._redis.xgroup_setid(self._key, self._group, position or "0"))
        return not position or bool(await self._ask(self._redis.xrange(self._key, position, position)))

    async def pending(self, count: int) -> list[Entry]:
        """What was given before and not acknowledged."""
        return await self._given("0", count)

    async def coming(self, count: int, block_ms: int) -> list[Entry]:
        """What nobody was given yet; waits for it for so long."""
        return await self._given(">", count, block_ms)

    async def _given(self, after: str, count: int, block_ms: int | None = None) -> list[Entry]:
        asked = self._redis.xreadgroup(self._group, "archiver", {self._key: after}, count, block_ms)
        found = await self._ask(asked)
        page = found[0][1] if found else []
        gone = [position for position, fields in page if fields is None]  # trimmed before it was read
        if gone:
            await self._ask(self._redis.xack(self._key, self._group, *gone))
            if len(gone) == len(page):
                return await self._given(after, count, block_ms)
        there = [(position.decode(), fields) for position, fields in page if fields is not None]
        return [line for position, fields in there for line in entries(position, fields)]

    async def acknowledge(self, lines: list[Entry]) -> None:
        """They are archived."""
        positions = {line.position: None for line in lines}
        await self._ask(self._redis.xack(self._key, self._group, *positions))

    async def lag(self, position: str) -> tuple[int, int]:
        """Entries behind this position, and for how long the oldest of them has waited, ms."""
        mine = next((group for group in await self._groups() if group["name"] == self._group.encode()), None)
        if mine is None:
            return 0, 0
        oldest = await self._ask(self._redis.xrange(self._key, f"({position or '0-0'}", "+", 1))
        if not oldest:
            return 0, 0
        behind = mine.get("lag")
        count = await self.size() if behind is None else int(behind) + int(mine["pending"])
        return max(1, count), max(0, int(time.time() * 1000) - _parts(oldest[0][0].decode())[0])

    async def trim(self, position: str, keep_from_ms: int) -> int:
        """Remove what all archives have, up to this position and instant; nearly all of it. Returns how much.

        An archive that nobody has written for GIVEN_UP_S is not waited for.
        """
        bound = min(_parts(position), (keep_from_ms, 0))
        seen = {state.archive: state.seen_at for state in await self.archives()}
        given_up_before = (time.time() - GIVEN_UP_S) * 1000
        for group in await self._groups():
            name = group["name"].decode()
            if not name.startswith(GROUP) or name == self._group:
                continue
            if seen.get(name.removeprefix(GROUP), given_up_before) < given_up_before:
                continue
            waiting = await self._ask(self._redis.xpending(self._key, name))
            reached = waiting["min"] or group["last-delivered-id"]
            bound = min(bound, _parts(reached.decode()))
        if bound <= (0, 0):
            return 0
        return int(await self._ask(self._redis.xtrim(self._key, minid=f"{bound[0]}-{bound[1]}")))

    async def _groups(self) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = await self._redis.xinfo_groups(self._key)
        except ResponseError:  # no such key: Redis has lost it
            return []
        except (RedisError, OSError) as error:
            raise LogAway(f"the call log cannot be read: {error}") from error
        return found


def _parts(position: str) -> tuple[int, int]:
    """A position as numbers, which can be compared; empty: before the first."""
    ms, _, number = position.partition("-")
    return int(ms or 0), int(number or 0)


class _Search:
    """What is about one call: its events, and what its agents say of it until they have wrapped up."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._named = call.encode() if _PLAIN.match(call) else b""
        self.ended = False
        self.wrapping_up: dict[str, bytes] = {}
        """Agents who have had the call and may still speak of it, each as he stands in entries of his."""

    def may_concern(self, raw: bytes) -> bool:
        """Cheap: whether these lines are worth reading."""
        return self._named in raw or any(agent in raw for agent in self.wrapping_up.values())

    def concerns(self, seen: Entry) -> bool:
        """Whether it is about the call. Entries come in the order of the log."""
        event = seen.event
        if event is None:
            return bool(self._named) and self._named in seen.raw
        if isinstance(event, AgentStateChanged) and event.to not in ("talking", "wrapup"):
            self.wrapping_up.pop(event.agent, None)
        if isinstance(event, Unbridged) and event.call == self._call:
            self.wrapping_up[event.agent] = f'"agent":"{event.agent}"'.encode()
        self.ended |= event.kind == "ended" and is_about(event, self._call)
        return is_about(event, self._call)


def is_about(event: AnyEvent | None, call: str) -> bool:
    """Whether an event is one of the call, or says what it was about."""
    return isinstance(event, CallEvent | Disposition) and event.call == call


def entries(position: str, fields: dict[bytes, bytes]) -> list[Entry]:
    """The lines of one entry of the stream, parsed."""
    raw = fields.get(b"e")
    if raw is None:
        return [Entry(position, b"", None, "not an event: it has no field `e`")]
    return [_entry(position, line) for line in raw.split(b"\n")]


def _entry(position: str, raw: bytes) -> Entry:
    try:
        return Entry(position, raw, decode(raw))
    except BrokenEntry as error:
        return Entry(position, raw, None, str(error))


def place(position: str) -> tuple[int, ...]:
    """Positions, as they follow each other."""
    return tuple(map(int, position.split("-")))


def numbered(lines: Iterable[Entry]) -> Iterator[tuple[Entry, int]]:
    """Each line of the log with its number, from 1, in its entry of the stream."""
    for _, together in groupby(lines, lambda line: line.position):
        yield from ((line, number) for number, line in enumerate(together, 1))


def call_events(entries: list[Entry]) -> list[AnyCallEvent]:
    """The events of calls among these entries."""
    return [seen.event for seen in entries if isinstance(seen.event, CallEvent)]
