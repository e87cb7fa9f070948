"""The Lua scripts: each is the call log's prelude, the libraries it needs, and its own file."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

_RECORDS = ("records", "agents", "matching")
_OPERATION = (*_RECORDS, "operation", "phases")

LIBRARIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("arrive", "note", "join", "settle", "connected", "decline", "leave", "hold", "unbridged", "ended"),
        _OPERATION,
    ),
    "agent": _RECORDS,
    "reach": _RECORDS,
    "ringing": _RECORDS,
    "due": (*_RECORDS, "dues"),
    "sweep": (*_RECORDS, "dues"),
    "configure": _RECORDS,
    "enlist": (),
    "lease": (),
    "retire": (),
    "adopt": (),
    "system": (),
    "probe": (),
}
"""Script → libraries, in the order they are put before it."""


class Script(NamedTuple):
    """One script as Redis knows it."""

    name: str
    source: str
    sha: str


def load() -> dict[str, Script]:
    """All scripts by name. The first line makes Redis check memory, disk and role before a script starts."""
    prelude = files("calllog").joinpath("lua", "log.lua").read_text()
    folder = files("queues").joinpath("lua")
    scripts = {}
    for name, libraries in LIBRARIES.items():
        parts = [prelude, *(folder.joinpath(f"{part}.lua").read_text() for part in (*libraries, name))]
        source = "#!lua\n" + "\n".join(parts)
        scripts[name] = Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())
    return scripts
