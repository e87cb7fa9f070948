"""Agents in the log: one state at any instant, at most one call at a time. Pure; a part of the audit."""

from collections import Counter
from dataclasses import dataclass, field

from calllog.call_events import (
    AnyCallEvent,
    Bridged,
    Consulted,
    ConsultEnded,
    Declined,
    Offered,
    Transferred,
    Unbridged,
)
from calllog.events import AgentEvent, AgentStateChanged, Disposition
from calllog.grammar import Violation
from calllog.scope import EVERYTHING, Scope, possible


@dataclass
class _Agent:
    """What the log has said about one agent so far."""

    last: AgentStateChanged | None = None
    number: int = 0
    leg: str = ""
    """The call he is offered to or bridged with."""
    talked: str | None = ""
    """The call of his last talk; None: it was before what is read."""
    calls: int = 0
    talk_ms: int = 0


@dataclass
class AgentCheck:
    """The walk along the stream, seen from the agents' side.

    Every `offered` of a call has one change to `offered` of the agent, every `bridged` one to `talking`: they
    are written by the same script, so counts that differ mean that one of the two was lost or made up.
    """

    scope: Scope = EVERYTHING
    _agents: dict[str, _Agent] = field(default_factory=dict)
    _given: dict[str, str] = field(default_factory=dict)
    """By call: who has been consulted, talks already, and gets the caller."""
    _called: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By call, until it has ended: how often it says that an agent was offered or talking."""
    _stated: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """The same by the agents' states."""
    _stated_at: dict[str, int] = field(default_factory=dict)
    """When a call was first named by an agent's state."""

    @property
    def count(self) -> int:
        """Agents seen."""
        return len(self._agents)

    def totals(self, agent: str) -> tuple[int, int]:
        """Bridged calls of an agent, and his talk without holds in ms."""
        seen = self._agent(agent)
        return seen.calls, seen.talk_ms

    def _agent(self, name: str) -> _Agent:
        return self._agents.setdefault(name, _Agent())

    def seed(self, event: AgentEvent) -> None:
        """The last event, or the last change of state, of an agent before what is read; in order."""
        agent = self._agent(event.agent)
        agent.talked = None
        number = event.id.rpartition(":")[2]
        agent.number = int(number) if number.isdecimal() else agent.number
        if not isinstance(event, Disposition):
            agent.last = event

    def add(self, event: AgentEvent) -> list[Violation]:
        """The next event of an agent. Changes of his state tile his time from the first on."""
        agent = self._agent(event.agent)
        wrong = self._numbered(agent, event)
        if not possible(event):
            wrong.append(("time", "changes after it was logged, or before this century"))
        about, broken = event.call, []
        if isinstance(event, Disposition):
            if agent.talked not in (event.call, None):
                broken.append(("disposition", "speaks of a call that is not his last talk"))
        else:
            broken = [("tile", what) for what in _untiled(agent.last, event)]
            about = event.call or (agent.last.call if agent.last and broken else "")
            agent.last = event
            if event.to in ("offered", "talking"):
                self._stated.setdefault(event.call, Counter())[event.agent, event.to] += 1
                self._stated_at.setdefault(event.call, event.at)
        about = about or f"agent {event.agent}"
        return [
            Violation(about, rule, f"agent {event.agent} {what}", event.id, at=event.at)
            for rule, what in wrong + broken
            if self.scope.has(event)
        ]

    def _numbered(self, agent: _Agent, event: AgentEvent) -> list[tuple[str, str]]:
        owner, _, number = event.id.rpartition(":")
        due, wrong = agent.number + 1, []
        if owner != f"agent:{event.agent}" or not number.isdecimal():
            wrong.append(("id", "has an event with another's id"))
        elif int(number) != due:
            wrong.append(("seq", f"has change {number}, {due} was due"))
        if number.isdecimal():
            agent.number = int(number)
        return wrong

    def call(self, event: AnyCallEvent) -> list[Violation]:
        """A call's event: what it means for the agent it names."""
        wrong = ""
        match event:
            case Offered():
                agent = self._agent(event.agent)
                if agent.leg:
                    wrong = f"offered to {event.agent}, who has call {agent.leg}"
                agent.leg = event.call
                self._called.setdefault(event.call, Counter())[event.agent, "offered"] += 1
            case Declined():
                self._agent(event.agent).leg = ""
            case Bridged():
                agent = self._agent(event.agent)
                if agent.leg not in ("", event.call):
                    wrong = f"bridged with {event.agent}, who has call {agent.leg}"
                agent.leg = agent.talked = event.call
                agent.calls += 1
                if self._given.pop(event.call, "") != event.agent:
                    self._called.setdefault(event.call, Counter())[event.agent, "talking"] += 1
            case Consulted() if event.agent:
                self._called.setdefault(event.call, Counter())[event.agent, "talking"] += 1
            case ConsultEnded() if event.agent:
                self._agent(event.agent).leg = ""
            case Transferred(how="attended", by="agent") if event.agent:
                self._given[event.call] = event.agent
            case Unbridged():
                agent = self._agent(event.agent)
                agent.leg = ""
                agent.talk_ms += event.talk_ms
        return [Violation(event.call, "agent", wrong, event.id, event.seq, event.at)] if wrong else []

    def ended(self, call: str) -> list[Violation]:
        """The call is over: do both sides tell the same story of it?"""
        called, stated = self._called.pop(call, Counter()), self._stated.pop(call, Counter())
        at = self._stated_at.pop(call, 0)
        return [
            Violation(
                call or f"agent {agent}",
                "agent",
                f"the call says {agent} was {state} {called[agent, state]} times, "
                f"his states say {stated[agent, state]} times",
                at=at,
            )
            for agent, state in sorted(called.keys() | stated.keys())
            if called[agent, state] != stated[agent, state]
        ]

    def finish(self) -> list[Violation]:
        """Agents' stories of calls that say nothing of them. (A live call may not be read to its end.)"""
        unheard = [
            call
            for call in sorted(self._stated.keys() - self._called.keys())
            if self._stated_at[call] in self.scope and not self.scope.begun_before(call)
        ]
        return [found for call in unheard for found in self.ended(call)]


def _untiled(last: AgentStateChanged | None, event: AgentStateChanged) -> list[str]:
    """Why the interval that ends here and the one that begins do not lie edge to edge."""
    if last is None:
        return [] if event.from_ in ("", "offline") else [f"begins by leaving `{event.from_}`"]
    wrong = []
    if event.from_ != last.to:
        wrong.append(f"leaves `{event.from_ or 'nothing'}`, but was `{last.to}`")
    if event.at < last.at:
        wrong.append(f"changes {last.at - event.at} ms before his last change")
    if event.to == event.from_ and event.reason == last.reason:
        wrong.append(f"goes from `{event.to}` to the same")
    return wrong
