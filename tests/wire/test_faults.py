"""Every recording with one fault at every place where it can be.

After each the log is sound, and nothing is left in the worker, in Redis or (bridges) in Asterisk. And:

| fault | what must come of it |
|---|---|
| a reply is late (events overtake it) | the log of the recording |
| an event is told twice | the log of the recording; a key told twice is a key pressed twice |
| an event is never told | the call ends when the caller hangs up |
| his hangup is never told | 5 s after the next command to his channel; without one, two looks later |
| a command is never answered | the socket is dropped after 10 s, and Asterisk connects again |
| a command is refused | 404, 409: he hangs up within 5 s; otherwise the dialplan's fallback has him |
| the socket closes | the call goes on when Asterisk is back; what it had kept counts |
| the lease is too old | calls are left and adopted again; what was told meanwhile counts |
| the caller hangs up | at once, whatever was going on |

Asterisk tells the events of one application in order: they do not overtake each other, only replies.
"""

import pytest

from calllog.call_events import Ended, QueueLeft
from tests.wire.bench import Bench, of_calls
from tests.wire.performance import LATEST_S, Faults, Performer
from tests.wire.recording import REPLY, recordings
from tests.wire.trial import Seen, attempts, commands, events

CALLS = [name for name in recordings() if name not in ("connect", "ready", "pause")]
ALL = [*CALLS, "ready", "pause"]


def as_recorded(seen: Seen) -> None:
    """The same log; a caller may have hung up before the reply that he is bridged."""
    left = [event.reason for event in seen.log if isinstance(event, QueueLeft)]
    assert seen.as_recorded or left == ["caller_hangup_connecting"], seen.log


@pytest.mark.parametrize("name", ALL)
def test_replies_come_late(bench: Bench, name: str) -> None:
    lines = commands(bench.recordings[name])
    attempts(bench, name, ((n, Faults(late=frozenset({n}))) for n in lines), as_recorded)


@pytest.mark.parametrize("name", ALL)
def test_events_come_twice(bench: Bench, name: str) -> None:
    recording = bench.recordings[name]

    def judge(seen: Seen) -> None:
        keys = sum(event.kind == "input" for event in seen.log)
        assert seen.as_recorded or keys > [event["kind"] for event in recording.log].count("input")

    attempts(bench, name, ((n, Faults(twice=frozenset({n}))) for n in events(recording)), judge)


@pytest.mark.parametrize("name", ALL)
def test_events_are_lost(bench: Bench, name: str) -> None:
    recording = bench.recordings[name]

    def judge(seen: Seen) -> None:
        assert not seen.performance.reconciled
        if seen.performance.waited_s > 1:
            assert lost == "ChannelHangupRequest"
            assert (seen.end.ended_by, seen.end.source) == ("caller", "inferred")
        assert seen.performance.waited_s <= LATEST_S

    for number in events(recording):
        lost = recording.lines[number].kind
        attempts(bench, name, [(number, Faults(lost=frozenset({number})))], judge)


@pytest.mark.parametrize("name", ALL)
def test_commands_are_not_answered(bench: Bench, name: str) -> None:
    def judge(seen: Seen) -> None:
        assert not seen.performance.reconciled, "the socket was kept"

    lines = commands(bench.recordings[name])
    attempts(bench, name, ((n, Faults(mute=frozenset({n}))) for n in lines), judge)


@pytest.mark.parametrize("status", [404, 409, 422, 500])
@pytest.mark.parametrize("name", ALL)
def test_commands_are_refused(bench: Bench, name: str, status: int) -> None:
    def judge(seen: Seen) -> None:
        failed = [event for event in seen.log if isinstance(event, Ended) and event.verdict == "failed"]
        fallback = [command for command in seen.performance.beside if "context=fallback" in command]
        assert len(failed) == len(fallback)
        assert not failed or status in (422, 500)

    lines = commands(bench.recordings[name])
    attempts(bench, name, ((n, Faults(status={n: status})) for n in lines), judge)


@pytest.mark.parametrize("length", [1, 4, 9])
@pytest.mark.parametrize("name", ALL)
def test_the_socket_closes(bench: Bench, name: str, length: int) -> None:
    def judge(seen: Seen) -> None:
        assert not seen.performance.reconciled
        for event in seen.log:
            assert not isinstance(event, Ended) or event.verdict not in ("lost", "failed")

    lines = range(len(bench.recordings[name].lines))
    attempts(bench, name, ((n, Faults(away={n: length})) for n in lines), judge)


@pytest.mark.parametrize("name", CALLS)
def test_the_caller_hangs_up(bench: Bench, name: str) -> None:
    def judge(seen: Seen) -> None:
        assert not seen.performance.reconciled
        assert seen.performance.waited_s == 0
        if seen.log:
            assert seen.end.verdict in ("ivr_exit", "abandoned", "completed", "overflowed", "self_served")
            assert seen.end.source == "observed"

    lines = range(len(bench.recordings[name].lines))
    attempts(bench, name, ((n, Faults(hangs_up=n)) for n in lines), judge)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("hangs_up", [False, True])
def test_the_lease_becomes_too_old(bench: Bench, name: str, hangs_up: bool) -> None:
    def judge(seen: Seen) -> None:
        assert not seen.performance.reconciled
        assert seen.performance.waited_s <= 2
        for event in seen.log:
            assert not isinstance(event, Ended) or event.verdict not in ("lost", "failed")

    lines = range(len(bench.recordings[name].lines) - 1)
    faults = ((n, Faults(silenced=frozenset({n}), hangs_up=n + 1 if hangs_up else None)) for n in lines)
    attempts(bench, name, faults, judge)


@pytest.mark.parametrize("name", CALLS)
def test_the_caller_hangs_up_before_we_can_be_told(bench: Bench, name: str) -> None:
    """Between the claim and our first command: Asterisk tells nobody, commands are answered 404."""
    recording = bench.recordings[name]
    caller = recording.lines[next(n for n in events(recording) if recording.lines[n].kind == "StasisStart")]
    answer = f"channels/{caller.m['channel']['id']}/answer"
    first = next(n for n in commands(recording) if recording.lines[n].m["uri"] == answer)

    def judge(seen: Seen) -> None:
        assert seen.performance.waited_s <= LATEST_S

    attempts(bench, name, [(first, Faults(hangs_up=first, hint=False))], judge)


def test_a_key_is_in_the_log_when_the_socket_closes_under_the_next_command(bench: Bench) -> None:
    recording = bench.recordings["wrong-key"]
    key = next(n for n in events(recording) if recording.lines[n].kind == "ChannelDtmfReceived")
    reply = next(n for n, line in enumerate(recording.lines) if n > key and line.kind == REPLY)

    def judge(seen: Seen) -> None:
        assert seen.kinds[:3] == ["arrived", "answered", "input"]

    attempts(bench, "wrong-key", [(reply, Faults(away={reply: 1}))], judge)


def test_a_hangup_that_nobody_had_read_when_the_socket_closed_is_no_guess(bench: Bench) -> None:
    recording = bench.recordings["abandoned"]
    music = next(n for n in commands(recording) if recording.lines[n].m["uri"].endswith("/moh"))
    reply = next(n for n, line in enumerate(recording.lines) if n > music and line.kind == REPLY)

    async def test() -> None:
        await bench.prepare(recording)
        performer = Performer(bench, recording, Faults())

        async def mischief() -> None:
            await bench.double.hang_up(performer.call)
            await bench.settle()
            await bench.double.disconnect()

        performer.before[reply] = mischief
        await performer.perform()
        logged = bench.log()
        await bench.check(logged)
        ended = of_calls(logged)[-1]
        assert isinstance(ended, Ended)
        assert (ended.source, ended.ended_by) == ("observed", "caller")

    bench.run(test())
