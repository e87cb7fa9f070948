"""Recordings keep time: gaps are gaps, and a new sender is placed by the clock."""

import asyncio

import pytest

from tests.rig import ear as ear_module
from tests.rig.ear import Ear, Packet, assemble
from tests.rig.sound import FRAME, RATE, encode_ulaw
from tests.rig.voice import speech

LOUD = encode_ulaw([8000] * FRAME)


def stream(source: int, began: float, first: int, count: int) -> list[Packet]:
    return [Packet(began + n * FRAME / RATE, source, (first + n * FRAME) % 2**32, LOUD) for n in range(count)]


def test_packets_lie_one_behind_the_other_whatever_the_network_did() -> None:
    packets = [
        packet._replace(at=packet.at + 0.03 * (n % 3)) for n, packet in enumerate(stream(1, 9.0, 5, 50))
    ]
    recording = assemble(packets)
    assert recording.began_at == 9.0
    assert len(recording.samples) == 50 * FRAME
    assert 0 not in recording.samples


def test_timestamps_wrap() -> None:
    assert len(assemble(stream(1, 0.0, 2**32 - 3 * FRAME, 9)).samples) == 9 * FRAME


def test_a_pause_is_silence() -> None:
    recording = assemble(stream(1, 1.0, 0, 5) + stream(1, 2.0, RATE, 5))
    assert recording.samples[5 * FRAME : RATE] == [0] * (RATE - 5 * FRAME)
    assert recording.length_s == 1.1


def test_a_new_sender_is_placed_by_the_clock() -> None:
    recording = assemble(stream(1, 1.0, 0, 5) + stream(2, 3.0, 777777, 5))
    assert recording.length_s == 2.1
    assert not any(recording.part(1.1, 2.9))
    assert all(recording.part(3.01, 3.09))


def test_a_sender_who_jumps_is_placed_by_the_clock() -> None:
    assert assemble(stream(1, 1.0, 0, 5) + stream(1, 4.0, 99_000_000, 5)).length_s == 3.1


def test_nothing_was_heard() -> None:
    assert assemble([]).samples == []


async def test_an_ear_speaks_to_whom_it_has_heard() -> None:
    async with Ear() as one, Ear() as other, asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="nobody"):
            await other.say([8000])
        one.speak_to(other.port)
        await one.say([8000] * FRAME)
        await other.listen(0)
        await other.say([-8000] * FRAME)
        await one.listen(0)
        assert len(one.recording.samples) == len(other.recording.samples) == FRAME


async def test_who_listens_hears_a_sound_from_a_place_in_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear_module, "PATIENCE_S", 2.0)
    prompt = speech(1, 1.0)
    async with Ear() as ear, Ear() as speaker:
        speaker.speak_to(ear.port)
        saying = asyncio.ensure_future(speaker.say([*speech(2, 0.2), *prompt]))
        await ear.hears(prompt)
        assert len(ear.packets) < 30
        await ear.hears(prompt, from_s=0.8)
        assert 48 < len(ear.packets) <= 60
        await saying
        with pytest.raises(TimeoutError):
            await ear.hears(prompt, since_at=ear.packets[-1].at + 0.001)
