"""What has become known of one call so far: its rows, and where in them it is. Pure: no I/O.

The rules of calllog.facts_queue and calllog.facts_flow tell it on, an event at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
Facts: TypeAlias = dict[str, list[Row]]
"""Table → rows."""


_TEXTS = (
    "caller",
    "number",
    "campaign",
    "language",
    "topic",
    "asterisk",
    "journey",
    "flow",
    "version",
    "verdict",
    "reason",
    "ended_by",
    "queue",
    "agent",
)


@dataclass
class Story:
    """One call, told up to some event."""

    id: str
    call: Row = field(init=False)
    rows: Facts = field(default_factory=dict)
    wait: Row | None = None
    """The wait he is in."""
    wait_before: Row | None = None
    """The last wait that is over."""
    talk: Row | None = None
    """The talk he is in."""
    talk_before: Row | None = None
    """The last talk that is over."""
    queue: str = ""
    """The queue from which he was answered last."""
    open_offers: list[Row] = field(default_factory=list)
    open_holds: dict[str, Row] = field(default_factory=dict)
    open_sales: dict[str, Row] = field(default_factory=dict)
    """By path of the step, until that is over."""
    rang_at: list[tuple[str, int]] = field(default_factory=list)
    """Agents of this wait whose offer was ended for them, and when."""
    given: bool = False
    """An agent has given him to one whom he had consulted: who is bridged next got him so."""
    escalated_to: str = ""
    """The queue to which the flow has just raised him, until he joins one."""
    step: Row | None = None
    """The last step that is over."""

    def __post_init__(self) -> None:
        self.call = {
            "call": self.id,
            **dict.fromkeys(("arrived_at", "answered_at", "ended_at")),
            **dict.fromkeys(_TEXTS, ""),
            **dict.fromkeys(("cause", "lifetime_ms", "flow_ms", "wait_ms", "held_ms", "talk_ms"), 0),
            **dict.fromkeys(("served", "hold_abandon", "inferred"), False),
        }

    def add(self, table: str, row: Row) -> Row:
        """One more row of the call."""
        self.rows.setdefault(table, []).append(row)
        return row

    def facts(self) -> Facts:
        """All rows. Which flow a call follows is told when its first step ends, often after it has joined."""
        flow = {"flow": self.call["flow"], "version": self.call["version"]}
        for table in ("waits", "talks"):
            for row in self.rows.get(table, ()):
                row.update(flow)
        if self.step is not None:
            self.step["dropped"] = self.call["verdict"] == "ivr_exit"
        return {"calls": [self.call], **self.rows}


Rule: TypeAlias = Callable[[Story, Any], None]
"""What an event of one kind adds to the story."""
