"""The queue rules once more, in plain Python: no Redis, no scripts. What the scripts must equal.

Everything is recomputed from the calls and agents themselves; nothing is kept in two places.
"""

from collections.abc import Mapping
from functools import partial
from operator import itemgetter

from tests.queues.reference_doors import Doors
from tests.queues.reference_people import BUSY, HANGUPS, UNPENALISED, Caller, Logged, People, Person
from tests.queues.routing import IN_LINE, REASONS, SEVERAL, Ladder, Routing, Rules, Serves, union_ms

__all__ = ["BUSY", "IN_LINE", "Caller", "Ladder", "Logged", "Person", "Reference", "Rules", "Serves"]

assert tuple(HANGUPS) == IN_LINE


class Reference(Doors, Routing, People):
    """One site. Each public method is one script; `log` is what the scripts must have written."""

    def __init__(self, now: int, queues: dict[str, Rules], people: list[Person]) -> None:
        super().__init__()
        self.now = now
        self.queues = queues
        self.people = {person.agent: person for person in people}
        self.callers: dict[str, Caller] = {}
        self.log: list[Logged] = []
        self._joins: tuple[int, int] = (0, 0)
        self._moved_on = []

    # Views

    def next_due(self) -> int:
        dues = [p.due_at for p in self.people.values()]
        dues += [due for c in self.callers.values() for due in (c.stage_at, c.ring_at)]
        return min((due for due in dues if due), default=0)

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
        starts: Mapping[str, float],
        at: int = 0,
        ladder: Ladder = (),
        ways: tuple[str, ...] = (),
        closed: bool = False,
        prefer: tuple[str, int] = ("", 0),
    ) -> str:
        """Empty, or why the door stayed shut."""
        c = self.callers[call]
        if c.state != "flow":
            return ""
        at = self._within(c, at)
        if reason := self.refused(c, queue, at, ways, closed):
            return reason
        last = self.people.get(self.last.get(queue, ""))
        if not prefer[0] and self.queues[queue].last_agent_s and last and queue in last.queues:
            prefer = (last.agent, self.queues[queue].last_agent_s)
        c.prefer, c.prefer_until = prefer[0], self.now + 1000 * prefer[1]
        self._enter(c, queue, starts, at, ladder)
        self._match_call(c)
        return ""

    def _enter(self, c: Caller, queue: str, starts: Mapping[str, float], at: int, ladder: Ladder) -> None:
        last, n = self._joins
        self._joins = (at, n + 1 if last == at else 0)
        own = {"weight": self.queues[queue].weight_s, "credit": c.wait_ms / 1000}
        c.starts = {reason: s for reason, s in {**starts, **own}.items() if s}
        head_start_s = sum(c.starts.get(reason, 0) for reason in REASONS)
        c.score = at + self._joins[1] / 1024 - 1000 * head_start_s
        c.ladder = ladder
        c.state, c.queue, c.joined_at, c.since_at = "waiting", queue, at, at
        c.position0 = self.position(c)
        fields = {"queue": queue, "position": c.position0, "score": c.score, "head_start_s": head_start_s}
        needs = self._stage(c)[0][0]
        self._say(c.call, "joined", at, **fields, head_starts=dict(c.starts) or "", needs=needs)
        self._say(c.call, "hold_started", at, by="queue")
        self._into_lane(c)

    def settle(self, call: str, agent: str, attempt: int) -> bool:
        c, p = self.callers[call], self.people[agent]
        if c.state != "offered" or (agent, attempt) not in c.offers:
            return False
        offered_at = c.rung[(agent, attempt)]
        for other in [one for one in c.offers if one[0] != agent]:
            self._close_one(c, *other, "answered_elsewhere", self._within(c, 0))
        c.state, c.lane, c.ringing_at, c.ring_at, c.offered_at = "connecting", None, 0, 0, offered_at
        p.turn_at = self.now
        self._to(p, "connecting", "", c)
        self._match_freed()
        return True

    def connected(self, call: str, agent: str, attempt: int, at: int = 0) -> bool:
        c = self.callers[call]
        if (c.state, c.agent, c.attempt) != ("connecting", agent, attempt):
            return False
        at = self._within(c, at)
        overtook = self._overtake(c, self.people[agent], at)
        self._leave_line(c, "answered", at)
        c.state, c.bridged_at, c.served, c.held = "talking", at, True, []
        self._say(call, "bridged", at, agent=agent, overtook=overtook or "")
        self._talk_begins(self.people[agent], c)
        self.people[agent].shift_calls += 1
        self._to(self.people[agent], "talking", "", c)
        return True

    def decline(self, call: str, agent: str, attempt: int, reason: str, at: int = 0) -> bool:
        c = self.callers[call]
        if c.state not in ("offered", "connecting") or (agent, attempt) not in c.offers:
            return False
        self._close_one(c, agent, attempt, reason, self._within(c, at))
        if not c.rung:
            c.state, c.ringing_at, c.ring_at = "waiting", 0, 0
        if reason not in UNPENALISED:
            c.avoid = [agent, *(a for a in c.avoid if a != agent)][:16]
            c.prefer = "" if c.prefer == agent else c.prefer
        if self._wanted(c) > 0:
            self._into_lane(c)
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
            self._step_aside(c)
            return True
        if not started and by in c.holds:
            self._close_hold(c, by, at)
            if self._wanted(c) > 0:
                self._into_lane(c)
                self._match_call(c)
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

    def due(self) -> None:
        """One agent, or three of the other things that are due; those that were due first."""
        dues = [(p.due_at, f"agent:{p.agent}", partial(self._rest_over, p)) for p in self.people.values()]
        for c in self.callers.values():
            dues.append((c.stage_at, f"stage:{c.call}", partial(self._next_stage, c)))
            dues.append((c.ring_at, f"ring:{c.call}", partial(self._one_more, c)))
        spent = 0
        for _, name, arrived in sorted((due for due in dues if 0 < due[0] <= self.now), key=itemgetter(0, 1)):
            cost = 3 if name.startswith("agent:") else 1
            if spent and spent + cost > 3:
                break
            spent += cost
            arrived()
        self._match_freed()

    def _next_stage(self, c: Caller) -> None:
        c.stage_at = 0
        if c.lane is not None:
            self._into_lane(c)
            self._moved_on.append(c)

    def _one_more(self, c: Caller) -> None:
        c.ring_at = 0
        self._ring_more(c)
        if self._wanted(c) > 0:
            self._into_lane(c)
            self._moved_on.append(c)

    # Parts

    def _at(self, at: int) -> int:
        return self.now if at <= 0 or at > self.now else at

    def _within(self, c: Caller, at: int) -> int:
        asked_at = c.asked_at if c.consult else 0
        return max(self._at(at), c.since_at, c.held_until, asked_at, *c.holds.values())

    def _offer(self, c: Caller, p: Person) -> None:
        c.attempts = max(c.attempt, c.attempts) + 1
        c.state, c.agent, c.attempt, c.offered_at = "offered", p.agent, c.attempts, self.now
        c.rung[(p.agent, c.attempts)] = self.now
        if not c.ringing_at and self.queues[c.queue].strategy in SEVERAL:
            c.ringing_at = self.now
            self._ring_more(c)
        if self._wanted(c) <= 0:
            c.lane = None
        lease_ms = 1000 * self.queues[c.queue].ring_s
        why = "preferred" if c.prefer else self.queues[c.queue].strategy
        self._say(c.call, "offered", self.now, agent=p.agent, attempt=c.attempt, lease_ms=lease_ms, why=why)
        self._to(p, "offered", "", c)

    def _close_offer(self, c: Caller, reason: str, at: int) -> None:
        for agent, attempt in c.offers:
            self._close_one(c, agent, attempt, reason, at)
        c.ringing_at = c.ring_at = 0

    def _close_one(self, c: Caller, agent: str, attempt: int, reason: str, at: int) -> None:
        p, offered_at = self.people[agent], c.rung.pop((agent, attempt))
        at = max(at, offered_at)
        ring_ms = at - offered_at
        self._say(c.call, "declined", at, agent=agent, attempt=attempt, reason=reason, ring_ms=ring_ms)
        c.agent = c.offers[-1][0] if c.rung else ""
        c.attempt = c.offers[-1][1] if c.rung else c.attempt
        self._rest_after(p, reason, c)

    def _rest_after(self, p: Person, reason: str, c: Caller) -> None:
        if reason in UNPENALISED:
            self._release(p, p.ready_since_at, c)
        else:
            self._missed(p, reason, c)

    def _leave_line(self, c: Caller, reason: str, at: int) -> None:
        waited = at - c.joined_at
        position = [o.call for o in self.line(c.queue)].index(c.call) + 1 if c.state in IN_LINE else 1
        self._say(c.call, "hold_ended", at, by="queue", held_ms=waited)
        fields = {"queue": c.queue, "reason": reason, "waited_ms": waited}
        self._say(c.call, "queue_left", at, **fields, position=position, original_position=c.position0)
        c.wait_ms += waited
        c.rung, c.prefer = {}, ""
        c.since_at, c.state, c.left, c.avoid = at, "flow", reason, []
        c.lane, c.stage_at = None, 0
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
        p.shift_talk_ms += talk
        c.held_ms += held
        c.since_at, c.state, c.agent = at, "flow", ""
        self._wrap_up(p, c)

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
