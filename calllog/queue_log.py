"""The call log as Asterisk's queue_log, for tools that read that. Pure: no I/O. More: docs/queue-log.md.

    SECONDS|CALL|QUEUE|AGENT|RECORD|data1|data2|…

Records, their fields and the order of these are those of app_queue.c and main/logger.c of Asterisk 22.
Seconds are cut off, not rounded, and durations are differences of such seconds, as Asterisk computes them: so
times and durations of one file fit together. What Asterisk has no record for is left out, or told by its
nearest kin.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from calllog.call_events import (
    AnyCallEvent,
    Arrived,
    Bridged,
    CallEvent,
    Declined,
    Ended,
    Input,
    Joined,
    Offered,
    QueueLeft,
    TransferFailed,
    Transferred,
    Unbridged,
)
from calllog.events import AgentStateChanged, AnyEvent, FlowPublished, WorkerStarted
from calllog.vocabulary import LEFT_CLASS, NOT_HIS_FAULT

NONE = "NONE"
"""What Asterisk writes where there is no call, queue or agent."""
LIMIT = 80
"""Characters of one field; Asterisk's longest extension is as long."""

LEFT_BY = {"timeout": "EXITWITHTIMEOUT", "closed": "EXITEMPTY", "no_agents": "EXITEMPTY"}
"""Reasons for leaving a queue that have a record of their own, besides those told in `_left`."""

LOGGED_OUT = ("", "offline")
COOLDOWN = "cooldown"
"""Why an agent is `paused` for seconds after he was rung in vain. Asterisk has no record for its `retry`."""


class Line(NamedTuple):
    """One line without its end. `at`: seconds since the epoch, the first field."""

    at: int
    text: str


@dataclass
class _Wait:
    """A caller in a queue, or in the talk that came of it. Instants in seconds."""

    queue: str
    joined_at: int
    position: int
    key: str = ""
    """Pressed last while he waited."""
    offers: dict[str, Offered] = field(default_factory=dict)
    """By agent who is rung for him."""
    rung: str = NONE
    """Who was rung last."""
    answered: bool = False
    bridged_at: int = 0
    attempt: int = 1
    """The offer that led to the talk: Asterisk's names of channel and bridge have it."""


@dataclass
class _Call:
    caller: str = ""
    number: str = ""
    wait: _Wait | None = None
    parted: Unbridged | None = None
    """He and his agent were parted; whether he was given to somebody else the next event says."""


Earlier = Callable[[str], Sequence[AnyCallEvent]]


class QueueLog:
    """Events in the order of the stream → lines.

    `earlier`: what the log has of a call that is met in the middle of its life; `queues_of`: the queues of
    each agent, who is told to be their member (the log itself does not know).
    """

    def __init__(
        self,
        earlier: Earlier = lambda _: (),
        queues_of: Mapping[str, Sequence[str]] | None = None,
        *,
        redact: bool = False,
    ) -> None:
        self._earlier, self._queues_of, self._redact = earlier, queues_of or {}, redact
        self._calls: dict[str, _Call] = {}
        self._cooling: set[str] = set()
        self._started = False

    @property
    def undecided_since(self) -> int | None:
        """The second of the first talk of which it is not known yet how it ended: a line of then may come."""
        left = [call.parted.at // 1000 for call in self._calls.values() if call.parted]
        return min(left, default=None)

    def add(self, event: AnyEvent) -> list[Line]:
        """The lines that follow from the next event."""
        if isinstance(event, CallEvent):
            if event.call not in self._calls and event.seq > 1:
                self._catch_up(event)
            return list(self._call(event))
        return list(self._other(event))

    def _catch_up(self, event: AnyCallEvent) -> None:
        for before in self._earlier(event.call):
            if before.seq < event.seq:
                list(self._call(before))

    # Calls

    def _call(self, event: AnyCallEvent) -> Iterator[Line]:
        call = self._calls.setdefault(event.call, _Call())
        if call.parted and call.wait:
            yield self._talk_over(call.wait, call.parted, event)
            call.parted = call.wait = None
        match event:
            case Arrived():
                call.caller, call.number = event.from_, event.to
            case Joined():
                call.wait = _Wait(event.queue, event.at // 1000, event.position)
                yield from self._joined(event, call)
            case Ended():
                del self._calls[event.call]
            case Unbridged() if call.wait:
                call.parted = event
            case _ if call.wait:
                yield from self._waiting(call.wait, event)

    def _waiting(self, wait: _Wait, event: AnyCallEvent) -> Iterator[Line]:
        match event:
            case Input():
                wait.key = event.digits
            case Offered() if not wait.answered:
                wait.offers[event.agent] = event
                wait.rung = event.agent
            case Declined() if event.agent in wait.offers:
                del wait.offers[event.agent]
                name = "RINGCANCELED" if event.reason in NOT_HIS_FAULT else "RINGNOANSWER"
                yield self._line(event, wait.queue, event.agent, name, event.ring_ms)
            case QueueLeft():
                yield from self._left(wait, event)
            case Bridged() if not wait.bridged_at:
                yield self._connected(wait, event)

    def _joined(self, event: Joined, call: _Call) -> Iterator[Line]:
        caller = "" if self._redact else call.caller
        if call.number:
            yield self._line(event, event.queue, NONE, "DID", call.number)
        yield self._line(event, event.queue, NONE, "ENTERQUEUE", "", caller, event.position)

    def _left(self, wait: _Wait, event: QueueLeft) -> Iterator[Line]:
        if event.reason == "answered":
            wait.answered = True
            return
        places = (event.position, event.original_position, event.at // 1000 - wait.joined_at)
        if LEFT_CLASS[event.reason] == "B":
            agent = wait.rung if event.reason == "caller_hangup_connecting" else NONE
            yield self._line(event, event.queue, agent, "ABANDON", *places)
        elif event.reason == "exit_key":
            key = "" if self._redact else wait.key
            yield self._line(event, event.queue, NONE, "EXITWITHKEY", key, *places)
        elif event.reason in LEFT_BY:
            yield self._line(event, event.queue, NONE, LEFT_BY[event.reason], *places)
        else:
            yield self._line(event, event.queue, NONE, "WITHDRAW", *places, event.reason)

    def _connected(self, wait: _Wait, event: Bridged) -> Line:
        offer = wait.offers.pop(event.agent, None)
        wait.bridged_at, wait.attempt = event.at // 1000, offer.attempt if offer else 1
        rang_s = (event.at - offer.at) // 1000 if offer else 0
        waited_s, leg = wait.bridged_at - wait.joined_at, f"{event.call}-a{wait.attempt}"
        return self._line(event, wait.queue, event.agent, "CONNECT", waited_s, leg, rang_s)

    def _talk_over(self, wait: _Wait, parted: Unbridged, event: AnyCallEvent) -> Line:
        """The event behind their parting says whether the agent has given the caller to somebody."""
        record = "COMPLETEAGENT" if parted.ended_by == "agent" else "COMPLETECALLER"
        data: tuple[str, ...] = ()
        if isinstance(event, TransferFailed) or (isinstance(event, Transferred) and event.by == "agent"):
            if isinstance(event, Transferred) and event.how == "attended":
                record, data = "ATTENDEDTRANSFER", ("BRIDGE", f"{event.call}-b{wait.attempt}")
            else:
                record, data = "BLINDTRANSFER", self._target(event)
        return self._line(parted, wait.queue, parted.agent, record, *data, *self._durations(wait, parted))

    def _target(self, event: Transferred | TransferFailed) -> tuple[str, str]:
        """Extension and context."""
        if event.agent:
            return event.agent, "agents"
        return (event.queue, "queues") if event.queue else ("" if self._redact else event.to, "outside")

    @staticmethod
    def _durations(wait: _Wait, event: Unbridged) -> tuple[int, int, int]:
        """Waited before the talk, s; length of the talk with its holds, s; position when he joined."""
        return wait.bridged_at - wait.joined_at, event.at // 1000 - wait.bridged_at, wait.position

    # Agents and the rest

    def _other(self, event: AnyEvent) -> Iterator[Line]:
        match event:
            case AgentStateChanged():
                yield from self._agent(event)
            case FlowPublished():
                yield self._line(event, NONE, NONE, "CONFIGRELOAD", "")
            case WorkerStarted() if event.inc == 1 and not self._started:
                self._started = True
                yield self._line(event, NONE, NONE, "QUEUESTART", "")

    def _agent(self, event: AgentStateChanged) -> Iterator[Line]:
        was_paused = event.from_ == "paused" and event.agent not in self._cooling
        paused = event.to == "paused" and event.reason != COOLDOWN
        if event.reason == COOLDOWN:
            self._cooling.add(event.agent)
        else:
            self._cooling.discard(event.agent)
        was_in, is_in = event.from_ not in LOGGED_OUT, event.to not in LOGGED_OUT
        if is_in and not was_in:
            yield from self._of_queues(event, "ADDMEMBER", "PAUSED" if paused else "")
        if paused and not was_paused:
            yield from self._pause(event, "PAUSE", event.reason)
        elif was_paused and not paused:
            yield from self._pause(event, "UNPAUSE", "")
        if was_in and not is_in:
            yield from self._of_queues(event, "REMOVEMEMBER", "")

    def _pause(self, event: AgentStateChanged, record: str, reason: str) -> Iterator[Line]:
        """For all queues at once, and then for each, as Asterisk does."""
        yield self._line(event, NONE, event.agent, f"{record}ALL", reason)
        yield from self._of_queues(event, record, reason)

    def _of_queues(self, event: AgentStateChanged, record: str, what: str) -> Iterator[Line]:
        for queue in self._queues_of.get(event.agent, ()):
            yield self._line(event, queue, event.agent, record, what)

    def _line(self, event: AnyEvent, queue: str, agent: str, record: str, *data: str | int) -> Line:
        call = event.call if isinstance(event, CallEvent) else NONE
        fields = [call, queue, agent, record, *map(str, data)]
        at = event.at // 1000
        return Line(at, f"{at}|" + "|".join(map(clean, fields)))


def clean(text: str) -> str:
    """Text in which nobody finds the end of a field or of a line: `_` stands for it, as in Asterisk."""
    return "".join(char if char.isprintable() and char != "|" else "_" for char in text[:LIMIT])
