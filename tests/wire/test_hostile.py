"""What must not come over the socket, and comes: the worker stays, and its calls with it."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from aiohttp import ClientSession, WSServerHandshakeError, encode_basic_auth

from tests.wire.asterisk_double import AsteriskDouble
from tests.wire.bench import PASSWORD, Bench, of_calls
from tests.wire.performance import PATIENCE_S, Faults, Performer
from tests.wire.recording import CALL, told
from tests.wire.trial import attempt

FRAMES = {
    "not JSON": "INVITE sip:me",
    "nothing": "",
    "no object": "[1, 2]",
    "no type": '{"channel": {"id": "x"}}',
    "unknown type": '{"type": "PeerStatusChange", "peer": {}}',
    "no channel": '{"type": "StasisStart", "args": ["call"]}',
    "nameless channel": '{"type": "StasisStart", "args": ["call"], "channel": {"id": ""}}',
    "wrong types": '{"type": "StasisStart", "args": "call", "channel": {"id": 7}}',
    "reply to nobody": '{"type": "RESTResponse", "request_id": "4711", "status_code": 200}',
    "reply without number": '{"type": "RESTResponse", "status_code": 200}',
    "deep": '{"type": "StasisStart", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "half a character": '{"type": "StasisStart", "args": ["call"], "channel": {"id": "\\ud800"}}',
    "10 MB": '{"type": "ChannelUserevent", "userevent": "' + "x" * 10_000_000 + '"}',
}

HEADERS = [
    "",
    "Basic",
    "Basic !",
    "Bearer x",
    encode_basic_auth("asterisk", "guessed"),
    encode_basic_auth("somebody", PASSWORD),
]

Mischief = Callable[[Performer], Awaitable[None]]


async def in_the_middle(bench: Bench, mischief: Mischief) -> None:
    """Something happens while an agent holds a caller; the log is the recording's all the same."""
    recording = bench.recordings["held-by-the-agent"]
    line = next(n for n, line in enumerate(recording.lines) if line.kind == "ChannelUnhold")
    await bench.prepare(recording)
    performer = Performer(bench, recording, Faults())
    performer.before[line] = lambda: mischief(performer)
    found = await performer.perform()
    events = bench.log()
    await bench.check(events)
    assert (found.missing, found.impossible) == ([], [])
    assert told(of_calls(events)) == recording.log


@pytest.mark.parametrize("name", FRAMES)
def test_hostile_frames(bench: Bench, name: str) -> None:
    async def mischief(_: Performer) -> None:
        await bench.double.say(FRAMES[name])
        await bench.settle()
        assert bench.double.connected, "the worker has closed the socket"

    bench.run(in_the_middle(bench, mischief))


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "2026-13-45T99:99:99.999+0000", "0001-01-01T00:00:00.000+2359"]
)
def test_an_event_whose_time_is_none(bench: Bench, stamp: str) -> None:
    async def mischief(performer: Performer) -> None:
        channel = bench.double.channels[performer.call]
        event = {"type": "ChannelStateChange", "timestamp": stamp, "channel": channel.told}
        await bench.double.say(msgspec.json.encode(event).decode())
        hold = {"type": "ChannelHold", "timestamp": stamp, "channel": channel.told}
        for kind in ("ChannelHold", "ChannelUnhold"):
            await bench.double.say(msgspec.json.encode(hold | {"type": kind}).decode())

    async def test() -> None:
        recording = bench.recordings["abandoned"]
        await bench.prepare(recording)
        performer = Performer(bench, recording, Faults())
        performer.before[11] = lambda: mischief(performer)
        await performer.perform()
        events = bench.log()
        await bench.check(events)
        assert [e.kind for e in of_calls(events)].count("hold_started") == 2

    bench.run(test())


@pytest.mark.parametrize("header", HEADERS)
def test_a_wrong_password_is_refused(bench: Bench, header: str) -> None:
    async def mischief(_: Performer) -> None:
        async with ClientSession(headers={"Authorization": header} if header else {}) as stranger:
            with pytest.raises(WSServerHandshakeError) as refused:
                await stranger.ws_connect(bench.url, protocols=("ari",))
        assert refused.value.status == 401
        assert bench.worker.link.connected

    bench.run(in_the_middle(bench, mischief))


def test_a_second_connection_takes_the_place_of_a_dead_one(bench: Bench) -> None:
    """The first one does not answer: it is dropped without being asked; the calls go on over the second."""

    async def mischief(_: Performer) -> None:
        first = bench.double
        old, reader = first._socket, first._reader
        assert old is not None
        assert reader is not None
        await first.connect()
        await bench.settle()
        assert reader.done(), "the worker still listens to the old one"
        assert bench.worker.link.connected
        assert bench.worker.door.admits(1)

    bench.run(in_the_middle(bench, mischief))


def test_a_stale_start_changes_nothing(bench: Bench) -> None:
    """StasisStart of a call that is live already."""

    async def mischief(performer: Performer) -> None:
        await bench.double.say(start_of(bench.double, performer.call))

    bench.run(in_the_middle(bench, mischief))


def test_a_late_start_of_an_ended_call_starts_nothing(bench: Bench) -> None:
    async def test() -> None:
        seen = await attempt(bench, bench.recordings["abandoned"], Faults())
        await bench.double.say(start_of(bench.double, seen.log[0].call))
        await bench.settle()
        while not bench.idle:
            await bench.move(PATIENCE_S)
        assert bench.log() == []
        await bench.check([])

    bench.run(test())


def test_a_start_that_was_lost_is_found_when_asterisk_comes_back(bench: Bench) -> None:
    """He is in our application, and nobody was told: his call begins, inferred, with the reconnect."""

    async def test() -> None:
        recording = bench.recordings["abandoned"]
        start = next(n for n, line in enumerate(recording.lines) if line.kind == "StasisStart")
        await bench.prepare(recording)
        performer = Performer(bench, recording, Faults(lost=frozenset({start}), away={start + 1: 1}))
        await performer.perform()
        events = bench.log()
        await bench.check(events)
        arrived, *_, ended = of_calls(events)
        assert (arrived.kind, arrived.source) == ("arrived", "inferred")
        assert (ended.kind, ended.source) == ("ended", "observed")

    bench.run(test())


def start_of(double: AsteriskDouble, call: str) -> str:
    """A StasisStart as it was told when the call began."""
    event = double.event("StasisStart", call, args=["call"], timestamp="2026-01-01T00:00:00.000+0000")
    assert event["channel"]["id"] == call != CALL
    return msgspec.json.encode(event).decode()


def test_an_offer_for_a_call_that_is_over_leaves_nothing(bench: Bench) -> None:
    """A sweep's answer may be read after the call's end."""

    async def test() -> None:
        seen = await attempt(bench, bench.recordings["abandoned"], Faults())
        bench.worker.store.operations.tell([(seen.log[0].call, "hanna", "hanna-phone", 1, "held", "20")])
        await bench.settle()
        await bench.check(bench.log())

    bench.run(test())
