"""Each event in words, for tables and log lines. Pure: no I/O."""

from datetime import datetime

from calllog.call_events import (
    Announced,
    Arrived,
    Bridged,
    CallEvent,
    Consulted,
    ConsultEnded,
    Declined,
    Ended,
    Escalated,
    HoldEnded,
    HoldStarted,
    Input,
    Joined,
    Moved,
    OfferAccepted,
    Offered,
    OfferMade,
    Overtaken,
    QueueLeft,
    QueueRefused,
    Recorded,
    Step,
    SurveyAnswered,
    SurveyOffered,
    Tagged,
    TransferFailed,
    Transferred,
    Unbridged,
)
from calllog.events import (
    AgentStateChanged,
    AnyEvent,
    AsteriskConnected,
    AsteriskLost,
    Disposition,
    FallbackTaken,
    FlowPublished,
    WorkerRecovered,
    WorkerStarted,
)
from calllog.printable import duration, printable

_HUNG_UP = {"caller": "caller hung up", "agent": "agent hung up", "system": "we hung up"}
_ENDS = {
    "caller-hangup": "",
    "caller-unheard": "no sound came any more",
    "agent-hangup": "",
    "flow-ended": "the flow was over",
}
"""Reasons of `ended` that say no more than who it was, or can be said better."""
_NORMAL_CAUSES = (0, 16, 31)
_CAUSES = {
    17: "busy",
    18: "no answer",
    19: "no answer",
    21: "rejected",
    26: "answered elsewhere",
    34: "no circuit",
    38: "network out of order",
    44: "",
    127: "interworking",
}


def title(event: AnyEvent) -> str:
    """The event's kind as words: `hold started`."""
    return event.kind.replace("_", " ")


def details(event: AnyEvent) -> str:
    """What the event says besides its kind, in words, on one line; untrusted text in it is escaped."""
    said = _of_call(event) if isinstance(event, CallEvent) else _of_house(event)
    if event.source == "inferred":
        said = f"{said} (inferred)".strip()
    return said


def line(event: AnyEvent) -> str:
    """One log line: local time, whose event, kind and details."""
    when = datetime.fromtimestamp(event.at / 1000).astimezone()
    whose = event.call if isinstance(event, CallEvent) else " ".join(event.id.split(":")[:2])
    text = f"{when:%Y-%m-%d %H:%M:%S}.{event.at % 1000:03}  {printable(whose):24}  {title(event):12}"
    return f"{text}  {details(event)}".rstrip()


def _of_call(event: AnyEvent) -> str:
    match event:
        case Arrived():
            campaign = f", campaign {printable(event.campaign)}" if event.campaign else ""
            return f"from {printable(event.from_) or 'unknown'} to {printable(event.to)}{campaign}"
        case Step():
            return f"{printable(event.path)} → {printable(event.outcome)}, took {duration(event.took_ms)}"
        case Input():
            pressed = printable(event.digits) if event.digits else f"{event.length or 0} digits, not shown"
            return f"{printable(event.path)}: pressed {pressed}"
        case Tagged():
            marks = (("topic", event.topic), ("campaign", event.campaign))
            said = ", ".join(f"{name} {printable(mark)}" for name, mark in marks if mark)
            return f"{printable(event.path)}: {said}"
        case Escalated():
            return f"{printable(event.path)}: to {printable(event.queue)}, {printable(event.reason)}"
        case QueueRefused():
            return f"{printable(event.queue)}: {_plain(event.reason)}"
        case Joined():
            return _joined(event)
        case Overtaken():
            ahead = f", {event.head_start_s:g} s" if event.head_start_s else ""
            return f"by {printable(event.by_call)}: {_plain(event.reason)}{ahead}"
        case Moved():
            place = f"place {event.position}" if event.position else f"to queue {printable(event.queue)}"
            return f"{place} ({_plain(event.reason)}{_by(event.by)})"
        case HoldStarted() | HoldEnded():
            return _hold(event)
        case Announced():
            return _announced(event)
        case Transferred():
            return f"{event.how}, to {_given_to(event)}{_by(event.by)}"
        case TransferFailed():
            return f"to {_given_to(event)}: {_plain(event.reason)}"
        case Consulted():
            return f"with {printable(event.to or event.agent)}"
        case ConsultEnded():
            talked = f"talked {duration(event.talk_ms)}"
            return f"with {printable(event.to or event.agent)}: {talked}; {_HUNG_UP[event.ended_by]}"
        case OfferMade() | OfferAccepted():
            return f"{printable(event.path)}: {printable(event.offer)}"
        case Recorded():
            box = f", box {printable(event.box)}" if event.box else ""
            return f"{printable(event.path)}: {duration(event.length_ms)}{box}"
        case SurveyOffered():
            return f"{printable(event.path)}: {printable(event.survey)}"
        case SurveyAnswered():
            scale = f"{event.score} ({event.lowest} to {event.highest})"
            return f"{printable(event.path)}: {printable(event.survey)}, {scale}"
    return _of_agent(event)


def _of_agent(event: AnyEvent) -> str:
    match event:
        case Offered():
            why = f" ({_plain(event.why)})" if event.why else ""
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            return f"to {printable(event.agent)}{why}{again}"
        case Declined():
            rang = f", rang {duration(event.ring_ms)}" if event.ring_ms else ""
            return f"by {printable(event.agent)}: {_plain(event.reason)}{rang}"
        case QueueLeft():
            return _left(event)
        case Bridged():
            passed = f", before {event.overtook} who came earlier" if event.overtook else ""
            return f"with {printable(event.agent)}{passed}"
        case Unbridged():
            held = f", held {duration(event.held_ms)}" if event.held_ms else ""
            talked = f"talked {duration(event.talk_ms)}{held}"
            return f"from {printable(event.agent)}: {talked}; {_HUNG_UP[event.ended_by]}"
        case Ended():
            cause = "" if event.cause in _NORMAL_CAUSES else _CAUSES.get(event.cause, f"cause {event.cause}")
            reason = _ENDS.get(event.reason, _plain(event.reason))
            why = ", ".join(filter(None, (_HUNG_UP[event.ended_by], reason, cause)))
            return f"{_plain(event.verdict)}: {why}"
    return ""


def _joined(event: Joined) -> str:
    starts = [f"{_plain(reason)} {seconds:g} s" for reason, seconds in event.head_starts.items()]
    start = f", head start {event.head_start_s:g} s" if event.head_start_s else ""
    why = f" ({', '.join(starts if len(starts) > 1 else map(_plain, event.head_starts))})" if starts else ""
    needs = f", needs {printable(event.needs)}" if event.needs else ""
    return f"queue {printable(event.queue)}, place {event.position}{start}{why}{needs}"


def _given_to(event: Transferred | TransferFailed) -> str:
    if event.queue:
        return f"queue {printable(event.queue)}"
    return printable(event.to or event.agent)


def _by(whom: str) -> str:
    return f", by {printable(whom)}" if whom else ""


def said_of_call(event: Disposition) -> str:
    """What an agent has said a call was about, beside the call itself."""
    return f"{printable(event.code) or 'not given'}{_by(event.agent)}"


def _hold(event: HoldStarted | HoldEnded) -> str:
    who = f"by the {event.by}" + (" (music)" if event.by == "queue" else "")
    return f"{who}, after {duration(event.held_ms)}" if isinstance(event, HoldEnded) else who


def _announced(event: Announced) -> str:
    place = f"place {event.position}" if event.position else ""
    wait = f"about {duration(event.estimated_wait_s * 1000)}" if event.estimated_wait_s else ""
    return ", ".join(filter(None, (place, wait, printable(event.spoken) if event.spoken else "")))


def _left(event: QueueLeft) -> str:
    place = f"place {event.position}"
    if event.position != event.original_position:
        place += f" (joined at {event.original_position})"
    why = {
        "caller_hangup": "caller hung up",
        "caller_hangup_ringing": "caller hung up while an agent rang",
        "caller_hangup_connecting": "caller hung up while being connected",
    }.get(event.reason, _plain(event.reason))
    return f"queue {printable(event.queue)}: {why}, waited {duration(event.waited_ms)}, {place}"


def _of_house(event: AnyEvent) -> str:
    match event:
        case AgentStateChanged():
            reason = f" ({printable(event.reason)})" if event.reason else ""
            about = f", call {printable(event.call)}" if event.call else ""
            return f"{event.from_ or 'new'} → {event.to}{reason}{about}{_by(event.by)}"
        case Disposition():
            return f"{printable(event.code) or 'not given'}, call {printable(event.call)}"
        case WorkerStarted():
            return f"{printable(event.worker)}, start {event.inc}"
        case WorkerRecovered():
            whose = f" of {printable(event.peer)}" if event.peer else ""
            taken = f"{event.adopted} calls{whose} taken over, {event.lost} lost"
            return f"{printable(event.worker)}: {taken}, {duration(event.gap_ms)} away".removeprefix(": ")
        case FlowPublished():
            return f"version {printable(str(event.version))} by {printable(event.by)}"
        case AsteriskConnected() | AsteriskLost():
            return " ".join(printable(text) for text in (event.asterisk, event.worker) if text)
        case FallbackTaken():
            return f"from {printable(event.from_)} to {printable(event.to)}: {printable(event.result)}"
    return ""


def _plain(word: str) -> str:
    """A reason or verdict as people say it."""
    return printable(word.replace("_", " ").replace("-", " "))
