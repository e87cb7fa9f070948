"""The states of an agent and the ways between them. Lua changes them in one place, `agent_to`."""

from typing import Final, NamedTuple

from calllog.vocabulary import AgentState

DIAGRAM: Final = """
               ┌─────────────────────────────────────6─────────────────────────────────────┐
               │   ┌───────────────────────────────7───────────────────────────┐           │
               │   │   ┌───────────────────────8───────────────┐               │           │
               │   │   │   ┌───────────────9───────┐           │               │           │
               ▼   ▼   ▼   ▼                       │           │               │           │
 [offline]─1─►[          ready          ]─2─►[offered]─3─►[connecting]─4─►[talking]─5─►[wrapup]
     ▲         │   ▲       │  ▲         ▲
     │         │   │       │  │         │
    15        10  11      12 13        14
     │         │   │       │  │         │
   [any]       ▼   │       ▼  │         │
           [unreachable] [busy_private] [paused]◄─16─[any]
                 ▲             ▲
                17            18
                 │             │
           [  anybody who would be ready  ]
"""
"""Each arrow is one of `ARROWS`, by its number; tests follow the lines and compare."""


class Arrow(NamedTuple):
    """A change of state: from any of these, to this one, and what brings it about."""

    start: frozenset[AgentState]
    end: AgentState
    when: str


def _one(start: AgentState, end: AgentState, when: str) -> Arrow:
    return Arrow(frozenset({start}), end, when)


ANY: Final[frozenset[AgentState]] = frozenset(
    {
        *("offline", "unreachable", "ready", "offered", "connecting", "talking"),
        *("busy_private", "wrapup", "paused"),
    }
)
_BEFORE_READY: Final = ANY - {"ready"}

ARROWS: Final[dict[int, Arrow]] = {
    1: _one("offline", "ready", "logs in"),
    2: _one("ready", "offered", "reserved for a caller, his phone rings"),
    3: _one("offered", "connecting", "has answered, `settle`"),
    4: _one("connecting", "talking", "both are in the bridge"),
    5: _one("talking", "wrapup", "writes it up, or has still to say what it was about"),
    6: _one("wrapup", "ready", "time is over, or he says so"),
    7: _one("talking", "ready", "no wrap-up"),
    8: _one("connecting", "ready", "came to nothing, not his fault"),
    9: _one("offered", "ready", "came to nothing, not his fault"),
    10: _one("ready", "unreachable", "his phone cannot be rung any more"),
    11: _one("unreachable", "ready", "it is back, or is tried anew"),
    12: _one("ready", "busy_private", "he is in a call that is none of ours"),
    13: _one("busy_private", "ready", "has hung up"),
    14: _one("paused", "ready", "says so, or has cooled down"),
    15: Arrow(ANY - {"offline"}, "offline", "logs out, loses his phone, or is not published any more"),
    16: Arrow(ANY, "paused", "asks for it, is made to, or has not taken a call; from paused: another reason"),
    17: Arrow(_BEFORE_READY - {"unreachable"}, "unreachable", "his phone cannot be rung, or was not reached"),
    18: Arrow(_BEFORE_READY - {"busy_private"}, "busy_private", "he is in a call that is none of ours"),
}
"""What an agent asks for (15, 16) while he is reserved, talks, or has still to say what it was about happens
when that is over."""

BUSY: Final[frozenset[AgentState]] = frozenset({"offered", "connecting", "talking"})
"""Reserved for a call or on it: then `call` in his record says which."""

WAYS: Final[dict[AgentState, frozenset[AgentState]]] = {
    start: frozenset(arrow.end for arrow in ARROWS.values() if start in arrow.start) for start in sorted(ANY)
}
"""State → states that may come next."""
