"""What a witness of a call can say, in words that all three share. Pure.

Instants are milliseconds since the epoch, of each witness' own making (docs/witnesses.md has the clocks).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

What = Literal[
    "arrived",
    "answered",
    "music",
    "music over",
    "rung",
    "picked up",
    "bridged",
    "hold",
    "unhold",
    "given",
    "leg over",
    "step over",
    "ended",
]
"""`arrived` to `ended`: the caller's leg begins and is over. `music`: of the queue. `rung` to `leg over`: an
agent's leg begins and is over. `hold`, `unhold`: by the one who is named. `given`: an agent has referred the
caller elsewhere (REFER). `step over`: the flow goes on, or is over.
"""

By = Literal["", "self", "gave", "us"]
"""Who ended a leg: the one whose leg it is (BYE, CANCEL, a refusal), he by giving the caller away, or we.

Empty: this witness cannot tell, or both did at once.
"""

CALLER = "caller"
NOBODY = "anonymous"
"""The number on an agent's leg that was dialled as the caller hung up: Asterisk has no other one any more."""

ALL: frozenset[What] = frozenset(What.__args__)  # type: ignore[attr-defined]
SEES: Mapping[str, frozenset[What]] = {
    "phones": ALL - {"music", "music over", "bridged", "step over"},
    "log": ALL - {"picked up"},
    "asterisk": ALL - {"step over"},
}
"""Witness → what it can see at all. A telephone cannot tell to whom it is connected, nor whose music it
hears; for the log a call has been taken when both hear each other.
"""


class Fact(NamedTuple):
    """One thing that happened in a call."""

    what: What
    who: str
    """`caller`, or the agent's name."""
    at: float
    by: By = ""
    fleeting: bool = False
    """An offer that was taken back at once: nobody else need have noticed."""


Told = Mapping[str, Sequence[Fact]]
"""Caller's number, new for each call → everything that one witness says of that call, in any order."""
