"""How a simulated wait ends: an agent answers, or a rule of the queue lets the caller go. Pure."""

from collections.abc import Callable, Collection

from ivr.flow.script import Agents, Exit
from queues.models import Queue

LONGEST_S = 86_400


def first_end(
    queue: Queue,
    agents: Agents,
    left: Exit | None,
    max_wait_s: float | None,
    exits: Collection[str],
    shut: Callable[[float], bool],
) -> Exit:
    """What comes first; an agent before everything else of the same instant, but not before a shut door.

    `left`: as the script says. `shut`: whether the queue's hours are over so many seconds from now.
    """
    ends = [Exit("answered", agents.after_s)]
    limits = [limit for limit in (max_wait_s, queue.max_wait_s) if limit is not None]
    if limits and "timeout" in exits:
        ends.append(Exit("timeout", min(limits)))
    if left is not None and left.outcome in exits:
        ends.append(left)
    if queue.hours is not None and "closed" in exits:
        closes_s = _closes(shut, int(min(LONGEST_S, *(each.after_s for each in ends))))
        ends += [Exit("closed", closes_s)] if closes_s is not None else []
    return min(ends, key=lambda each: (each.after_s, (each.outcome == "answered") == (each.after_s == 0)))


def _closes(shut: Callable[[float], bool], within_s: int) -> int | None:
    """In how many seconds it closes; None: not within so many."""
    minute = next((at for at in range(0, within_s + 60, 60) if shut(at)), None)
    if minute is None:
        return None
    return next(at for at in range(max(0, minute - 59), minute + 1) if shut(at))
