"""The events of one call, typed. Pure: no I/O. For people: docs/call-log.md."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from calllog.event import Event, Milliseconds, Personal, PersonalValues
from calllog.vocabulary import (
    DeclinedReason,
    Holder,
    LeftReason,
    OvertakenReason,
    Party,
    RefusedReason,
    TransferFailedReason,
    Verdict,
)


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
    changed: PersonalValues = msgspec.field(default_factory=dict)
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
    head_starts: Mapping[str, float] = {}
    """Reason → seconds, of those that are not 0; they add up to `head_start_s`."""
    needs: str = ""
    """What he needs of an agent at first."""


class Overtaken(CallEvent, frozen=True, kw_only=True, tag="overtaken"):
    """Somebody who had joined later was connected while this caller waited on.

    `head_start_s`: by how much the head start that is the reason was greater.
    """

    queue: str
    by_call: str
    reason: OvertakenReason
    head_start_s: float = 0


class Moved(CallEvent, frozen=True, kw_only=True, tag="moved"):
    """Somebody (`by`) has changed the caller's queue, his position or his priority while he waited.

    Or what is published has changed his head start as a VIP.

    `position`: his place after it; of another queue `joined` says that.
    """

    queue: str
    reason: Literal["queue", "position", "priority", "published"]
    by: str = ""
    position: int = 0
    score: float = 0


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
    """Caller and agent hear each other. `overtook`: how many of his queue came earlier and still wait."""

    agent: str
    overtook: int = 0


class Unbridged(CallEvent, frozen=True, kw_only=True, tag="unbridged"):
    """They were parted. `held_ms`: time in which at least one of them held; `talk_ms`: the rest."""

    agent: str
    talk_ms: Milliseconds
    held_ms: Milliseconds
    ended_by: Party


class Transferred(CallEvent, frozen=True, kw_only=True, tag="transferred"):
    """The caller was given, `by` a flow or his agent, to the number `to`, to an `agent` or a `queue`.

    To a number: the two hear each other. To an agent whom his agent has consulted: `bridged` follows. Else to
    an agent: what becomes of it is told as of a queue of his own.
    """

    how: Literal["blind", "attended"]
    to: Personal = ""
    agent: str = ""
    queue: str = ""
    by: str = ""


class TransferFailed(CallEvent, frozen=True, kw_only=True, tag="transfer_failed"):
    """He was not connected with the one to whom an agent gave him, and goes on elsewhere."""

    reason: TransferFailedReason
    to: Personal = ""
    agent: str = ""
    queue: str = ""


class Consulted(CallEvent, frozen=True, kw_only=True, tag="consulted"):
    """The agent talks to another `agent`, or to the number `to`, about the caller, who is on hold."""

    to: Personal = ""
    agent: str = ""


class ConsultEnded(CallEvent, frozen=True, kw_only=True, tag="consult_ended"):
    """They do not any more, after `talk_ms`. From a hold's end to this event all three hear each other."""

    talk_ms: Milliseconds
    ended_by: Party
    to: Personal = ""
    agent: str = ""


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


AnyCallEvent: TypeAlias = (
    Arrived
    | Answered
    | Step
    | Input
    | Tagged
    | Escalated
    | QueueRefused
    | Joined
    | Overtaken
    | Moved
    | HoldStarted
    | HoldEnded
    | Announced
    | Offered
    | Declined
    | QueueLeft
    | Bridged
    | Unbridged
    | Transferred
    | TransferFailed
    | Consulted
    | ConsultEnded
    | OfferMade
    | OfferAccepted
    | Recorded
    | SurveyOffered
    | SurveyAnswered
    | Ended
)
