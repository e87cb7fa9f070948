"""Somebody outside is told who comes, and takes the call or not: what he does, and what goes wrong."""

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from ivr.agent_leg import Leg
from ivr.announcing import NEWS_S, PAUSE_S, announce
from ivr.ari import AriError, Asterisk, NotFound
from ivr.ari import events as ari
from ivr.caller import Caller, House
from ivr.flow.line import Announcement, Hangup
from ivr.flow.virtual_time import run
from ivr.ringing import Callee
from queues.handle import CallHandle

CALL, LEG = "pbx-1.1", "pbx-1.1-o1"
SOUND_S = 3.0
ASKED = Announcement(["sound:who"], accept="1", refuse="2", within_s=20.0)

Event = Callable[[], ari.ChannelEvent]


def key(digit: str, channel: str = LEG) -> Event:
    return lambda: ari.ChannelDtmfReceived(channel=ari.Channel(id=channel), digit=digit)


def gone(channel: str = LEG) -> Event:
    return lambda: ari.ChannelHangupRequest(channel=ari.Channel(id=channel))


class FakeAsterisk:
    """Sounds last three seconds, unless they break off."""

    def __init__(self, breaks: bool, refuses: AriError | None) -> None:
        self.played: list[tuple[float, str]] = []
        self.stopped: list[str] = []
        self.caller: Caller | None = None
        self._breaks = breaks
        self._refuses = refuses

    async def play(self, channel: str, playback: str, media: Sequence[str]) -> None:
        if self._refuses is not None:
            raise self._refuses
        assert (channel, media) == (LEG, ASKED.media)
        loop, caller = asyncio.get_running_loop(), self.caller
        assert caller is not None
        self.played.append((loop.time(), playback))
        over = ari.PlaybackFinished(playback=ari.Playback(playback, "failed" if self._breaks else "done"))
        loop.call_later(0.1 if self._breaks else SOUND_S, caller.mailbox.put, over)

    async def stop(self, playback: str) -> None:
        self.stopped.append(playback)


def asked(
    happens: dict[float, Event], breaks: bool = False, refuses: AriError | None = None
) -> tuple[str, float, FakeAsterisk, Caller]:
    """What he answers, when, what he was played, and the caller."""

    async def whole() -> tuple[str, float, FakeAsterisk, Caller]:
        asterisk = FakeAsterisk(breaks, refuses)
        house = cast(House, SimpleNamespace(asterisk=asterisk))
        caller = asterisk.caller = Caller(house, CallHandle(CALL, "hf-1"))
        loop = asyncio.get_running_loop()
        for at, event in happens.items():
            loop.call_at(at, lambda event=event: caller.mailbox.put(event()))  # type: ignore[misc]
        leg = Leg(channel=LEG, endpoint="", ring_s=0, answered=True)
        try:
            callee = Callee(cast(Asterisk, asterisk), caller.handle, leg, caller.next)
            verdict = await announce(callee, ASKED)
        except Hangup:
            verdict = "the caller is gone"
        return verdict, loop.time(), asterisk, caller

    return run(whole())


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        ({1.0: key("1")}, ("", 1.0)),
        ({1.0: key("2")}, ("declined", 1.0)),
        ({1.0: key("7"), 2.0: key("1")}, ("", 2.0)),
        ({1.0: key("1", CALL)}, ("declined", 20.0)),
        ({4.0: key("1")}, ("", 4.0)),
        ({}, ("declined", 20.0)),
        ({1.5: gone()}, ("declined", 1.5)),
        ({1.5: gone(CALL)}, ("the caller is gone", 1.5)),
        ({1.5: gone("pbx-1.1-o9"), 2.0: key("1")}, ("", 2.0)),
    ],
    ids=[
        "takes",
        "refuses",
        "another-key",
        "callers-key",
        "later",
        "silent",
        "gone",
        "caller-gone",
        "old-leg",
    ],
)
def test_what_becomes_of_it(happens: dict[float, Event], expected: tuple[str, float]) -> None:
    verdict, at, _, _ = asked(happens)
    assert (verdict, at) == expected


def test_he_is_told_again_and_again() -> None:
    _, _, asterisk, _ = asked({})
    assert [at for at, _ in asterisk.played] == [0.0, SOUND_S + PAUSE_S, 10.0, 15.0]
    (one, other, *_), names = (name for _, name in asterisk.played), {name for _, name in asterisk.played}
    assert names == {one, other}, "two names in turn, so that a take-over knows what to stop"


def test_what_still_plays_is_stopped_before_he_is_bridged() -> None:
    for at, stopped in ((1.0, 1), (4.0, 0)):
        _, _, asterisk, _ = asked({at: key("1")})
        assert len(asterisk.stopped) == stopped


def test_keys_of_each_are_his_own() -> None:
    _, _, _, caller = asked({1.0: key("7"), 2.0: key("5", CALL), 3.0: key("1")})
    assert list(caller.keys) == ["5"]


def test_a_sound_that_breaks_off_is_a_failure_unless_he_has_hung_up() -> None:
    verdict, at, _, _ = asked({}, breaks=True)
    assert verdict == "failed"
    assert at == pytest.approx(0.1 + NEWS_S)
    assert asked({0.3: gone()}, breaks=True)[0] == "declined"
    assert asked({}, refuses=NotFound(404, "play", "gone"))[0] == "declined"
    assert asked({}, refuses=AriError(500, "play", "no"))[0] == "failed"
