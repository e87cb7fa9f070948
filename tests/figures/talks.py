"""A caller and his agents: talks, holds, consults, transfers; and his whole call."""

from tests.figures.callers import QUEUES, Caller
from tests.figures.stream import Agent


def union_ms(spans: list[tuple[int, int]]) -> int:
    """How long at least one of the spans lasts."""
    covered, reached = 0, 0
    for begin, end in sorted(spans):
        covered += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return covered


class Talk:
    """One leg: from `bridged` to `unbridged`."""

    def __init__(self, caller: Caller, agent: Agent) -> None:
        self.caller, self.agent, self.began_at = caller, agent, caller.now
        self.spans: list[tuple[int, int]] = []
        self.since = dict.fromkeys(caller.holding, caller.now)

    def holds(self, by: str) -> None:
        if by in self.since:
            self.spans.append((self.since.pop(by), self.caller.now))
        else:
            self.since[by] = self.caller.now
        self.caller.holds(by)

    def goes_on(self) -> None:
        """They talk; either may hold, both at once too."""
        caller = self.caller
        for _ in range(caller.rng.choice((0, 0, 1, 2, 4))):
            caller.later(1, 12_000)
            what = caller.rng.randint(0, 4)
            if what == 0:
                caller.write("input", path="main/desk", length=4)
            elif what < 4:
                self.holds("agent" if what < 3 else "caller")
        caller.later(1, caller.rng.choice((500, 60_000, 60_000, 1_500_000)))

    def over(self, ended_by: str) -> None:
        """Whatever hold is open ends with the agent's going; a caller's may outlive it."""
        caller = self.caller
        for by in sorted(self.since):
            if by == "agent" or ended_by == "caller":
                self.holds(by)
        spans = self.spans + [(since, caller.now) for since in self.since.values()]
        held = union_ms(spans)
        talked = caller.now - self.began_at - held
        caller.held_ms, caller.talk_ms = caller.held_ms + held, caller.talk_ms + talked
        caller.write("unbridged", agent=self.agent.name, talk_ms=talked, held_ms=held, ended_by=ended_by)
        self.agent.parted(caller.now, caller.call, caller.queue, caller.logged_at)

    # Consults

    def consult(self) -> Agent | None:
        """The agent asks a colleague, who is returned if he takes the caller over."""
        caller = self.caller
        others = [agent for agent in caller.free_agents(2, caller.now) if agent is not self.agent]
        if not others:
            return None
        if "agent" not in self.since:
            self.holds("agent")
        other = others[0]
        caller.offer([other], "consult")
        caller.later(1, 9000)
        if caller.chance(0.3):
            caller.decline(other, caller.rng.choice(("no_answer", "rejected", "withdrawn")))
            return None
        caller.write("consulted", agent=other.name)
        other.to(caller.now, "connecting", caller.logged_at, call=caller.call)
        other.to(caller.now, "talking", caller.logged_at, call=caller.call, queue=caller.queue)
        began_at = caller.now
        caller.later(1, 20_000)
        if caller.chance(0.7):
            self.holds("agent")
            caller.later(0, 4000)
        ended_by = caller.rng.choice(("agent", "system"))
        caller.write("consult_ended", agent=other.name, talk_ms=caller.now - began_at, ended_by=ended_by)
        if caller.chance(0.6):
            return other
        self.returns(other)
        return None

    def returns(self, other: Agent) -> None:
        """The colleague does not get the caller; he may have something to write up all the same."""
        caller = self.caller
        other.free_at = max(caller.now, caller.logged_at)
        if caller.chance(0.4):
            other.to(caller.now, "wrapup", caller.logged_at, call=caller.call, queue=caller.queue)
            other.free_at += caller.rng.randint(1, 20_000)
            other.to(other.free_at, "ready")
        else:
            other.to(caller.now, "ready", caller.logged_at)

    def consult_outside(self) -> None:
        caller, to, began_at = self.caller, "+4930987654", self.caller.now
        caller.write("consulted", to=to)
        caller.later(1, 9000)
        caller.write("consult_ended", to=to, talk_ms=caller.now - began_at, ended_by="agent")

    def gives(self, other: Agent) -> "Talk":
        """The caller goes to the colleague who was consulted. No offer, no queue: a leg that was given."""
        caller = self.caller
        self.over("agent")
        caller.write("transferred", how="attended", agent=other.name, by="agent")
        caller.write("bridged", agent=other.name)
        return Talk(caller, other)


def talk(caller: Caller, agent: Agent) -> str:
    """With an agent, and with those to whom he is handed over. Returns the queue he is given to, if any."""
    leg = Talk(caller, agent)
    while True:
        leg.goes_on()
        if caller.chance(0.15):
            other = leg.consult()
            if other and caller.chance(0.8):
                leg = leg.gives(other)
                continue
            if other:
                leg.returns(other)
            caller.later(0, 3000)
        return _ends(caller, leg)


def _ends(caller: Caller, leg: Talk) -> str:
    what = caller.rng.choices(
        ("caller", "agent", "crash", "to a queue", "to an agent", "outside", "attended outside", "in a hold"),
        (40, 25, 3, 6, 4, 4, 4, 6),
    )[0]
    if what == "crash":
        caller.crash()
        caller.verdict = caller.rng.choice(("", "lost"))
        caller.gone = caller.verdict == ""
        leg.over("caller" if caller.gone else "system")
    elif what in ("caller", "in a hold"):
        if what == "in a hold" and "agent" not in leg.since:
            leg.holds("agent")
            caller.later(0, 9000)
        caller.gone = True
        leg.over("caller")
    elif what == "agent":
        leg.over("agent")
    elif what == "attended outside":
        leg.consult_outside()
        leg.over("agent")
        caller.outside_call("agent", "attended")
    elif what == "outside":
        leg.over("agent")
        caller.outside_call("agent")
    else:
        leg.over("agent")
        queue = caller.rng.choice(QUEUES) if what == "to a queue" else f"_{leg.agent.name}"
        whom = {"queue": queue} if what == "to a queue" else {"agent": leg.agent.name}
        caller.write("transferred", how="blind", by="agent", **whom)
        return queue
    return ""


def live(caller: Caller) -> None:
    """The whole call."""
    call = {"to": caller.rng.choice(("100", "200")), "campaign": caller.rng.choice(("web", "tv", ""))}
    if caller.chance(0.04):
        caller.crash()
        caller.write("arrived", **{"from": caller.number}, **call, asterisk="pbx-1", language="de")
        caller.recovered()
    else:
        caller.write("arrived", **{"from": caller.number}, **call, asterisk="pbx-1", language="de")
    caller.later(0, 300)
    if caller.chance(0.05):
        caller.gone = caller.chance(0.5)
    else:
        caller.write("answered")
        caller.answered = True
        _served(caller)
    caller.end()


def _served(caller: Caller) -> None:
    caller.menu()
    for extra, share in ((caller.sale, 0.12), (caller.message, 0.05), (caller.survey, 0.05)):
        if not caller.gone and caller.chance(share):
            extra()
    caller.gone = caller.gone or caller.chance(0.03)
    if not caller.gone and caller.chance(0.04):
        caller.outside_call("flow")
    for _ in range(caller.rng.choice((0, 1, 1, 1, 1, 2, 3))):
        if caller.gone or caller.verdict or caller.bounds or caller.outside:
            return
        _visit(caller, caller.rng.choice(QUEUES))
    if not (caller.gone or caller.verdict or caller.bounds):
        for extra, share in ((caller.survey, 0.5), (caller.sale, 0.1), (caller.message, 0.1)):
            if caller.chance(share):
                extra()


def _visit(caller: Caller, queue: str) -> None:
    """A queue, or its door, and where the agents give him from there."""
    caller.later(0, 400)
    if caller.chance(0.1):
        caller.write("queue_refused", queue=queue, reason=caller.rng.choice(("full", "closed", "ratio")))
        return
    if caller.chance(0.12):
        path = {"path": "main/higher", "queue": queue, "reason": "waited_long"}
        caller.write("escalated", **path)
    while queue:
        agent = caller.wait(queue)
        if agent is None:
            break
        queue = talk(caller, agent)
        caller.later(0, 10)
    if not (caller.gone or caller.verdict or caller.bounds):
        caller.step(
            f"main/{caller.queue}", "answered" if caller.bridged else "left", caller.rng.randint(0, 99_999)
        )
