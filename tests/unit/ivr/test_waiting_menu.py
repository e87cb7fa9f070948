"""The menu of a queue beside a wait: what Asterisk is told, whose keys are whose, who interrupts whom."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.ari import events as ari
from ivr.beside import Beside
from ivr.caller import Caller, House, Over
from ivr.flow.line import Line
from ivr.flow.virtual_time import run
from ivr.wait import Wait
from queues.handle import CallHandle
from queues.models import Queue
from tests.unit.flow.calls import Script, ScriptedLine, flow_of

CALL = "pbx-1.1"
SOUND_S = 3.0
MENU = flow_of("""\
steps:
  ask:
    gather: {say: number, into: customer, max_digits: 2, retries: 0, timeout_s: 5}
    next: {done: leave, invalid: on, timeout: on}
  on: {back: waits}
  leave: {back: exit}
""")
KEYED = {"menu": {"flow": "main", "key": "1"}}
TOLD = {"announce": {"reminders": {"sounds": [{"say": "stay"}], "first_s": 10, "every_s": 10}, "gap_s": 4}}


class FakeAsterisk:
    """Sounds last three seconds."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.caller: Caller | None = None
        self._playing: dict[str, asyncio.TimerHandle] = {}

    def _tell(self, what: str) -> None:
        self.told.append(f"{asyncio.get_running_loop().time():g} {what}")

    async def play(self, channel: str, playback: str, media: Sequence[str]) -> None:
        assert channel == CALL
        self._tell(f"play {media[0]}")
        self._playing[playback] = asyncio.get_running_loop().call_later(SOUND_S, self._end, playback)

    def _end(self, playback: str) -> None:
        assert self.caller is not None
        self._playing.pop(playback).cancel()
        self.caller.mailbox.put(ari.PlaybackFinished(playback=ari.Playback(playback, "done")))

    async def stop(self, playback: str) -> None:
        if playback in self._playing:
            self._tell("stop")
            self._end(playback)

    async def start_music(self, channel: str, music: str) -> None:
        assert (channel, music) == (CALL, "default")
        self._tell("music")


class WaitingLine(ScriptedLine):
    """The line of a session, whose durable writes are counted."""

    remembered = 0

    async def remember(self) -> None:
        self.remembered += 1


class Stage:
    """A caller who waits, with a wait that does nothing but hand on."""

    def __init__(self, settings: Mapping[str, Any], exits: Sequence[str] = ("exit",)) -> None:
        self.asterisk = FakeAsterisk()

        async def flushed(_: object) -> None:
            """Nobody keeps anything."""

        house = SimpleNamespace(
            asterisk=self.asterisk,
            queue=lambda _: Queue.model_validate(settings),
            flow={"main": MENU}.get,
            checkpoint=SimpleNamespace(flush=flushed),
        )
        self.caller = self.asterisk.caller = Caller(cast(House, house), CallHandle(CALL, "hf-1"))
        self.line = WaitingLine(Script())
        wait = Wait("sales", "main/wait", None, frozenset(exits))
        self.beside = Beside(self.caller, wait, cast(Line, self.line))
        self.left_at: float | None = None

    def press(self, at: float, digit: str) -> None:
        told_at = f"2026-11-22T13:00:{at:06.3f}+0000"
        key = ari.ChannelDtmfReceived(
            channel=ari.Channel(id=CALL), digit=digit, duration_ms=80, timestamp=told_at
        )
        asyncio.get_running_loop().call_at(at, self.caller.mailbox.put, key)

    async def hold_on(self, until: float) -> None:
        while (message := await self.caller.next(until)) is not None:
            match message:
                case ari.PlaybackFinished() | ari.ChannelDtmfReceived():
                    self.beside.hears(message)
                case Over(Beside()):
                    self.left_at = asyncio.get_running_loop().time()


def told(
    settings: Mapping[str, Any],
    keys: Mapping[float, str],
    until: float = 40.0,
    exits: Sequence[str] = ("exit",),
    after: Callable[[Stage], None] = lambda _: None,
    taken_over_at: float = 0.0,
) -> Stage:
    """What Asterisk was told until then; at that time the wait is hushed."""

    async def whole() -> Stage:
        stage = Stage(settings, exits)
        for at, digit in keys.items():
            stage.press(at, digit)
        stage.beside._wait.began = -taken_over_at  # he joined so long before
        await stage.beside.begin(taken_over=taken_over_at > 0)
        await stage.hold_on(until)
        await stage.beside.hush()
        after(stage)
        return stage

    return run(whole())


def test_a_key_begins_it_and_the_music_comes_back() -> None:
    stage = told(KEYED, {2.0: "1"})
    assert stage.asterisk.told == ["2 play say:number", "10 music"]
    assert stage.left_at is None


def test_other_keys_do_not() -> None:
    assert told(KEYED, {2.0: "2"}).asterisk.told == []


def test_keys_are_its_own_and_what_was_entered_is_kept_at_once() -> None:
    stage = told(KEYED, {2.0: "1", 6.0: "4", 7.0: "7"}, exits=())
    assert stage.line.variables == {"customer": "47"}
    assert stage.asterisk.told == ["2 play say:number", "7 music"]
    assert stage.line.remembered == 3, "before each step, and at its end"
    assert [kind for kind, _ in stage.line.notes] == ["input", "step", "step"]
    assert [fields["path"] for kind, fields in stage.line.notes if kind == "step"] == [
        "main/ask",
        "main/leave",
    ]


def test_a_key_stops_what_it_says() -> None:
    stage = told(KEYED, {2.0: "1", 3.0: "4", 4.0: "7"}, exits=())
    assert stage.asterisk.told == ["2 play say:number", "3 stop", "4 music"]


def test_he_leaves_by_it_if_there_is_a_way() -> None:
    stage = told(KEYED, {2.0: "1", 6.0: "4", 7.0: "7"})
    assert stage.left_at == 7.0
    assert stage.asterisk.told == ["2 play say:number"], "no music for who leaves"


@pytest.mark.parametrize("at", [2.5, 5.5, 6.5])
def test_who_answers_ends_it_wherever_it_is(at: float) -> None:
    stage = told(KEYED, {2.0: "1", 6.0: "4"}, until=at)
    assert stage.asterisk.told == ["2 play say:number", *(["2.5 stop"] if at == 2.5 else [])]
    assert not stage.caller.keys, "half a number is gone"
    assert "customer" not in stage.line.variables


def test_nothing_goes_on_after_that() -> None:
    async def whole() -> Stage:
        stage = Stage(KEYED)
        stage.press(2.0, "1")
        await stage.beside.begin()
        await stage.hold_on(3.0)
        await stage.beside.hush()
        await stage.hold_on(20.0)
        return stage

    stage = run(whole())
    assert stage.asterisk.told == ["2 play say:number", "3 stop"]


def test_it_stops_an_announcement_and_none_speaks_over_it() -> None:
    stage = told(KEYED | TOLD, {11.0: "1"}, until=24.0)
    assert stage.asterisk.told == [
        "10 play say:stay",
        "11 stop",
        "11 play say:number",
        "19 music",
        "23 play say:stay",
        "24 stop",
    ]


def test_it_begins_by_itself_once() -> None:
    settings = {"menu": {"flow": "main", "after_s": 12}}
    assert told(settings, {}).asterisk.told == ["12 play say:number", "20 music"]
    late = told(settings | TOLD, {}, until=18.0)
    assert late.asterisk.told == ["10 play say:stay", "13 music", "17 play say:number", "18 stop"]
    both = {"menu": {"flow": "main", "key": "1", "after_s": 12}}
    assert told(both, {2.0: "1"}).asterisk.told == ["2 play say:number", "10 music"]


def test_a_menu_that_is_not_there_is_none() -> None:
    settings = {"menu": {"flow": "gone", "key": "1", "after_s": 5}}
    assert told(settings, {2.0: "1"}).asterisk.told == []


def test_whoever_takes_over_finds_him_waiting_with_music() -> None:
    settings = {"menu": {"flow": "main", "key": "1", "after_s": 12}}
    assert told(settings, {}, taken_over_at=20.0).asterisk.told == ["0 music"]
    assert told(settings, {2.0: "1"}, taken_over_at=20.0).asterisk.told[1:2] == ["2 play say:number"]
    assert told(settings, {}, taken_over_at=4.0).asterisk.told[:2] == ["0 music", "8 play say:number"]
    assert told({}, {}, taken_over_at=20.0).asterisk.told == [], "whoever hears only music hears it on"


def test_secrets_of_it_are_forgotten_with_it() -> None:
    def look(stage: Stage) -> None:
        assert stage.line.secrets == {}

    told(KEYED, {2.0: "1", 6.0: "4", 7.0: "7"}, exits=(), after=look)
