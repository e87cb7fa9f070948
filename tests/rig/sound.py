"""Is this the prompt, is this the music? What a phone received, beside the file that should be heard.

Pure: samples in, figures out. Samples are 16 bit, 8,000 a second, one channel.

1. The signs of a loud stretch of one sound are searched in the signs of the other, at every offset (polarity
   coincidence: Wolff, Thomas, Williams 1962). Signs survive µ-law and a change of volume.
2. At the offset found, the normalised correlation (Pearson's, of the samples) is taken for each 100 ms with
   sound in it. A stretch counts as heard from `SAME` on; `share` is the share of stretches heard.
"""

import math
import wave
from array import array
from collections.abc import Sequence
from operator import mul
from pathlib import Path
from typing import NamedTuple

RATE = 8000
STRETCH = RATE // 10
FRAME = RATE // 50
"""Samples in one RTP packet of 20 ms."""
PROBE = 4096
"""Samples whose signs are searched, half a second. By chance 50 % of them agree, give or take 0.8 %."""
LOUD = 150.0
"""Root mean square above which a stretch has sound in it; full scale is 32,768."""
SLIP = RATE // 4
"""How far apart two stretches that follow each other may be played on a busy machine."""
SAME = 0.97
"""Correlation from which two stretches are the same sound. µ-law alone costs less than 0.001."""

ENOUGH = 0.6
"""Share from which a sound counts as heard: a busy machine plays with gaps (0.67 has been seen), other sounds
stay below 0.2."""

Samples = Sequence[int]


class SoundUnfit(Exception):  # noqa: N818
    """The file is not sound of 8,000 samples a second in one channel."""


class Heard(NamedTuple):
    """How much of a sound was heard."""

    share: float
    """Share of the stretches with sound in them that were heard, 0 to 1."""
    correlation: float
    """Mean correlation of those that were heard; 0 when none was."""
    at_s: float
    """Where the prompt begins in the recording; where in the music the recording begins. Below 0: cut off."""


NOTHING = Heard(0.0, 0.0, 0.0)


class Piece:
    """A sound in which others are looked for; it keeps its signs."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self._signs: dict[int, bytes] = {}

    def signs(self, offset: int) -> bytes:
        """One bit a sample from `offset` on, first sample in the lowest bit: whether it is negative."""
        if offset not in self._signs:
            bits = "".join("1" if sample < 0 else "0" for sample in reversed(self.samples[offset:]))
            size = (len(bits) + 7) // 8
            self._signs[offset] = int(bits, 2).to_bytes(size, "little") if bits else b""
        return self._signs[offset]

    @property
    def frames(self) -> range:
        """The places where a frame begins and a probe has room."""
        return range(0, len(self.samples) - PROBE + 1, FRAME)

    def places(self, first: int, last: int) -> range:
        """The places between two of them where a stretch has room."""
        return range(max(first, 0), min(last, len(self.samples) - STRETCH) + 1)

    def part(self, at: int) -> Samples:
        """The stretch at this place; empty if it begins before the piece."""
        return self.samples[at : at + STRETCH] if at >= 0 else []


def _ulaw_table() -> list[int]:
    """ITU-T G.711, table 2a: sample for each µ-law byte."""
    table = []
    for byte in range(256):
        inverted = ~byte & 0xFF
        magnitude = (((inverted & 0x0F) << 3) + 0x84) << (inverted >> 4 & 0x07)
        table.append(0x84 - magnitude if inverted & 0x80 else magnitude - 0x84)
    return table


_ULAW = _ulaw_table()


def decode_ulaw(data: bytes) -> list[int]:
    """The samples of µ-law sound."""
    return list(map(_ULAW.__getitem__, data))


def encode_ulaw(samples: Samples) -> bytes:
    """The samples as µ-law (ITU-T G.711)."""
    return bytes(map(_ulaw_byte, samples))


def _ulaw_byte(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    biased = min(abs(sample), 32635) + 0x84
    exponent = biased.bit_length() - 8
    return ~(sign | exponent << 4 | biased >> exponent + 3 & 0x0F) & 0xFF


def read_sound(path: Path, seconds: float = 3600) -> list[int]:
    """The samples of a .wav or .ulaw file, of so many seconds at most. Raises SoundUnfit, OSError."""
    count = round(seconds * RATE)
    if path.suffix == ".ulaw":
        return decode_ulaw(path.read_bytes()[:count])
    try:
        with wave.open(str(path), "rb") as file:
            form = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if form != (1, 2, RATE):
                raise SoundUnfit(f"{path}: channels, bytes a sample, rate are {form}, not (1, 2, {RATE})")
            return list(array("h", file.readframes(min(file.getnframes(), count))))
    except wave.Error as error:
        raise SoundUnfit(f"{path}: {error}") from error


def loudness(samples: Samples) -> float:
    """Root mean square; 0 for no samples."""
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) if samples else 0.0


def is_silent(samples: Samples) -> bool:
    """Whether no stretch of it has sound in it. Raises ValueError if it is shorter than one stretch."""
    if len(samples) < STRETCH:
        raise ValueError("too short to call it silent")
    starts = range(0, len(samples) - STRETCH + 1, STRETCH)
    return all(loudness(samples[at : at + STRETCH]) < LOUD for at in starts)


def correlation(one: Samples, other: Samples) -> float:
    """Normalised correlation (Pearson's) of as many samples as both have; 0 when either is constant."""
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    if not count:
        return 0.0
    mean_one, mean_other = sum(one) / count, sum(other) / count
    power_one = sum(map(mul, one, one)) - count * mean_one**2
    power_other = sum(map(mul, other, other)) - count * mean_other**2
    if power_one <= 0 or power_other <= 0:
        return 0.0
    common = sum(map(mul, one, other)) - count * mean_one * mean_other
    return float(common / math.sqrt(power_one * power_other))


def heard(recording: Samples, prompt: Samples) -> Heard:
    """How much of the prompt is in the recording, at the place where it fits best.

    Raises ValueError for a prompt without half a second of sound: nothing could be told about it.
    """
    probe = _loudest(prompt)
    if loudness(prompt[probe : probe + PROBE]) < LOUD:
        raise ValueError("the prompt is silence")
    sound = Piece(recording)
    at = _find(prompt[probe : probe + PROBE], sound, range(len(recording) - PROBE + 1))
    return _summary(prompt, [(sound, at - probe)]) if at is not None else NOTHING


def heard_music(recording: Samples, pieces: Sequence[Piece]) -> Heard:
    """How much of the recording is one of these pieces, from wherever in it. Silence has heard nothing.

    The recording must begin with a whole frame, as parts of a `Recording` do: players read whole frames.
    """
    quarter = max(len(recording) // 4, PROBE)
    candidates = []
    for start in range(0, len(recording) - PROBE + 1, quarter):
        probe = start + _loudest(recording[start : start + quarter])
        wanted = recording[probe : probe + PROBE]
        if loudness(wanted) >= LOUD:
            found = ((piece, _find(wanted, piece, piece.frames)) for piece in pieces)
            candidates += [(piece, at - probe) for piece, at in found if at is not None]
    return _summary(recording, candidates)


class Frames:
    """The frames of a sound, as players read them: is this one of them? Silence is none.

    Signs are compared first. So it can be asked for each packet while many phones are on one event loop:
    correlations with all frames would make those late who speak and press keys meanwhile.
    """

    def __init__(self, sound: Samples) -> None:
        frames = (sound[at : at + FRAME] for at in range(0, len(sound) - FRAME + 1, FRAME))
        self._known = [(_signs(frame), frame) for frame in frames if loudness(frame) >= LOUD]

    def __contains__(self, frame: Samples) -> bool:
        signs = _signs(frame)
        alike = (known for other, known in self._known if (signs ^ other).bit_count() <= FRAME // 8)
        return any(correlation(frame, known) >= SAME for known in alike) and loudness(frame) >= LOUD


def _signs(samples: Samples) -> int:
    """A bit for each: set below 0."""
    return int("".join("1" if sample < 0 else "0" for sample in samples) or "0", 2)


def _loudest(samples: Samples) -> int:
    """Where the loudest probe begins, on a frame's border."""
    starts = range(0, max(len(samples) - PROBE, 0) + 1, FRAME * 5)
    return max(starts, key=lambda start: loudness(samples[start : start + PROBE]))


def _find(wanted: Samples, piece: Piece, places: range) -> int | None:
    """The place in the piece, of these, where most signs agree with `wanted`; None without a place."""
    count = len(wanted) // 8 * 8
    pattern = int.from_bytes(Piece(wanted[:count]).signs(0), "little")
    best, where = count + 1, None
    for at in places:
        start = at // 8
        signs = piece.signs(at % 8)[start : start + count // 8]
        differ = (int.from_bytes(signs, "little") ^ pattern).bit_count()
        if differ < best:
            best, where = differ, at
    return where


def _summary(wanted: Samples, candidates: Sequence[tuple[Piece, int]]) -> Heard:
    """The best of these places for the beginning of `wanted`."""
    return max((_compare(wanted, piece, at) for piece, at in candidates), default=NOTHING)


def _compare(wanted: Samples, piece: Piece, at: int) -> Heard:
    """Each stretch of `wanted` beside the piece when `wanted` is laid over it from `at` on.

    A busy machine plays with gaps: what follows one is looked for a little further on, and counts.
    """
    figures = []
    slip = 0
    for start in range(0, len(wanted) - STRETCH + 1, STRETCH):
        stretch = wanted[start : start + STRETCH]
        if loudness(stretch) >= LOUD:
            figure = correlation(stretch, piece.part(at + start + slip))
            if figure < SAME:
                near = at + start + slip
                found = _find(stretch, piece, piece.places(near - SLIP, near + SLIP))
                better = correlation(stretch, piece.part(found)) if found is not None else 0.0
                if found is not None and better >= SAME:
                    figure, slip = better, found - at - start
            figures.append(figure)
    good = [figure for figure in figures if figure >= SAME]
    return Heard(len(good) / len(figures), sum(good) / len(good), at / RATE) if good else NOTHING
