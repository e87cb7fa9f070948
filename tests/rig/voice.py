"""Sounds for tests: something like voices, each different, so that a prompt can be told from the others."""

import math
import random
import wave
from array import array
from pathlib import Path

from tests.rig.sound import RATE, Samples


def speech(seed: int, seconds: float) -> list[int]:
    """So many seconds of it: a few partials that wander, in syllables with pauses."""
    dice = random.Random(seed)
    samples: list[int] = []
    while len(samples) < seconds * RATE:
        pitch, loud = dice.uniform(90, 250), dice.uniform(2000, 9000)
        partials = [(pitch * n, dice.uniform(0.2, 1) / n, dice.uniform(0, 6)) for n in range(1, 9)]
        syllable = dice.randint(900, 2500)
        for at in range(syllable):
            envelope = math.sin(math.pi * at / syllable)
            wave = sum(share * math.sin(6.2832 * hertz * at / RATE + turn) for hertz, share, turn in partials)
            samples.append(round(loud * envelope * wave / 2))
        samples.extend([0] * dice.randint(0, 900))
    return samples[: round(seconds * RATE)]


def write_wav(path: Path, samples: Samples) -> None:
    """As a prompt is kept: 16 bit, 8,000 samples a second, one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(array("h", samples).tobytes())
