"""What an agent is told who has answered, and whether he is asked: by the queue, by his device."""

import time
from collections.abc import Sequence
from typing import Any, cast

import pytest

from ivr.agent_leg import Leg
from ivr.ari import AriError, Asterisk
from ivr.ari import events as ari
from ivr.briefing import Briefing
from ivr.caller import Message
from ivr.flow.virtual_time import run
from ivr.mailbox import Mailbox
from ivr.ringing import Callee
from ivr.wait import Wait
from queues.handle import CallHandle
from queues.heard import Confirm, Heard
from queues.models import Device, Queue
from tests.unit.flow.calls import Script, ScriptedLine

LEG = "pbx-1.1-a1"
WHISPER = Heard(say="{title}, {waited_s:duration}. {reason}")


class FakeAsterisk:
    """Whatever is played is over at once; then the agent presses his key, or hangs up."""

    def __init__(self, presses: str, fails: bool) -> None:
        self.heard: list[str] = []
        self.hung_up: list[str] = []
        self.mailbox: Mailbox[Message] = Mailbox()
        self._presses = presses
        self._fails = fails

    async def play(self, channel: str, playback: str, media: Sequence[str]) -> None:
        assert channel == LEG
        if self._fails:
            raise AriError(500, "play", "no")
        self.heard += media
        if self._presses == "hangs up":
            self.mailbox.put(ari.ChannelHangupRequest(channel=ari.Channel(id=LEG)))
        elif self._presses:
            self.mailbox.put(ari.ChannelDtmfReceived(channel=ari.Channel(id=LEG), digit=self._presses))
        self.mailbox.put(ari.PlaybackFinished(playback=ari.Playback(playback, "done")))

    async def stop(self, playback: str) -> None:
        pass

    async def hang_up(self, channel: str, cause: int = 16) -> None:  # noqa: ARG002 (the real one has it)
        self.hung_up.append(channel)


def briefed(
    queue: Queue, device: Device | None = None, presses: str = "", fails: bool = False, language: str = "en"
) -> tuple[str, FakeAsterisk]:
    """What comes of it, and what the agent's channel was made to do."""

    async def whole() -> tuple[str, FakeAsterisk]:
        asterisk = FakeAsterisk(presses, fails)
        leg = Leg(channel=LEG, endpoint="phone", ring_s=10)
        handle = CallHandle("pbx-1.1", "hf-1")
        callee = Callee(cast("Asterisk", asterisk), handle, leg, asterisk.mailbox.take)
        wait = Wait("sales", "main/wait", None, frozenset(), "a partner calls")
        wait.joined_at = round(time.time() * 1000) - 120_000
        line = ScriptedLine(Script(), language)
        return await Briefing(queue, wait, line).give(callee, device), asterisk

    return run(whole())


def test_without_settings_he_is_told_nothing() -> None:
    reason, asterisk = briefed(Queue())
    assert (reason, asterisk.heard, asterisk.hung_up) == ("", [], [])


def test_he_is_told_who_comes() -> None:
    reason, asterisk = briefed(Queue(title="Sales", whisper=WHISPER))
    assert (reason, asterisk.heard) == ("", ["say:Sales, 2 minutes. a partner calls"])
    assert briefed(Queue(whisper=WHISPER))[1].heard == ["say:sales, 2 minutes. a partner calls"]
    assert briefed(Queue(whisper=Heard(play=("who",))))[1].heard == ["en/who"]


def test_he_hangs_up_while_he_is_told() -> None:
    assert briefed(Queue(whisper=WHISPER), presses="hangs up")[0] == "rejected"
    assert briefed(Queue(whisper=WHISPER), fails=True)[0] == "", "what cannot be told is left out"


@pytest.mark.parametrize(
    ("presses", "reason"),
    [("1", ""), ("2", "not_confirmed"), ("", "not_confirmed"), ("hangs up", "not_confirmed")],
)
def test_he_takes_the_call_by_a_key(presses: str, reason: str) -> None:
    taken, asterisk = briefed(Queue(confirm=Confirm(), whisper=WHISPER), presses=presses)
    assert taken == reason
    assert asterisk.heard[:2] == [
        "say:sales, 2 minutes. a partner calls",
        "say:Press one to take the call.",
    ]
    assert asterisk.hung_up == ([LEG] if reason else [])


def test_the_key_the_words_and_the_time_are_the_queues() -> None:
    queue = Queue(confirm=Confirm(key="7", say="Seven?"))
    assert briefed(queue, presses="7")[0] == ""
    assert briefed(queue, presses="1")[0] == "not_confirmed"
    assert briefed(queue, presses="7")[1].heard == ["say:Seven?"]
    assert len(briefed(Queue(confirm=Confirm(within_s=3)))[1].heard) == 2, "once more after two seconds"
    assert len(briefed(Queue(confirm=Confirm(within_s=9)))[1].heard) == 5


def test_he_is_asked_in_the_callers_language() -> None:
    heard = {
        code: briefed(Queue(confirm=Confirm()), presses="1", language=code)[1].heard
        for code in ("de", "es-mx", "fr")
    }
    assert heard["de"] == ["say:Drücken Sie die eins, um den Anruf anzunehmen."]
    assert heard["es-mx"] == ["say:Pulse uno para aceptar la llamada."]
    assert heard["fr"][0].startswith("say:Press ")


@pytest.mark.parametrize(
    ("device", "queue", "asked"),
    [
        (Device(), Queue(), False),
        (Device(), Queue(confirm=Confirm()), True),
        (Device(number="030123"), Queue(), True),
        (Device(number="030123", confirm=False), Queue(confirm=Confirm()), False),
        (Device(confirm=True), Queue(), True),
        (None, Queue(confirm=Confirm()), True),
    ],
)
def test_at_which_devices(device: Device | None, queue: Queue, asked: bool) -> None:
    assert briefed(queue, device)[0] == ("not_confirmed" if asked else "")


def test_nobody_takes_a_call_of_which_he_cannot_be_asked() -> None:
    reason, asterisk = briefed(Queue(confirm=Confirm(say="unspeakable")))
    assert (reason, asterisk.hung_up) == ("not_confirmed", [LEG])
    assert briefed(Queue(confirm=Confirm()), fails=True)[0] == "not_confirmed"
    whisper: Any = Heard(say="unspeakable")
    assert briefed(Queue(confirm=Confirm(), whisper=whisper), presses="1")[0] == "", "the whisper may fail"
