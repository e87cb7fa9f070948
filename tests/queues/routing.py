"""Who gets whom, once more in plain Python: half of the reference. Everybody is looked at, each time."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.queues.reference_people import Caller, Person

IN_LINE = ("waiting", "offered", "connecting")
SEVERAL = ("ring_all", "progressive")
"""Strategies under which several phones ring."""
MAX_PHONES = 20
REASONS = ("weight", "priority", "vip", "credit", "escalated", "moved")


def chance(text: str) -> float:
    return int(hashlib.sha1(text.encode()).hexdigest()[:8], 16) / 2**32  # noqa: S324  (no secret)


def _by_weight(ready: "Sequence[Person]", queue: str, drawn: float) -> int:
    left = drawn * sum(p.post(queue).weight for p in ready)
    for rank, p in enumerate(ready):
        weight = p.post(queue).weight
        if left < weight:
            return rank
        left -= weight
    return 0


Ladder = tuple[tuple[int, str], ...]
"""Seconds of waiting and what is needed from then on."""


@dataclass
class Rules:
    """Settings of one queue, seconds."""

    ring_s: int = 20
    cooldown_s: int = 5
    wrapup_s: int = 0
    after_busy_s: int | None = None
    after_unreachable_s: int | None = None
    pause_after: int | None = None
    wrapup_extend_s: int = 60
    wrapup_max_s: int = 600
    dispositions: dict[str, str] = field(default_factory=dict)
    disposition_required: bool = False
    disposition_limit_s: int = 300
    weight_s: int = 0
    strategy: str = "longest_idle"
    ring_more_s: int = 2
    last_agent_s: int = 0
    needs: str = ""
    relax: tuple[dict[str, Any], ...] = ()
    tiers: Mapping[int, int] = field(default_factory=dict)
    max_waiting: int | None = None
    callers_per_agent: float | None = None
    refuse_if: tuple[str, ...] = ()
    leave_if: tuple[str, ...] = ()

    @property
    def ladder(self) -> Ladder:
        return ((0, self.needs), *((step["after_s"], step["needs"]) for step in self.relax))


@dataclass(frozen=True)
class Serves:
    """How somebody serves a queue."""

    tier: int = 1
    head_start_s: int = 0
    order: int = 0
    weight: int = 1


class Routing:
    """Lanes, strategies and publications."""

    now: int
    queues: "dict[str, Rules]"
    people: "dict[str, Person]"
    callers: "dict[str, Caller]"
    _freed: "list[Person]"
    _moved_on: "list[Caller]"

    if TYPE_CHECKING:  # elsewhere in the reference

        def _offer(self, c: "Caller", p: "Person") -> None: ...

        def _say(self, owner: str, kind: str, at: int, **fields: Any) -> None: ...

        def _within(self, c: "Caller", at: int) -> int: ...

        def _close_offer(self, c: "Caller", reason: str, at: int) -> None: ...

        def _leave_line(self, c: "Caller", reason: str, at: int) -> None: ...

        def _enter(
            self, c: "Caller", queue: str, starts: Mapping[str, float], at: int, ladder: Ladder
        ) -> None: ...

    def line(self, queue: str) -> "list[Caller]":
        inside = [c for c in self.callers.values() if c.queue == queue and c.state in IN_LINE]
        return sorted(inside, key=lambda c: (c.score, c.call))

    def waiting(self, queue: str) -> "list[Caller]":
        return [c for c in self.line(queue) if c.state == "waiting"]

    def in_lane(self, queue: str, need: str, tier: int) -> "list[Caller]":
        return [c for c in self.line(queue) if c.lane == (need, tier)]

    def idle(self, queue: str, need: str = "", tier: int = 1) -> "list[Person]":
        """The ready of one tier who meet a need, in the order of the strategy's scores."""
        ready = [p for p in self.people.values() if p.state == "ready" and queue in p.queues]
        ready = [p for p in ready if p.post(queue).tier == tier and p.meets(need)]
        return sorted(ready, key=lambda p: (self._score(p, queue), p.agent))

    def _score(self, p: "Person", queue: str) -> float:
        fraction = p.ready_since_at / 2**42
        match self.queues[queue].strategy:
            case "fewest_calls":
                return p.shift_calls + fraction
            case "least_talk":
                return p.shift_talk_ms // 1000 + fraction
            case "round_robin":
                return p.turn_at
            case "linear":
                return p.post(queue).order + fraction
            case "weighted_random":
                return p.post(queue).weight
        return p.ready_since_at

    def position(self, c: "Caller") -> int:
        return self.line(c.queue).index(c) + 1

    # Who is passed, who is moved

    def _overtake(self, c: "Caller", p: "Person", at: int) -> int:
        """Tell those who came earlier and still wait; how many they are. At most 20 are named."""
        earlier = [o for o in self.line(c.queue) if o.joined_at < c.joined_at]
        earlier.sort(key=lambda o: (o.joined_at, o.call))
        for o in earlier[:20]:
            if o.state == "waiting":
                reason, ahead = self._why_before(c, o, p)
                fields = {"queue": c.queue, "by_call": c.call, "reason": reason, "head_start_s": ahead or ""}
                self._say(o.call, "overtaken", at, **fields)
        return len(earlier) - sum(o.state != "waiting" for o in earlier[:20])

    def _why_before(self, c: "Caller", o: "Caller", p: "Person") -> tuple[str, float]:
        if o.score > c.score:
            ahead = {reason: c.starts.get(reason, 0) - o.starts.get(reason, 0) for reason in REASONS}
            best = max(REASONS, key=lambda reason: ahead[reason])
            if ahead[best] > 0:
                return best, ahead[best]
        if o.lane is None:
            return "held", 0
        if o.prefer:
            return "preferred", 0
        if not p.meets(o.lane[0]):
            return "needs", 0
        if o.queue in p.serves and p.post(o.queue).tier > o.lane[1]:
            return "tier", 0
        return "declined" if p.agent in o.avoid else "rung", 0

    def move(self, call: str, queue: str, position: int, priority: int | None) -> bool:
        """Another queue (empty: his), another place (0: none), another priority."""
        c = self.callers[call]
        if c.state not in ("waiting", "offered"):
            return False
        at = self._within(c, 0)
        if queue and queue != c.queue:
            self._change_queue(c, queue, at)
        if priority is not None and c.starts.get("priority", 0) != priority:
            self._ahead(c, "priority", priority)
            self._say_moved(c, "priority", at)
        if position:
            self._place(c, position)
            self._say_moved(c, "position", at)
        self._match_freed()
        self._match_call(c)
        return True

    def _say_moved(self, c: "Caller", reason: str, at: int) -> None:
        fields = {"queue": c.queue, "reason": reason, "by": "eve", "position": self.position(c)}
        self._say(c.call, "moved", at, **fields, score=c.score)

    def _change_queue(self, c: "Caller", queue: str, at: int) -> None:
        self._say(c.call, "moved", at, queue=queue, reason="queue", by="eve")
        if c.state == "offered":
            self._close_offer(c, "withdrawn", at)
        self._leave_line(c, "transferred", at)
        c.left = ""
        self._enter(c, queue, {**c.starts, "moved": 0}, at, c.ladder)

    def _place(self, c: "Caller", position: int) -> None:
        others = [o for o in self.line(c.queue) if o is not c]
        position = min(position, len(others) + 1)
        if position == self.position(c):
            return
        before = others[position - 2].score if position > 1 else None
        after = others[position - 1].score if position <= len(others) else None
        if before is not None and after is not None:
            target = (before + after) / 2
        else:
            target = after - 1 if after is not None else (before or 0) + 1
        c.starts["moved"] = c.starts.get("moved", 0) + (c.score - target) / 1000
        c.score = target

    # What admins publish

    def publish(self, queues: "Mapping[str, Rules]", people: "Mapping[str, Person]", vip_s: int) -> None:
        """Queues, then agents, then callers who wait; of the people here only how they serve counts."""
        self.queues = dict(queues)
        for p in self.people.values():
            new = people[p.agent]
            p.queues, p.serves, p.skills = new.queues, new.serves, new.skills
            if p.state == "ready":
                self._freed.append(p)
        self._match_freed()
        for queue in sorted(self.queues):
            for c in self.line(queue):
                self._ahead(c, "weight", self.queues[queue].weight_s)
                if c.starts.get("vip", 0) != vip_s:
                    self._ahead(c, "vip", vip_s)
                    fields = {"queue": queue, "reason": "published", "position": self.position(c)}
                    self._say(c.call, "moved", self.now, **fields, score=c.score)
                before = c.lane
                if self._wanted(c) <= 0:
                    c.lane = None
                elif before is not None:
                    self._into_lane(c)
                    if c.lane != before:
                        self._moved_on.append(c)
                self._match_freed()
        for queue in sorted(self.queues):
            self._match_queue(queue)

    def _match_queue(self, queue: str) -> None:
        found = True
        while found:
            heads = {c.lane: c for c in reversed(self.line(queue)) if c.lane is not None and not c.prefer}
            found = any(self._is_matched(c) for c in sorted(heads.values(), key=lambda c: (c.score, c.call)))

    def _is_matched(self, c: "Caller") -> bool:
        before = c.attempts
        self._match_call(c)
        return c.attempts != before

    def _match_freed(self) -> None:
        freed, self._freed = self._freed, []
        for p in freed:
            while p.state == "ready":
                callers = [c for queue in self.queues for c in self.line(queue) if self._may_serve(p, c)]
                if not callers:
                    break
                ahead = {queue: 1000 * p.post(queue).head_start_s for queue in p.queues}
                best = min(callers, key=lambda c: (c.score - (0 if c.prefer else ahead[c.queue]), c.call))
                if self._wanted(best) > 0:
                    self._offer(best, p)
                else:
                    best.lane = None
        moved_on, self._moved_on = self._moved_on, []
        for c in sorted(moved_on, key=lambda c: (c.score, c.call)):
            self._match_call(c)

    def _may_serve(self, p: "Person", c: "Caller") -> bool:
        if c.lane is not None and c.lane[0].startswith("@"):
            return c.lane[0] == f"@{p.agent}"
        serves = c.queue in p.queues
        return serves and c.lane is not None and p.post(c.queue).tier <= c.lane[1] and p.meets(c.lane[0])

    def _match_call(self, c: "Caller") -> None:
        self._freed = []
        while c.lane is not None and self._wanted(c) > 0:
            need, highest = c.lane
            if c.prefer:
                p = self.people[c.prefer]
                if p.state != "ready":
                    return
                self._offer(c, p)
                continue
            ready = [self._asked(c, self.idle(c.queue, need, tier)) for tier in range(1, highest + 1)]
            in_turn = [p for tier in ready for p in tier]
            if not in_turn:
                return
            self._offer(c, next((p for p in in_turn if p.agent not in c.avoid), in_turn[0]))

    def _wanted(self, c: "Caller") -> int:
        """How many more phones may ring for him now."""
        if c.state not in ("waiting", "offered"):
            return 0
        rules, phones = self.queues[c.queue], 1
        if c.prefer:
            return 1 - len(c.rung)
        if rules.strategy == "ring_all":
            phones = MAX_PHONES
        elif rules.strategy == "progressive" and c.ringing_at:
            phones = min(1 + (self.now - c.ringing_at) // (1000 * rules.ring_more_s), MAX_PHONES)
        return phones - len(c.rung)

    def _ring_more(self, c: "Caller") -> None:
        """When one phone more may ring."""
        rules = self.queues[c.queue]
        if rules.strategy == "progressive":
            step = 1000 * rules.ring_more_s
            steps = (self.now - c.ringing_at) // step + 1
            c.ring_at = c.ringing_at + steps * step if steps < MAX_PHONES else 0

    def _asked(self, c: "Caller", ready: "list[Person]") -> "list[Person]":
        """In the order in which the strategy would ring them for this call."""
        drawn, strategy = chance(f"{c.call}:{max(c.attempt, c.attempts)}"), self.queues[c.queue].strategy
        rank = 0
        if strategy == "random":
            rank = int(drawn * len(ready))
        elif strategy == "weighted_random":
            rank = _by_weight(ready, c.queue, drawn)
        return ready[rank:] + ready[:rank]

    def _stage(self, c: "Caller") -> tuple[tuple[str, int], int]:
        """Need and highest tier now, and when the next stage begins."""
        rules = self.queues[c.queue]
        ladder = c.ladder or rules.ladder
        if not any(need for _, need in ladder):
            ladder = ((0, ""),)
        waited = self.now - c.joined_at
        need = [need for after_s, need in ladder if 1000 * after_s <= waited][-1]
        tier = max([1, *(tier for tier, after_s in rules.tiers.items() if 1000 * after_s <= waited)])
        later = [1000 * after_s for after_s, _ in ladder] + [1000 * s for s in rules.tiers.values()]
        return (need, tier), min((c.joined_at + ms for ms in later if ms > waited), default=0)

    def _into_lane(self, c: "Caller") -> None:
        if "caller" in c.holds:
            self._step_aside(c)
            return
        c.lane, c.stage_at = self._stage(c)
        if c.prefer and (c.prefer_until <= self.now or self._is_away(self.people.get(c.prefer))):
            c.prefer = ""
        if c.prefer:
            c.lane, c.stage_at = (f"@{c.prefer}", 0), c.prefer_until

    def _step_aside(self, c: "Caller") -> None:
        """Who has put us on hold is passed over until he is back."""
        if c.lane is not None:
            c.lane, c.stage_at = None, 0

    def _is_away(self, p: "Person | None") -> bool:
        """Whether it is in vain to wait for him."""
        paused = p is not None and p.state == "paused" and p.reason != "cooldown"
        return p is None or paused or p.state in ("offline", "unreachable") or p.wish != ""

    def _leave(self, p: "Person") -> None:
        """Who waits for this agent does not any more."""
        for c in sorted(self.callers.values(), key=lambda c: (c.score, c.call)):
            if c.lane == (f"@{p.agent}", 0):
                self._into_lane(c)
                self._moved_on.append(c)

    def _ahead(self, c: "Caller", reason: str, seconds: float) -> None:
        c.score -= 1000 * (seconds - c.starts.get(reason, 0))
        c.starts[reason] = seconds


def union_ms(spans: list[tuple[int, int]]) -> int:
    """Time covered by at least one of the spans."""
    total, end = 0, 0
    for begin, finish in sorted(spans):
        total += max(0, finish - max(begin, end))
        end = max(end, finish)
    return total
