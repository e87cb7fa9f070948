"""News that never comes, and nobody hangs up, commands or reconnects: the worker finds out by itself.

what is never told                            what finds it
the caller's hangup, the agent's hangup       two looks at Asterisk's channels, 10 s apart
that a call has come                          the same
that a sound is over                          Asterisk is asked every 30 s
what becomes of a phone that is rung          10 s after the ringing should have ended
the hangup behind a refused command           Asterisk is asked after 5 s; a caller who lives: the fallback
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from calllog.call_events import Declined, Ended, Step
from calllog.events import AnyEvent
from queues.handle import CallHandle
from tests.wire.bench import Bench, of_calls
from tests.wire.performance import Faults, Performer
from tests.wire.recording import told

LOOK = "GET applications/hf-1"
TWO_LOOKS_S = 20.0
SOUND_WATCH_S = 30.0
RING_S = 20.0
RING_GRACE_S = 10.0
GONE_S = 5.0

Mischief = Callable[[Performer], Awaitable[None]]


async def perform(
    bench: Bench, name: str, before: tuple[str, int], mischief: Mischief, faults: Faults | None = None
) -> Sequence[AnyEvent]:
    """What is logged of a recording if something happens before its nth event of a kind; nothing is left."""
    recording = bench.recordings[name]
    kind, nth = before
    lines = [number for number, line in enumerate(recording.lines) if line.kind == kind]
    await bench.prepare(recording)
    performer = Performer(bench, recording, faults or Faults())
    performer.before[lines[nth]] = lambda: mischief(performer)
    found = await performer.perform()
    assert not found.reconciled
    events = bench.log()
    await bench.check(events)
    return events


async def wait(bench: Bench, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Let so much time pass, second by second, or until something is true."""
    end = bench.loop.time() + seconds
    while bench.loop.time() < end and not until():
        await bench.move(1.0)


def looks(bench: Bench) -> int:
    return [command.command for command in bench.double.commands].count(LOOK)


def live(bench: Bench, call: str) -> bool:
    return call in bench.worker.switchboard.sessions


def end_of(events: Sequence[AnyEvent]) -> Ended:
    (ended,) = [event for event in events if isinstance(event, Ended)]
    return ended


def refused(bench: Bench, status: int) -> Faults:
    """The answer is refused: the command that a caller must not miss."""
    lines = bench.recordings["abandoned"].lines
    return Faults(
        status={next(n for n, line in enumerate(lines) if line.m.get("uri", "").endswith("/answer")): status}
    )


def test_a_caller_who_is_gone_untold_is_missed_in_two_looks(bench: Bench) -> None:
    async def mischief(performer: Performer) -> None:
        await wait(bench, TWO_LOOKS_S, lambda: looks(bench) > 0)
        bench.double.vanish(performer.call)
        seen = looks(bench)
        await wait(bench, TWO_LOOKS_S, lambda: looks(bench) > seen)
        assert live(bench, performer.call), "one look is not enough: the news may be on its way"
        await wait(bench, TWO_LOOKS_S, lambda: not live(bench, performer.call))
        assert looks(bench) == seen + 2

    ended = end_of(bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief)))
    assert (ended.verdict, ended.ended_by, ended.source) == ("abandoned", "caller", "inferred")
    assert ended.not_before is not None
    assert ended.not_after is not None
    assert ended.not_after - ended.not_before >= 0


def test_news_that_comes_between_two_looks_is_no_guess(bench: Bench) -> None:
    async def mischief(performer: Performer) -> None:
        bench.double.vanish(performer.call)
        await wait(bench, TWO_LOOKS_S, lambda: looks(bench) > 0)
        await bench.double.tell(bench.double.event("ChannelHangupRequest", performer.call))
        await bench.settle()
        assert not live(bench, performer.call)

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    assert (end_of(events).verdict, end_of(events).source) == ("abandoned", "observed")


def test_a_caller_who_is_there_is_left_alone(bench: Bench) -> None:
    async def mischief(performer: Performer) -> None:
        await wait(bench, 3 * TWO_LOOKS_S)
        assert live(bench, performer.call)
        assert looks(bench) >= 5
        asked = [command.command for command in bench.double.commands]
        assert "GET channels" not in asked, "only in doubt is everything asked for"

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    assert told(of_calls(events)) == bench.recordings["abandoned"].log


def test_a_channel_that_our_application_does_not_list_lives_all_the_same(bench: Bench) -> None:
    async def mischief(performer: Performer) -> None:
        channel = bench.double.channels[performer.call]
        channel.ours = False
        await wait(bench, 2 * TWO_LOOKS_S)
        assert live(bench, performer.call)
        channel.ours = True

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    assert told(of_calls(events)) == bench.recordings["abandoned"].log


def test_an_agent_who_is_gone_untold_has_left_the_talk(bench: Bench) -> None:
    async def mischief(performer: Performer) -> None:
        said = len(bench.double.commands)

        def parts() -> bool:
            return any("bridges" in each.command for each in bench.double.commands[said:])

        bench.double.vanish(f"{performer.call}-a1")
        # No longer than that: the recording answers what the worker says now, and has to within 10 s.
        await wait(bench, TWO_LOOKS_S + 2, parts)

    events = bench.run(perform(bench, "agent-leaves", ("ChannelHangupRequest", 0), mischief))
    assert told(of_calls(events)) == bench.recordings["agent-leaves"].log


def test_a_call_that_came_untold_begins(bench: Bench) -> None:
    stray = bench.call_id()

    async def mischief(performer: Performer) -> None:
        channel = {**bench.double.channels[performer.call].told, "id": stray}
        await bench.double.tell({"type": "StasisStart", "args": ["call"], "channel": channel}, times=0)
        await wait(bench, TWO_LOOKS_S, lambda: looks(bench) > 0)
        assert not live(bench, stray), "one look is not enough: the news may be on its way"
        await wait(bench, TWO_LOOKS_S, lambda: live(bench, stray))
        assert live(bench, stray)
        await bench.double.hang_up(stray)

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    ofstray = [event for event in of_calls(events) if event.call == stray]
    assert (ofstray[0].kind, ofstray[0].source) == ("arrived", "inferred")
    assert end_of(ofstray).source == "observed"


def test_a_caller_who_came_and_went_while_nobody_was_there_is_in_the_log(bench: Bench) -> None:
    """His worker was killed after the answer and before it wrote anything down."""
    stray = bench.call_id()

    async def test() -> Sequence[AnyEvent]:
        await bench.prepare(bench.recordings["abandoned"])
        await bench.double.disconnect()
        await bench.settle()
        await bench.double.tell(bench.double.event("ChannelHangupRequest", stray))
        await bench.double.connect()
        for _ in range(10):
            await bench.move(1.0)
        return bench.log()

    events = of_calls(bench.run(test()))
    assert [(event.call, event.kind) for event in events] == [(stray, "arrived"), (stray, "ended")]
    assert events[0].source == "inferred"
    assert end_of(events).ended_by == "caller"


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_hangup_told_to_a_dead_socket_is_a_hangup_unless_asterisk_has_died(
    bench: Bench, restarts: int
) -> None:
    async def mischief(performer: Performer) -> None:
        await bench.double.disconnect()
        await bench.settle()
        await bench.double.hang_up(performer.call)
        bench.double.kept.clear()
        bench.double.starts += restarts
        await bench.double.connect()
        await wait(bench, TWO_LOOKS_S, lambda: not live(bench, performer.call))

    ended = end_of(of_calls(bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))))
    assert ended.source == "inferred"
    told_as = [("abandoned", "caller"), ("lost", "system")][restarts]
    assert (ended.verdict, ended.ended_by) == told_as


def test_a_call_that_another_worker_serves_is_left_to_him(bench: Bench) -> None:
    """Our application still has a channel that was moved away: it is looked into once."""
    theirs = CallHandle(bench.call_id(), "hf-2")

    async def mischief(performer: Performer) -> None:
        await bench.worker.checkpoint.arrive(theirs, from_="4930000099", to="202")
        channel = {**bench.double.channels[performer.call].told, "id": theirs.call}
        await bench.double.tell({"type": "StasisStart", "args": ["call"], "channel": channel}, times=0)
        await wait(bench, 3 * TWO_LOOKS_S)
        assert not live(bench, theirs.call)
        assert [command.command for command in bench.double.commands].count("GET channels") == 1
        end = bench.worker.checkpoint.ended(theirs, reason="caller-hangup", ended_by="caller")
        ending = asyncio.ensure_future(end)
        await bench.settle()  # it is written when time has passed
        await ending

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    assert [e.kind for e in of_calls(events) if e.call == theirs.call] == ["arrived", "ended"]


def test_a_caller_whom_the_fallback_has_is_left_to_it(bench: Bench) -> None:
    lost = bench.call_id()

    async def mischief(performer: Performer) -> None:
        channel = {**bench.double.channels[performer.call].told, "id": lost}
        channel["dialplan"] = {**channel["dialplan"], "context": "fallback", "exten": "s"}
        await bench.double.tell({"type": "StasisStart", "args": ["call"], "channel": channel}, times=0)
        await wait(bench, 2 * TWO_LOOKS_S)
        assert not live(bench, lost)

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    assert not [event for event in of_calls(events) if event.call == lost]


def test_a_caller_whose_call_has_ended_is_let_go(bench: Bench) -> None:
    """His hangup was not carried out: he is not served once more under an id whose log is closed."""
    over = CallHandle(bench.call_id(), "hf-1")

    async def mischief(performer: Performer) -> None:
        await bench.worker.checkpoint.arrive(over, from_="4930000099", to="202")
        ending = asyncio.ensure_future(
            bench.worker.checkpoint.ended(over, reason="flow-ended", ended_by="system")
        )
        await bench.settle()
        await ending
        channel = {**bench.double.channels[performer.call].told, "id": over.call}
        await bench.double.tell({"type": "StasisStart", "args": ["call"], "channel": channel}, times=0)
        await wait(bench, TWO_LOOKS_S + 2)
        assert bench.double.channels[over.call].ending
        assert not [c for c in bench.double.commands if c.command.startswith(f"POST channels/{over.call}/")]

    events = bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))
    assert [e.kind for e in of_calls(events) if e.call == over.call] == ["arrived", "ended"]


def test_a_leg_whose_call_is_over_is_ended(bench: Bench) -> None:
    leg = f"{bench.call_id()}-a1"

    async def mischief(performer: Performer) -> None:
        channel = {**bench.double.channels[performer.call].told, "id": leg}
        await bench.double.tell({"type": "StasisStart", "args": ["agent"], "channel": channel}, times=0)
        await wait(bench, TWO_LOOKS_S + 2)
        assert bench.double.channels[leg].ending

    bench.run(perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief))


def test_without_calls_nothing_is_asked(bench: Bench) -> None:
    async def test() -> None:
        await bench.prepare(bench.recordings["abandoned"])
        await wait(bench, 2 * TWO_LOOKS_S)
        assert looks(bench) == 0

    bench.run(test())


@pytest.mark.parametrize("state", ["done", "queued"])
def test_a_sound_whose_end_is_never_told_has_failed(bench: Bench, state: str) -> None:
    """It is over, or Asterisk has never begun it."""

    async def mischief(_: Performer) -> None:
        if state == "done":
            bench.double.playing.clear()
        bench.double.sounds_are = state
        await wait(bench, SOUND_WATCH_S - 2)
        assert not bench.double.commands[-1].command.startswith("DELETE channels")
        await wait(bench, 6)

    events = bench.run(perform(bench, "agent-leaves", ("PlaybackFinished", 0), mischief))
    assert [event.outcome for event in events if isinstance(event, Step)] == ["answered", "failed"]
    assert (end_of(events).ended_by, end_of(events).verdict) == ("system", "completed")


def test_a_long_sound_is_heard_to_its_end(bench: Bench) -> None:
    async def mischief(performer: Performer) -> None:
        await wait(bench, 3 * SOUND_WATCH_S)
        assert live(bench, performer.call)
        asked = [c.command for c in bench.double.commands if c.m["uri"].startswith("playbacks/")]
        assert 2 <= len(asked) <= 3

    events = bench.run(perform(bench, "agent-leaves", ("PlaybackFinished", 0), mischief))
    assert told(of_calls(events)) == bench.recordings["agent-leaves"].log


@pytest.mark.parametrize(
    ("kind", "nth", "reason"), [("StasisStart", 2, "unreachable"), ("ChannelHangupRequest", 0, "no_answer")]
)
def test_a_phone_of_which_nothing_is_told_is_given_up(bench: Bench, kind: str, nth: int, reason: str) -> None:
    """Created and no more, or dialled and no more: he waits on in his place, and the next agent is rung."""

    async def mischief(performer: Performer) -> None:
        leg = f"{performer.call}-a1"
        await wait(bench, RING_S + RING_GRACE_S - 2)
        assert not bench.double.channels[leg].ending
        await wait(bench, 4)
        assert bench.double.channels[leg].ending
        bench.double.vanish(leg)

    events = bench.run(perform(bench, "busy-then-next", (kind, nth), mischief))
    (declined,) = [event for event in events if isinstance(event, Declined)]
    assert (declined.agent, declined.reason) == ("bert", reason)
    assert end_of(events).verdict == "completed"


@pytest.mark.parametrize(("status", "reason"), [(404, "ari-gone"), (409, "ari-conflict")])
def test_a_caller_who_lives_after_a_refusal_has_the_fallback(bench: Bench, status: int, reason: str) -> None:
    async def mischief(performer: Performer) -> None:
        await wait(bench, GONE_S - 2)
        assert live(bench, performer.call)
        await wait(bench, 4)
        assert not live(bench, performer.call)
        given = [command.command for command in bench.double.commands]
        assert [c for c in given if c.startswith(f"POST channels/{performer.call}/continue context=fallback")]

    events = bench.run(
        perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief, refused(bench, status))
    )
    assert (end_of(events).verdict, end_of(events).reason) == ("failed", reason)


@pytest.mark.parametrize("status", [404, 409])
def test_a_caller_who_is_gone_after_a_refusal_has_hung_up(bench: Bench, status: int) -> None:
    async def mischief(performer: Performer) -> None:
        bench.double.vanish(performer.call)
        await wait(bench, GONE_S + 1)
        assert not live(bench, performer.call)
        assert not [c for c in bench.double.commands if "context=fallback" in c.command]

    events = bench.run(
        perform(bench, "abandoned", ("ChannelHangupRequest", 0), mischief, refused(bench, status))
    )
    assert (end_of(events).verdict, end_of(events).ended_by) == ("ivr_exit", "caller")
