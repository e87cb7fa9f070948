"""The rules of a queue's door and of its ways out, in plain Python: what the scripts must equal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.queues.reference_people import Caller, Person
    from tests.queues.routing import Rules

WAYS = ("closed", "no_agents", "full", "ratio")


def group(p: "Person") -> str:
    """The word that rules of doors have for his state."""
    if (p.state, p.reason) == ("paused", "cooldown"):
        return "ringing"
    words = {"offered": "ringing", "connecting": "ringing", "busy_private": "talking"}
    return words.get(p.state, p.state)


class Doors:
    """What a site says to who wants to join, and to who waits."""

    queues: "dict[str, Rules]"
    people: "dict[str, Person]"
    callers: "dict[str, Caller]"
    line: Any
    _within: Any
    _leave_line: Any
    _say: Any

    def refused(self, c: "Caller", queue: str, at: int, ways: tuple[str, ...], closed: bool) -> str:
        """Why the door stays shut for him, and he has been told; empty: he may join."""
        ahead = len(self.line(queue))
        reason = self.objection(queue, self.queues[queue].refuse_if, ahead, ways)
        if "closed" in ways and closed:
            reason = "closed"
        if reason:
            c.left, c.since_at = reason, at
            self._say(c.call, "queue_refused", at, queue=queue, reason=reason)
        return reason

    def exit(self, call: str, ways: tuple[str, ...]) -> str:
        """Why he has to leave, and has; empty: he stays."""
        c = self.callers[call]
        if c.state != "waiting":
            return ""
        ahead = [each.call for each in self.line(c.queue)].index(call)
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

    def objection(self, queue: str, absent: tuple[str, ...], ahead: int, ways: tuple[str, ...] = WAYS) -> str:
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
        return [group(p) for p in self.people.values() if queue in p.serves]
