"""Agents who ask others and give callers away, operation by operation."""

from functools import partial

import pytest

from ivr.callflows import with_direct_lines
from queues.handle import CallHandle
from queues.models import Queue
from queues.results import Consult
from tests.queues.desk import Desk, Post, settings

CALL = "pbx-1.1"


async def talk(desk: Desk) -> tuple[Post, CallHandle]:
    """A caller who talks to alice; bob is free, in another queue."""
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("tech",)}), version=1)
    h = await post.arrive(CALL)
    await post.store.join(h, "sales")
    await post.store.settle(h, "alice", 1)
    await post.store.connected(h, "alice", 1)
    return post, h


async def states(post: Post) -> dict[str, tuple[str, int, str]]:
    return {each.agent: (each.state, each.calls, each.call) for each in await post.store.agents()}


async def test_consult_and_hand_over(desk: Desk) -> None:
    post, h = await talk(desk)
    got = await post.store.consult(h, "bob")
    assert got == Consult(2, "bob-phone", 20)
    assert (await states(post))["bob"] == ("offered", 0, CALL)
    assert not await post.store.hand_over(h, 2), "he has not answered"
    assert await post.store.consulted(h, 2)
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.state, record.agent, record.attempt) == ("talking", "alice", 1)
    assert (record.consult, record.consult_agent, record.consult_attempt) == ("talking", "bob", 2)
    assert await post.store.hand_over(h, 2)
    assert await states(post) == {"alice": ("ready", 1, ""), "bob": ("talking", 1, CALL)}
    assert not (await post.store.unconsult(h, 2)).changed
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert desk.kinds(CALL)[7:] == [
        *("bridged", "hold_started", "offered", "consulted"),
        *("hold_ended", "consult_ended", "unbridged", "transferred", "bridged", "unbridged", "ended"),
    ]
    desk.assert_sound()


async def test_come_back(desk: Desk) -> None:
    post, h = await talk(desk)
    await post.store.consult(h, "bob")
    await post.store.unconsult(h, 2, "no_answer")
    assert (await states(post))["bob"][0] == "paused", "he has let it ring"
    assert await post.store.consult(h, "bob") == "paused"
    await post.store.agent("bob", "ready")
    got = await post.store.consult(h, "bob")
    assert isinstance(got, Consult)
    assert got.attempt == 3
    await post.store.consulted(h, 3)
    await post.store.unconsult(h, 3)
    assert await states(post) == {"alice": ("talking", 1, CALL), "bob": ("ready", 0, "")}
    await post.store.unbridged(h, ended_by="agent")
    await post.checkpoint.ended(h, reason="agent-hangup", ended_by="agent", cause=16)
    assert desk.kinds(CALL).count("hold_started") == desk.kinds(CALL).count("hold_ended") == 3
    desk.assert_sound()


async def test_by_a_second_call_of_his_telephone_the_hold_is_its_own(desk: Desk) -> None:
    post, h = await talk(desk)
    await post.store.consult(h, "bob", line="pbx-1.9")
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.consult, record.consult_line) == ("offered", "pbx-1.9")
    assert record.hold_agent_at == 0
    await post.store.hold(h, by="agent", started=True)
    await post.store.unconsult(h, 2)
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.consult, record.consult_line) == ("", "")
    assert record.hold_agent_at > 0, "his telephone will tell that it is over"
    await post.store.consult(h, "bob", line="pbx-2.1")
    await post.store.consulted(h, 3)
    assert await post.store.hand_over(h, 3)
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.agent, record.consult_line, record.hold_agent_at) == ("bob", "", 0)
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    desk.assert_sound()


async def test_what_is_told_late_did_not_happen_before_the_end_of_a_consult_by_line(desk: Desk) -> None:
    """No hold of ours ends with it, whose end would keep later events behind."""
    post, h = await talk(desk)
    post.later(10_000)
    await post.store.consult(h, "bob", line="pbx-1.9")
    await post.store.consulted(h, 2)
    began = desk.calls()[CALL][-1].at
    assert desk.kinds(CALL)[-1] == "consulted"
    post.later(10_000)
    await post.store.unconsult(h, 2)
    await post.store.unbridged(h, ended_by="agent", at=began)
    await post.checkpoint.ended(h, reason="agent-hangup", ended_by="agent", cause=16)
    desk.assert_sound()


@pytest.mark.parametrize("answers", [False, True])
async def test_the_caller_goes_while_another_is_asked(desk: Desk, answers: bool) -> None:
    post, h = await talk(desk)
    await post.store.consult(h, "bob")
    if answers:
        await post.store.consulted(h, 2)
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert await states(post) == {"alice": ("ready", 1, ""), "bob": ("ready", 0, "")}
    assert ("consult_ended" if answers else "declined") in desk.kinds(CALL)
    desk.assert_sound()


async def test_a_number_outside_gets_the_caller(desk: Desk) -> None:
    post, h = await talk(desk)
    got = await post.store.consult(h, number="+49301")
    assert isinstance(got, Consult)
    assert got.attempt > 1_000_000
    assert got.device == ""
    await post.store.consulted(h, got.attempt)
    assert await post.store.hand_over(h, got.attempt, '[["outside"]]')
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.state, record.errand, record.consult, record.left) == ("flow", '[["outside"]]', "", "")
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert "transferred" in desk.kinds(CALL)
    desk.assert_sound()


async def test_given_away(desk: Desk) -> None:
    post, h = await talk(desk)
    await post.store.consult(h, "bob")
    assert (await post.store.give(h, "[1]", how="blind", queue="tech", by="agent")).changed
    assert await states(post) == {"alice": ("ready", 1, ""), "bob": ("ready", 0, "")}
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.state, record.left, record.errand) == ("flow", "", "[1]")
    post.store.send_on(h, "[]")
    await post.store.join(h, "tech", head_starts={"priority": 30})
    record = await post.checkpoint.record(CALL)
    assert record is not None
    assert (record.state, record.errand, record.agent) == ("offered", "[]", "bob")
    assert not (await post.store.give(h, "[2]")).changed
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    assert desk.kinds(CALL)[8:13] == ["hold_started", "offered", "declined", "hold_ended", "unbridged"]
    assert desk.kinds(CALL)[13:15] == ["transferred", "joined"]
    desk.assert_sound()


async def test_who_gave_him_away_is_not_asked_first(desk: Desk) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("sales",)}), version=1)
    h = await post.arrive(CALL)
    await post.store.join(h, "sales")
    first = post.offers[0].agent
    await post.store.settle(h, first, 1)
    await post.store.connected(h, first, 1)
    other = "bob" if first == "alice" else "alice"
    await post.store.agent(other, "pause", "x")
    await post.store.give(h, "[1]", how="blind", queue="sales", by="agent")
    await post.store.agent(other, "ready")  # idle for a shorter time
    await post.store.join(h, "sales")
    assert post.offers[-1].agent == other
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    desk.assert_sound()


async def test_the_door_of_a_queue_may_stay_shut_for_whom_an_agent_sends(desk: Desk) -> None:
    post = desk.post()
    doors = {"sales": Queue(), "tech": Queue.model_validate({"refuse_if": ["paused"], "max_waiting": 1})}
    await post.store.configure(*settings({"alice": ("sales",), "bob": ("tech",)}, queues=doors), version=1)
    h = await post.arrive(CALL)
    await post.store.join(h, "sales")
    await post.store.settle(h, "alice", 1)
    await post.store.connected(h, "alice", 1)
    await post.store.agent("bob", "pause", "lunch")
    give = partial(post.store.give, h, "[1]", how="blind", queue="tech", by="agent")
    before = desk.kinds(CALL)
    assert not (await give(ways="no_agents")).changed
    assert (await states(post))["alice"][0] == "talking", "she has him still"
    assert desk.kinds(CALL) == before
    assert (await give(ways="full")).changed, "nobody waits there"
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    desk.assert_sound()


@pytest.mark.parametrize("recall", [False, True])
async def test_who_comes_back_reaches_her_in_her_wrap_up(desk: Desk, recall: bool) -> None:
    post = desk.post()
    published = settings({"alice": ("sales",)}, queues={"sales": Queue(wrapup_s=60)})
    await post.store.configure(*with_direct_lines({"alice"}, *published), version=1)
    h, other = await post.arrive(CALL), await post.arrive("pbx-1.2")
    await post.store.join(h, "sales")
    await post.store.settle(h, "alice", 1)
    await post.store.connected(h, "alice", 1)
    await post.store.join(other, "sales")  # he waits, and not for so long that he would be before
    await post.store.give(h, "[1]", how="blind", queue="sales", by="agent")
    assert (await states(post))["alice"][0] == "wrapup"
    await post.store.join(h, "_alice", recall=recall)
    assert (await states(post))["alice"] == (("offered", 1, CALL) if recall else ("wrapup", 1, ""))
    assert [(offer.call, offer.agent) for offer in post.offers[1:]] == [(CALL, "alice")] * recall
    for call in (h, other):
        await post.checkpoint.ended(call, reason="caller-hangup", ended_by="caller", cause=16)
    desk.assert_sound()
