"""Recordings of real Asterisk at a worker's socket, as JSON lines. Pure, but for reading and writing files.

A line is `{"d": "in"|"out", "ms": …, "m": …}`: a message from Asterisk (`in`) or to it (`out`), `ms` after
the first line. Last come `{"d": "log", …}`: what the call log had in the end, without ids and times.

Asterisk serves one socket's commands one after the other: the nth reply answers the nth command.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from calllog.events import AgentStateChanged, AnyEvent
from ivr.agent_leg import owner_of
from ivr.ari import events as ari

Direction = Literal["in", "out", "log"]
HERE = Path(__file__).resolve().parent / "recordings"
CALL = "pbx-1700000000.{}"
"""Ids of channels in a recording; the caller's is number 0."""
REPLY = "RESTResponse"
NOT_BOOTED = 503
_CHANNEL = re.compile(r"\b[a-z]+-1[0-9]{9}\.[0-9]+")
_TOLD = ("by", "path", "outcome", "queue", "agent", "reason", "verdict", "ended_by", "cause", "to")
"""Fields of the log that do not depend on time and place."""


class Line(msgspec.Struct):
    """One message, or one event of the log."""

    d: Direction
    ms: int
    m: dict[str, Any]

    @property
    def kind(self) -> str:
        """Type of the message."""
        return str(self.m.get("type", ""))

    @property
    def event(self) -> bool:
        """Asterisk tells something."""
        return self.d == "in" and self.kind != REPLY

    @property
    def command(self) -> str:
        """`POST channels/x/play playbackId=x-p1 …`: what is commanded, without its number."""
        query = " ".join(f"{each['name']}={each['value']}" for each in self.m.get("query_strings", ()))
        return f"{self.m['method']} {self.m['uri']} {query}".strip()


@dataclass(frozen=True)
class Recording:
    """What was said about one call, or one phone, and what the log had of it."""

    name: str
    lines: Sequence[Line]
    log: Sequence[Mapping[str, object]]

    @property
    def replies(self) -> Iterator[tuple[Line, Line]]:
        """Each command with its reply, in order."""
        commands = [line for line in self.lines if line.d == "out"]
        replies = [line for line in self.lines if line.d == "in" and line.kind == REPLY]
        return zip(commands, replies, strict=True)

    def write(self, directory: Path = HERE) -> None:
        """Keep it as `<name>.jsonl`."""
        told = [Line("log", 0, dict(event)) for event in self.log]
        packed = (msgspec.json.encode(line) for line in (*self.lines, *told))
        (directory / f"{self.name}.jsonl").write_bytes(b"\n".join(packed) + b"\n")


def read(file: Path) -> list[Line]:
    """The lines of a file."""
    return [msgspec.json.decode(line, type=Line) for line in file.read_bytes().splitlines()]


def recordings(directory: Path = HERE) -> dict[str, Recording]:
    """All that are kept, by name."""
    found = {}
    for file in sorted(directory.glob("*.jsonl")):
        lines = read(file)
        log = [line.m for line in lines if line.d == "log"]
        found[file.stem] = Recording(file.stem, [line for line in lines if line.d != "log"], log)
    return found


def told(events: Iterable[AnyEvent]) -> list[dict[str, object]]:
    """The log of a call, or of an agent, without what is different each time."""
    return [
        {
            "kind": event.kind,
            **{name: getattr(event, name) for name in _TOLD if getattr(event, name, "") not in ("", None)},
        }
        for event in events
        if not isinstance(event, AgentStateChanged) or not event.call
    ]


# From what a whole server said to what was said about one call


def cut(lines: Sequence[Line], channels: Sequence[str], words: Mapping[str, str]) -> list[Line]:
    """What is about these channels (and their legs), in neutral words. `words`: what to say for what."""
    commands = iter([line for line in lines if line.d == "out"])
    chosen = []
    for line in lines:
        about = next(commands) if line.kind == REPLY else line
        if about.m.get("method") == "GET":
            continue  # phones that are in use are asked about once a second, whatever the plot
        if any(owner_of(channel) in channels for channel in _channels(about)):
            chosen.append(line)
    names = {channel: CALL.format(number) for number, channel in enumerate(channels)}
    start = chosen[0].ms
    numbers: dict[str, str] = {}
    return [_neutral(line, start, names | dict(words), numbers) for line in chosen]


def greeting(lines: Sequence[Line], words: Mapping[str, str]) -> list[Line]:
    """What is said when Asterisk connects; what it refused because it had not booted is left out."""
    first = next(n for n, line in enumerate(lines) if line.kind == "CallBroadcast")
    begun = [line for line in lines[:first] if line.d == "out" or line.kind == REPLY]
    refused = {line.m["request_id"] for line in begun if line.m.get("status_code") == NOT_BOOTED}
    asked: dict[str, str] = {}
    for line in begun:
        if line.d == "out" and line.m["request_id"] not in refused:
            asked.setdefault(line.command, line.m["request_id"])  # phones are asked again and again
    kept = [line for line in begun if line.m["request_id"] in asked.values()]
    numbers: dict[str, str] = {}
    return [_neutral(line, kept[0].ms, words, numbers) for line in kept]


def _channels(line: Line) -> list[str]:
    message = line.m
    if line.d == "out":
        return [match[0] for match in _CHANNEL.finditer(line.command)]
    named = message.get("channel", {}).get("id"), message.get("playback", {}).get("id")
    return [name for name in named if name]


def _neutral(line: Line, start: int, words: Mapping[str, str], numbers: dict[str, str]) -> Line:
    text = msgspec.json.encode(line.m).decode()
    for word, neutral in sorted(words.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(word, neutral)
    message = _scrub(msgspec.json.decode(text))
    if message.get("request_id"):
        message["request_id"] = numbers.setdefault(message["request_id"], str(len(numbers) + 1))
    return Line(line.d, line.ms - start, message)


_SCRUBBED = {
    "timestamp": "2026-01-01T00:00:00.000+0000",
    "creationtime": "2026-01-01T00:00:00.000+0000",
    "startup_time": "2026-01-01T00:00:00.000+0000",
    "last_reload_time": "2026-01-01T00:00:00.000+0000",
    "asterisk_id": "00:00:00:00:00:00",
    "protocol_id": "sip-call-id",
    "number": "5550100",
    "caller": "5550100",
}


def _scrub(value: Any) -> Any:
    """Without people, addresses and times."""
    if isinstance(value, list):
        return [_scrub(each) for each in value]
    if not isinstance(value, dict):
        return re.sub(r",1[0-9]{12},", ",1700000000000,", value) if isinstance(value, str) else value
    scrubbed = {}
    for name, inner in value.items():
        if name == "message_body" and inner[:1] in "{[":
            scrubbed[name] = msgspec.json.encode(_scrub(msgspec.json.decode(inner))).decode()
        elif name in ("caller", "connected") and isinstance(inner, dict) and inner.get("name"):
            scrubbed[name] = _scrub(inner | {"name": "Caller"})
        elif name in _SCRUBBED and inner and isinstance(inner, str):
            scrubbed[name] = _SCRUBBED[name]
        else:
            scrubbed[name] = _scrub(inner)
    return scrubbed


# The shape: what must be the same each time it is recorded

Shape = dict[str, list[str]]

_USED = frozenset(
    field.encode_name
    for made in vars(ari).values()
    if isinstance(made, type) and issubclass(made, msgspec.Struct)
    for field in msgspec.structs.fields(made)
)


def shape(recording: Recording) -> Shape:
    """For each channel its events in order, and its commands with the status of each reply; and the log."""
    found: Shape = {"log": [str(event) for event in recording.log]}
    for line in recording.lines:
        if line.event:
            (channel, *_) = _channels(line) or [""]
            found.setdefault(f"events {channel}", []).append(f"{line.kind} {_details(line.m)}")
    for command, reply in recording.replies:
        (channel, *_) = _channels(command) or [""]
        status = f"{command.command} → {reply.m['status_code']} {_body(reply.m)}"
        found.setdefault(f"commands {owner_of(channel)}", []).append(status)
    found.get("commands ", []).sort()  # asked by several parts of a worker at once
    return found


def _details(message: Mapping[str, Any]) -> str:
    state = message.get("channel", {}).get("state", "") or message.get("playback", {}).get("state", "")
    args = message.get("args", "")
    return f"{state} {args} {message.get('cause', '')} {message.get('digit', '')} {_types(message)}"


def _body(reply: Mapping[str, Any]) -> str:
    body = reply.get("message_body") or "null"
    return str(_types(msgspec.json.decode(body)))


def _types(value: Any) -> Any:
    """Names and types of the fields we use."""
    if isinstance(value, dict):
        return {name: _types(inner) for name, inner in sorted(value.items()) if name in _USED}
    if isinstance(value, list):
        return [_types(each) for each in value[:1]]
    return type(value).__name__
