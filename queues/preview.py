"""What a publication would change for those who wait now, worked out beforehand. Pure: no I/O.

Callers are compared with everybody who may be served before them: those of their queue, and of
queues that share an agent with it, then or now. Scores change by the weight of the queue and the
head start of a number. A caller `moves` if his place among those changes; he loses as many seconds
as the latest of those who newly pass him has come after him.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from queues.models import Agent, Queue


@dataclass(frozen=True)
class Standing:
    """Somebody who waits. `number` is personal. `starts`: his head starts by reason, in seconds."""

    call: str
    queue: str
    score: float
    joined_at: int
    number: str
    starts: Mapping[str, float]


@dataclass(frozen=True)
class Change:
    """What becomes of one caller: his place among those he is compared with, from 1, and what he loses."""

    call: str
    queue: str
    waited_s: float
    before: int
    after: int
    loses_s: float
    leaves: str
    """`timeout` if he waits longer than is allowed then, `gone` if there is no such queue any more."""


def preview(
    callers: Sequence[Standing],
    queues: Mapping[str, Queue],
    agents: Mapping[str, Agent],
    serving: Collection[Collection[str]],
    vip: Callable[[str], int],
    now: int,
) -> list[Change]:
    """Those whom it changes something for, by queue and new place.

    `queues`, `agents`: as they are to be. `serving`: the queues of each agent as they are now. `now`: ms.
    """
    together = [*serving, *([served.name for served in agent.queues] for agent in agents.values())]
    pool_of = _pools({caller.queue for caller in callers}, together)
    changes: list[Change] = []
    for pool in sorted(set(pool_of.values())):
        inside = [caller for caller in callers if pool_of[caller.queue] == pool]
        changes += _compare(inside, queues, vip, now)
    return sorted(changes, key=lambda change: (change.queue, change.after))


def _pools(names: Collection[str], together: Collection[Collection[str]]) -> dict[str, str]:
    """Queue → the first name of all that are served together with it, directly or by way of others."""
    pool = {name: name for name in names}

    def first(name: str) -> str:
        while pool.setdefault(name, name) != name:
            name = pool[name]
        return name

    for served in together:
        for one, other in pairwise(served):
            low, high = sorted((first(one), first(other)))
            pool[high] = low
    return {name: first(name) for name in names}


def _compare(
    callers: Sequence[Standing], queues: Mapping[str, Queue], vip: Callable[[str], int], now: int
) -> list[Change]:
    then = {caller.call: _score(caller, queues.get(caller.queue), vip) for caller in callers}
    before = {
        caller.call: place
        for place, caller in enumerate(sorted(callers, key=lambda each: (each.score, each.call)), 1)
    }
    changes = []
    passed = _Latest()
    for after, caller in enumerate(sorted(callers, key=lambda each: (then[each.call], each.call)), 1):
        was = before[caller.call]
        latest = passed.behind(was)
        passed.add(was, caller.joined_at)
        loses_ms = max(latest - caller.joined_at, 0)
        waited_s = (now - caller.joined_at) / 1000
        leaves = _leaves(queues.get(caller.queue), waited_s)
        if was != after or leaves:
            changes.append(Change(caller.call, caller.queue, waited_s, was, after, loses_ms / 1000, leaves))
    return changes


def _score(caller: Standing, queue: Queue | None, vip: Callable[[str], int]) -> float:
    if queue is None:
        return caller.score
    more = queue.weight_s - caller.starts.get("weight", 0)
    more += vip(caller.number) - caller.starts.get("vip", 0)
    return caller.score - 1000 * more


def _leaves(queue: Queue | None, waited_s: float) -> str:
    if queue is None:
        return "gone"
    return "timeout" if queue.max_wait_s is not None and waited_s > queue.max_wait_s else ""


class _Latest:
    """The latest instant among those put at places behind a given one."""

    def __init__(self) -> None:
        self._stairs: list[tuple[int, int]] = []
        """(minus place, instant): behind a place is whoever has a smaller first; instants rise."""

    def add(self, place: int, instant: int) -> None:
        at = bisect_left(self._stairs, (-place, instant))
        if at and self._stairs[at - 1][1] >= instant:
            return
        end = at
        while end < len(self._stairs) and self._stairs[end][1] <= instant:
            end += 1
        self._stairs[at:end] = [(-place, instant)]

    def behind(self, place: int) -> int:
        at = bisect_left(self._stairs, (-place, -1))
        return self._stairs[at - 1][1] if at else 0
