"""The closed lists of words in the call log: states, verdicts, reasons. Pure: no I/O."""

from typing import Literal, get_args

Source = Literal["observed", "inferred"]
Party = Literal["caller", "agent", "system"]
Holder = Literal["queue", "agent", "caller"]
AgentState = Literal[
    "offline",
    "unreachable",
    "ready",
    "offered",
    "connecting",
    "talking",
    "busy_private",
    "wrapup",
    "paused",
]
Verdict = Literal[
    "failed",
    "lost",
    "rejected",
    "completed",
    "transferred",
    "overflowed",
    "callback",
    "abandoned",
    "self_served",
    "ivr_exit",
]
"""How a call ended: the first in this order that holds."""

RefusedReason = Literal["full", "closed", "no_agents", "estimated_wait", "ratio"]
DeclinedReason = Literal[
    "no_answer",
    "busy",
    "rejected",
    "unreachable",
    "not_confirmed",
    "answered_elsewhere",
    "caller_gone",
    "withdrawn",
    "wait_over",
    "worker_lost",
]
TransferFailedReason = Literal["refused", "busy", "no_answer", "failed", "declined"]
NOT_HIS_FAULT: frozenset[DeclinedReason] = frozenset(
    {"caller_gone", "withdrawn", "answered_elsewhere", "worker_lost", "wait_over"}
)
"""Reasons that cost the agent nothing: he is ready as before, and has not declined that caller."""

OvertakenReason = Literal[
    "weight",
    "priority",
    "vip",
    "credit",
    "escalated",
    "moved",
    "needs",
    "tier",
    "preferred",
    "held",
    "declined",
    "rung",
]
"""By a head start; or because the agent could not serve him, or had let him ring, or he was rung himself."""
SEVERAL_RING = frozenset({"ring_all", "progressive"})
"""What `offered.why` says when several phones may ring for one call."""
AbandonReason = Literal["caller_hangup", "caller_hangup_ringing", "caller_hangup_connecting"]
FlowedReason = Literal[
    "exit_key",
    "timeout",
    "closed",
    "no_agents",
    "estimated_wait",
    "ratio",
    "overflow",
    "escalated",
    "partner",
    "callback_accepted",
    "transferred",
    "withdrawn",
]
LeftReason = Literal["answered"] | AbandonReason | FlowedReason | Literal["system_error"]
LeftClass = Literal["A", "B", "F", "X"]

LEFT_CLASS: dict[str, LeftClass] = {
    "answered": "A",
    **dict.fromkeys(get_args(AbandonReason), "B"),
    **dict.fromkeys(get_args(FlowedReason), "F"),
    "system_error": "X",
}
"""Each reason for leaving a queue is in exactly one class: answered, abandoned, flowed out, our error."""
