"""The sweeper finds nothing in health, and mends what no script of ours leaves behind."""

from typing import Any

import pytest
from redis import Redis

from tests.queues.desk import Desk, Post, settings


def ghost_caller(redis: "Redis", site: str) -> None:
    redis.zadd(site + "wait:sales", {"pbx-9.9": 1})
    redis.zadd(site + "line:sales", {"pbx-9.9": 1})


def unmatched(redis: "Redis", site: str) -> None:
    redis.hset(
        site + "agent:bob", mapping={"state": "ready", "ready_since_at": 1, "reason": "", "due_at": ""}
    )
    redis.zadd(site + "idle:sales", {"bob": 1})


def agent_without_call(redis: "Redis", site: str) -> None:
    redis.hset(site + "agent:bob", mapping={"state": "talking", "call": "pbx-9.9"})


def ready_not_idle(redis: "Redis", site: str) -> None:
    redis.hset(site + "agent:bob", mapping={"state": "ready", "ready_since_at": 1})


def rest_without_end(redis: "Redis", site: str) -> None:
    redis.hset(site + "agent:bob", mapping={"state": "wrapup", "due_at": ""})


def call_without_agent(redis: "Redis", site: str) -> None:
    redis.hset(site + "agent:alice", mapping={"state": "paused", "call": "", "reason": "x"})


def not_waiting(redis: "Redis", site: str) -> None:
    redis.zrem(site + "wait:sales", "pbx-1.2")


def not_in_line(redis: "Redis", site: str) -> None:
    redis.zrem(site + "line:sales", "pbx-1.1")


def ghost_call(redis: "Redis", site: str) -> None:
    redis.sadd(site + "owned:hf-1", "pbx-9.9")


def overdue(redis: "Redis", site: str) -> None:
    redis.hset(site + "agent:bob", mapping={"state": "paused", "reason": "cooldown", "due_at": 5})
    redis.zadd(site + "due", {"agent:bob": 5})


PLANTED = [
    *(ghost_caller, unmatched, agent_without_call, ready_not_idle, rest_without_end),
    *(call_without_agent, not_waiting, not_in_line, ghost_call, overdue),
]


async def two_callers(desk: Desk) -> Post:
    """One is offered to alice, one waits; bob is offline."""
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("sales",)}, ready=False), version=1)
    await post.store.agent("alice", "ready")
    for number in (1, 2):
        await post.store.join(await post.arrive(f"pbx-1.{number}"), "sales")
    return post


async def test_nothing_is_found_in_health(desk: Desk) -> None:
    post = await two_callers(desk)
    assert await post.store.sweep() == (0, [])


@pytest.mark.parametrize("plant", PLANTED)
async def test_what_is_broken_is_found_and_mended(desk: Desk, plant: Any) -> None:
    post = await two_callers(desk)
    redis = desk.redis.client()
    plant(redis, f"{{{desk.site}}}:")
    found = await post.store.sweep()
    assert found.found >= 1
    assert plant.__name__.replace("_", "-") in found.details[0]
    assert (await post.store.sweep()).found == 0
    line = await post.store.waiting()
    assert [caller.call for caller in line[0].callers] == ["pbx-1.1", "pbx-1.2"]
    assert not (line[0].ready and any(caller.state == "waiting" for caller in line[0].callers))


async def test_an_offer_whose_message_was_lost_is_rung(desk: Desk) -> None:
    """Redis drops a subscriber that reads too slowly: its messages are gone."""
    post = await two_callers(desk)
    post.store.operations.forget("pbx-1.1")
    post.offers.clear()
    await post.store.sweep()
    assert [(offer.call, offer.agent, offer.attempt) for offer in post.offers] == [("pbx-1.1", "alice", 1)]
    await post.store.sweep()
    assert len(post.offers) == 1


async def test_everybody_has_his_turn(desk: Desk) -> None:
    """More agents, calls and lanes than a sweep looks at; the last of each is found as well as the first."""
    post = desk.post()
    names = [f"agent{number:02}" for number in range(30)]
    ladders = {"sales": {f"0:level >= {number}" for number in range(10)}}
    queues, agents = settings(dict.fromkeys(names, ("sales",)), ready=False)
    await post.store.configure(queues, agents, version=1, ladders=ladders)
    calls = [f"pbx-1.{number}" for number in range(20)]
    for call in calls:
        await post.arrive(call)
    redis, site = desk.redis.client(), f"{{{desk.site}}}:"
    for name in names:
        redis.hset(site + f"agent:{name}", mapping={"state": "wrapup", "due_at": ""})
    for call in calls:
        redis.delete(site + f"call:{call}")
    lanes = str(redis.hget(site + "queue:sales", "lanes")).split("|")
    for lane in lanes:
        redis.zadd(site + f"wait:sales{lane}", {f"ghost{lane}": 1})
    sweeps = [await post.store.sweep() for _ in range(12)]
    found = {what for sweep in sweeps for what in sweep.details}
    assert found == {
        *(f"rest-without-end:{name}" for name in names),
        *(f"ghost-call:{call}" for call in calls),
        *(f"ghost-caller:ghost{lane}" for lane in lanes),
    }
    assert sweeps[-1].found == 0


async def test_who_is_first_of_a_lane_is_known_again(desk: Desk) -> None:
    post = await two_callers(desk)
    redis, site = desk.redis.client(), f"{{{desk.site}}}:"
    redis.delete(site + "heads")
    await post.store.sweep()
    assert redis.zrange(site + "heads", 0, -1) == ["sales"]
    await post.store.agent("bob", "ready")
    assert post.offers[-1].agent == "bob"


async def test_a_publication_serves_everybody_who_can_be_served(desk: Desk) -> None:
    """However many that are: a function of it serves two at most."""
    post = desk.post()
    names = [f"agent{number}" for number in range(5)]
    people = settings(dict.fromkeys(names, ("sales",)), ready=False)
    await post.store.configure(*people, version=1)
    for number in range(7):
        await post.store.join(await post.arrive(f"pbx-1.{number}"), "sales")
    redis, site = desk.redis.client(), f"{{{desk.site}}}:"
    for name in names:
        redis.hset(site + f"agent:{name}", mapping={"state": "ready", "ready_since_at": 1, "reason": ""})
        redis.zadd(site + "idle:sales", {name: 1})
        redis.srem(site + "agents", name)
    await post.store.configure(people[0], {}, version=2)
    assert [offer.call for offer in post.offers] == [f"pbx-1.{number}" for number in range(5)]
