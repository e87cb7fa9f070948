"""The stream is read as it is: in order, in pages, live, and with what is broken in it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from calllog import stream as stream_module
from calllog.call_events import CallEvent
from calllog.errors import LogAway
from calllog.events import AgentStateChanged, AnyEvent, Disposition
from calllog.stream import PAGE, Entry, LogStream, call_events
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.conftest import Planted
from tests.unit.calllog.held_call import held_call


def events_of(entries: Sequence[Entry]) -> list[AnyEvent | None]:
    return [entry.event for entry in entries]


async def test_the_whole_log_is_read_in_order_over_pages(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "PAGE", 7)
    log = made_log(1, 5)
    planted.add(*log)
    async with LogStream(planted.url, planted.site) as stream:
        entries = [entry async for entry in stream.read()]
        assert events_of(entries) == log
        assert await stream.size() == len(log)
        rest = [entry async for entry in stream.read(entries[10].position)]
        assert events_of(rest) == log[11:]
        assert events_of(await stream.last(3)) == log[-3:]
        assert await stream.last(0) == []


async def test_what_is_broken_comes_out_with_the_reason(planted: Planted) -> None:
    planted.raw(b'{"kind":"joined","id":"c:1"')
    planted.raw(b'{"kind":"fax_received"}')
    planted.raw(b"\xff")
    planted.raw(b"{}", name="other")
    async with LogStream(planted.url, planted.site) as stream:
        entries = [entry async for entry in stream.read()]
    assert events_of(entries) == [None] * 4
    for entry, reason in zip(entries, ("truncated", "fax_received", "invalid", "no field `e`"), strict=True):
        assert reason in entry.broken


async def test_a_follower_sees_what_comes_after_what_is_there(planted: Planted) -> None:
    log = made_log(2, 3)
    planted.add(*log[:4])
    async with LogStream(planted.url, planted.site) as stream, LogStream(planted.url, planted.site) as other:
        after = (await other.last(2))[0].position
        following = stream.follow(after)
        assert (await anext(following)).event == log[3]
        coming = asyncio.create_task(anext(following))
        planted.add(log[4])
        assert (await asyncio.wait_for(coming, 5)).event == log[4]
        await following.aclose()


def until_somebody_waits(planted: Planted) -> None:
    """Until a client blocks on a stream."""
    deadline = time.monotonic() + 5
    while not planted.client.info("clients")["blocked_clients"]:
        assert time.monotonic() < deadline, "nobody waits for the stream"


@pytest.mark.parametrize("there", [0, 3])
async def test_a_follower_from_now_on_misses_nothing_that_comes(planted: Planted, there: int) -> None:
    log = made_log(2, 1)
    planted.add(*log[:there])
    async with LogStream(planted.url, planted.site) as stream:
        following = stream.follow()
        coming = asyncio.create_task(anext(following))
        await asyncio.to_thread(until_somebody_waits, planted)
        planted.add(log[there])
        assert (await asyncio.wait_for(coming, 5)).event == log[there]
        await following.aclose()


async def test_one_call_is_found_among_many(planted: Planted) -> None:
    log = made_log(3, 20)
    planted.add(*log)
    calls = {event.call for event in log if isinstance(event, CallEvent)}
    async with LogStream(planted.url, planted.site) as stream:
        for call in calls:
            expected = [event for event in log if isinstance(event, CallEvent) and event.call == call]
            assert call_events(await stream.of_call(call)) == expected
        assert await stream.of_call("nobody-1.1") == []


async def test_what_agents_say_of_a_call_is_found_until_they_have_wrapped_up(planted: Planted) -> None:
    log = held_call()
    call, ended = log[0].call, log[-1]
    common: dict[str, Any] = {"site": "main", "source": "observed", "agent": "bob"}

    def said(number: int, code: str, of: str = call) -> Disposition:
        at = ended.at + 1000 * number
        told: dict[str, Any] = {"id": f"agent:bob:{number}", "at": at, "logged_at": at, "queue": "sales"}
        return Disposition(**common, **told, call=of, code=code)

    def state(number: int, to: Any) -> AgentStateChanged:
        at = ended.at + 1000 * number
        return AgentStateChanged(**common, id=f"agent:bob:{number}", at=at, logged_at=at, from_="", to=to)

    others = [replace(ended, call=f"pbx-1.{number}", id=f"pbx-1.{number}:1") for number in range(2 * PAGE)]
    planted.add(*log, state(1, "wrapup"), said(2, "lost"), *others, said(3, "sold"), state(4, "ready"))
    planted.add(*others, said(5, "too late"), said(6, "of another", "pbx-1.5"))
    async with LogStream(planted.url, planted.site) as stream:
        found = events_of(await stream.of_call(call))
    assert [event.code for event in found if isinstance(event, Disposition)] == ["lost", "sold"]
    assert len(found) == len(log) + 2


async def test_a_broken_entry_of_a_call_is_part_of_it(planted: Planted) -> None:
    log = [event for event in made_log(4, 1) if isinstance(event, CallEvent)]
    planted.add(*log[:2])
    planted.raw(b'{"kind":"step","call":"' + log[0].call.encode() + b'"')
    planted.add(*log[2:])
    async with LogStream(planted.url, planted.site) as stream:
        entries = await stream.of_call(log[0].call)
    assert events_of(entries) == [*log[:2], None, *log[2:]]


async def test_no_redis_is_said(planted: Planted) -> None:
    async with LogStream("unix:///nowhere/redis.sock", planted.site) as stream:
        with pytest.raises(LogAway, match="cannot be read"):
            await stream.last(1)
    planted.client.set(planted.key, "not a stream")
    async with LogStream(planted.url, planted.site) as stream:
        with pytest.raises(LogAway, match="WRONGTYPE"):
            await stream.last(1)
