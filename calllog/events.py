"""Every event of the call log: those of agents and of the system, and how all of them are read and written.

On the stream an event is one JSON object; `kind` says which of the classes it is. Unknown fields are
ignored, so that a log written by a newer version can be read; unknown kinds and missing fields are errors.
"""

from functools import cache
from typing import Literal, TypeAlias

import msgspec

from calllog.call_events import AnyCallEvent
from calllog.errors import BrokenEntry
from calllog.event import Event, Milliseconds, Personal
from calllog.vocabulary import AgentState

HIDDEN = "(hidden)"


class AgentStateChanged(Event, frozen=True, kw_only=True, tag="agent_state", rename={"from_": "from"}):
    """The agent is in state `to` from now on. `from_` is empty in his first event. `call`: a reference."""

    agent: str
    from_: AgentState | Literal[""]
    to: AgentState
    reason: str = ""
    queue: str = ""
    call: str = ""
    by: str = ""
    """Who has forced it; empty: nobody."""


class Disposition(Event, frozen=True, kw_only=True, tag="disposition"):
    """The agent has said what his talk was about. `code` empty: he has not, and it was required."""

    agent: str
    call: str
    queue: str
    code: str = ""


AgentEvent: TypeAlias = AgentStateChanged | Disposition
"""Events of one agent are numbered together, without gaps."""


class WorkerStarted(Event, frozen=True, kw_only=True, tag="worker_started"):
    """A worker took its name; `inc` counts how often that happened."""

    worker: str = ""
    inc: int = 0
    pid: int = 0


class WorkerRecovered(Event, frozen=True, kw_only=True, tag="worker_recovered"):
    """`worker` took over the calls of `peer` (or its own of before), who had been away for `gap_ms`."""

    gap_ms: Milliseconds
    adopted: int
    lost: int
    worker: str = ""
    peer: str = ""


class FlowPublished(Event, frozen=True, kw_only=True, tag="flow_published"):
    """New calls follow this version of the flows."""

    version: int | str
    by: str
    worker: str = ""


class AsteriskConnected(Event, frozen=True, kw_only=True, tag="asterisk_connected"):
    """The worker and this Asterisk talk to each other."""

    asterisk: str = ""
    worker: str = ""


class AsteriskLost(Event, frozen=True, kw_only=True, tag="asterisk_lost"):
    """They do not any more."""

    asterisk: str = ""
    worker: str = ""
    reason: str = ""


class FallbackTaken(Event, frozen=True, kw_only=True, tag="fallback_taken", rename={"from_": "from"}):
    """No worker claimed a call and Asterisk served it alone; read later from its spool."""

    asterisk: str = ""
    to: str = ""
    from_: Personal = ""
    result: str = ""
    worker: str = ""


AnyEvent: TypeAlias = (
    AnyCallEvent
    | AgentStateChanged
    | Disposition
    | WorkerStarted
    | WorkerRecovered
    | FlowPublished
    | AsteriskConnected
    | AsteriskLost
    | FallbackTaken
)

_DECODER = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder()


def decode(raw: bytes | str) -> AnyEvent:
    """Read one event. Raises BrokenEntry, whose message quotes at most a kind or a reason."""
    try:
        event: AnyEvent = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenEntry(f"not an event: {error}") from error
    return event


def encode(event: Event) -> bytes:
    """The event as JSON, as it would stand on the stream."""
    return _ENCODER.encode(event)


@cache
def personal_fields(kind: type[Event]) -> tuple[str, ...]:
    """Names (in Python) of the fields of this class of events that hold personal data."""
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    return tuple(
        field.name
        for field in described.fields
        if isinstance(field.type, msgspec.inspect.Metadata) and (field.type.extra or {}).get("personal")
    )


def redacted(event: AnyEvent) -> AnyEvent:
    """The event with its personal fields replaced by `(hidden)`; empty ones stay empty."""
    told = {name: getattr(event, name) for name in personal_fields(type(event))}
    hidden = {name: _hidden(value) for name, value in told.items() if value}
    return msgspec.structs.replace(event, **hidden) if hidden else event


def _hidden(value: object) -> object:
    return dict.fromkeys(value, HIDDEN) if isinstance(value, dict) else HIDDEN
