"""What steps that put a caller into a queue have in common, and how the queue's settings let him leave it."""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, PrivateAttr

from ivr.flow.step import Step
from queues.models import Queue

EXITS: Mapping[str, tuple[str, ...]] = {
    "timeout": ("max_wait_s",),
    "full": ("max_waiting",),
    "closed": ("hours",),
    "no_agents": ("refuse_if", "leave_if"),
    "ratio": ("callers_per_agent",),
    "exit": ("exit_key",),
}
"""Outcome → fields of a queue that make it possible."""
AT_THE_DOOR = ("full", "closed", "no_agents", "ratio")
"""Outcomes that a caller can have before he has waited."""


def exits_of(queue: Queue) -> dict[str, str]:
    """Outcome → the field of the queue's settings that makes it possible."""
    named = {outcome: next((f for f in fields if getattr(queue, f)), "") for outcome, fields in EXITS.items()}
    return {outcome: field for outcome, field in named.items() if field}


class Waiting(Step):
    """A wait for an agent. Which outcomes are possible depends on `queues.yaml`, too."""

    outcomes: ClassVar = ("answered", *EXITS)
    otherwise: ClassVar = {"answered": None}
    waits: ClassVar = True
    at_once: ClassVar = AT_THE_DOOR

    max_wait_s: Annotated[float, Field(gt=0, le=86400)] | None = None
    """Seconds after which the caller leaves with outcome `timeout`; the queue may have a shorter limit."""

    _queue: Queue | None = PrivateAttr(None)

    def learn(self, queues: Mapping[str, Queue]) -> None:
        self._queue = next((queues[name] for name in self.queues() if name in queues), None)

    def possible(self) -> tuple[str, ...]:
        if self._queue is None:  # its settings are broken or missing: that is said there
            exits: Collection[str] = self.next.keys()
        else:
            exits = exits_of(self._queue).keys()
        limited = ["timeout"] if self.max_wait_s is not None else []
        return ("answered", *(each for each in EXITS if each in exits or each in limited))

    def because(self, outcome: str) -> str:
        if self._queue is None or (outcome == "timeout" and self.max_wait_s is not None):
            return ""
        name, field = next(iter(self.queues())), exits_of(self._queue).get(outcome)
        if field:
            return f"queue `{name}` has `{field}` in queues.yaml"
        missing = f"queue `{name}` has no {' or '.join(f'`{each}`' for each in EXITS.get(outcome, ()))}"
        return f"{missing}, nor has the step" if outcome == "timeout" else missing

    @property
    def agent_left(self) -> str:
        return "answered"

    def exits(self) -> tuple[str, ...]:
        """The outcomes for which there is a way: settings published later send nobody into nothing."""
        return tuple(outcome for outcome in EXITS if self.target(outcome) is not None)
