"""What a publication would change for those who wait, against a plain reading of the definition."""

import random

import pytest

from queues.models import Agent, Queue
from queues.preview import Change, Standing, preview

NOW = 1_000_000
NOBODY = dict[str, Agent]()


def waits(call: str, queue: str, ago_s: float, number: str = "", **starts: float) -> Standing:
    joined_at = NOW - round(1000 * ago_s)
    return Standing(call, queue, joined_at - 1000 * sum(starts.values()), joined_at, number, starts)


def told(changes: list[Change]) -> dict[str, tuple[int, int, float]]:
    return {change.call: (change.before, change.after, change.loses_s) for change in changes}


def test_a_head_start_of_a_number_moves_whom_it_passes() -> None:
    line = [waits("a", "sales", 90), waits("b", "sales", 60), waits("c", "sales", 10, "4930")]
    changes = preview(line, {"sales": Queue()}, NOBODY, [], lambda number: 55 if number else 0, NOW)
    assert told(changes) == {"b": (2, 3, 50.0), "c": (3, 2, 0.0)}


def test_what_a_caller_has_already_counts_once() -> None:
    line = [waits("a", "sales", 30, "4930", vip=55, weight=5), waits("b", "sales", 40)]
    queues = {"sales": Queue(weight_s=5)}
    assert not preview(line[:1], queues, NOBODY, [], lambda _: 55, NOW)
    assert told(preview(line, queues, NOBODY, [], lambda _: 0, NOW)) == {"a": (1, 2, 0.0), "b": (2, 1, 0.0)}


@pytest.mark.parametrize("now", [True, False])
def test_queues_are_compared_that_share_an_agent(now: bool) -> None:
    line = [waits("a", "sales", 90), waits("b", "gold", 10)]
    queues = {"sales": Queue(), "gold": Queue(weight_s=100)}
    both = {"ann": Agent.model_validate({"queues": ["sales", "gold"]})}
    shared = preview(
        line, queues, NOBODY if now else both, [["gold", "sales"]] if now else [], lambda _: 0, NOW
    )
    assert told(shared) == {"a": (1, 2, 80.0), "b": (2, 1, 0.0)}
    assert not preview(line, queues, NOBODY, [["gold"], ["sales"]], lambda _: 0, NOW)


def test_who_would_have_to_leave() -> None:
    line = [waits("a", "sales", 90), waits("b", "sales", 10), waits("c", "gone", 10)]
    changes = preview(line, {"sales": Queue(max_wait_s=60)}, NOBODY, [], lambda _: 0, NOW)
    assert {change.call: change.leaves for change in changes} == {"a": "timeout", "c": "gone"}


def _plainly(line: list[Standing], after: dict[str, float]) -> dict[str, tuple[int, int, float]]:
    found = {}
    for one in line:
        before = 1 + sum((o.score, o.call) < (one.score, one.call) for o in line)
        then = 1 + sum((after[o.call], o.call) < (after[one.call], one.call) for o in line)
        passing = [
            o.joined_at
            for o in line
            if (o.score, o.call) > (one.score, one.call)
            and (after[o.call], o.call) < (after[one.call], one.call)
        ]
        if before != then:
            found[one.call] = (before, then, max([0, *(at - one.joined_at for at in passing)]) / 1000)
    return found


@pytest.mark.parametrize("seed", range(200))
def test_any_line(seed: int) -> None:
    chance = random.Random(seed)
    queues = {"sales": Queue(weight_s=chance.choice((0, 20))), "gold": Queue(weight_s=chance.choice((0, 50)))}
    line = [
        waits(
            f"c{number}",
            chance.choice(("sales", "gold")),
            chance.randint(0, 120),
            chance.choice(("", "1", "2")),
            **{reason: chance.choice((0, 10, 40)) for reason in ("weight", "vip", "priority")},
        )
        for number in range(chance.randint(0, 12))
    ]
    vip = {"": 0, "1": 30, "2": 0}.__getitem__
    after = {
        one.call: one.score
        - 1000 * (queues[one.queue].weight_s - one.starts["weight"] + vip(one.number) - one.starts["vip"])
        for one in line
    }
    changes = preview(line, queues, NOBODY, [["sales", "gold"]], vip, NOW)
    assert told(changes) == _plainly(line, after)
