"""The states of an agent and the ways between them. Lua changes them in one place, `agent_to` in agents.lua.

                 1 logs in                     5 reserved                6 settle
      offline ─────────────► ready ────────────────────► offered ─────────────► connecting
         ▲                   ▲ │ ▲                          │                      │  │
         │              4 is │ │ │                          │                      │  │ 7 connected
     15 logs out     back or │ │ │ 11 not his fault         │                      │  ▼
     (from any)    tried anew│ │ │◄─────────────────────────┴──────────────────────┘  talking
                             │ │ 3 phone gone               │                           │  │
                             │ ▼                            │ 12 declined               │  │
                        unreachable                         ▼                           │  │
                             ▲       13 cooled down, asks  paused                       │  │
                             │       └► ready               ▲                           │  │
           2 would be ready, │                              │ 14 asks for a pause       │  │
             but the phone   │                              │ (from any)                │  │
             cannot be rung  │                                                          │  │
             (from any)      │      9 ready ◄── wrapup ◄──────────────── 8 wraps up ────┘  │
                                   10 ready ◄─────────────────────── no wrap-up ───────────┘

What an agent asks for while he is reserved or talks (2, 14, 15) happens when that is over. `busy_private` of
the call log's states has no source yet: nothing watches private calls.
"""

from calllog.vocabulary import AgentState

BUSY: frozenset[AgentState] = frozenset({"offered", "connecting", "talking"})
"""Reserved for a call or on it: then `call` in his record says which."""

WAYS: dict[AgentState, frozenset[AgentState]] = {
    "offline": frozenset({"ready", "unreachable", "paused"}),
    "unreachable": frozenset({"ready", "paused", "offline"}),
    "ready": frozenset({"offered", "unreachable", "paused", "offline"}),
    "offered": frozenset({"connecting", "ready", "unreachable", "paused", "offline"}),
    "connecting": frozenset({"talking", "ready", "unreachable", "paused", "offline"}),
    "talking": frozenset({"wrapup", "ready", "unreachable", "paused", "offline"}),
    "wrapup": frozenset({"ready", "unreachable", "paused", "offline"}),
    "paused": frozenset({"ready", "unreachable", "paused", "offline"}),
}
"""State → states that may come next. From paused to paused: another reason."""
