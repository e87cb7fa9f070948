"""Who is told to look whether he may wait on, and how long he may."""

import asyncio
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.caller import Look, Message
from ivr.doors import AT_ONCE, Doors
from ivr.mailbox import Mailbox
from ivr.wait import Wait, outcome_of
from queues.models import Queue
from queues.results import Crowd


def caller(queue: str | None, *exits: str) -> Any:
    wait = None
    if queue is not None:
        wait = Wait(queue, "main/wait", None, frozenset(exits), joined_at=1)
    mailbox: Mailbox[Message] = Mailbox()
    return SimpleNamespace(wait=wait, mailbox=mailbox)


def doors(sessions: dict[str, Any], crowds: list[Crowd], closed: frozenset[str] = frozenset()) -> Doors:
    async def asked() -> list[Crowd]:
        return crowds

    store = SimpleNamespace(doors=asked, operations=SimpleNamespace())
    flows = SimpleNamespace(closed=lambda _: closed)
    house = SimpleNamespace(now=lambda: datetime.now(UTC))
    board = SimpleNamespace(sessions=sessions, callflows=flows, house=house)
    return Doors(store, board, SimpleNamespace())  # type: ignore[arg-type]


def told(session: Any) -> list[object]:
    return list(session.mailbox.empty())


async def test_only_those_are_told_whom_it_concerns() -> None:
    sessions = {
        "here": caller("sales", "no_agents"),
        "no way": caller("sales", "full"),
        "elsewhere": caller("tech", "no_agents", "ratio"),
        "last": caller("tech", "ratio"),
        "flow": caller(None),
        "office": caller("office", "closed"),
    }
    crowds = [
        Crowd("sales", "no_agents", frozenset()),
        Crowd("tech", "ratio", frozenset({"last"})),
    ]
    await doors(sessions, crowds, frozenset({"office"})).look()
    heard = {name: told(session) for name, session in sessions.items()}
    assert {name: each for name, each in heard.items() if each} == {
        "here": [Look("no_agents")],
        "last": [Look("ratio")],
        "office": [Look("closed")],
    }


async def test_thousands_are_told_in_several_looks() -> None:
    sessions = {str(n): caller("sales", "no_agents") for n in range(AT_ONCE + 10)}
    looking = doors(sessions, [Crowd("sales", "no_agents", frozenset())])
    await looking.look()
    assert sum(len(session.mailbox) for session in sessions.values()) == AT_ONCE


async def test_a_publication_reaches_everybody_who_waits() -> None:
    sessions = {"waits": caller("sales"), "flow": caller(None)}
    doors(sessions, []).published()
    assert told(sessions["waits"]) == [Look()]
    assert told(sessions["flow"]) == []


@pytest.mark.parametrize(
    ("step", "queue", "exits", "waits_s"),
    [
        (None, None, {"timeout"}, None),
        (8.0, None, {"timeout"}, 8.0),
        (8.0, 4, {"timeout"}, 4.0),
        (3.0, 4, {"timeout"}, 3.0),
        (None, 4, {"timeout"}, 4.0),
        (None, 4, {"full"}, None),
    ],
)
async def test_the_shorter_of_two_waits(
    step: float | None, queue: int | None, exits: set[str], waits_s: float | None
) -> None:
    wait = Wait("sales", "main/wait", step, frozenset(exits))
    wait.begin(round(time.time() * 1000))
    until = wait.until(Queue(max_wait_s=queue))
    now = asyncio.get_running_loop().time()
    assert until == (None if waits_s is None else pytest.approx(now + waits_s, abs=0.1))


async def test_what_he_has_waited_before_a_take_over_counts() -> None:
    wait = Wait("sales", "main/wait", 60.0, frozenset())
    wait.begin(round(time.time() * 1000) - 50_000)
    assert wait.until(Queue()) == pytest.approx(asyncio.get_running_loop().time() + 10, abs=0.1)


def test_only_rules_with_a_way_count() -> None:
    queue = Queue(max_waiting=1, leave_if=("offline",), callers_per_agent=1, hours="office")
    exits = frozenset({"full", "closed", "timeout"})
    assert set(Wait("sales", "main/wait", None, exits).ways(queue)) == {"full", "closed"}
    assert Wait("sales", "main/wait", None, exits).ways(Queue()) == ()
    assert [outcome_of(reason) for reason in ("exit_key", "overflow", "ratio")] == ["exit", "full", "ratio"]
