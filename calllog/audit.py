"""Is the log sound? A fold over its events that finds every call, agent and queue that breaks a rule.

Pure: no I/O; feed it events in the order of the stream. Beyond the grammar of each call it proves, over all
of them: O = A + B + F + X + W for every queue and interval; exactly one `ended` per `arrived`; each agent is
in exactly one state at any instant and has at most one leg; agents' states and calls' events tell the same
story; of two callers with the same claim the first is served first; counters that routing keeps equal the
fold; nothing is unreadable.

Of a period (`Scope`) it is fed more: what came shortly before, and what came after until the period's calls
have ended. Its memory is bounded by the calls that are open at once, and by what it finds.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calllog.agents import AgentCheck
from calllog.balance import Balance, Interval, QueueCounts, whole
from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Joined, QueueLeft
from calllog.events import AgentEvent, AnyEvent
from calllog.grammar import Violation, violations
from calllog.scope import EVERYTHING, Scope
from calllog.turns import TurnCheck

ENDED_KEPT = 100_000
"""Calls that are remembered after they have ended. What comes of an older one is taken for one without a
beginning, and found all the same."""


@dataclass(frozen=True)
class AgentCounters:
    """What routing has counted for one agent: bridged calls, and talk without holds, ms."""

    calls: int
    talk_ms: int


@dataclass
class Report:
    """What an audit found. It is sound if `violations` is empty.

    `intervals`: the counts of each queue and interval, which begins at that instant.
    """

    events: int = 0
    broken: int = 0
    calls: int = 0
    ended: int = 0
    live: int = 0
    agents: int = 0
    queues: dict[str, QueueCounts] = field(default_factory=dict)
    intervals: list[tuple[str, int, QueueCounts]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


Judged = Callable[[str, Sequence[AnyCallEvent]], None]


class Audit:
    """The fold. `add` every event in stream order (or `broken` for what is none), then `finish`.

    `judged` is told each call of the scope that has ended, with its events.
    """

    def __init__(
        self, scope: Scope = EVERYTHING, interval: Interval = whole, judged: Judged | None = None
    ) -> None:
        self._scope, self._judged = scope, judged
        self._report = Report()
        self._open: dict[str, list[AnyCallEvent]] = {}
        self._foreign: set[str] = set()
        """Open calls that have begun outside the scope."""
        self._ended: dict[str, bool] = {}
        """The last calls that have ended, and whether they are of the scope."""
        self._agents = AgentCheck(scope)
        self._turns = TurnCheck()
        self._balance = Balance(scope, interval)
        self._system: Counter[str] = Counter()
        self._last: AnyEvent | None = None

    @property
    def open_calls(self) -> frozenset[str]:
        """Calls of the scope that have begun and not ended, as far as the log has been read."""
        return frozenset(self._open)

    @property
    def any_open(self) -> bool:
        """Whether a call of the scope has begun and not ended, as far as the log has been read."""
        return bool(self._open)

    def events_of(self, call: str) -> Sequence[AnyCallEvent]:
        """What has been read of an open call of the scope."""
        return self._open.get(call, ())

    def broken(self, position: str, reason: str) -> None:
        """Count the entry at this position of the stream as unreadable, for this reason."""
        self._report.events += 1
        self._report.broken += 1
        self._found(Violation(f"entry {position}", "broken", reason))

    def found(self, violation: Violation) -> None:
        """A finding of somebody else, who compares what this fold does not see."""
        self._found(violation)

    def seed(self, event: AgentEvent) -> None:
        """What an agent was when reading begins; before the first `add`."""
        self._agents.seed(event)

    def seed_system(self, event_id: str) -> None:
        """The last number of a worker when reading begins; before the first `add`."""
        name, number = _numbered(event_id)
        if number.isdecimal():
            self._system[name] = int(number)

    def seed_waiting(self, event: AnyCallEvent) -> None:
        """What has happened to a caller who waits when reading begins; before the first `add`."""
        self._turns.call(event)

    def add(self, event: AnyEvent) -> None:
        """Take the next event of the stream."""
        self._report.events += self._scope.has(event)
        self._stream(event)
        if isinstance(event, CallEvent):
            self._call_event(event)
        elif isinstance(event, AgentEvent):
            self._report.violations += self._agents.add(event)
        else:
            self._system_event(event)

    def rest(self, event: AnyCallEvent) -> None:
        """A later event of an open call, when nobody else's are read any more: judged by itself alone."""
        self._open[event.call].append(event)
        self._balance.add(event)
        if event.kind == "ended":
            self._end(event.call)

    def finish(
        self,
        live: Collection[str] = (),
        counters: Mapping[str, AgentCounters] | None = None,
        counters_later: Mapping[str, AgentCounters] | None = None,
    ) -> Report:
        """Judge what is left and return the report.

        `live`: calls that are known to go on; any other call without `ended` is a finding. `counters`: what
        routing had counted per agent, compared with the fold; if the server works on meanwhile, `counters`
        as they were before the log was read and `counters_later` as they were after it.
        """
        for call, events in self._open.items():
            self._judge(call, events, live=call in live)
            self._report.live += call in live
        self._report.violations += self._agents.finish() + self._balance.finish()
        self._report.agents = self._agents.count
        self._report.queues = self._balance.queues()
        self._report.intervals = [
            (queue, begins_at, counts) for (queue, begins_at), counts in sorted(self._balance.counts.items())
        ]
        if counters is not None:
            self._compare(counters, counters_later or counters)
        self._report.violations = list(dict.fromkeys(self._report.violations))
        return self._report

    def _found(self, *violation: Violation) -> None:
        self._report.violations += violation

    def _stream(self, event: AnyEvent) -> None:
        last, self._last = self._last, event
        if last is None or not self._scope.has(event):
            return
        owner = event.call if isinstance(event, CallEvent) else event.id
        if event.site != last.site:
            what = f"site {event.site} in the log of {last.site}"
            self._found(Violation(owner, "site", what, event.id, at=event.at))
        if event.logged_at < last.logged_at:
            what = f"logged {last.logged_at - event.logged_at} ms before the entry before it"
            self._found(Violation(owner, "time", what, event.id, at=event.at))

    def _call_event(self, event: AnyCallEvent) -> None:
        call = event.call
        if call in self._ended:
            if self._ended[call]:
                what = f"`{event.kind}` after `ended`"
                self._found(Violation(call, "order", what, event.id, event.seq, event.at))
            return
        if call not in self._open and call not in self._foreign:
            self._begin(event)
        ours = call in self._open
        if ours:
            self._open[call].append(event)
        self._balance.add(event)
        found = self._agents.call(event) + self._turns.call(event)
        ended = event.kind == "ended"
        if ended:
            self._end(call)
            found += self._agents.ended(call)
        if ours:
            self._found(*found)

    def _begin(self, first: AnyCallEvent) -> None:
        """A call that is met for the first time. Who was cut off from its beginning does not judge it."""
        cut = first.seq != 1 and self._scope.begun_before(first.call)
        if cut or not self._scope.has(first):
            self._foreign.add(first.call)
        else:
            self._open[first.call] = []
            self._report.calls += 1

    def _end(self, call: str) -> None:
        self._balance.ended(call)
        ours = call in self._open
        if ours:
            events = self._open.pop(call)
            self._judge(call, events, live=False)
            self._report.ended += 1
            if self._judged:
                self._judged(call, events)
        self._foreign.discard(call)
        self._ended[call] = ours
        if len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _judge(self, call: str, events: list[AnyCallEvent], *, live: bool) -> None:
        """The grammar of one call, and whether it has left each queue it has joined."""
        self._report.violations += violations(events, live=live)
        at = events[0].at
        arrivals = sum(isinstance(event, Arrived) for event in events)
        if arrivals != 1:
            self._found(Violation(call, "arrived", f"{arrivals} times `arrived`, one is due", at=at))
        waiting: Counter[str] = Counter()
        for event in events:
            if isinstance(event, Joined | QueueLeft):
                waiting[event.queue] += 1 if isinstance(event, Joined) else -1
        for queue, more in waiting.items():
            allowed = (0, 1) if live else (0,)
            if more not in allowed:
                done = "joined {0} without leaving it" if more > 0 else "left {0} without having joined it"
                self._found(Violation(call, "balance", f"{done.format(queue)}, {abs(more)} times", at=at))

    def _system_event(self, event: AnyEvent) -> None:
        """System events of one worker (or command) are numbered without gaps, over all its incarnations."""
        name, number = _numbered(event.id)
        due = self._system[name] + 1
        if (not number.isdecimal() or int(number) != due) and self._scope.has(event):
            what = f"a system event {number}, {due} was due"
            self._found(Violation(event.id, "seq", what, event.id, at=event.at))
        if number.isdecimal():
            self._system[name] = int(number)

    def _compare(self, before: Mapping[str, AgentCounters], after: Mapping[str, AgentCounters]) -> None:
        """Counters only grow: the fold lies between what they were before and after the log was read."""
        for agent, low in sorted(before.items()):
            high = after.get(agent, low)
            calls, talk_ms = self._agents.totals(agent)
            for name, least, folded, most in (
                ("calls", low.calls, calls, high.calls),
                ("talk_ms", low.talk_ms, talk_ms, high.talk_ms),
            ):
                if not least <= folded <= most:
                    what = f"routing has counted {name} {most}, the log gives {folded}"
                    self._found(Violation(f"agent {agent}", "counters", what))


def _numbered(event_id: str) -> tuple[str, str]:
    """Whose number a system event has, and which: of `worker:NAME:INCARNATION:NUMBER`."""
    owner, _, number = event_id.rpartition(":")
    return owner.rpartition(":")[0], number


def audit(
    events: Iterable[AnyEvent],
    live: Collection[str] = (),
    counters: Mapping[str, AgentCounters] | None = None,
) -> Report:
    """Audit a log that is at hand as a whole; see `Audit`."""
    fold = Audit()
    for event in events:
        fold.add(event)
    return fold.finish(live, counters)
