"""What steps that put a caller into a queue have in common, and how the queue's settings let him leave it."""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, PrivateAttr

from ivr.flow.step import Step
from queues.heard import Menu
from queues.models import Queue

LEAVES = "exit"
"""The outcome with which the menu of a queue ends that lets the caller leave."""
WAITS = "waits"
"""The outcome with which it ends otherwise: he waits on."""

EXITS: Mapping[str, tuple[str, ...]] = {
    "timeout": ("max_wait_s",),
    "full": ("max_waiting",),
    "closed": ("hours",),
    "no_agents": ("refuse_if", "leave_if"),
    "ratio": ("callers_per_agent",),
    "exit": ("exit_key", "menu"),
}
"""Outcome → fields of a queue that make it possible."""
AT_THE_DOOR = ("full", "closed", "no_agents", "ratio")
"""Outcomes that a caller can have before he has waited."""


def exits_of(queue: Queue) -> dict[str, str]:
    """Outcome → the field of the queue's settings that makes it possible."""
    named = {outcome: next((f for f in fields if _has(queue, f)), "") for outcome, fields in EXITS.items()}
    return {outcome: field for outcome, field in named.items() if field}


def _has(queue: Queue, field: str) -> bool:
    """Whether somebody can leave by it: of a menu, only if its flow has such an end."""
    value = getattr(queue, field)
    return value.leaves is True if isinstance(value, Menu) else bool(value)


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
        if self._unread_menu:
            limited += [LEAVES] if LEAVES in self.next else []
        return ("answered", *(each for each in EXITS if each in exits or each in limited))

    @property
    def _unread_menu(self) -> bool:
        """The flow of its menu is broken or missing: that is said there."""
        return self._queue is not None and self._queue.menu is not None and self._queue.menu.leaves is None

    @property
    def beside(self) -> str | None:
        menu = self._queue.menu if self._queue is not None else None
        return menu.flow if menu is not None else None

    def because(self, outcome: str) -> str:
        if self._queue is None or (outcome == "timeout" and self.max_wait_s is not None):
            return ""
        name, field = next(iter(self.queues())), exits_of(self._queue).get(outcome)
        if field == "menu":
            return f"the menu of queue `{name}` can end with `back: {LEAVES}`"
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
