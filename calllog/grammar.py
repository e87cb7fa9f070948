"""What a call's log must look like, in one place. Pure: no I/O. Tests and `holdfast audit` both use it.

The letters: A arrived · N answered · s step, input, announcement, offer of goods, recording, survey ·
q refused at the door · t transferred · g given by an agent to another whom he has consulted · j joined · h/H
the queue's hold begins/ends · k/K SIP hold by a party begins/ends · a left the queue, answered · l left it
otherwise · b/B bridged/unbridged · c/C the agent consults somebody/no longer · E ended.

    A (N|s|q|k|K|t)* ( j h (s|k|K)* H ( l | a b T B ( g b T B )* ) (N|s|q|k|K|t)* )* E,  T = (s|k|K|c|C)*

Beside the order: `seq` has no gaps; times are sane; holds of each party are balanced, and consults; each
offer is closed by exactly one `declined`, by the one `bridged` or by `consulted`; durations add up
(calllog.durations); the verdict fits (calllog.verdicts).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from calllog.call_events import (
    AnyCallEvent,
    Arrived,
    Bridged,
    Consulted,
    ConsultEnded,
    Declined,
    Ended,
    HoldEnded,
    HoldStarted,
    Joined,
    OfferAccepted,
    Offered,
    OfferMade,
    QueueLeft,
    SurveyAnswered,
    SurveyOffered,
    Transferred,
    Unbridged,
)
from calllog.durations import wrong_durations
from calllog.scope import CLOCK_SLACK_MS, possible
from calllog.verdicts import Life, wrong_verdict
from calllog.vocabulary import SEVERAL_RING

Place = Literal["start", "flow", "joined", "waiting", "unheld", "connected", "talking", "ended"]

ORDER: dict[Place, dict[str, Place]] = {
    "start": {"A": "flow"},
    "flow": {
        "N": "flow",
        "s": "flow",
        "q": "flow",
        "k": "flow",
        "K": "flow",
        "t": "flow",
        "g": "connected",
        "j": "joined",
        "E": "ended",
    },
    "joined": {"h": "waiting"},
    "waiting": {**dict.fromkeys("sokK", "waiting"), "H": "unheld"},
    "unheld": {"l": "flow", "a": "connected"},
    "connected": {"b": "talking"},
    "talking": {**dict.fromkeys("skKcC", "talking"), "B": "flow"},
    "ended": {},
}
"""Where the caller is → which letters may come → where he is then."""

_LEADS_TO: dict[str, Place] = {
    letter: to for place, ways in ORDER.items() for letter, to in ways.items() if place != to
}
_LETTER = {
    "arrived": "A",
    "answered": "N",
    "step": "s",
    "input": "s",
    "tagged": "s",
    "escalated": "s",
    "announced": "s",
    "offer_made": "s",
    "offer_accepted": "s",
    "recorded": "s",
    "survey_offered": "s",
    "survey_answered": "s",
    "transferred": "t",
    "transfer_failed": "s",
    "consulted": "c",
    "consult_ended": "C",
    "queue_refused": "q",
    **dict.fromkeys(("overtaken", "moved"), "o"),
    "joined": "j",
    "bridged": "b",
    "unbridged": "B",
    "ended": "E",
}
_IN_WORDS = {
    "start": "before `arrived`",
    "flow": "in the flow",
    "joined": "between `joined` and the queue's hold",
    "waiting": "while waiting",
    "unheld": "between the end of the queue's hold and `queue_left`",
    "connected": "between `queue_left(answered)` and `bridged`",
    "talking": "while bridged",
    "ended": "after `ended`",
}


@dataclass(frozen=True)
class Violation:
    """One broken rule. `call`: the call (agent, worker, queue) it was found in; `id`, `at`: the event's."""

    call: str
    rule: str
    what: str
    id: str = ""
    seq: int = 0
    at: int = 0

    def __str__(self) -> str:
        where = f" (event {self.seq})" if self.seq else ""
        return f"{self.call}{where}: {self.rule}: {self.what}"


def letter(event: AnyCallEvent) -> str:
    """The event's letter in the grammar; empty for offers, which are checked beside it."""
    match event:
        case HoldStarted():
            return "h" if event.by == "queue" else "k"
        case HoldEnded():
            return "H" if event.by == "queue" else "K"
        case QueueLeft():
            return "a" if event.reason == "answered" else "l"
        case Transferred() if event.how == "attended" and event.agent:
            return "g"
    return _LETTER.get(event.kind, "")


def violations(events: Sequence[AnyCallEvent], *, live: bool = False) -> list[Violation]:
    """Every rule that this log of one call breaks; an empty list if it is sound.

    `events` are in the order of the stream. A `live` call need not have ended: what is open is no finding.
    """
    if not events:
        return []
    check = _Check(events[0].call)
    for event in events:
        check.event(event)
    if not live:
        check.end(events[-1])
    for event, what in wrong_durations(events):
        check.report(event, "duration", what)
    return check.found


@dataclass
class _Check:
    """The walk along one call's events."""

    call: str
    found: list[Violation] = field(default_factory=list)
    place: Place = "start"
    last: AnyCallEvent | None = None
    last_at: int = 0
    arrived_at: int = 0
    answered: bool = False
    joined: Joined | None = None
    queues_left: list[QueueLeft] = field(default_factory=list)
    holds: dict[str, HoldStarted] = field(default_factory=dict)
    offers: list[Offered] = field(default_factory=list)
    attempts: int = 0
    bridged: Bridged | None = None
    bridges: int = 0
    consulted: Consulted | None = None
    """With whom the agent talks besides the caller."""
    parted_from: str = ""
    """Whom he consulted last."""
    given_to: str = ""
    """Whom the agent has consulted and given the caller to, until both are bridged."""
    outside: bool = False
    """He was connected with a number outside."""
    goods: str = ""
    """What was offered to him last, and where; empty when he has accepted it."""
    asked: str = ""
    """The survey whose question was put to him last, and where; empty when he has answered."""

    def report(self, event: AnyCallEvent, rule: str, what: str) -> None:
        self.found.append(Violation(self.call, rule, what, event.id, event.seq, event.at))

    def event(self, event: AnyCallEvent) -> None:
        self._identity(event)
        self._time(event)
        self._order(event)
        for rule, what in self._content(event):
            self.report(event, rule, what)
        self.last = event

    def end(self, last: AnyCallEvent) -> None:
        """Nothing more will come: whatever is open now stays open for ever."""
        if self.place != "ended":
            self.report(last, "end", f"the log stops {_IN_WORDS[self.place]}, without `ended`")

    def _identity(self, event: AnyCallEvent) -> None:
        expected = self.last.seq + 1 if self.last else 1
        if event.seq != expected:
            self.report(event, "seq", f"seq is {event.seq}, {expected} was due")
        if event.call != self.call or event.id != f"{event.call}:{event.seq}":
            self.report(event, "id", f"the id does not fit call and seq {event.seq}")

    def _time(self, event: AnyCallEvent) -> None:
        if not possible(event):
            self.report(event, "time", "happened after it was logged, or before this century")
        if self.last and event.logged_at < self.last.logged_at:
            self.report(
                event, "time", f"logged {self.last.logged_at - event.logged_at} ms before the one before it"
            )
        earliest = self.arrived_at if letter(event) in ("N", "s", "o") else self.last_at
        if event.at < earliest - CLOCK_SLACK_MS:
            self.report(event, "time", f"happened {earliest - event.at} ms before what came before it")
        if letter(event) not in (
            "",
            "o",
        ):  # others do that to a caller of whose hangup nobody has been told yet
            self.last_at = max(self.last_at, event.at)
        if event.source == "inferred":
            if event.not_before is None or event.not_after is None:
                self.report(event, "inferred", "an inferred event needs not_before and not_after")
            elif not event.not_before - CLOCK_SLACK_MS <= event.at <= event.not_after + CLOCK_SLACK_MS:
                self.report(event, "inferred", "lies outside its own not_before and not_after")

    def _order(self, event: AnyCallEvent) -> None:
        sign = letter(event)
        if not sign:
            return
        ways = ORDER[self.place]
        if sign not in ways:
            self.report(event, "order", f"`{event.kind}` {_IN_WORDS[self.place]}")
        self.place = ways.get(sign) or _LEADS_TO.get(sign) or self.place

    def _content(self, event: AnyCallEvent) -> Iterator[tuple[str, str]]:
        match event:
            case Arrived():
                self.arrived_at = event.at
            case HoldStarted() | HoldEnded():
                yield from self._hold(event)
            case Joined():
                self.joined = event
            case Offered():
                yield from self._offered(event)
            case Declined():
                yield from self._declined(event)
            case QueueLeft():
                yield from self._left(event)
            case Bridged():
                yield from self._bridged(event)
            case Unbridged():
                yield from self._unbridged(event)
            case Transferred():
                yield from self._transferred(event)
            case Consulted():
                yield from self._consulted(event)
            case ConsultEnded():
                yield from self._consult_ended(event)
            case OfferMade() | OfferAccepted():
                yield from self._goods(event)
            case SurveyOffered():
                self.asked = f"{event.path}: {event.survey}"
            case SurveyAnswered():
                yield from self._answer(event)
            case Ended():
                yield from self._ended(event)
        if event.kind == "answered":
            if self.answered:
                yield "answer", "answered a second time"
            self.answered = True

    def _hold(self, event: HoldStarted | HoldEnded) -> Iterator[tuple[str, str]]:
        if isinstance(event, HoldStarted):
            if event.by in self.holds:
                yield "hold", f"a hold by the {event.by} begins inside another one of his"
            if event.by == "agent" and not self.bridged:
                yield "hold", "an agent holds who is not bridged"
            self.holds[event.by] = event
        elif self.holds.pop(event.by, None) is None:
            yield "hold", f"a hold by the {event.by} ends that never began"

    def _offered(self, event: Offered) -> Iterator[tuple[str, str]]:
        if self.place != ("talking" if event.why == "consult" else "waiting"):
            yield "offer", f"offered {_IN_WORDS[self.place]}"
        if self.offers and not {event.why, *(offer.why for offer in self.offers)} <= SEVERAL_RING:
            yield "offer", f"offered to {event.agent} while {self.offers[0].agent} is being offered"
        if event.attempt != self.attempts + 1:
            yield "offer", f"attempt {event.attempt} after attempt {self.attempts}"
        self.attempts = event.attempt
        self.offers.append(event)

    def _declined(self, event: Declined) -> Iterator[tuple[str, str]]:
        offer = self._close_offer(event.agent, event.attempt)
        if not offer:
            yield "offer", f"declined by {event.agent}, to whom no offer is open"
        elif event.ring_ms > event.at - offer.at + CLOCK_SLACK_MS:
            yield "duration", f"rang for {event.ring_ms} ms, {event.at - offer.at} ms after the offer"

    def _close_offer(self, agent: str, attempt: int | None = None) -> Offered | None:
        for index, offer in enumerate(self.offers):
            if offer.agent == agent and attempt in (None, offer.attempt):
                return self.offers.pop(index)
        return None

    def _left(self, event: QueueLeft) -> Iterator[tuple[str, str]]:
        if self.joined and event.queue != self.joined.queue:
            yield "queue", f"left {event.queue}, but waited in {self.joined.queue}"
        if event.reason != "answered":
            for offer in self.offers:
                yield "offer", f"left the queue while the offer to {offer.agent} is open"
        if event.position < 1 or event.original_position < 1:
            yield "queue", "positions count from 1"
        self.joined = None
        self.queues_left.append(event)

    def _bridged(self, event: Bridged) -> Iterator[tuple[str, str]]:
        if event.agent != self.given_to and not self._close_offer(event.agent):
            yield "offer", f"bridged with {event.agent}, to whom no offer is open"
        self.given_to = ""
        for offer in self.offers:
            yield "offer", f"bridged with {event.agent} while the offer to {offer.agent} is open"
        if not self.answered:
            yield "answer", "bridged, but never answered"
        self.bridged = event
        self.bridges += 1

    def _unbridged(self, event: Unbridged) -> Iterator[tuple[str, str]]:
        if self.bridged and event.agent != self.bridged.agent:
            yield "bridge", f"parted from {event.agent}, but bridged with {self.bridged.agent}"
        if "agent" in self.holds:
            yield "hold", "the agent's hold is open after he has left"
            del self.holds["agent"]
        if self.consulted:
            yield "consult", "the agent has left, but still consults somebody"
        self.bridged = None

    def _consulted(self, event: Consulted) -> Iterator[tuple[str, str]]:
        if self.consulted:
            yield "consult", "an agent consults two at once"
        if bool(event.to) == bool(event.agent):
            yield "consult", "it is with a number or with an agent"
        if event.agent and not self._close_offer(event.agent):
            yield "offer", f"{event.agent} is consulted, to whom no offer is open"
        self.consulted = event

    def _consult_ended(self, event: ConsultEnded) -> Iterator[tuple[str, str]]:
        began, self.consulted = self.consulted, None
        self.parted_from = event.agent
        if began is None or (began.agent, began.to) != (event.agent, event.to):
            yield "consult", "a consult ends that never began"
        elif abs(event.talk_ms - (event.at - began.at)) > CLOCK_SLACK_MS:
            yield "duration", f"consulted for {event.talk_ms} ms, {event.at - began.at} ms after it began"

    def _transferred(self, event: Transferred) -> Iterator[tuple[str, str]]:
        if sum(map(bool, (event.to, event.agent, event.queue))) != 1:
            yield "transfer", "it goes to a number, to an agent or to a queue"
        if letter(event) == "g":
            self.given_to = event.agent
            if event.by != "agent" or event.agent != self.parted_from:
                yield "transfer", f"{event.agent} gets the caller, but was not consulted"
            if self.last is None or self.last.kind != "unbridged":
                yield "transfer", "a caller is given away whom no agent had"
        if not self.answered:
            yield "answer", "transferred, but never answered"
        self.outside = self.outside or event.to != ""

    def _goods(self, event: OfferMade | OfferAccepted) -> Iterator[tuple[str, str]]:
        what = f"{event.path}: {event.offer}"
        if isinstance(event, OfferMade):
            self.goods = what
        elif self.goods != what:
            yield "goods", f"{event.offer} is accepted, but was not offered there"
        else:
            self.goods = ""

    def _answer(self, event: SurveyAnswered) -> Iterator[tuple[str, str]]:
        if self.asked != f"{event.path}: {event.survey}":
            yield "survey", f"{event.survey} is answered, but was not asked there"
        if not event.lowest <= event.score <= event.highest:
            yield "survey", f"{event.score} is not on the scale from {event.lowest} to {event.highest}"
        self.asked = ""

    def _ended(self, event: Ended) -> Iterator[tuple[str, str]]:
        for party in self.holds:
            yield "hold", f"the hold by the {party} never ends"
        for offer in self.offers:
            yield "offer", f"the offer to {offer.agent} is never closed"
        self.holds.clear()
        self.offers.clear()
        was = Life(self.answered, self.bridges > 0, self.outside, [left.reason for left in self.queues_left])
        wrong = wrong_verdict(event, was)
        if wrong:
            yield "verdict", wrong
