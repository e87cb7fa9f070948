"""A caller's way through a made-up contact centre, written as he goes: the flow, the queues, the end."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.figures.stream import HOUR, Agent, Fields, Stream

QUEUES = ("sales", "sales", "sales", "support", "billing")
PRECISE_MS = (4999, 5000, 5001, 19_999, 20_000, 20_001, 0, 1, 10_000, 30_000)
"""Waits on either side of what thresholds usually are."""

FLOWED = (
    ("exit_key", 4),
    ("timeout", 4),
    ("closed", 1),
    ("no_agents", 1),
    ("estimated_wait", 1),
    ("ratio", 1),
    ("overflow", 2),
    ("escalated", 3),
    ("partner", 1),
    ("callback_accepted", 1),
    ("transferred", 2),
    ("withdrawn", 1),
)
NOT_HIS_FAULT = ("caller_gone", "withdrawn", "worker_lost", "wait_over", "answered_elsewhere")
DECLINED = (
    "no_answer",
    "no_answer",
    "busy",
    "rejected",
    "unreachable",
    "not_confirmed",
    "withdrawn",
    "worker_lost",
)
HANGUPS = {
    "gives up": "caller_hangup",
    "rung": "caller_hangup_ringing",
    "connecting": "caller_hangup_connecting",
}


@dataclass
class Wait:
    """A caller was in a queue; kept so that it can be told who was overtaken. Times of writing, ms."""

    call: str
    queue: str
    joined_at: int
    left_at: int = 0
    bridged: Fields | None = None


@dataclass
class Centre:
    """What callers share."""

    stream: Stream
    rng: Random
    agents: list[Agent]
    numbers: list[str]
    changed_at: int
    """From then on new calls follow the second version of the flows."""
    waits: list[Wait] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    """When calls were taken over from a worker that had died."""


class Caller:
    """One call, from `arrived` to `ended`. `now`: the instant at which he is."""

    def __init__(self, centre: Centre, call: str, at: int, number: str) -> None:
        self.centre, self.rng, self.call, self.number = centre, centre.rng, call, number
        self.began_at = self.now = at
        self.logged_at = 0
        self.bounds: Fields = {}
        self.wait_ms = self.held_ms = self.talk_ms = self.attempt = 0
        self.answered = self.bridged = self.outside = self.gone = False
        self.left: list[str] = []
        self.holding: dict[str, int] = {}
        self.rung: dict[str, tuple[int, int]] = {}
        self.queue, self.verdict, self.ended_by = "", "", "system"

    def write(self, kind: str, **fields: Any) -> Fields:
        said = {**self.bounds, **fields}
        return self.centre.stream.write(self.now, kind, self.call, self.logged_at, **said)

    def later(self, low: int, high: int) -> None:
        self.now += self.rng.randint(low, high)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # Faults

    def crash(self) -> None:
        """His worker dies: until `recovered` what happens is worked out later, by the one that takes over."""
        if self.bounds:
            return
        gap = self.rng.randint(300, 30_000)
        self.logged_at = max(self.logged_at, self.now + gap)
        self.bounds = {"source": "inferred", "not_before": self.now - 200, "not_after": self.logged_at}
        self.centre.crashes.append(self.logged_at)

    def recovered(self) -> None:
        if self.bounds:
            self.now, self.bounds = max(self.now, self.logged_at), {}

    def journal(self) -> None:
        """Redis is away for a moment: what happens now is observed, but written later."""
        self.logged_at = max(self.logged_at, self.now + self.rng.randint(1, 3000))

    # Holds by a party

    def holds(self, by: str) -> None:
        if by in self.holding:
            self.write("hold_ended", by=by, held_ms=self.now - self.holding.pop(by))
        else:
            self.holding[by] = self.now
            self.write("hold_started", by=by)

    def unhold(self) -> None:
        for by in sorted(self.holding):
            self.holds(by)

    # In the flow

    def step(self, path: str, outcome: str, took_ms: int) -> None:
        flow = path.partition("/")[0]
        version = 1 if self.began_at < self.centre.changed_at else "2b"
        said = {"flow": flow, "version": version, "path": path, "outcome": outcome, "took_ms": took_ms}
        self.write("step", **said, changed={"name": "Ada"} if self.chance(0.1) else None)

    def menu(self) -> None:
        """What he hears before anything else; some do not want to hear more."""
        for path in ("main/welcome", "main/menu", "main/menu_2")[: self.rng.randint(0, 3)]:
            took = self.rng.randint(1, 8000)
            self.now += took
            if self.chance(0.1):
                self.journal()
            if self.chance(0.7):
                self.write("input", path=path, digits=str(self.rng.randint(0, 9)))
            self.step(path, self.rng.choice(("1", "2", "timeout")), took)
            self.gone = self.gone or self.chance(0.07)
            if self.gone:
                return
        if self.chance(0.3):
            self.write(
                "tagged",
                path="main/mark",
                topic=self.rng.choice(("", "bill", "move")),
                campaign=self.rng.choice(("", "", "spring")),
            )

    def sale(self) -> None:
        path, offer = "main/offer", self.rng.choice(("cover", "insurance"))
        self.write("offer_made", path=path, offer=offer)
        self.later(0, 6000)
        accepted = self.chance(0.4)
        if accepted:
            self.write("offer_accepted", path=path, offer=offer)
        if self.chance(0.9):
            self.step(path, "accepted" if accepted else "declined", self.rng.randint(0, 9000))

    def message(self) -> None:
        self.later(1000, 9000)
        kept = {"recording": f"{self.call}.wav", "length_ms": 900, "box": "office"}
        self.write("recorded", path="main/message", **kept)

    def survey(self) -> None:
        """Some questions; a question may be put twice, and answered twice."""
        for name, low, high in (("service", 1, 5), ("resolved", 1, 2), ("effort", 0, 10), ("mood", 1, 3)):
            if not self.chance(0.5):
                continue
            path = f"main/ask_{name}"
            for _ in range(self.rng.choice((1, 1, 2))):
                self.later(0, 3000)
                self.write("survey_offered", path=path, survey=name)
                if self.chance(0.6):
                    self.later(1, 3000)
                    score = self.rng.choice((self.rng.randint(low, high), high, high))
                    answer = {"score": score, "lowest": low, "highest": high}
                    self.write("survey_answered", path=path, survey=name, **answer)
            if self.chance(0.8):
                self.step(path, "done", 1000)

    def outside_call(self, by: str, how: str = "blind") -> None:
        """A talk with a number outside, or nobody takes it there."""
        to = "+4940123456"
        if self.chance(0.8):
            self.outside = True
            self.write("transferred", how=how, to=to, by=by)
            self.later(1000, 40_000)
        else:
            self.write("transfer_failed", reason=self.rng.choice(("busy", "no_answer", "failed")), to=to)

    def meanwhile(self) -> None:
        """What happens to somebody who waits."""
        for _ in range(self.rng.choice((0, 0, 1, 2, 3))):
            self.later(0, 2500)
            what = self.rng.randint(0, 3)
            if what == 0:
                wait = self.rng.choice((None, 30.0, 95.5))
                self.write(
                    "announced",
                    position=self.rng.choice((None, 1, 3)),
                    estimated_wait_s=wait,
                    estimator="head_of_line" if wait else "",
                    spoken=self.rng.choice(("", "about a minute")),
                )
            elif what == 1:
                self.step("main/waiting_menu", "stay", 900)
            elif what == 2:
                self.holds("caller")
            else:
                self.write(
                    "moved", queue=self.queue, reason="priority", by="supervisor", position=1, score=1.0
                )

    # The end

    def end(self) -> None:
        if self.verdict not in ("lost", "failed") and not self.bounds and not self.gone and self.answered:
            self.unhold()
            self.later(0, 30)
            self.gone = self.chance(0.3)
        if self.chance(0.04):
            self.crash()
        self.unhold()
        by = "caller" if self.gone else self.ended_by
        lifetime = self.now - self.began_at
        flow = lifetime - self.wait_ms - self.held_ms - self.talk_ms
        parts = {"flow_ms": flow, "wait_ms": self.wait_ms, "held_ms": self.held_ms, "talk_ms": self.talk_ms}
        self.write(
            "ended",
            verdict=self.verdict or self.what_it_was(),
            reason="caller-hangup",
            ended_by=by,
            cause=16,
            lifetime_ms=lifetime,
            **parts,
        )

    def what_it_was(self) -> str:
        """The first verdict that holds (docs/call-log.md)."""
        if not self.answered:
            return "rejected"
        if self.bridged:
            return "completed"
        if "system_error" in self.left:
            return "failed"
        if self.outside:
            return "transferred"
        flowed = [reason for reason in self.left if reason not in HANGUPS.values()]
        if flowed:
            return "callback" if flowed[-1] == "callback_accepted" else "overflowed"
        if self.left:
            return "abandoned"
        return "ivr_exit" if self.gone else "self_served"

    # Waiting

    def join(self, queue: str) -> Wait:
        """A head start like nobody else's: agents are drawn here, so callers have no common order."""
        self.queue = queue
        ahead = float(self.call.rpartition(".")[2])
        claim = {"score": self.now - 1000 * ahead, "head_start_s": ahead, "head_starts": {"vip": ahead}}
        needs = self.rng.choice(("", "", "german"))
        self.write("joined", queue=queue, position=self.rng.randint(1, 4), needs=needs, **claim)
        self.write("hold_started", by="queue")
        wait = Wait(self.call, queue, max(self.now, self.logged_at))
        self.centre.waits.append(wait)
        return wait

    def leave(self, wait: Wait, joined_at: int, reason: str) -> None:
        waited = self.now - joined_at
        said = waited + (self.rng.choice((-1, 0, 0, 1)) if waited > 0 and self.chance(0.1) else 0)
        self.wait_ms += said
        self.left.append(reason)
        self.write("hold_ended", by="queue", held_ms=waited)
        place = {"position": self.rng.randint(1, 3), "original_position": self.rng.randint(1, 4)}
        self.write("queue_left", queue=wait.queue, reason=reason, waited_ms=said, **place)
        wait.left_at = max(self.now, self.logged_at)

    def wait(self, queue: str) -> Agent | None:
        """Until an agent has answered, or he has left the queue without one."""
        wait, joined_at = self.join(queue), self.now
        plan = self.rng.choices(
            ("answered", "gives up", "rung", "connecting", "flows", "error", "lost"), (60, 14, 5, 3, 15, 1, 2)
        )[0]
        due = joined_at + self.rng.choice((self.rng.choice(PRECISE_MS), self.rng.randint(0, 90_000)))
        if due - self.now > 8000 and self.chance(0.8):
            self.meanwhile()
        agent = None
        if plan in ("answered", "rung", "connecting"):
            agent = self.ring(plan, due)
            plan = plan if agent else "gives up"
        elif plan == "flows" and due - self.now > 9000 and self.chance(0.5):
            self.rung_in_vain(until=due)
        self.now = max(self.now, due) if agent is None else self.now
        if plan == "answered" and agent:
            self.leave(wait, joined_at, "answered")
            self.now += self.rng.choice((0, 0, 0, 15))
            self.bridged = True
            wait.bridged = self.write("bridged", agent=agent.name)
            agent.to(self.now, "talking", self.logged_at, call=self.call, queue=self.queue)
            return agent
        self.goes(plan, wait, joined_at)
        return None

    def goes(self, plan: str, wait: Wait, joined_at: int) -> None:
        """Out of the queue, without an agent."""
        if plan == "lost" or (plan == "gives up" and self.chance(0.1)):
            self.crash()
        if "caller" in self.holding and self.chance(0.5):
            self.holds("caller")
        if plan in HANGUPS:
            self.gone = True
            self.leave(wait, joined_at, HANGUPS[plan])
        elif plan == "flows":
            reasons, weights = zip(*FLOWED, strict=True)
            self.leave(wait, joined_at, self.rng.choices(reasons, weights)[0])
        else:
            self.verdict = "lost" if plan == "lost" else "failed"
            self.leave(wait, joined_at, "system_error")

    # Being rung for

    def free_agents(self, count: int, at: int) -> list[Agent]:
        """Those who are free first, by chance one later; nobody who is busy for another hour."""
        agents = sorted(self.centre.agents, key=lambda agent: agent.free_at)
        found = agents[: count + 1]
        self.rng.shuffle(found)
        return [agent for agent in found[:count] if agent.free_at < at + HOUR]

    def ring(self, plan: str, due: int) -> Agent | None:
        """Ring agents until the one who takes the call (returned), when it is `due`, if he can."""
        for _ in range(self.rng.choice((0, 0, 0, 1, 2))):
            self.rung_in_vain()
        several = self.rng.choice((1, 1, 1, 1, 3))
        agents = self.free_agents(several, self.now)
        if not agents:
            return None
        self.offer(agents)
        agent = agents[0]
        if plan == "rung":
            self.now = max(due, self.now + self.rng.randint(0, 9000))
            for one in agents:
                self.decline(one, "caller_gone")
            return agent
        answers_at = max(due - 1, self.now + 1) if due > self.now else self.now + self.rng.randint(1, 9000)
        self.now = answers_at
        for other in agents[1:]:
            self.decline(other, "answered_elsewhere")
        agent.to(self.now, "connecting", call=self.call, queue=self.queue)
        self.now = max(due, self.now + 1)
        if plan == "connecting":
            self.decline(agent, "caller_gone")
        return agent

    def rung_in_vain(self, until: int = 0) -> None:
        """An agent does not take the call; `until`: because the wait is over then."""
        for agent in self.free_agents(1, self.now):
            self.offer([agent])
            self.later(0, 15_000)
            self.now = max(self.now, until)
            self.decline(agent, "wait_over" if until else self.rng.choice(DECLINED))

    def offer(self, agents: list[Agent], why: str = "longest_idle") -> None:
        self.now = max(self.now, *(agent.free_at for agent in agents)) + self.rng.randint(2, 400)
        self.now = max(self.now, self.logged_at)
        for agent in agents:
            agent.ready_at(self.now)
            self.attempt += 1
            self.rung[agent.name] = (self.attempt, self.now)
            self.write(
                "offered",
                agent=agent.name,
                attempt=self.attempt,
                lease_ms=30_000,
                why="ring_all" if len(agents) > 1 else why,
            )
            agent.to(self.now, "offered", call=self.call, queue=self.queue)

    def decline(self, agent: Agent, reason: str) -> None:
        attempt, offered_at = self.rung[agent.name]
        rang = {"attempt": attempt, "ring_ms": self.now - offered_at}
        self.write("declined", agent=agent.name, reason=reason, **rang)
        agent.declines(self.now, reason not in NOT_HIS_FAULT, self.logged_at)
