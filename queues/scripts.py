"""The Lua functions, as one library that Redis keeps: the call log's prelude, our parts, a file a function.

Redis Functions and not EVALSHA: a script makes all its closures anew each time it runs, which costs more than
what most of ours do. A library has a name by its content: workers of two versions do not disturb each other.
"""

import hashlib
from importlib.resources import files
from typing import NamedTuple

LIBRARIES = (
    *("records", "legs", "strategies", "settings", "needs", "lanes", "head_starts", "agents", "desks"),
    *("matching", "door", "operation", "rests", "phases", "dues", "overtaking", "start"),
)
"""Put before the functions, in this order."""

OPERATIONS = (
    *("arrive", "note", "join", "settle", "connected", "decline", "leave", "exit", "hold", "unbridged"),
    *("ended", "consult", "consulted", "unconsult", "handover", "give"),
)
"""Functions that are operations of a worker on a call it owns: the call is their first argument."""

FUNCTIONS = (
    *OPERATIONS,
    *("agent", "leg", "reach", "ringing", "due", "sweep", "configure", "equip", "enroll", "restage", "enact"),
    *("move", "enlist", "lease", "retire", "system", "adopt", "probe", "figures", "doors", "places", "wall"),
    *("outgoing", "sent", "dial", "once", "count", "tries"),
)

PREFIX = "holdfast_"
"""Begins the names of our libraries."""


class Library(NamedTuple):
    """What is loaded into Redis."""

    name: str
    source: str

    def function(self, name: str) -> str:
        """What Redis calls this function."""
        return f"{self.name}_{name}"

    def named(self, command: list[str]) -> str:
        """Which function a command calls; empty if it calls none of ours."""
        if len(command) < 2 or command[0] != "FCALL":
            return ""
        return command[1].removeprefix(f"{self.name}_")


def read() -> dict[str, str]:
    """The Lua files by name."""
    texts = {"log": files("calllog").joinpath("lua", "log.lua").read_text()}
    folder = files("queues").joinpath("lua")
    return texts | {name: folder.joinpath(f"{name}.lua").read_text() for name in (*LIBRARIES, *FUNCTIONS)}


def load(texts: dict[str, str] | None = None) -> Library:
    """The library. Its first line makes Redis check memory, disk and role before a function starts."""
    texts = texts or read()
    parts = ["local KEYS, ARGV", *(texts[name] for name in ("log", *LIBRARIES))]
    parts += ["local FUNCTIONS = {}"]  # in a table: Lua has room for 200 local names
    parts += [f"function FUNCTIONS.{name}()\n{texts[name]}\nend" for name in FUNCTIONS]
    body = "\n".join(parts)
    name = PREFIX + hashlib.sha256(body.encode()).hexdigest()[:12]
    register = [
        f"redis.register_function('{name}_{function}', "
        f"function(keys, argv) start(keys, argv) return finish(FUNCTIONS.{function}()) end)"
        for function in FUNCTIONS
    ]
    return Library(name, f"#!lua name={name}\n{body}\n" + "\n".join(register))
