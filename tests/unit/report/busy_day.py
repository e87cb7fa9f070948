"""A busy day of a small centre, straight into the tables of an archive: what reports are looked at with.

Eight agents serve three queues; at noon too many call at once. The same seed gives the same day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, insert

from calllog.archive.database import connect
from calllog.archive.instants import touch_all
from calllog.archive.schema import metadata
from calllog.figures.period import Period

HOUR, MINUTE, S = 3_600_000, 60_000, 1000
ZONE = "Europe/Berlin"
DAY_AT = 1_795_302_000_000
"""Sunday, 22 November 2026, 00:00 in Berlin."""
DAY = Period(DAY_AT, DAY_AT + 24 * HOUR, ZONE)
NOW = DAY_AT + 24 * HOUR
CURVE = {8: 22, 9: 44, 10: 52, 11: 58, 12: 96, 13: 62, 14: 46, 15: 44, 16: 40, 17: 26}
"""Hour of the day → calls."""
AGENTS: Mapping[str, tuple[str, ...]] = {
    "alice": ("sales", "support"),
    "bob": ("sales",),
    "carol": ("office", "sales"),
    "dave": ("support", "sales"),
    "erin": ("support",),
    "frank": ("sales", "office"),
    "grace": ("support",),
    "heidi": ("sales",),
}
LUNCH = {"bob": 12.0, "erin": 12.25, "heidi": 12.5, "alice": 13.5}
HEARD = ("position", "reminder:1", "reminder:2", "position", "")


@dataclass
class Agent:
    name: str
    free_at: int
    until: int
    states: list[dict[str, Any]] = field(default_factory=list)

    def state(self, state: str, at: int, reason: str = "", call: str = "", queue: str = "") -> None:
        if self.states:
            self.states[-1]["to_at"] = at
        self.states.append(
            {"agent": self.name, "n": len(self.states) + 1, "state": state, "reason": reason, "queue": queue}
            | {"call": call, "by": "", "from_at": at, "to_at": None}
        )


class BusyDay:
    """The rows of the day, table by table."""

    def __init__(self, seed: int = 1, *, names: Mapping[str, str] | None = None) -> None:
        """`names`: what some queues, agents and flows are called instead."""
        self.rng, self.names = Random(seed), names or {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.waiting: dict[str, list[int]] = {}
        self.agents = [
            Agent(self.named(name), DAY_AT + 8 * HOUR + n * 4 * MINUTE, DAY_AT + (18 + n % 2) * HOUR)
            for n, name in enumerate(AGENTS)
        ]
        for agent in self.agents:
            agent.state("offline", DAY_AT)
            agent.state("ready", agent.free_at)
        arrivals = sorted(
            DAY_AT + hour * HOUR + self.rng.randrange(HOUR)
            for hour, calls in CURVE.items()
            for _ in range(calls)
        )
        for number, at in enumerate(arrivals, 1):
            self._call(f"main-{at // 1000}.{number}", at)
        for agent in self.agents:
            agent.state("offline", max(agent.free_at, agent.until))

    def named(self, name: str) -> str:
        return self.names.get(name, name)

    def fill(self, path: Path) -> Engine:
        """A new archive at this path with the day in it."""
        engine = connect(path)
        metadata.create_all(engine)
        self.rows["agent_states"] = [state for agent in self.agents for state in agent.states]
        with engine.begin() as connection:
            for table, rows in self.rows.items():
                connection.execute(insert(metadata.tables[table]), rows)
            touch_all(connection)
        return engine

    def _add(self, table: str, **row: Any) -> None:
        self.rows.setdefault(table, []).append(row)

    def _call(self, call: str, at: int) -> None:
        rng = self.rng
        often = rng.random() < 0.6
        drawn = rng.randrange(7_000_000, 7_000_400) if often else rng.randrange(10**6, 10**7)
        caller = f"+493023125{drawn % 1000:03}"  # numbers that nobody has
        self.call = {
            "call": call, "arrived_at": at, "answered_at": at + 200, "caller": caller, "campaign": "web",
            "number": rng.choice(("100", "100", "101")), "language": "en", "topic": "", "asterisk": "pbx-1",
            "journey": call, "flow": self.named("main"), "version": "12" if at < DAY_AT + 14 * HOUR else "13",
            "reason": "caller-hangup", "ended_by": "caller", "cause": 16, "flow_ms": 0, "wait_ms": 0,
            "held_ms": 0, "talk_ms": 0, "served": False, "hold_abandon": False, "inferred": False,
            "queue": "", "agent": "",
        }  # fmt: skip
        self.n = 2
        end, verdict = self._flow(call, at + 200)
        ways = [step for step in self.rows["steps"] if step["call"] == call]
        for step, after in zip_longest(ways, ways[1:]):
            last = after is None and verdict == "ivr_exit"
            step.update(next=after["path"] if after else "", dropped=last, entry=self.call["flow"])
        self._add("calls", **self.call, ended_at=end, lifetime_ms=end - at, verdict=verdict)

    def _flow(self, call: str, at: int) -> tuple[int, str]:
        rng = self.rng
        at = self._step(call, at, "main/welcome", "done", 2800 + rng.randrange(900))
        for attempt in range(3):
            drawn = rng.random()
            if drawn < 0.05 + 0.05 * attempt:
                return self._step(call, at, "main/choose", "hangup", 1000 + rng.randrange(9000)), "ivr_exit"
            if drawn < 0.17:
                outcome = rng.choice(("timeout", "invalid"))
                at = self._step(call, at, "main/choose", outcome, 7000)
                continue
            queue = rng.choices(("sales", "support", "office", "hours"), (52, 34, 10, 6))[0]
            key = {"sales": "1", "support": "2", "office": "3", "hours": "4"}[queue]
            at = self._step(call, at, "main/choose", key, 2000 + rng.randrange(6000))
            if queue == "hours":
                self.call["served"] = True
                return self._step(call, at, "main/say-hours", "done", 9000), "self_served"
            if queue == "office":
                at = self._step(call, at, "office/is-open", "open", 3)
            return self._queue(call, at, queue)
        return self._step(call, at, "main/goodbye", "done", 2500), "self_served"

    def _step(self, call: str, at: int, path: str, outcome: str, took_ms: int) -> int:
        flow = self.named(path.partition("/")[0])
        self.n += 1
        self._add(
            "steps", call=call, n=self.n, at=at + took_ms, flow=flow, version=self.call["version"],
            path=f"{flow}/{path.partition('/')[2]}", outcome=outcome, took_ms=took_ms,
        )  # fmt: skip
        return at + took_ms

    def _queue(self, call: str, at: int, queue: str) -> tuple[int, str]:
        rng, patience = self.rng, self._patience()
        line = self.waiting.setdefault(queue, [])
        line[:] = [left for left in line if left > at]
        place = len(line) + 1
        if place > 8:
            self._add(
                "refusals", call=call, n=self.n, at=at, queue=self.named(queue), reason="full", campaign="web"
            )
            return self._step(call, at, f"{queue}/message", "done", 20_000), "overflowed"
        able = [agent for agent, name in zip(self.agents, AGENTS, strict=True) if queue in AGENTS[name]]
        agent = min(able, key=lambda each: max(each.free_at, at + 200))
        answered_at = max(agent.free_at, at + 200) + 3000 + rng.randrange(5000)
        rung = int(rng.random() < 0.08)
        answered_at += rung * 20_000
        if answered_at > agent.until:
            answered_at = at + 10**9
        limit = 240 * S if queue != "support" else 10**8
        waited = min(answered_at - at, patience, limit)
        left = at + waited
        line.append(left)
        ringing = agent.name if left > answered_at - 3000 and left < answered_at else ""
        told = rng.random() < 0.5 and waited > 20 * S
        wait = {
            "call": call, "n": self.n + 1, "queue": self.named(queue), "joined_at": at, "left_at": left,
            "waited_ms": waited, "position_first": place, "position_last": max(1, place - waited // (40 * S)),
            "head_start_s": 0.0, "needs": "", "escalated": False, "rung": rung, "ringing": "", "agent": "",
            "last_heard": rng.choice(HEARD) if waited > 20 * S else f"{self.named('main')}/choose",
            "told_position": place if told else 0, "told_wait_s": float(30 * place) if told else None,
            "campaign": "web", "flow": self.call["flow"], "version": self.call["version"], "bridged_at": None,
        }  # fmt: skip
        self.call["wait_ms"] = waited
        self.n += 9
        if waited == answered_at - at:
            wait |= {"reason": "answered", "class": "A", "bridged_at": left, "agent": agent.name}
            self._add("waits", **wait)
            end = self._talk(call, left, queue, agent)
            self._step(call, at, f"{queue}/line", "answered", end - at)
            return end, "completed"
        if waited == limit:
            self._add("waits", **wait, **{"reason": "timeout", "class": "F"})
            self._step(call, at, f"{queue}/line", "timeout", waited)
            return self._step(call, left, f"{queue}/message", "done", 20_000), "overflowed"
        self._step(call, at, f"{queue}/line", "hangup", waited)
        reason = "caller_hangup_ringing" if ringing else "caller_hangup"
        self._add("waits", **wait | {"reason": reason, "class": "B", "ringing": ringing})
        return left, "abandoned"

    def _patience(self) -> int:
        if self.rng.random() < 0.02:
            return self.rng.randrange(500, 5000)
        return 8000 + int(self.rng.expovariate(1 / (300 * S)))

    def _talk(self, call: str, at: int, queue: str, agent: Agent) -> int:
        rng, named = self.rng, self.named(queue)
        took = 30 * S + int(rng.expovariate(1 / (260 * S)))
        held = took // 6 if rng.random() < 0.2 else 0
        end, rang = at + took, rng.randrange(2000, 8000)
        begins = max(at - rang, agent.free_at)
        agent.state("offered", begins, call=call, queue=named)
        agent.state("talking", at, call=call, queue=named)
        agent.state("wrapup", end, call=call, queue=named)
        agent.free_at = end + 5 * S + rng.randrange(25 * S)
        name = next(name for name in AGENTS if self.named(name) == agent.name)
        lunch = LUNCH.get(name)
        if (
            lunch
            and agent.free_at > DAY_AT + lunch * HOUR
            and not any(s["state"] == "paused" for s in agent.states)
        ):
            agent.state("paused", agent.free_at, "lunch")
            agent.free_at += 30 * MINUTE
        agent.state("ready", agent.free_at)
        self._add(
            "offers", call=call, n=self.n, queue=named, agent=agent.name, attempt=1, why="longest_idle",
            offered_at=begins, closed_at=at, result="bridged", ring_ms=at - begins,
        )  # fmt: skip
        self._add(
            "talks", call=call, n=self.n + 1, queue=named, agent=agent.name, bridged_at=at, unbridged_at=end,
            talk_ms=took - held, held_ms=held, ended_by="caller",
            transferred="blind" if rng.random() < 0.04 else "",
            given=False, last=True, campaign="web", flow=self.call["flow"], version=self.call["version"],
        )  # fmt: skip
        self.call |= {"talk_ms": took - held, "held_ms": held, "queue": named, "agent": agent.name}
        if rng.random() < 0.6:
            answered = rng.random() < 0.55
            score = rng.choices((1, 2, 3, 4, 5), (6, 7, 16, 34, 37))[0] if answered else None
            self._add(
                "surveys", call=call, survey="service", path="after/ask", offered_at=end + 1000,
                answered_at=end + 6000 if answered else None, score=score, lowest=1, highest=5, queue=named,
                agent=agent.name,
            )  # fmt: skip
            end += 8000
        return end
