"""Does the call log say what the phones saw? Each disagreement is one sentence. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from calllog.call_events import (
    Answered,
    AnyCallEvent,
    Arrived,
    Bridged,
    Declined,
    Ended,
    HoldEnded,
    HoldStarted,
    Offered,
    Unbridged,
)
from tests.rig.sip_view import Leg

SLACK_MS = 400
"""How far two clocks on one busy machine, and a message between them, may lie apart. It is less than a missed
offer to the workers costs a caller (500 ms), so that one shows."""

REFUSALS = {486: "busy", 600: "busy", 603: "rejected", 302: "rejected", 480: "no_answer", 408: "no_answer"}
"""What an agent's phone said → reason of `declined`. 487 follows our CANCEL, whose reason is ours."""


def disagreements(
    number: str, caller: Leg, events: Sequence[AnyCallEvent], agents: Mapping[str, Sequence[Leg]]
) -> list[str]:
    """What the log of one call and the phones in it tell differently.

    `number`: whom SIPp said it was. `agents`: agent → the legs his phone saw for this call, in their order.
    """
    own = caller_disagreements(number, caller, events)
    return [*own, *_agents(events, agents), *_holds(caller, events, agents)]


def caller_disagreements(
    number: str, leg: Leg, events: Sequence[AnyCallEvent], slack_ms: int = SLACK_MS
) -> Iterator[str]:
    """The same for the caller's side alone. `slack_ms`: how far apart both may lie."""
    arrived = [event for event in events if isinstance(event, Arrived)]
    answered = [event for event in events if isinstance(event, Answered)]
    ended = [event for event in events if isinstance(event, Ended)]
    if len(arrived) != 1 or len(ended) != 1:
        yield f"{len(arrived)} arrived, {len(ended)} ended"
        return
    if arrived[0].from_ != number:
        yield f"from {arrived[0].from_!r}, the phone said {number!r}"
    if arrived[0].to != _user(leg.to_uri):
        yield f"to {arrived[0].to!r}, the phone dialled {_user(leg.to_uri)!r}"
    yield from _apart("arrived", arrived[0].at, leg.invited_at, slack_ms)
    if bool(answered) != bool(leg.answered_at):
        yield f"{len(answered)} answered, the phone saw status {leg.status}"
    elif answered:
        yield from _apart("answered", answered[0].at, leg.answered_at, slack_ms)
    if leg.ended_at:
        yield from _apart("ended", ended[0].at, leg.ended_at, slack_ms)
        by = "caller" if leg.ended_by == "us" else "not caller"
        unheard = ended[0].reason == "caller-unheard"  # he has gone, his SIPp has not
        if (ended[0].ended_by == "caller") != (by == "caller") and not unheard:
            yield f"ended by {ended[0].ended_by}, the phone says {by}"


def _agents(events: Sequence[AnyCallEvent], agents: Mapping[str, Sequence[Leg]]) -> Iterator[str]:
    rung = {agent: list(legs) for agent, legs in agents.items()}
    leg: dict[str, Leg] = {}
    for event in events:
        match event:
            case Offered():
                if rung.get(event.agent) and not _unreachable(event, events):
                    leg[event.agent] = rung[event.agent].pop(0)
                    yield from _apart(f"offered to {event.agent}", event.at, leg[event.agent].invited_at)
                elif not _unreachable(event, events):
                    yield f"offered to {event.agent}, whose phone saw no INVITE"
            case Declined() if event.agent in leg:
                status = leg.pop(event.agent).status
                wanted = REFUSALS.get(status)
                if status == 200 or (wanted and wanted != event.reason):
                    yield f"{event.agent} declined ({event.reason}), his phone says {status}"
            case Bridged():
                if not leg.get(event.agent, Leg("", 0, "")).answered_at:
                    yield f"bridged with {event.agent}, whose phone has not answered"
            case Unbridged() if event.agent in leg:
                yield from _talk(event, events, leg[event.agent])
    for agent, left in rung.items():
        if left:
            yield f"{agent}'s phone saw {len(left)} INVITEs of which the log knows nothing"


def _talk(event: Unbridged, events: Sequence[AnyCallEvent], leg: Leg) -> Iterator[str]:
    bridged = next(other for other in events if isinstance(other, Bridged) and other.agent == event.agent)
    yield from _apart(f"bridged with {event.agent}", bridged.at, leg.answered_at)
    yield from _apart(f"unbridged from {event.agent}", event.at, leg.ended_at)
    if (event.ended_by == "agent") != (leg.ended_by == "us"):
        yield f"unbridged by {event.ended_by}, the agent's phone says {leg.ended_by}"
    if abs(event.talk_ms + event.held_ms - (event.at - bridged.at)) > 2:
        yield f"talk {event.talk_ms} and hold {event.held_ms} are not the time between bridged and unbridged"


def _holds(caller: Leg, events: Sequence[AnyCallEvent], agents: Mapping[str, Sequence[Leg]]) -> Iterator[str]:
    seen = {
        "caller": caller.reinvited_at,
        "agent": [at for legs in agents.values() for leg in legs for at in leg.reinvited_at],
    }
    for by, instants in seen.items():
        logged = [
            event.at for event in events if isinstance(event, HoldStarted | HoldEnded) and event.by == by
        ]
        if len(logged) > len(instants) and len(instants) % 2:
            logged = logged[:-1]  # who hangs up in his own hold sends nothing to end it
        if len(logged) != len(instants):
            yield f"{len(logged)} changes of hold by the {by}, his phone made {len(instants)}"
            continue
        for at, made_at in zip(logged, sorted(instants), strict=True):
            yield from _apart(f"hold by the {by}", at, made_at)


def _unreachable(offer: Offered, events: Sequence[AnyCallEvent]) -> bool:
    """Whether this offer was declined because the phone could not be rung at all."""
    return any(
        isinstance(event, Declined)
        and event.agent == offer.agent
        and event.attempt == offer.attempt
        and event.reason == "unreachable"
        for event in events
    )


def _apart(what: str, logged_at: int, seen_at: int, slack_ms: int = SLACK_MS) -> Iterator[str]:
    if abs(logged_at - seen_at) > slack_ms:
        yield f"{what}: the log says {logged_at - seen_at:+d} ms beside the phone"


def _user(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0]
