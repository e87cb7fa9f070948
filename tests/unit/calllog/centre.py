"""A small contact centre in numbers: makes logs that break no rule, interleaved as on a real stream."""

from collections import Counter
from random import Random
from typing import Any

from calllog.call_events import (
    Answered,
    Arrived,
    Bridged,
    CallEvent,
    Declined,
    Ended,
    HoldEnded,
    HoldStarted,
    Input,
    Joined,
    Offered,
    QueueLeft,
    Step,
    Unbridged,
)
from calllog.event import Event
from calllog.events import AgentStateChanged, AnyEvent, WorkerStarted

DAY = 1_795_305_600_000
AGENTS = ("alice", "bob", "carol")
QUEUES = ("sales", "support")
DECLINED = ("no_answer", "busy", "rejected", "unreachable")


class Centre:
    """Calls are planned one after another, each on agents who are free by then; `log()` sorts all of it."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self._drafts: list[tuple[int, int, type[Event], str, dict[str, Any]]] = []
        self.free_at = dict.fromkeys(AGENTS, DAY + 1)
        self.states: dict[str, str] = {}
        self.draft(DAY, WorkerStarted, "worker:hf-1:1", worker="hf-1", inc=1)
        for agent in AGENTS:
            self.agent(DAY, agent, "ready")

    def draft(self, at: int, kind: type[Event], owner: str, logged_at: int = 0, **fields: Any) -> None:
        self._drafts.append((logged_at or at, at, kind, owner, fields))

    def agent(self, at: int, agent: str, state: str, reason: str = "", call: str = "") -> None:
        fields: dict[str, Any] = {"agent": agent, "from_": self.states.get(agent, ""), "to": state}
        self.draft(at, AgentStateChanged, f"agent:{agent}", reason=reason, call=call, **fields)
        self.states[agent] = state

    def take(self, at: int) -> tuple[str, int]:
        """An agent, and the instant from which he can be offered a call."""
        agent = self.rng.choice(AGENTS)
        return agent, max(at, self.free_at[agent]) + self.rng.randint(1, 400)

    def log(self) -> list[AnyEvent]:
        numbers: Counter[str] = Counter()
        events: list[AnyEvent] = []
        for logged_at, at, kind, owner, fields in sorted(self._drafts, key=lambda draft: draft[0]):
            numbers[owner] += 1
            if issubclass(kind, CallEvent):
                fields |= {"call": owner, "seq": numbers[owner]}
            fields.setdefault("source", "observed")
            event = kind(id=f"{owner}:{numbers[owner]}", site="main", at=at, logged_at=logged_at, **fields)
            events.append(event)  # type: ignore[arg-type]  # every class drafted here is one of AnyEvent
        return events


class Caller:
    """One call, from `arrived` to `ended`."""

    def __init__(self, centre: Centre, call: str, at: int) -> None:
        self.centre, self.rng, self.call = centre, centre.rng, call
        self.began_at = self.now = at
        self.wait_ms = self.held_ms = self.talk_ms = 0
        self.attempt = 0
        self.hung_up = self.flowed_out = False
        self.verdict, self.ended_by = "ivr_exit", "caller"

    def write(self, kind: type[Event], late_ms: int = 0, **fields: Any) -> None:
        self.centre.draft(self.now, kind, self.call, logged_at=self.now + late_ms, **fields)

    def later(self, low: int, high: int) -> int:
        self.now += self.rng.randint(low, high)
        return self.now

    def live(self) -> None:
        """The whole call."""
        inferred = self.rng.random() < 0.1
        bounds: dict[str, Any] = {"source": "inferred", "not_before": self.now, "not_after": self.now + 500}
        self.write(Arrived, from_="+442079460001", to="100", **(bounds if inferred else {}))
        self.later(1, 300)
        if self.rng.random() < 0.95:
            self.write(Answered)
            self.menu()
            for _ in range(self.rng.choice((0, 1, 1, 1, 2))):
                if self.hung_up:
                    break
                self.queue()
        else:
            self.verdict, self.ended_by = "rejected", "system"
        self.end()

    def menu(self) -> None:
        self.later(1, 5000)
        late = self.rng.randint(0, 200)
        self.write(Input, late, path="main/menu", digits="1")
        self.write(Step, late, flow="main", version=1, path="main/menu", outcome="1", took_ms=200)
        self.now += late

    def queue(self) -> None:
        queue = self.rng.choice(QUEUES)
        joined_at = self.later(1, 50)
        self.write(Joined, queue=queue, position=1, **self.claim())
        self.write(HoldStarted, by="queue")
        self.hold("caller", 0.2)
        agent = self.offers()
        reason = "answered"
        if not agent:
            reason = self.rng.choice(("caller_hangup", "timeout", "exit_key"))
            self.hung_up = reason == "caller_hangup"
            self.flowed_out |= not self.hung_up
            self.later(1, 60_000)
        waited = self.now - joined_at
        self.wait_ms += waited
        self.write(HoldEnded, by="queue", held_ms=waited)
        self.write(QueueLeft, queue=queue, reason=reason, waited_ms=waited, position=1, original_position=1)
        if agent:
            self.talk(agent)

    def claim(self) -> dict[str, Any]:
        """A head start like nobody else's: agents are drawn here, so callers have no common order."""
        head_start_s = float(self.call.rpartition(".")[2])
        return {"score": self.now - 1000 * head_start_s, "head_start_s": head_start_s}

    def offers(self) -> str:
        """Ring agents until one answers (his name) or patience ends (empty)."""
        for _ in range(self.rng.randint(0, 3)):
            agent, self.now = self.centre.take(self.now)
            self.attempt += 1
            self.write(Offered, agent=agent, attempt=self.attempt, why="longest_idle")
            self.centre.agent(self.now, agent, "offered", call=self.call)
            rang = self.rng.randint(1, 20_000)
            self.now += rang
            if self.rng.random() < 0.6:
                self.centre.agent(self.now, agent, "connecting", call=self.call)
                self.later(1, 100)
                self.centre.agent(self.now, agent, "talking", call=self.call)
                return agent
            self.write(Declined, agent=agent, reason=self.rng.choice(DECLINED), ring_ms=rang)
            self.centre.agent(self.now, agent, "paused", reason="cooldown", call=self.call)
            self.centre.agent(self.now + 5000, agent, "ready")
            self.centre.free_at[agent] = self.now + 5001
        return ""

    def hold(self, party: str, chance: float) -> int:
        if self.rng.random() >= chance:
            return 0
        self.later(1, 3000)
        self.write(HoldStarted, by=party)
        held = self.rng.randint(1, 4000)
        self.now += held
        self.write(HoldEnded, by=party, held_ms=held)
        return held

    def talk(self, agent: str) -> None:
        bridged_at = self.now
        self.write(Bridged, agent=agent)
        held = self.hold("agent", 0.5) + self.hold("caller", 0.3)
        self.later(1, 60_000)
        talked = self.now - bridged_at - held
        who = self.rng.choice(("caller", "agent"))
        self.write(Unbridged, agent=agent, talk_ms=talked, held_ms=held, ended_by=who)
        self.held_ms, self.talk_ms = self.held_ms + held, self.talk_ms + talked
        self.centre.agent(self.now, agent, "wrapup", call=self.call)
        self.centre.agent(self.now + 2000, agent, "ready")
        self.centre.free_at[agent] = self.now + 2001

    def end(self) -> None:
        self.later(0, 20)
        lifetime = self.now - self.began_at
        verdict = self.verdict
        if self.talk_ms:
            verdict = "completed"
        elif self.flowed_out:
            verdict = "overflowed"
        elif self.hung_up:
            verdict = "abandoned"
        self.write(
            Ended,
            verdict=verdict,
            reason="made",
            ended_by=self.ended_by,
            cause=16,
            lifetime_ms=lifetime,
            flow_ms=lifetime - self.wait_ms - self.held_ms - self.talk_ms,
            wait_ms=self.wait_ms,
            held_ms=self.held_ms,
            talk_ms=self.talk_ms,
        )


def made_log(seed: int, calls: int = 4) -> list[AnyEvent]:
    """A sound log of so many calls, as it would stand on the stream."""
    centre = Centre(seed)
    for number in range(1, calls + 1):
        Caller(centre, f"hf-{DAY // 1000}.{number}", DAY + 10 + centre.rng.randint(0, 60_000)).live()
    return centre.log()
