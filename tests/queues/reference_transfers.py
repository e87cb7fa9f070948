"""The rules of transfers by agents once more, in plain Python: what the scripts must equal."""

from tests.queues.reference import Caller, Reference


class TransferReference(Reference):
    """A site on which agents ask others and give callers away."""

    def consult(self, call: str, agent: str, elsewhere: int, line: str, at: int = 0) -> int:
        """`agent` empty: a number outside, by the attempt `elsewhere`. The attempt; 0: it cannot be."""
        c = self.callers[call]
        p = self.people.get(agent)
        if c.state != "talking" or c.consult or (agent and (not p or p.state != "ready")):
            return 0
        at = self._within(c, at)
        c.asked_attempt = elsewhere
        if p:
            c.attempts = c.asked_attempt = max(c.attempt, c.attempts) + 1
        c.consult, c.asked, c.asked_at, c.asked_by_line = "offered", agent, at, line != ""
        if not line and "agent" not in c.holds:
            c.holds["agent"] = at
            self._say(call, "hold_started", at, by="agent")
        if p:
            lease_ms = 1000 * self.queues[c.queue].ring_s
            fields = {"agent": agent, "attempt": c.asked_attempt, "lease_ms": lease_ms, "why": "consult"}
            self._say(call, "offered", at, **fields)
            self._to(p, "offered", "", c)
        return c.asked_attempt

    def consulted(self, call: str, attempt: int, at: int = 0) -> bool:
        c = self.callers[call]
        if (c.state, c.consult, c.asked_attempt) != ("talking", "offered", attempt):
            return False
        at = self._within(c, at)
        c.consult, c.asked_at = "talking", at
        self._say(call, "consulted", at, agent=c.asked)
        if c.asked:
            self._to(self.people[c.asked], "connecting", "", c)
            self._to(self.people[c.asked], "talking", "", c)
        return True

    def unconsult(self, call: str, attempt: int, reason: str, ended_by: str, at: int = 0) -> bool:
        c = self.callers[call]
        if c.state != "talking" or not c.consult or c.asked_attempt != attempt:
            return False
        at = self._within(c, at)
        self._close_consult(c, reason, ended_by, at)
        if not c.asked_by_line:
            self._close_hold(c, "agent", at)
        self._match_freed()
        return True

    def hand_over(self, call: str, attempt: int, at: int = 0) -> bool:
        c = self.callers[call]
        if (c.state, c.consult, c.asked_attempt) != ("talking", "talking", attempt):
            return False
        at = self._within(c, at)
        self._close_hold(c, "agent", at)
        self._say(call, "consult_ended", at, agent=c.asked, talk_ms=at - c.asked_at, ended_by="agent")
        asked, c.consult, c.held_until = c.asked, "", at
        self._close_talk(c, "agent", at)
        self._say(call, "transferred", at, how="attended", agent=asked, by="agent")
        if asked:
            c.state, c.agent, c.attempt, c.bridged_at, c.held = "talking", asked, attempt, at, []
            self._say(call, "bridged", at, agent=asked)
            self.people[asked].shift_calls += 1
            self._talk_begins(self.people[asked], c)
        else:
            c.left = ""
        self._match_freed()
        return True

    def give(self, call: str, queue: str, at: int = 0) -> bool:
        c = self.callers[call]
        if c.state != "talking":
            return False
        at, agent = self._within(c, at), c.agent
        self._close_talk(c, "agent", at)
        self._say(call, "transferred", at, how="blind", queue=queue, by="agent")
        c.left, c.avoid = "", [agent]
        self._match_freed()
        return True

    # Parts

    def _close_consult(self, c: Caller, reason: str, ended_by: str, at: int) -> None:
        consult, c.consult = c.consult, ""
        if consult:
            c.held_until = at
        p, took_ms = self.people.get(c.asked), at - c.asked_at
        if consult == "talking":
            self._say(c.call, "consult_ended", at, agent=c.asked, talk_ms=took_ms, ended_by=ended_by)
            if p:
                self._release(p, None, c)
        elif consult and p:
            fields = {"attempt": c.asked_attempt, "reason": reason, "ring_ms": took_ms}
            self._say(c.call, "declined", at, agent=p.agent, **fields)
            self._rest_after(p, reason, c)

    def _close_talk(self, c: Caller, ended_by: str, at: int) -> None:
        self._close_consult(c, "caller_gone" if ended_by == "caller" else "withdrawn", ended_by, at)
        super()._close_talk(c, ended_by, at)
