"""Is the whole log sound? A fold over the stream that finds every call, agent and queue that breaks a rule.

Pure: no I/O; feed it entries in stream order. Beyond the grammar of each call it proves, over all of them:
O = A + B + F + X + W for every queue; exactly one `ended` per `arrived`; each agent is in exactly one state
at any instant and has at most one leg; agents' states and calls' events tell the same story; of two callers
with the same claim the first is served first; counters that routing keeps equal the fold; nothing on the
stream is unreadable.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from calllog.agents import AgentCheck
from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Joined, QueueLeft
from calllog.events import AgentEvent, AnyEvent
from calllog.grammar import Violation, violations
from calllog.turns import TurnCheck
from calllog.vocabulary import LEFT_CLASS


@dataclass
class QueueCounts:
    """One queue's counts: offered = answered + abandoned + flowed_out + failed + waiting."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    flowed_out: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def balanced(self) -> bool:
        """O = A + B + F + X + W."""
        return self.offered == (self.answered + self.abandoned + self.flowed_out + self.failed + self.waiting)


_COUNT_OF = {"A": "answered", "B": "abandoned", "F": "flowed_out", "X": "failed"}


@dataclass(frozen=True)
class AgentCounters:
    """What routing has counted for one agent: bridged calls, and talk without holds, ms."""

    calls: int
    talk_ms: int


@dataclass
class Report:
    """What an audit found. It is sound if `violations` is empty."""

    events: int = 0
    broken: int = 0
    calls: int = 0
    ended: int = 0
    live: int = 0
    agents: int = 0
    queues: dict[str, QueueCounts] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


class Audit:
    """The fold. `add` every entry in stream order (or `broken` for one that is no event), then `finish`."""

    def __init__(self) -> None:
        self._report = Report()
        self._open: dict[str, list[AnyCallEvent]] = {}
        self._ended: set[str] = set()
        self._agents = AgentCheck()
        self._turns = TurnCheck()
        self._system: Counter[str] = Counter()
        self._last: AnyEvent | None = None

    @property
    def open_calls(self) -> frozenset[str]:
        """Calls that have begun and not ended, as far as the log has been read."""
        return frozenset(self._open)

    def broken(self, position: str, reason: str) -> None:
        """Count the entry at this position of the stream as unreadable, for this reason."""
        self._report.events += 1
        self._report.broken += 1
        self._found(Violation(f"entry {position}", "broken", reason))

    def add(self, event: AnyEvent) -> None:
        """Take the next event of the stream."""
        self._report.events += 1
        self._stream(event)
        if isinstance(event, CallEvent):
            self._call_event(event)
        elif isinstance(event, AgentEvent):
            self._report.violations += self._agents.add(event)
        else:
            self._system_event(event)

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
        self._report.violations += self._agents.finish()
        self._report.agents = self._agents.count
        for queue, counts in sorted(self._report.queues.items()):
            if not counts.balanced:
                self._found(Violation(queue, "balance", f"O is not A + B + F + X + W: {counts}"))
        if counters is not None:
            self._compare(counters, counters_later or counters)
        return self._report

    def _found(self, violation: Violation) -> None:
        self._report.violations.append(violation)

    def _stream(self, event: AnyEvent) -> None:
        last, self._last = self._last, event
        owner = event.call if isinstance(event, CallEvent) else event.id
        if last and event.site != last.site:
            self._found(Violation(owner, "site", f"site {event.site} in the log of {last.site}", event.id))
        if last and event.logged_at < last.logged_at:
            late = last.logged_at - event.logged_at
            self._found(Violation(owner, "time", f"logged {late} ms before the entry before it", event.id))

    def _call_event(self, event: AnyCallEvent) -> None:
        call = event.call
        if call in self._ended:
            self._found(Violation(call, "order", f"`{event.kind}` after `ended`", event.id, event.seq))
            return
        if call not in self._open:
            self._open[call] = []
            self._report.calls += 1
        self._open[call].append(event)
        self._report.violations += self._agents.call(event) + self._turns.call(event)
        if event.kind == "ended":
            self._judge(call, self._open.pop(call), live=False)
            self._report.violations += self._agents.ended(call)
            self._ended.add(call)
            self._report.ended += 1

    def _judge(self, call: str, events: list[AnyCallEvent], *, live: bool) -> None:
        """The grammar of one call, and its share in the counts of the queues it has been in."""
        self._report.violations += violations(events, live=live)
        arrivals = sum(isinstance(event, Arrived) for event in events)
        if arrivals != 1:
            self._found(Violation(call, "arrived", f"{arrivals} times `arrived`, one is due"))
        waiting: Counter[str] = Counter()
        for event in events:
            if isinstance(event, Joined):
                self._queue(event.queue).offered += 1
                waiting[event.queue] += 1
            elif isinstance(event, QueueLeft):
                counts, name = self._queue(event.queue), _COUNT_OF[LEFT_CLASS[event.reason]]
                setattr(counts, name, getattr(counts, name) + 1)
                waiting[event.queue] -= 1
        for queue, more in waiting.items():
            self._queue(queue).waiting += max(more, 0)
            allowed = (0, 1) if live else (0,)
            if more not in allowed:
                done = "joined {0} without leaving it" if more > 0 else "left {0} without having joined it"
                self._found(Violation(call, "balance", f"{done.format(queue)}, {abs(more)} times"))

    def _queue(self, name: str) -> QueueCounts:
        return self._report.queues.setdefault(name, QueueCounts())

    def _system_event(self, event: AnyEvent) -> None:
        """System events of one worker (or command) are numbered without gaps, over all its incarnations."""
        owner, _, number = event.id.rpartition(":")
        name = owner.rpartition(":")[0]
        if not number.isdecimal() or int(number) != self._system[name] + 1:
            due = self._system[name] + 1
            self._found(Violation(event.id, "seq", f"a system event {number}, {due} was due", event.id))
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
