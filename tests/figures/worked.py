"""Reads docs/worked-days.md: events in words become lines of a stream, expected numbers become numbers.

The phrases are those that the document explains; any other is an error.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.figures.stream import Fields, Stream
from tests.figures.talks import union_ms


@dataclass
class Expected:
    """One table of numbers: figures of a family, by what, of which key, from when to when."""

    family: str
    by: str
    key: str
    from_at: int
    to_at: int
    values: dict[str, float | None] = field(default_factory=dict)


@dataclass
class WorkedDay:
    """One section of the document. Times: ms."""

    title: str
    zone: str = ""
    now: int = 0
    from_at: int = 0
    to_at: int = 0
    lines: list[bytes] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)


def instant(text: str) -> int:
    """`2026-10-25 02:30:00.000 +02:00` in ms."""
    return round(datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).timestamp() * 1000)


def number(text: str) -> float | None:
    """What stands in the last column: a number with spaces between thousands, or a dash: no figure."""
    return None if text == "—" else float(text.replace(" ", ""))


def rows(block: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line for line in block.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def read(text: str) -> list[WorkedDay]:
    """Every worked day of the document."""
    return [_day(section) for section in re.split(r"^## Day ", text, flags=re.M)[1:]]


def _day(section: str) -> WorkedDay:
    title, *parts = re.split(r"^### ", section, flags=re.M)
    day = WorkedDay(title.splitlines()[0])
    said = re.search(r"Zone `(.+?)`, from `(.+?)` to `(.+?)`, looked at `(.+?)`", title)
    assert said, f"day {day.title} does not say its zone and times"
    day.zone = said[1]
    day.from_at, day.to_at, day.now = instant(said[2]), instant(said[3]), instant(said[4])
    told = Told()
    for part in parts:
        if part.startswith("What happened"):
            for when, who, what in rows(part):
                told.tell(instant(when), who, what)
        else:
            day.expected.append(_expected(part, day))
    day.lines = told.stream.lines(day.now)
    return day


def _expected(part: str, day: WorkedDay) -> Expected:
    head = part.splitlines()[0]
    said = re.fullmatch(r"(\w+?)(?: of (\w+) `(.*?)`)?(?:, from `(.+?)` to `(.+?)`)?", head)
    assert said, f"nobody knows what `{head}` means"
    begin = instant(said[4]) if said[4] else day.from_at
    end = instant(said[5]) if said[5] else day.to_at
    found = Expected(said[1], said[2] or "", said[3] or "", begin, end)
    for name, _, value in rows(part):
        found.values[name.strip("`")] = number(value)
    assert found.values, f"`{head}` expects nothing"
    return found


@dataclass
class Life:
    """A call as far as it has been told."""

    began_at: int
    queue: str = ""
    joined_at: int | None = None
    bridged_at: int | None = None
    agent: str = ""
    held: list[tuple[int, int]] = field(default_factory=list)
    held_since: int | None = None
    rung: dict[str, tuple[int, int]] = field(default_factory=dict)
    attempts: int = 0
    consult_at: int = 0
    consulted: str = ""
    given: bool = False
    left: list[str] = field(default_factory=list)
    wait_ms: int = 0
    held_ms: int = 0
    talk_ms: int = 0
    talked: bool = False
    asked: str = ""


class Told:
    """Turns one phrase after the other into events, with the durations that follow from their instants."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.calls: dict[str, Life] = {}
        self.states: dict[str, str] = {}

    def tell(self, at: int, who: str, what: str) -> None:
        for phrase, tell in PHRASES:
            said = re.fullmatch(phrase, what)
            if said:
                tell(self, at, who, *said.groups())
                return
        raise ValueError(f"{who}: nobody knows what `{what}` means")

    def write(self, at: int, who: str, kind: str, **fields: Any) -> None:
        self.stream.write(at, kind, f"hf-{who}", **fields)

    # Agents

    def state(self, at: int, agent: str, to: str, reason: str = "", call: str = "") -> None:
        said: Fields = {"from": self.states.get(agent, ""), "to": to, "reason": reason}
        named = f"hf-{call}" if call else ""
        self.stream.write(at, "agent_state", f"agent:{agent}", agent=agent, call=named, **said)
        self.states[agent] = to

    def says(self, at: int, agent: str, code: str, call: str) -> None:
        about: Fields = {"agent": agent, "call": f"hf-{call}", "queue": self.calls[call].queue}
        self.stream.write(at, "disposition", f"agent:{agent}", **about, code=code)

    # Calls

    def calls_us(self, at: int, who: str, number: str) -> None:
        self.calls[who] = Life(at)
        self.write(at, who, "arrived", **{"from": number}, to="100", campaign="web")
        self.write(at, who, "answered")

    def step(self, at: int, who: str, path: str, outcome: str, took_s: str) -> None:
        took_ms = round(float(took_s) * 1000)
        self.write(at, who, "step", flow="main", version=1, path=path, outcome=outcome, took_ms=took_ms)

    def joins(self, at: int, who: str, queue: str) -> None:
        life = self.calls[who]
        life.queue, life.joined_at = queue, at
        self.write(at, who, "joined", queue=queue, position=1, score=float(at), head_start_s=float(ord(who)))
        self.write(at, who, "hold_started", by="queue")

    def rings(self, at: int, who: str, agent: str) -> None:
        life = self.calls[who]
        life.attempts += 1
        life.rung[agent] = (life.attempts, at)
        why = "longest_idle" if life.joined_at is not None else "consult"
        self.write(at, who, "offered", agent=agent, attempt=life.attempts, why=why)
        self.state(at, agent, "offered", call=who)

    def declines(self, at: int, who: str, agent: str, reason: str) -> None:
        attempt, rung_at = self.calls[who].rung.pop(agent)
        said: Fields = {"reason": reason.replace(" ", "_"), "attempt": attempt, "ring_ms": at - rung_at}
        self.write(at, who, "declined", agent=agent, **said)

    def leaves(self, at: int, who: str, reason: str) -> None:
        life = self.calls[who]
        assert life.joined_at is not None, f"{who} waits nowhere"
        waited, life.joined_at = at - life.joined_at, None
        life.wait_ms += waited
        life.left.append(reason)
        self.write(at, who, "hold_ended", by="queue", held_ms=waited)
        said: Fields = {"reason": reason, "waited_ms": waited, "position": 1, "original_position": 1}
        self.write(at, who, "queue_left", queue=life.queue, **said)

    def talks(self, at: int, who: str, agent: str) -> None:
        life = self.calls[who]
        if not life.given:
            self.leaves(at, who, "answered")
            life.rung.pop(agent)
            self.state(at, agent, "talking", call=who)
        life.given, life.talked = False, True
        life.agent, life.bridged_at, life.held = agent, at, []
        self.write(at, who, "bridged", agent=agent)

    def held(self, at: int, who: str, agent: str) -> None:
        assert agent == self.calls[who].agent
        self.calls[who].held_since = at
        self.write(at, who, "hold_started", by="agent")

    def unheld(self, at: int, who: str) -> None:
        life = self.calls[who]
        assert life.held_since is not None, f"{who} is not on hold"
        life.held.append((life.held_since, at))
        self.write(at, who, "hold_ended", by="agent", held_ms=at - life.held_since)
        life.held_since = None

    def parted(self, at: int, who: str, ended_by: str) -> None:
        life = self.calls[who]
        assert life.bridged_at is not None, f"{who} talks to nobody"
        if life.held_since is not None:
            self.unheld(at, who)
        held = union_ms(life.held)
        talk = at - life.bridged_at - held
        life.held_ms, life.talk_ms, life.bridged_at = life.held_ms + held, life.talk_ms + talk, None
        self.write(at, who, "unbridged", agent=life.agent, talk_ms=talk, held_ms=held, ended_by=ended_by)

    def gives_to_queue(self, at: int, who: str, _: str, queue: str) -> None:
        self.parted(at, who, "agent")
        self.write(at, who, "transferred", how="blind", queue=queue, by="agent")

    def consults(self, at: int, who: str, other: str) -> None:
        life = self.calls[who]
        life.rung.pop(other)
        life.consulted, life.consult_at = other, at
        self.write(at, who, "consulted", agent=other)
        self.state(at, other, "talking", call=who)

    def gives_to_agent(self, at: int, who: str, _: str, other: str) -> None:
        life = self.calls[who]
        if life.held_since is not None:
            self.unheld(at, who)
        self.write(at, who, "consult_ended", agent=other, talk_ms=at - life.consult_at, ended_by="agent")
        self.parted(at, who, "agent")
        self.write(at, who, "transferred", how="attended", agent=other, by="agent")
        life.given = True
        self.talks(at, who, other)

    def hangs_up(self, at: int, who: str) -> None:
        life = self.calls[who]
        if life.bridged_at is not None:
            self.parted(at, who, "caller")
        elif life.joined_at is not None:
            reason = "caller_hangup_ringing" if life.rung else "caller_hangup"
            for agent in list(life.rung):
                self.declines(at, who, agent, "caller gone")
                self.state(at, agent, "ready")
            self.leaves(at, who, reason)
        self.ends(at, who, "caller")

    def ends(self, at: int, who: str, by: str = "system") -> None:
        life = self.calls[who]
        verdict = "ivr_exit" if by == "caller" else "self_served"
        if life.talked:
            verdict = "completed"
        elif any(not reason.startswith("caller") for reason in life.left):
            verdict = "overflowed"
        elif life.left:
            verdict = "abandoned"
        lifetime = at - life.began_at
        parts: Fields = {"wait_ms": life.wait_ms, "held_ms": life.held_ms, "talk_ms": life.talk_ms}
        said: Fields = {"verdict": verdict, "reason": "told", "ended_by": by, "cause": 16}
        flow = lifetime - sum(parts.values())
        self.write(at, who, "ended", **said, lifetime_ms=lifetime, flow_ms=flow, **parts)

    def asked(self, at: int, who: str, survey: str) -> None:
        self.calls[who].asked = survey
        self.write(at, who, "survey_offered", path=f"main/ask_{survey}", survey=survey)

    def answers(self, at: int, who: str, score: str, low: str, high: str) -> None:
        name = self.calls[who].asked
        scale: Fields = {"score": int(score), "lowest": int(low), "highest": int(high)}
        self.write(at, who, "survey_answered", path=f"main/ask_{name}", survey=name, **scale)


PHRASES: list[tuple[str, Any]] = [
    (r"calls from (\S+)", Told.calls_us),
    (r"passes `(\S+)`: (\w+), after ([\d.]+) s", Told.step),
    (r"joins (\w+)", Told.joins),
    (
        r"is refused by (\w+): (\w+)",
        lambda told, at, who, queue, why: told.write(at, who, "queue_refused", queue=queue, reason=why),
    ),
    (r"(\w+) is rung", Told.rings),
    (r"(\w+) declines: ([\w ]+)", Told.declines),
    (r"talks to (\w+)", Told.talks),
    (r"is put on hold by (\w+)", Told.held),
    (r"is off hold", Told.unheld),
    (r"(\w+) hangs up", lambda told, at, who, _: told.parted(at, who, "agent")),
    (r"hangs up", Told.hangs_up),
    (r"leaves: (\w+)", Told.leaves),
    (r"(\w+) gives him to queue (\w+)", Told.gives_to_queue),
    (r"(\w+) is consulted", Told.consults),
    (r"(\w+) gives him to agent (\w+)", Told.gives_to_agent),
    (
        r"is overtaken by (\w+)",
        lambda told, at, who, by: told.write(
            at, who, "overtaken", queue=told.calls[who].queue, by_call=f"hf-{by}", reason="priority"
        ),
    ),
    (r"is asked (\w+)", Told.asked),
    (r"answers (\d+) of (\d+) to (\d+)", Told.answers),
    (
        r"is offered (\w+)",
        lambda told, at, who, what: told.write(at, who, "offer_made", path="main/offer", offer=what),
    ),
    (
        r"takes (\w+)",
        lambda told, at, who, what: told.write(at, who, "offer_accepted", path="main/offer", offer=what),
    ),
    (r"the flow ends", Told.ends),
    (r"is (ready|offline|paused)", Told.state),
    (r"wraps up (\w+)", lambda told, at, who, call: told.state(at, who, "wrapup", call=call)),
    (r"says (\w+) of (\w+)", Told.says),
]
"""What may stand in the last column of a table of events."""
