"""A reader of queue_log that knows Asterisk's documentation (and app_queue.c), and nothing of Holdfast."""

from typing import Any, NamedTuple

FIELDS = {
    "ABANDON": ("position", "origposition", "waittime"),
    "ADDMEMBER": ("paused",),
    "ATTENDEDTRANSFER": ("method", "method-data", "holdtime", "calltime", "origposition"),
    "BLINDTRANSFER": ("extension", "context", "holdtime", "calltime", "origposition"),
    "COMPLETEAGENT": ("holdtime", "calltime", "origposition"),
    "COMPLETECALLER": ("holdtime", "calltime", "origposition"),
    "CONFIGRELOAD": ("",),
    "CONNECT": ("holdtime", "bridgedchanneluniqueid", "ringtime"),
    "DID": ("number",),
    "ENTERQUEUE": ("url", "callerid", "origposition"),
    "EXITEMPTY": ("position", "origposition", "waittime"),
    "EXITWITHKEY": ("key", "position", "origposition", "waittime"),
    "EXITWITHTIMEOUT": ("position", "origposition", "waittime"),
    "PAUSE": ("reason",),
    "PAUSEALL": ("reason",),
    "QUEUESTART": ("",),
    "REMOVEMEMBER": ("",),
    "RINGCANCELED": ("ringtime",),
    "RINGNOANSWER": ("ringtime",),
    "UNPAUSE": ("reason",),
    "UNPAUSEALL": ("reason",),
    "WITHDRAW": ("position", "origposition", "waittime", "info"),
}
LEAVES = ("ABANDON", "EXITEMPTY", "EXITWITHKEY", "EXITWITHTIMEOUT", "WITHDRAW")
TALKS_END = ("COMPLETEAGENT", "COMPLETECALLER", "ATTENDEDTRANSFER", "BLINDTRANSFER")
NUMBERS = {"position", "origposition", "waittime", "holdtime", "calltime", "ringtime"}
"""Milliseconds: `ringtime` of RINGNOANSWER and RINGCANCELED. All other times are seconds."""


class Read(NamedTuple):
    """A line. `at`: seconds since the epoch."""

    at: int
    call: str
    queue: str
    agent: str
    record: str
    data: dict[str, Any]


def read(line: str) -> Read:
    """Raises AssertionError for a line that is not as documented."""
    at, call, queue, agent, record, *data = line.split("|")
    names = FIELDS[record]
    assert len(data) == len(names), line
    values = {
        name: int(text) if name in NUMBERS else text for name, text in zip(names, data, strict=True) if name
    }
    return Read(int(at), call, queue, agent, record, values)


def by_caller(lines: list[Read]) -> dict[str, list[Read]]:
    """The lines of each call, by its caller's number."""
    number_of = {line.call: line.data["callerid"] for line in lines if line.record == "ENTERQUEUE"}
    told: dict[str, list[Read]] = {number: [] for number in number_of.values()}
    for line in lines:
        if line.call in number_of:
            told[number_of[line.call]].append(line)
    return told
