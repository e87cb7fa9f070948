"""Keys as a telephone's RTP carries them (RFC 4733), and what networks do to them on the way. Pure."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tests.rig.sound import RATE

EVENTS = "0123456789*#"
PAYLOAD_TYPE = 101
"""As the SIPp scenarios' SDP offers it."""
PACKET_S = 0.02
ENDS = 3
"""How often the end of a key is told (RFC 4733, 2.5.1.4)."""
SOURCE = 0x484F4C44
_PACKET = struct.Struct("!BBHIIBBH")


class Due(NamedTuple):
    """A packet, and when it is to be sent, in seconds since the first."""

    at_s: float
    data: bytes


class Habits(NamedTuple):
    """How somebody types, and how his network carries it."""

    press_s: float = 0.1
    pause_s: float = 0.1
    copies: int = 1
    """Times each packet arrives."""
    lost_beginnings: bool = False
    """Of each key only the packets that tell its end arrive."""
    stall_s: float = 0
    """Nothing arrives for so long; then all of it comes at once."""
    lost_ends: int = 0
    """So many of the three ends of each key do not arrive."""


def typed(keys: str, habits: Habits, since_s: float = 0) -> Iterator[Due]:
    """The packets of these keys, one after the other. `since_s`: so long ago he has pressed his first."""
    sequence = 1 + round(since_s / PACKET_S)
    for number, key in enumerate(keys):
        begins_s = number * (habits.press_s + habits.pause_s)
        steps = max(round(habits.press_s / PACKET_S), 1)
        for step in range(steps + ENDS):
            ended = step >= steps
            told = min(step + 1, steps)
            data = _PACKET.pack(
                0x80,
                PAYLOAD_TYPE | (0x80 if step == 0 else 0),
                sequence,
                160 + round((since_s + begins_s) * RATE),
                SOURCE,
                EVENTS.index(key),
                0x8A if ended else 0x0A,
                round(told * PACKET_S * RATE),
            )
            sequence += 1
            if ended and step - steps >= ENDS - habits.lost_ends:
                continue
            if not ended and habits.lost_beginnings:
                continue
            at_s = begins_s + min(step, steps) * PACKET_S
            yield from [Due(0.0 if at_s < habits.stall_s else at_s - habits.stall_s, data)] * habits.copies


def one_by_one(keys: str, habits: Habits | None = None) -> list[list[Due]]:
    """The packets of each key, to be sent when somebody likes: to the network they are one sequence."""
    packets = list(typed(keys, habits or Habits()))
    size = len(packets) // max(len(keys), 1)
    groups = [packets[at : at + size] for at in range(0, len(packets), size)]
    return [[Due(due.at_s - group[0].at_s, due.data) for due in group] for group in groups]
