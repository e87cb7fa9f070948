"""The rules of agents once more, in plain Python: states, rests, phones; and what is kept of callers."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.queues.routing import Ladder, Rules, Serves

UNPENALISED = ("caller_gone", "withdrawn", "answered_elsewhere", "worker_lost", "wait_over")
HANGUPS = {
    "waiting": "caller_hangup",
    "offered": "caller_hangup_ringing",
    "connecting": "caller_hangup_connecting",
}
BUSY = ("offered", "connecting", "talking")

Logged = tuple[str, str, int, dict[str, Any]]
"""Owner (call or agent), kind, at, the other fields."""


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
    asked_by_line: bool = False
    """By a second call of the agent's telephone."""
    asked_at: int = 0
    attempts: int = 0
    avoid: list[str] = field(default_factory=list)
    holds: dict[str, int] = field(default_factory=dict)
    held_until: int = 0
    held: list[tuple[int, int]] = field(default_factory=list)
    starts: dict[str, float] = field(default_factory=dict)
    ladder: Ladder = ()
    prefer: str = ""
    prefer_until: int = 0
    rung: dict[tuple[str, int], int] = field(default_factory=dict)
    """Open offers: agent and attempt → when they were made."""
    ringing_at: int = 0
    """Since when somebody's phone rings, if several may."""
    ring_at: int = 0
    """When one more may."""
    lane: tuple[str, int] | None = None
    """Need and highest tier by which he is matched; None: he is not."""
    stage_at: int = 0
    wait_ms: int = 0
    held_ms: int = 0
    talk_ms: int = 0

    @property
    def offers(self) -> list[tuple[str, int]]:
        return list(self.rung)


@dataclass
class Person:
    agent: str
    device: str
    queues: tuple[str, ...]
    wrapup_s: int | None = None
    wrapup: dict[str, int] = field(default_factory=dict)
    state: str = "offline"
    reason: str = ""
    since_at: int = 0
    ready_since_at: int = 0
    call: str = ""
    due_at: int = 0
    wish: str = ""
    wish_by: str = ""
    misses: int = 0
    missed: str = ""
    last_queue: str = ""
    code_call: str = ""
    code_due: bool = False
    wrapup_until: int = 0
    serves: Mapping[str, Serves] = field(default_factory=dict)
    skills: Mapping[str, int] = field(default_factory=dict)
    shift_calls: int = 0
    shift_talk_ms: int = 0
    turn_at: int = 0
    leg: str = ""
    """The channel of his leg that stays."""
    leg_lost: str = ""
    """Why he has none any more; empty: he had none."""

    def post(self, queue: str) -> Serves:
        return self.serves.get(queue, Serves())

    def meets(self, need: str) -> bool:
        """Needs are written so that Python reads them as we do."""
        return not need or bool(eval(need, {"__builtins__": {}}, defaultdict(int, self.skills)))  # noqa: S307  (our own)

    @property
    def must_speak(self) -> bool:
        """He is kept until he has said what the call was about."""
        return self.state == "wrapup" and self.code_due


class People:
    """The agents' part of `Reference`."""

    now: int
    queues: dict[str, Rules]
    people: dict[str, Person]
    log: list[Logged]

    def __init__(self) -> None:
        self.unreachable: set[str] = set()
        self.in_use: set[str] = set()
        self.last: dict[str, str] = {}
        """Queue → whom a caller talked to last: they all have the same number."""
        self._freed: list[Person] = []

    def _match_freed(self) -> None:
        raise NotImplementedError

    if TYPE_CHECKING:  # elsewhere in the reference

        def _is_away(self, p: Person | None) -> bool: ...

        def _leave(self, p: Person) -> None: ...

    def _say(self, owner: str, kind: str, at: int, **fields: Any) -> None:
        self.log.append((owner, kind, at, fields))

    def agent(self, agent: str, action: str, what: str = "", by: str = "") -> str:
        """Why not, or nothing."""
        p = self.people[agent]
        refused = self._act(p, action, what, by)
        self._match_freed()
        return refused

    def _act(self, p: Person, action: str, what: str, by: str) -> str:
        if action == "extend":
            return self._extend(p, int(what) if what else None)
        if action == "disposition":
            return self._disposition(p, what)
        if p.wish_by and not by:
            return "a supervisor has decided"
        if action in ("ready", "nail"):
            if p.must_speak and not by:
                return "a disposition is due"
            if action == "nail":
                p.leg = what
            p.misses, p.wish, p.wish_by, p.leg_lost = 0, "", "", ""
            if p.state not in BUSY and p.state != self._allowed(p)[0]:
                self._release(p, None, by=by)
        elif p.state in BUSY or (p.must_speak and not by):
            p.wish, p.wish_by = "offline" if action == "offline" else f"paused:{what}", by
        else:
            p.wish = p.wish_by = ""
            off = action == "offline"
            self._to(p, "offline" if off else "paused", "logged_out" if off else what, None, by)
        return ""

    def _extend(self, p: Person, seconds: int | None) -> str:
        if p.state != "wrapup":
            return "nothing to extend"
        rules = self.queues[p.last_queue]
        more = 1000 * (rules.wrapup_extend_s if seconds is None else seconds)
        until = min(p.due_at + more, p.since_at + 1000 * rules.wrapup_max_s)
        if until <= p.due_at:
            return "nothing to extend"
        p.due_at = p.wrapup_until = until
        return ""

    def _disposition(self, p: Person, said: str) -> str:
        if not p.code_call or p.state not in ("talking", "wrapup"):
            return "nothing to say"
        codes = self.queues[p.last_queue].dispositions
        name = codes.get(said, said)
        if name not in codes.values():
            return "no such disposition"
        due = p.must_speak
        self._say_disposition(p, name)
        if due and (self.now >= p.wrapup_until or p.wish):
            self._release(p, None)
        return ""

    def _say_disposition(self, p: Person, code: str) -> None:
        fields = {"call": p.code_call, "queue": p.last_queue, "code": code}
        self._say(p.agent, "disposition", self.now, **fields)
        p.code_due = False

    def reach(self, device: str, reachable: bool, in_use: bool = False) -> None:
        (self.unreachable.discard if reachable else self.unreachable.add)(device)
        (self.in_use.add if in_use else self.in_use.discard)(device)
        for p in self.people.values():
            if p.device == device:
                self._know_phone(p)
        self._match_freed()

    def _know_phone(self, p: Person) -> None:
        mistaken = p.missed == "busy" and p.reason in ("cooldown", "auto:busy")
        lately = self.now - p.since_at <= 3000
        if p.device in self.in_use and p.state == "paused" and mistaken and lately:
            p.misses, p.missed = max(p.misses - 1, 0), ""
        elif p.state not in ("ready", "unreachable", "busy_private"):
            return
        if p.state != self._allowed(p)[0]:
            self._release(p, None)

    def leg_gone(self, p: Person, why: str) -> None:
        p.leg, p.leg_lost = "", why
        if p.state not in (*BUSY, "wrapup", "offline"):
            self._to(p, "offline", why, None)
        self._match_freed()

    def _allowed(self, p: Person) -> tuple[str, str]:
        if p.leg_lost:
            return "offline", p.leg_lost
        if not p.leg and p.device in self.unreachable:
            return "unreachable", "phone"
        return ("busy_private", "") if p.device in self.in_use else ("ready", "")

    def _rest_over(self, p: Person) -> None:
        p.due_at = 0
        limit = p.since_at + 1000 * self.queues[p.last_queue].disposition_limit_s if p.must_speak else 0
        if limit > self.now:
            p.due_at = limit
        else:
            self._release(p, None)

    # Changes

    def _to(self, p: Person, state: str, reason: str, c: Caller | None, by: str = "") -> None:
        if p.state == state and (state != "paused" or p.reason == reason):
            return
        if p.code_due and state not in ("talking", "wrapup"):
            self._say_disposition(p, "")
        fields = {"from": p.state, "to": state, "reason": reason, "by": by}
        fields |= {"call": c.call, "queue": c.queue} if c else {"call": "", "queue": ""}
        p.code_call = "" if state == "offered" else p.code_call
        p.state, p.reason, p.due_at, p.since_at = state, reason, 0, self.now
        p.call = c.call if c and state in BUSY else ""
        if self._is_away(p):
            self._leave(p)
        if fields["from"] == "offline":
            p.shift_calls = p.shift_talk_ms = 0
        if state == "ready":
            self._freed.append(p)
        self._say(p.agent, "agent_state", self.now, **fields)
        if state == "offline":
            p.wish = p.wish_by = p.leg = p.leg_lost = ""

    def _release(self, p: Person, since: int | None, c: Caller | None = None, by: str = "") -> None:
        if p.wish:
            wish, by, p.wish, p.wish_by = p.wish, p.wish_by, "", ""
            off = wish == "offline"
            reason = "logged_out" if off else wish.removeprefix("paused:")
            self._to(p, "offline" if off else "paused", reason, c, by)
            return
        state, reason = self._allowed(p)
        if state == "ready":
            p.ready_since_at = self.now if since is None else since
        self._to(p, state, reason, c, by)

    def _rest(self, p: Person, state: str, reason: str, seconds: int, c: Caller) -> None:
        if p.wish:
            self._release(p, None, c)
        else:
            self._to(p, state, reason, c)
            p.due_at = self.now + 1000 * seconds

    def _missed(self, p: Person, reason: str, c: Caller) -> None:
        rules = self.queues[c.queue]
        p.turn_at = self.now
        if p.leg_lost:
            self._release(p, None, c)
            return
        p.misses, p.missed = p.misses + 1, reason
        if rules.pause_after and p.misses >= rules.pause_after and not p.wish:
            self._to(p, "paused", f"auto:{reason}", c)
            return
        own = {"busy": rules.after_busy_s, "unreachable": rules.after_unreachable_s}.get(reason)
        seconds = rules.cooldown_s if own is None else own
        unreachable = reason == "unreachable"
        state = ("unreachable", "refused") if unreachable else ("paused", "cooldown")
        self._rest(p, *state, seconds, c)

    def _talk_begins(self, p: Person, c: Caller) -> None:
        rules = self.queues[c.queue]
        p.misses, p.last_queue = 0, c.queue
        if rules.last_agent_s:
            self.last[c.queue] = p.agent
        p.code_call = c.call if rules.dispositions else ""
        p.code_due = rules.disposition_required

    def _wrap_up(self, p: Person, c: Caller) -> None:
        rules = self.queues[c.queue]
        seconds = p.wrapup.get(c.queue, rules.wrapup_s if p.wrapup_s is None else p.wrapup_s)
        if not p.code_due and (not seconds or p.wish):
            self._release(p, None, c)
            return
        self._to(p, "wrapup", "", c)
        p.wrapup_until = self.now + 1000 * seconds
        if not seconds or p.wish:
            seconds = rules.disposition_limit_s
        p.due_at = self.now + 1000 * seconds
