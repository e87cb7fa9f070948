"""What became of a call, in one word: the verdicts of the call log, the first that holds."""

from dataclasses import dataclass


@dataclass
class History:
    """What a call has been through, as far as its verdict depends on it."""

    answered: bool = False
    joined: bool = False
    served: bool = False
    """Bridged to an agent at least once."""
    waiting: bool = False
    """In a queue now, not yet talking to an agent."""
    overflowed: bool = False
    """Left a queue by a rule, not by its own hangup and not to an agent."""


def verdict(history: History, ended_by: str) -> str:
    """The verdict of a call that ended without an error of ours. `ended_by`: caller, agent or system.

    Order and meaning of the words: design, section 8.
    """
    if not history.answered and ended_by == "system":
        return "rejected"
    if history.served:
        return "completed"
    if history.overflowed:
        return "overflowed"
    if history.waiting:
        return "abandoned"
    if ended_by == "system":
        return "self_served"
    return "ivr_exit"
