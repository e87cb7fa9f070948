"""What may happen in a world of queues, and how often it does in a random walk."""

STEPS = (
    *("arrive", "note", "checkpoint", "join", "join_again", "exit", "settle", "connected", "decline"),
    *("nobody_answers", "leave", "hold", "unbridged", "ended", "agent", "wraps_up", "reach"),
    *("nail", "leg_gone"),
    *("consult", "consulted", "unconsult", "hand_over", "give"),
    *(
        "time_passes",
        "due",
        "sweep",
        "publish",
        "move",
        "reply_lost",
        "duplicate",
        "stale_owner",
        "worker_dies",
    ),
)
"""What may happen in a `World`: its methods of these names."""

WEIGHTS = dict.fromkeys(STEPS, 4) | {
    "arrive": 10,
    "join": 12,
    "settle": 10,
    "connected": 10,
    "unbridged": 6,
    "consult": 8,
    "consulted": 8,
    "hand_over": 8,
    "agent": 8,
    "wraps_up": 9,
    "reach": 6,
    "time_passes": 8,
    **dict.fromkeys(("note", "checkpoint", "sweep", "leave", "exit", "move", "nail", "leg_gone"), 2),
    **dict.fromkeys(("reply_lost", "worker_dies", "stale_owner", "publish"), 1),
}
"""How often each step is taken in a random walk."""
