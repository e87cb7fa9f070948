"""The events of the call log, typed. Pure: no I/O. For people: docs/call-log.md.

On the stream an event is one JSON object; `kind` says which of the classes below it is. Unknown fields are
ignored, so that a log written by a newer version can be read; unknown kinds and missing fields are errors.

Instants (`_at`, and `at` itself) are milliseconds since the epoch, durations carry their unit in the name.
Personal data (numbers and digits of people) is only in fields typed `Personal`.
"""

from functools import cache
from typing import Annotated, Literal, TypeAlias

import msgspec

from calllog.errors import BrokenEntry
from calllog.vocabulary import (
    AgentState,
    DeclinedReason,
    Holder,
    LeftReason,
    Party,
    RefusedReason,
    Source,
    Verdict,
)

Personal = Annotated[str, msgspec.Meta(extra={"personal": True})]
"""Text about a person: hidden by `redacted`, allowed nowhere else."""

HIDDEN = "(hidden)"

PersonalValues = Annotated[dict[str, str | int | float | bool | None], msgspec.Meta(extra={"personal": True})]
"""Values about a person by name: `redacted` hides each of them."""

Milliseconds = Annotated[int, msgspec.Meta(ge=0)]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What all events have. `at`: when it happened; `logged_at`: when it was written.

    An `inferred` event was worked out after a fault; it happened between `not_before` and `not_after`.
    """

    id: str
    site: str
    at: int
    logged_at: int
    source: Source
    not_before: int | None = None
    not_after: int | None = None

    @property
    def kind(self) -> str:
        """The event's kind, as on the stream."""
        return str(self.__struct_config__.tag)


class CallEvent(Event, frozen=True, kw_only=True):
    """An event of one call; `seq` counts from 1 without gaps and is the order within the call."""

    call: str
    seq: int


class Arrived(CallEvent, frozen=True, kw_only=True, tag="arrived", rename={"from_": "from"}):
    """Asterisk offered the call, a worker took it. `to`: number called; `journey`: first of a chain."""

    from_: Personal = ""
    to: str = ""
    campaign: str = ""
    language: str = ""
    asterisk: str = ""
    journey: str = ""


class Answered(CallEvent, frozen=True, kw_only=True, tag="answered"):
    """We answered the caller."""


class Step(CallEvent, frozen=True, kw_only=True, tag="step"):
    """A step of the flow is over. `path`: `main/menu_1`; `outcome`: the name that chose the next step."""

    flow: str
    version: int | str
    path: str
    outcome: str
    took_ms: Milliseconds
    changed: PersonalValues = {}
    """Variables that the step has set, long texts cut; none of a sensitive step is among them."""


class Input(CallEvent, frozen=True, kw_only=True, tag="input"):
    """The caller pressed digits. If they are sensitive, only `length` is there."""

    path: str
    digits: Personal = ""
    length: int | None = None


class Tagged(CallEvent, frozen=True, kw_only=True, tag="tagged"):
    """The flow marked the call: what it is about (`topic`), by which campaign it came; empty: unchanged."""

    path: str
    topic: str = ""
    campaign: str = ""


class Escalated(CallEvent, frozen=True, kw_only=True, tag="escalated"):
    """The flow hands the caller to a queue of a higher level, which he joins next."""

    path: str
    queue: str
    reason: str


class QueueRefused(CallEvent, frozen=True, kw_only=True, tag="queue_refused"):
    """The queue's door stayed shut; the call never joined."""

    queue: str
    reason: RefusedReason


class Joined(CallEvent, frozen=True, kw_only=True, tag="joined"):
    """The caller waits in a queue, at `position` (1 = next). `score`: lower is served earlier."""

    queue: str
    position: int
    score: float
    head_start_s: float = 0
    needs: str = ""


class HoldStarted(CallEvent, frozen=True, kw_only=True, tag="hold_started"):
    """Music by the queue, or a SIP hold by one of the parties, began."""

    by: Holder


class HoldEnded(CallEvent, frozen=True, kw_only=True, tag="hold_ended"):
    """The hold of that party ended after `held_ms`."""

    by: Holder
    held_ms: Milliseconds


class Announced(CallEvent, frozen=True, kw_only=True, tag="announced"):
    """The caller was told something while waiting."""

    position: int | None = None
    estimated_wait_s: float | None = None
    estimator: str = ""
    spoken: str = ""


class Offered(CallEvent, frozen=True, kw_only=True, tag="offered"):
    """Caller and agent are reserved for each other, the agent is rung. `attempt` counts the call's offers."""

    agent: str
    attempt: int
    why: str = ""
    lease_ms: Milliseconds | None = None


class Declined(CallEvent, frozen=True, kw_only=True, tag="declined"):
    """The offer to this agent came to nothing. `ring_ms`: how long his phone rang."""

    agent: str
    reason: DeclinedReason
    ring_ms: Milliseconds = 0
    attempt: int | None = None


class QueueLeft(CallEvent, frozen=True, kw_only=True, tag="queue_left"):
    """The caller left the queue; `LEFT_CLASS[reason]` is the class of the counts. Positions count from 1."""

    queue: str
    reason: LeftReason
    waited_ms: Milliseconds
    position: int
    original_position: int


class Bridged(CallEvent, frozen=True, kw_only=True, tag="bridged"):
    """Caller and agent hear each other."""

    agent: str


class Unbridged(CallEvent, frozen=True, kw_only=True, tag="unbridged"):
    """They were parted. `held_ms`: time in which at least one of them held; `talk_ms`: the rest."""

    agent: str
    talk_ms: Milliseconds
    held_ms: Milliseconds
    ended_by: Party


class Transferred(CallEvent, frozen=True, kw_only=True, tag="transferred"):
    """The caller was given to somebody outside the queues: to the number `to`, or to `agent`.

    To a number: the two hear each other. To an agent: what becomes of it is told as of a queue of his own.
    """

    how: Literal["blind", "attended"]
    to: Personal = ""
    agent: str = ""
    by: str = ""


class OfferMade(CallEvent, frozen=True, kw_only=True, tag="offer_made"):
    """Something was offered for sale to the caller, at the step `path`."""

    path: str
    offer: str


class OfferAccepted(CallEvent, frozen=True, kw_only=True, tag="offer_accepted"):
    """He wants it."""

    path: str
    offer: str


class Recorded(CallEvent, frozen=True, kw_only=True, tag="recorded", rename={"from_": "from"}):
    """What the caller said was kept as `recording`, at the step `path`; a message is in a `box`."""

    path: str
    recording: str
    length_ms: Milliseconds
    box: str = ""
    from_: Personal = ""


class SurveyOffered(CallEvent, frozen=True, kw_only=True, tag="survey_offered"):
    """A question of a survey was put to the caller, at the step `path`."""

    path: str
    survey: str


class SurveyAnswered(CallEvent, frozen=True, kw_only=True, tag="survey_answered"):
    """His answer, on a scale from `lowest` to `highest`."""

    path: str
    survey: str
    score: int
    lowest: int
    highest: int


class Ended(CallEvent, frozen=True, kw_only=True, tag="ended"):
    """The last event of a call. lifetime = flow + wait + held + talk. `cause`: Q.850, 0 if unknown."""

    verdict: Verdict
    reason: str
    ended_by: Party
    cause: int
    lifetime_ms: Milliseconds
    flow_ms: Milliseconds
    wait_ms: Milliseconds
    held_ms: Milliseconds
    talk_ms: Milliseconds


class AgentStateChanged(Event, frozen=True, kw_only=True, tag="agent_state", rename={"from_": "from"}):
    """The agent is in state `to` from now on. `from_` is empty in his first event. `call`: a reference."""

    agent: str
    from_: AgentState | Literal[""]
    to: AgentState
    reason: str = ""
    queue: str = ""
    call: str = ""


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


AnyCallEvent: TypeAlias = (
    Arrived
    | Answered
    | Step
    | Input
    | Tagged
    | Escalated
    | QueueRefused
    | Joined
    | HoldStarted
    | HoldEnded
    | Announced
    | Offered
    | Declined
    | QueueLeft
    | Bridged
    | Unbridged
    | Transferred
    | OfferMade
    | OfferAccepted
    | Recorded
    | SurveyOffered
    | SurveyAnswered
    | Ended
)
AnyEvent: TypeAlias = (
    AnyCallEvent
    | AgentStateChanged
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
