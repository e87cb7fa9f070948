"""Can a call's verdict be true? Pure: no I/O. A part of the grammar (calllog.grammar)."""

from collections.abc import Sequence
from typing import NamedTuple

from calllog.call_events import Ended
from calllog.vocabulary import LEFT_CLASS


class Life(NamedTuple):
    """What a call has seen."""

    answered: bool
    bridged: bool
    """With an agent, at least once."""
    outside: bool
    """He was connected with a number outside."""
    left: Sequence[str]
    """Why he left each queue he was in."""


def wrong_verdict(event: Ended, was: Life) -> str:
    """Why the verdict cannot be true; empty if it can. The first verdict that holds counts."""
    verdict = event.verdict
    if verdict in ("failed", "lost"):
        return ""
    if was.bridged:
        return "" if verdict == "completed" else f"{verdict}, but an agent was bridged"
    if verdict == "completed":
        return "completed, but no agent was ever bridged"
    if was.outside and verdict != "transferred":
        return f"{verdict}, but a number outside was reached"
    if verdict == "transferred" and not was.outside and event.source == "observed":
        # (inferred: Asterisk's fallback rang a number)
        return "transferred, but no number outside was reached"
    if verdict == "rejected" and was.answered:
        return "rejected, but answered"
    classes = [LEFT_CLASS[reason] for reason in was.left]
    if verdict == "overflowed" and "F" not in classes and event.source == "observed":
        # (inferred: Asterisk's fallback took a message; it has no queues)
        return "overflowed, but no queue was left by a rule"
    if verdict == "abandoned" and (classes[-1:] != ["B"] or "F" in classes):
        return "abandoned, but hanging up in a queue was not all that happened"
    if classes[-1:] == ["B"] and verdict in ("self_served", "ivr_exit", "rejected"):
        return f"{verdict}, but the caller hung up in a queue"
    if verdict == "ivr_exit" and (event.ended_by != "caller" or classes):
        return "ivr_exit, but the caller had been in a queue or did not hang up"
    return ""
