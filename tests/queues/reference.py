"""The queue rules once more, in plain Python: no Redis, no scripts. What the scripts must equal.

Everything is recomputed from the calls and agents themselves; nothing is kept in two places.
"""

from dataclasses import dataclass, field
from typing import Any

UNPENALISED = ("caller_gone", "withdrawn", "answered_elsewhere", "worker_lost", "wait_over")
HANGUPS = {
    "waiting": "caller_hangup",
    "offered": "caller_hangup_ringing",
    "connecting": "caller_hangup_connecting",
}
BUSY = ("offered", "connecting", "talking")
IN_LINE = tuple(HANGUPS)

Logged = tuple[str, str, int, dict[str, Any]]
"""Owner (call or agent), kind, at, the other fields."""


@dataclass
class Rules:
    """Settings of one queue, seconds."""

    ring_s: int = 20
    cooldown_s: int = 5
    wrapup_s: int = 0
    max_waiting: int | None = None
    callers_per_agent: float | None = None
    refuse_if: tuple[str, ...] = ()
    leave_if: tuple[str, ...] = ()


@dataclass
class Caller:
    call: str
    since_at: int
    arrived_at: int
    state: str = "flow"
    queue: str = ""
    score: float = 0.0
    joined_at: int = 0
    position0: int = 0
    agent: str = ""
    attempt: int = 0
    offered_at: int = 0
    bridged_at: int = 0
    answered: bool = False
    served: bool = False
    overflowed: bool = False
    left: str = ""
    errored: bool = False
    consult: str = ""
    """Whom the agent asks: offered (rung), talking; empty: nobody."""
    asked: str = ""
    """The agent whom he asks; empty: a number outside."""
    asked_attempt: int = 0
    asked_at: int = 0
    attempts: int = 0
    avoid: list[str] = field(default_factory=list)
    holds: dict[str, int] = field(default_factory=dict)
    held_until: int = 0
    held: list[tuple[int, int]] = field(default_factory=list)
    wait_ms: int = 0
    held_ms: int = 0
    talk_ms: int = 0


@dataclass
class Person:
    agent: str
    device: str
    queues: tuple[str, ...]
    wrapup_s: int | None = None
    state: str = "offline"
    reason: str = ""
    ready_since_at: int = 0
    call: str = ""
    due_at: int = 0
    wish: str = ""

    @property
    def group(self) -> str:
        """The word that rules of doors have for his state."""
        if (self.state, self.reason) == ("paused", "cooldown"):
            return "ringing"
        return {"offered": "ringing", "connecting": "ringing"}.get(self.state, self.state)


class Reference:
    """One site. Each public method is one script; `log` is what the scripts must have written."""

    def __init__(self, now: int, queues: dict[str, Rules], people: list[Person]) -> None:
        self.now = now
        self.queues = queues
        self.people = {person.agent: person for person in people}
        self.callers: dict[str, Caller] = {}
        self.unreachable: set[str] = set()
        self.log: list[Logged] = []
        self._joins: tuple[int, int] = (0, 0)
        self._freed: list[Person] = []

    # Views

    def line(self, queue: str) -> list[Caller]:
        inside = [c for c in self.callers.values() if c.queue == queue and c.state in IN_LINE]
        return sorted(inside, key=lambda c: (c.score, c.call))

    def waiting(self, queue: str) -> list[Caller]:
        return [c for c in self.line(queue) if c.state == "waiting"]

    def idle(self, queue: str) -> list[Person]:
        ready = [p for p in self.people.values() if p.state == "ready" and queue in p.queues]
        return sorted(ready, key=lambda p: (p.ready_since_at, p.agent))

    def next_due(self) -> int:
        return min((p.due_at for p in self.people.values() if p.due_at), default=0)

    # A call

    def arrive(self, call: str, at: int = 0) -> None:
        at = self._at(at)
        self.callers[call] = Caller(call, at, at)
        self._say(call, "arrived", at)

    def note(self, call: str, kind: str, at: int) -> None:
        self.callers[call].answered |= kind == "answered"
        self._say(call, kind, at)

    def checkpoint(self, call: str) -> None:
        """A new step begins: how the last wait ended is no longer what ends the call."""
        self.callers[call].left = ""

    def join(
        self,
        call: str,
        queue: str,
        head_start_s: int,
        at: int = 0,
        ways: tuple[str, ...] = (),
        closed: bool = False,
    ) -> str:
        """Empty, or why the door stayed shut."""
        c = self.callers[call]
        if c.state != "flow":
            return ""
        at = self._within(c, at)
        ahead = len(self.line(queue))
        reason = self.objection(queue, self.queues[queue].refuse_if, ahead, ways)
        if "closed" in ways and closed:
            reason = "closed"
        if reason:
            c.left, c.since_at = reason, at
            self._say(call, "queue_refused", at, queue=queue, reason=reason)
            return reason
        last, n = self._joins
        self._joins = (at, n + 1 if last == at else 0)
        c.score = at + self._joins[1] / 1024 - 1000 * head_start_s
        c.state, c.queue, c.joined_at, c.since_at = "waiting", queue, at, at
        c.position0 = [o.call for o in self.line(queue)].index(call) + 1
        fields = {"queue": queue, "position": c.position0, "score": c.score, "head_start_s": head_start_s}
        self._say(call, "joined", at, **fields)
        self._say(call, "hold_started", at, by="queue")
        self._match_call(c)
        return ""

    def exit(self, call: str, ways: tuple[str, ...]) -> str:
        """Why he has to leave, and has; empty: he stays."""
        c = self.callers[call]
        if c.state != "waiting":
            return ""
        ahead = self.line(c.queue).index(c)
        reason = self.objection(c.queue, self.queues[c.queue].leave_if, ahead, ways)
        if reason:
            self._leave_line(c, {"full": "overflow"}.get(reason, reason), self._within(c, 0))
        return reason

    def doors(self) -> dict[str, tuple[str, set[str]]]:
        """Queue → why some have to leave, and who; nobody named: everybody."""
        found: dict[str, tuple[str, set[str]]] = {}
        for queue, rules in self.queues.items():
            line = self.line(queue)
            reasons = [self.objection(queue, rules.leave_if, ahead) for ahead in range(len(line))]
            if any(reasons):
                whom = {c.call for c, reason in zip(line, reasons, strict=True) if reason == reasons[-1]}
                found[queue] = (reasons[-1], set() if reasons[-1] == "no_agents" else whom)
        return found

    def objection(
        self,
        queue: str,
        absent: tuple[str, ...],
        ahead: int,
        ways: tuple[str, ...] = ("no_agents", "full", "ratio"),
    ) -> str:
        """Why nobody may be there with so many ahead of him; empty: he may."""
        rules, staff = self.queues[queue], self.staff(queue)
        at_work = sum(group in ("ready", "ringing", "talking", "wrapup") for group in staff)
        if "no_agents" in ways and absent and all(group in absent for group in staff):
            return "no_agents"
        if "full" in ways and rules.max_waiting is not None and ahead >= rules.max_waiting:
            return "full"
        ratio = rules.callers_per_agent
        return "ratio" if "ratio" in ways and ratio is not None and ahead + 1 > ratio * at_work else ""

    def staff(self, queue: str) -> list[str]:
        """The group of states of each of the queue's agents."""
        return [p.group for p in self.people.values() if queue in p.queues]

    def settle(self, call: str, agent: str, attempt: int) -> bool:
        c = self.callers[call]
        if (c.state, c.agent, c.attempt) != ("offered", agent, attempt):
            return False
        c.state = "connecting"
        self._to(self.people[agent], "connecting", "", c)
        return True

    def connected(self, call: str, agent: str, attempt: int, at: int = 0) -> bool:
        c = self.callers[call]
        if (c.state, c.agent, c.attempt) != ("connecting", agent, attempt):
            return False
        at = self._within(c, at)
        self._leave_line(c, "answered", at)
        c.state, c.bridged_at, c.served, c.held = "talking", at, True, []
        self._say(call, "bridged", at, agent=agent)
        self._to(self.people[agent], "talking", "", c)
        return True

    def decline(self, call: str, agent: str, attempt: int, reason: str, at: int = 0) -> bool:
        c = self.callers[call]
        if c.state not in ("offered", "connecting") or (c.agent, c.attempt) != (agent, attempt):
            return False
        self._close_offer(c, reason, self._within(c, at))
        c.state = "waiting"
        if reason not in UNPENALISED:
            c.avoid = [agent, *(a for a in c.avoid if a != agent)][:16]
        self._match_freed()
        self._match_call(c)
        return True

    def leave(self, call: str, reason: str, at: int = 0) -> bool:
        c = self.callers[call]
        if c.state not in IN_LINE:
            return False
        at = self._within(c, at)
        if c.state != "waiting":
            self._close_offer(c, "withdrawn", at)
        self._leave_line(c, reason, at)
        self._match_freed()
        return True

    def hold(self, call: str, by: str, started: bool, at: int = 0) -> bool:
        c = self.callers[call]
        at = self._within(c, at)
        if started and by not in c.holds and (by == "caller" or c.state == "talking"):
            c.holds[by] = at
            self._say(call, "hold_started", at, by=by)
            return True
        if not started and by in c.holds:
            self._close_hold(c, by, at)
            return True
        return False

    def unbridged(self, call: str, ended_by: str, at: int = 0) -> bool:
        c = self.callers[call]
        if c.state != "talking":
            return False
        self._close_talk(c, ended_by, self._within(c, at))
        self._match_freed()
        return True

    def ended(self, call: str, ended_by: str, verdict: str = "", at: int = 0) -> str:
        c = self.callers[call]
        at = self._within(c, at)
        if c.state in IN_LINE:
            hung_up = ended_by == "caller" and not verdict
            reason = HANGUPS[c.state] if hung_up else "system_error"
            if c.state != "waiting":
                self._close_offer(c, "caller_gone", at)
            self._close_hold(c, "caller", at)
            self._leave_line(c, reason, at)
        elif c.state == "talking":
            self._close_hold(c, "agent", at)
            self._close_hold(c, "caller", at)
            self._close_talk(c, ended_by, at)
        self._close_hold(c, "caller", at)
        verdict = verdict or self._verdict(c, ended_by)
        lifetime = at - c.arrived_at
        spans = {"wait_ms": c.wait_ms, "held_ms": c.held_ms, "talk_ms": c.talk_ms}
        flow_ms = lifetime - sum(spans.values())
        words = {"verdict": verdict, "ended_by": ended_by}
        self._say(call, "ended", at, **words, lifetime_ms=lifetime, flow_ms=flow_ms, **spans)
        c.state = "ended"
        self._match_freed()
        return verdict

    # Agents

    def agent(self, agent: str, action: str, reason: str = "") -> None:
        p = self.people[agent]
        if action == "ready":
            if p.state == "ready":
                return
            p.wish = ""
            if p.state not in BUSY:
                self._release(p, None)
        elif p.state in BUSY:
            p.wish = "offline" if action == "offline" else f"paused:{reason}"
        else:
            self._to(p, "offline" if action == "offline" else "paused", reason, None)
        self._match_freed()

    def reach(self, device: str, reachable: bool) -> None:
        (self.unreachable.discard if reachable else self.unreachable.add)(device)
        for p in self.people.values():
            if p.device == device and not reachable and p.state == "ready":
                self._to(p, "unreachable", "", None)
            elif p.device == device and reachable and p.state == "unreachable":
                self._release(p, None)
        self._match_freed()

    def due(self) -> None:
        over = [p for p in self.people.values() if p.due_at and p.due_at <= self.now]
        for p in sorted(over, key=lambda p: (p.due_at, f"agent:{p.agent}")):
            p.due_at = 0
            self._release(p, None)
        self._match_freed()

    # Parts

    def _at(self, at: int) -> int:
        return self.now if at <= 0 or at > self.now else at

    def _within(self, c: Caller, at: int) -> int:
        asked_at = c.asked_at if c.consult else 0
        return max(self._at(at), c.since_at, c.held_until, asked_at, *c.holds.values())

    def _say(self, owner: str, kind: str, at: int, **fields: Any) -> None:
        self.log.append((owner, kind, at, fields))

    def _to(self, p: Person, state: str, reason: str, c: Caller | None) -> None:
        if (p.state, p.reason) == (state, reason):
            return
        fields = {"from": p.state, "to": state, "reason": reason}
        fields |= {"call": c.call, "queue": c.queue} if c else {"call": "", "queue": ""}
        p.state, p.reason, p.due_at = state, reason, 0
        p.call = c.call if c and state in BUSY else ""
        if state == "ready":
            self._freed.append(p)
        self._say(p.agent, "agent_state", self.now, **fields)

    def _release(self, p: Person, since: int | None, c: Caller | None = None) -> None:
        wish, p.wish = p.wish, ""
        if wish == "offline":
            self._to(p, "offline", "", c)
        elif wish:
            self._to(p, "paused", wish.removeprefix("paused:"), c)
        elif p.device in self.unreachable:
            self._to(p, "unreachable", "", c)
        else:
            p.ready_since_at = self.now if since is None else since
            self._to(p, "ready", "", c)

    def _rest(self, p: Person, state: str, reason: str, seconds: int, c: Caller) -> None:
        if p.wish:
            self._release(p, None, c)
        else:
            self._to(p, state, reason, c)
            p.due_at = self.now + 1000 * seconds

    def _match_freed(self) -> None:
        freed, self._freed = self._freed, []
        for p in freed:
            callers = [c for queue in p.queues for c in self.waiting(queue)]
            if p.state == "ready" and callers:
                self._offer(min(callers, key=lambda c: (c.score, c.call)), p)

    def _match_call(self, c: Caller) -> None:
        self._freed = []
        idle = self.idle(c.queue)
        if c.state == "waiting" and idle:
            self._offer(c, next((p for p in idle if p.agent not in c.avoid), idle[0]))

    def _offer(self, c: Caller, p: Person) -> None:
        c.attempts = max(c.attempt, c.attempts) + 1
        c.state, c.agent, c.attempt, c.offered_at = "offered", p.agent, c.attempts, self.now
        lease_ms = 1000 * self.queues[c.queue].ring_s
        self._say(c.call, "offered", self.now, agent=p.agent, attempt=c.attempt, lease_ms=lease_ms)
        self._to(p, "offered", "", c)

    def _close_offer(self, c: Caller, reason: str, at: int) -> None:
        p = self.people[c.agent]
        at = max(at, c.offered_at)
        ring_ms = at - c.offered_at
        self._say(c.call, "declined", at, agent=p.agent, attempt=c.attempt, reason=reason, ring_ms=ring_ms)
        c.agent = ""
        self._rest_after(p, reason, c)

    def _rest_after(self, p: Person, reason: str, c: Caller) -> None:
        if reason in UNPENALISED:
            self._release(p, p.ready_since_at, c)
        elif reason == "unreachable":
            self._rest(p, "unreachable", "", self.queues[c.queue].cooldown_s, c)
        else:
            self._rest(p, "paused", "cooldown", self.queues[c.queue].cooldown_s, c)

    def _leave_line(self, c: Caller, reason: str, at: int) -> None:
        waited = at - c.joined_at
        position = [o.call for o in self.line(c.queue)].index(c.call) + 1 if c.state in IN_LINE else 1
        self._say(c.call, "hold_ended", at, by="queue", held_ms=waited)
        fields = {"queue": c.queue, "reason": reason, "waited_ms": waited}
        self._say(c.call, "queue_left", at, **fields, position=position, original_position=c.position0)
        c.wait_ms += waited
        c.since_at, c.state, c.left, c.avoid = at, "flow", reason, []
        c.errored |= reason == "system_error"
        c.overflowed |= reason not in ("answered", "system_error", *HANGUPS.values())

    def _close_hold(self, c: Caller, by: str, at: int) -> None:
        if by in c.holds:
            began = c.holds.pop(by)
            c.held.append((began, at))
            c.held_until = at
            self._say(c.call, "hold_ended", at, by=by, held_ms=at - began)

    def _close_talk(self, c: Caller, ended_by: str, at: int) -> None:
        self._close_hold(c, "agent", at)
        spans = [*c.held, *((began, at) for began in c.holds.values())]
        held = union_ms([(max(a, c.bridged_at), min(b, at)) for a, b in spans])
        talk = at - c.bridged_at - held
        p = self.people[c.agent]
        self._say(c.call, "unbridged", at, agent=p.agent, talk_ms=talk, held_ms=held, ended_by=ended_by)
        c.talk_ms += talk
        c.held_ms += held
        c.since_at, c.state, c.agent = at, "flow", ""
        wrapup_s = self.queues[c.queue].wrapup_s if p.wrapup_s is None else p.wrapup_s
        if wrapup_s:
            self._rest(p, "wrapup", "", wrapup_s, c)
        else:
            self._release(p, None, c)

    def _verdict(self, c: Caller, ended_by: str) -> str:
        if not c.answered and ended_by != "caller":
            return "rejected"
        if c.served:
            return "completed"
        if c.errored:
            return "failed"
        if c.overflowed:
            return "overflowed"
        if "hangup" in c.left:
            return "abandoned"
        return "ivr_exit" if ended_by == "caller" else "self_served"


def union_ms(spans: list[tuple[int, int]]) -> int:
    """Time covered by at least one of the spans."""
    total, end = 0, 0
    for begin, finish in sorted(spans):
        total += max(0, finish - max(begin, end))
        end = max(end, finish)
    return total
